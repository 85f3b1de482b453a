"""From what a project declares, its taps offer and dbt found to one graph.

What `detail` of an asset holds, by its kind:

    stream      tap, stream (the tap's id of it), name (in its messages), and where it
                is loaded: schema and table, or the name of a foreign target
    model, ...  unique_id, path and severity of the dbt node
    sync        model (the asset's id), destination
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from elt.errors import ConfigError, ConfigErrors
from elt.project.nearest import did_you_mean
from elt.project.settings import Project
from elt.project.sync_settings import SyncTable
from elt.runner.graph import Asset, Graph
from elt.singer.catalog import Stream, selected_streams
from elt.targets.columns import table_name
from elt.transform.manifest import Manifest, Node, Source

Relation = tuple[str, str]


def build_graph(
    project: Project,
    catalogs: Mapping[str, Mapping[str, Any]],
    manifest: Manifest | None,
) -> Graph:
    """Build the graph of streams, dbt nodes and syncs.

    `catalogs` has the selected catalog of each tap. A tap without one, because it
    could not be asked, has the streams that dbt reads from its schema, so that its
    failure stops what depends on it and nothing else. Raises ConfigErrors.
    """
    manifest = manifest or Manifest()
    streams = [
        stream
        for tap in project.file.taps
        for stream in _streams_of(project, tap, catalogs, manifest)
    ]
    loaded = [stream for stream in streams if "target" not in stream.detail]
    _check_tables(project, loaded)
    nodes = _nodes(manifest, loaded)
    return Graph([*streams, *nodes, *_syncs(project, manifest)])


def stream_asset_id(tap: str, stream: str) -> str:
    return f"stream:{tap}.{stream}"


def node_asset_id(node: Node) -> str:
    return f"{node.kind}:{node.name}"


def _streams_of(
    project: Project,
    tap: str,
    catalogs: Mapping[str, Mapping[str, Any]],
    manifest: Manifest,
) -> Iterator[Asset]:
    if tap not in catalogs:
        yield from _guessed_streams(project, tap, manifest)
        return
    for stream in selected_streams(catalogs[tap]):
        table = _table(project, tap, stream)
        yield _stream(project, tap, stream.id, name=stream.name, table=table)


def _guessed_streams(project: Project, tap: str, manifest: Manifest) -> Iterator[Asset]:
    if project.file.taps[tap].target is not None:
        yield _stream(project, tap, "*", name="*", table="*")
        return
    schema = project.tap_schema(tap).lower()
    tables = {
        source.identifier.lower(): None
        for source in manifest.sources.values()
        if source.schema.lower() == schema
    }
    for table in tables or ["*"]:
        yield _stream(project, tap, table, name=table, table=table)


def _table(project: Project, tap: str, stream: Stream) -> str:
    declared = project.file.taps[tap].streams
    tables = (declared[name] for name in (stream.id, stream.name) if name in declared)
    own = next((table.table for table in tables if table.table), None)
    return own or table_name(stream.name)


def _stream(project: Project, tap: str, stream: str, *, name: str, table: str) -> Asset:
    target = project.file.taps[tap].target
    ours = {"schema": project.tap_schema(tap), "table": table}
    return Asset(
        id=stream_asset_id(tap, stream),
        kind="stream",
        name=f"{tap}.{stream}",
        tags=tuple(project.file.taps[tap].tags),
        detail={
            "tap": tap,
            "stream": stream,
            "name": name,
            **({"target": target} if target else ours),
        },
    )


def _relation(stream: Asset) -> Relation:
    return stream.detail["schema"].lower(), stream.detail["table"].lower()


def _check_tables(project: Project, streams: Iterable[Asset]) -> None:
    loaded_by: dict[Relation, Asset] = {}
    for stream in streams:
        other = loaded_by.setdefault(_relation(stream), stream)
        if other is not stream:
            raise ConfigError(
                f"`{other.name}` and `{stream.name}` would both load the table"
                f" `{'.'.join(_relation(stream))}`",
                where=project.where("taps", stream.detail["tap"]),
                hint="Give one of them another `table`, or its tap another `schema`",
            )


def _nodes(manifest: Manifest, streams: Iterable[Asset]) -> list[Asset]:
    loaded = {_relation(stream): stream.id for stream in streams}
    return [
        Asset(
            id=node_asset_id(node),
            kind=node.kind,
            name=node.name,
            upstream=_needs(node, manifest, loaded),
            tags=node.tags,
            detail={
                "unique_id": node.unique_id,
                "path": node.path,
                "severity": node.severity,
            },
        )
        for node in manifest.nodes.values()
        if _is_built(node)
    ]


def _is_built(node: Node) -> bool:
    # dbt writes an ephemeral model into those that read it and reports nothing of it.
    return node.materialized != "ephemeral"


def _needs(
    node: Node, manifest: Manifest, loaded: Mapping[Relation, str]
) -> tuple[str, ...]:
    """Follow a node's needs to assets, through ephemeral models."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    to_follow = [*reversed(node.depends_on)]
    while to_follow:
        need = to_follow.pop()
        if need in seen:
            continue
        seen.add(need)
        above = manifest.nodes.get(need)
        if above is not None and not _is_built(above):
            to_follow += reversed(above.depends_on)
        else:
            found |= dict.fromkeys(_asset_of(need, manifest, loaded))
    return tuple(found)


def _asset_of(
    need: str, manifest: Manifest, loaded: Mapping[Relation, str]
) -> tuple[str, ...]:
    if need in manifest.nodes:
        return (node_asset_id(manifest.nodes[need]),)
    source: Source | None = manifest.sources.get(need)
    if source is None:
        return ()
    stream = loaded.get((source.schema.lower(), source.identifier.lower()))
    return (stream,) if stream else ()


def _syncs(project: Project, manifest: Manifest) -> list[Asset]:
    tests = _tests_by_model(manifest)
    models = manifest.models()
    assets: list[Asset] = []
    errors: list[ConfigError] = []
    for name, table in project.file.syncs.items():
        node = models.get(table.model)
        if node is None:
            errors.append(_no_model(project, manifest, name, table))
        else:
            found = tests.get(node.unique_id, ())
            assets.append(_sync(name, table, node_asset_id(node), found))
    if errors:
        raise errors[0] if len(errors) == 1 else ConfigErrors(errors)
    return assets


def _sync(name: str, table: SyncTable, model: str, tests: Iterable[str]) -> Asset:
    return Asset(
        id=f"sync:{name}",
        kind="sync",
        name=name,
        upstream=(model, *tests),
        tags=tuple(table.tags),
        detail={"model": model, "destination": table.destination},
    )


def _tests_by_model(manifest: Manifest) -> dict[str, list[str]]:
    """Find the tests that must pass before a model's rows are sent anywhere.

    Not unit tests: they judge code, before the build, and hold back the build. A
    test that stands under a model and reads others too judges that model alone.
    """
    tests: dict[str, list[str]] = {}
    for node in manifest.nodes.values():
        if node.kind == "test" and node.severity == "error" and not node.is_unit_test:
            judged = (node.attached,) if node.attached else node.depends_on
            for model in judged:
                tests.setdefault(model, []).append(node_asset_id(node))
    return tests


def _no_model(
    project: Project, manifest: Manifest, sync: str, table: SyncTable
) -> ConfigError:
    models = [n.name for n in manifest.nodes.values() if n.relation is not None]
    hint = did_you_mean(table.model, models)
    if project.file.transform is None:
        hint = "Add a `[transform]` table with the dbt project that builds it"
    return ConfigError(
        f"sync `{sync}` sends the model `{table.model}`, which does not exist",
        where=project.where("syncs", sync),
        hint=hint,
    )
