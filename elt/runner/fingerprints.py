"""What each asset is made of, summed up: `state:modified` is a comparison of these.

A stream is its tap's and its own table in elt.toml and what the catalog says of it, a
dbt node what `elt.transform.digest` says, a sync its table and its destination's.
Secrets stand there as references, so a new password changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import NODEFAULT, Struct, json, structs

from elt.project.settings import Project
from elt.runner.assets import node_asset_id, stream_asset_id
from elt.runner.discovery import stream_settings
from elt.runner.methods import Past
from elt.runner.store import past
from elt.runner.store.asset_log import last_success
from elt.runner.store.database import Store
from elt.singer.catalog import Stream, selected_streams
from elt.transform.manifest import Manifest, Node

# What says how a run goes about it, to whom it belongs, or when it stops.
_NOT_WHAT_IT_IS = {
    *("tags", "owner", "pool", "priority", "max_age"),
    *("retries", "retry_delay_seconds", "timeout_seconds", "idle_timeout_seconds"),
    *("reject_limit", "reject_percent", "guards", "send_in", "on_stale"),
    *("window", "lookback"),
}
# Of a tap, what is told of each of its streams by itself.
_OF_STREAMS = {"streams", "select"}


def past_of(store: Store, environment: str, made_of: Mapping[str, str]) -> Past:
    """Give what selections may ask of the past; `made_of` are the fingerprints now."""
    return Past(
        fingerprints=made_of,
        last_fingerprints=past.last_fingerprints(store, environment),
        results=past.last_results(store, environment),
        last_success=last_success(store, environment),
        last_rows=past.last_rows(store, environment),
    )


def fingerprints(
    project: Project,
    catalogs: Mapping[str, Mapping[str, Any]],
    manifest: Manifest | None,
) -> dict[str, str]:
    """Sum up the assets of a project, by id.

    Streams of a tap that did not answer have none: nobody knows what they are now.
    """
    return {
        **dict(_of_streams(project, catalogs)),
        **dict(_of_nodes(manifest or Manifest())),
        **dict(_of_syncs(project)),
    }


def _of_streams(
    project: Project, catalogs: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    for tap, catalog in catalogs.items():
        table = said(project.file.taps[tap])
        of_tap = {key: table[key] for key in table.keys() - _OF_STREAMS}
        for stream in selected_streams(catalog):
            own = said(stream_settings(project, tap, stream))
            told = _digest([of_tap, own, _catalog_of(stream)])
            yield stream_asset_id(tap, stream.id), told


def _catalog_of(stream: Stream) -> list[Any]:
    return [
        stream.schema,
        stream.key_properties,
        stream.replication_method,
        stream.replication_key,
        sorted(stream.columns),
    ]


def _of_nodes(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for node in manifest.nodes.values():
        yield node_asset_id(node), _digest_of_node(node, manifest)


def _digest_of_node(node: Node, manifest: Manifest) -> str:
    """Sum up a node with the ephemeral models that dbt writes into it."""
    inside: dict[str, str] = {}
    to_follow = [*node.depends_on]
    while to_follow:
        above = manifest.nodes.get(to_follow.pop())
        if above is None or above.materialized != "ephemeral":
            continue
        if above.unique_id not in inside:
            inside[above.unique_id] = above.digest
            to_follow += above.depends_on
    return _digest([node.digest, inside]) if inside else node.digest


def _of_syncs(project: Project) -> Iterator[tuple[str, str]]:
    for name, table in project.file.syncs.items():
        destination = project.file.destinations[table.destination]
        yield f"sync:{name}", _digest([said(table), said(destination)])


def said(table: Struct) -> dict[str, Any]:
    """Give what a table says and what is not as it would be without.

    So a key that a newer elt knows changes nothing until somebody uses it.
    """
    return {
        name: getattr(table, attribute)
        for name, attribute, default in _keys(type(table))
        if getattr(table, attribute) != default
    }


# To look a declaration through costs as much as to sum up a hundred models.
@cache
def _keys(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    """Give the keys that count, each with its attribute and its default."""
    return tuple(
        (field.encode_name, field.name, _default(field))
        for field in structs.fields(kind)
        if field.encode_name not in _NOT_WHAT_IT_IS
    )


def _default(field: structs.FieldInfo) -> Any:
    if field.default is not NODEFAULT:
        return field.default
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return NODEFAULT  # no value of a table is this


def _digest(told: object) -> str:
    text = json.encode(told, order="sorted")
    return hashlib.blake2b(text, digest_size=16).hexdigest()
