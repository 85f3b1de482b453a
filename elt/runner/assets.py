"""From what a project declares, its taps offer and dbt found to one graph.

What `detail` of an asset holds, by its kind:

    stream      tap, stream (the tap's id of it), name (in its messages), and where it
                is loaded: schema and table, or the name of a foreign target; sources
                are dbt's names for the table
    model, ...  unique_id, fqn and severity of the dbt node, the path of its file inside
                the dbt project, which is in project_dir; reads are the sources that it
                reads directly and elt does not load
    sync        model (the asset's id), destination
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from elt.errors import ConfigError, ConfigErrors
from elt.project.nearest import did_you_mean
from elt.project.settings import Project
from elt.project.stream_settings import StreamTable
from elt.project.sync_settings import SyncTable
from elt.runner.graph import Asset, Graph
from elt.runner.max_ages import (
    as_dbt_says,
    max_age_of,
    max_age_of_node,
    max_age_of_stream,
)
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
    nodes = _nodes(project, manifest, loaded)
    known = _with_sources(streams, manifest)
    return Graph([*known, *nodes, *_syncs(project, manifest)])


def known_assets(
    project: Project,
    catalogs: Mapping[str, Mapping[str, Any]],
    manifest: Manifest,
    logged: Iterable[str] = (),
) -> list[Asset]:
    """Give all that is known of a project, perhaps from before its last edit.

    A tap without a catalog has the streams among the `logged` ids, else a guess.
    Nothing is asked that a run asks: a sync may lack its model, which then is missing
    in its `upstream`, as is everything that is not known.
    """
    streams = [
        stream
        for tap in project.file.taps
        for stream in _logged_streams(project, tap, catalogs, logged)
        or _streams_of(project, tap, catalogs, manifest)
    ]
    loaded = [stream for stream in streams if "target" not in stream.detail]
    known = [*_with_sources(streams, manifest), *_nodes(project, manifest, loaded)]
    models, tests = manifest.models(), _tests_by_model(manifest)
    for name, table in project.file.syncs.items():
        node = models.get(table.model)
        found = tests.get(node.unique_id, ()) if node else ()
        known.append(_sync(name, table, node_asset_id(node) if node else "", found))
    ids = {asset.id for asset in known}
    return [
        asset
        if ids.issuperset(asset.upstream)
        else replace(asset, upstream=tuple(n for n in asset.upstream if n in ids))
        for asset in known
    ]


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
        declared = _declared(project, tap, stream)
        table = next((each.table for each in declared if each.table), None)
        found = _stream(
            project,
            tap,
            stream.id,
            name=stream.name,
            table=table or table_name(stream.name),
        )
        yield _said_of(found, declared)


def _logged_streams(
    project: Project,
    tap: str,
    catalogs: Mapping[str, Mapping[str, Any]],
    logged: Iterable[str],
) -> list[Asset]:
    if tap in catalogs:
        return []
    start = stream_asset_id(tap, "")
    names = [each.removeprefix(start) for each in logged if each.startswith(start)]
    tables = project.file.taps[tap].streams
    found = []
    for name in names:
        declared = [tables[name]] if name in tables else []
        table = next((each.table for each in declared if each.table), table_name(name))
        stream = _stream(project, tap, name, name=name, table=table)
        found.append(_said_of(stream, declared))
    return found


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
    declared = {
        (one.table or table_name(name)).lower(): name
        for name, one in project.file.taps[tap].streams.items()
    }
    for table in tables or ["*"]:
        name = declared.get(table, table)
        yield _stream(project, tap, name, name=name, table=table)


def _declared(project: Project, tap: str, stream: Stream) -> list[StreamTable]:
    tables = project.file.taps[tap].streams
    names = dict.fromkeys((stream.id, stream.name))
    return [tables[name] for name in names if name in tables]


def _said_of(stream: Asset, declared: Iterable[StreamTable]) -> Asset:
    """Give a stream its own owner and tags beside its tap's."""
    tags, owner = stream.tags, stream.owner
    for table in declared:
        tags, owner = (*tags, *table.tags), table.owner or owner
    return replace(stream, tags=tuple(dict.fromkeys(tags)), owner=owner)


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
        owner=project.file.taps[tap].owner,
        max_age_seconds=max_age_of_stream(project, tap, (stream, name)),
    )


def _with_sources(streams: Iterable[Asset], manifest: Manifest) -> Iterator[Asset]:
    """Note on each stream what dbt calls its table, and how old dbt lets it be."""
    known: dict[Relation, list[Source]] = {}
    for source in manifest.sources.values():
        known.setdefault(_relation_of(source), []).append(source)
    for stream in streams:
        ours = "target" not in stream.detail
        sources = known.get(_relation(stream), []) if ours else []
        names = tuple(source.name for source in sources)
        noted = replace(stream, detail={**stream.detail, "sources": names})
        yield as_dbt_says(noted, sources)


def _relation(stream: Asset) -> Relation:
    return stream.detail["schema"].lower(), stream.detail["table"].lower()


def _relation_of(source: Source) -> Relation:
    return source.schema.lower(), source.identifier.lower()


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


def _nodes(
    project: Project, manifest: Manifest, streams: Iterable[Asset]
) -> Iterator[Asset]:
    loaded = {_relation(stream): stream.id for stream in streams}
    transform = project.file.transform
    folder = transform.project_dir if transform else "."
    for node in filter(_is_built, manifest.nodes.values()):
        needs = [*_needs(node, manifest)]
        found = (_asset_of(need, manifest, loaded) for need in needs)
        yield Asset(
            id=node_asset_id(node),
            kind=node.kind,
            name=node.name,
            upstream=tuple(dict.fromkeys(asset for asset in found if asset)),
            tags=node.tags,
            owner=node.owner,
            max_age_seconds=max_age_of_node(node, manifest.project, folder),
            detail={
                "unique_id": node.unique_id,
                "severity": node.severity,
                "fqn": node.fqn,
                "path": _path(node, manifest),
                "project_dir": folder,
                "unit_test": node.is_unit_test,
                "owner_email": node.owner_email,
                "reads": tuple(_outside(needs, manifest, loaded)),
            },
        )


def _path(node: Node, manifest: Manifest) -> str:
    """Give the file inside the dbt project, also for a node of a package."""
    if node.package == manifest.project or not manifest.project:
        return node.path
    return f"dbt_packages/{node.package}/{node.path}"


def _is_built(node: Node) -> bool:
    # dbt writes an ephemeral model into those that read it and reports nothing of it.
    return node.materialized != "ephemeral"


def _needs(node: Node, manifest: Manifest) -> Iterator[str]:
    """Follow what a node needs in dbt, through ephemeral models."""
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
            yield need


def _asset_of(
    need: str, manifest: Manifest, loaded: Mapping[Relation, str]
) -> str | None:
    if need in manifest.nodes:
        return node_asset_id(manifest.nodes[need])
    source = manifest.sources.get(need)
    return None if source is None else loaded.get(_relation_of(source))


def _outside(
    needs: Iterable[str], manifest: Manifest, loaded: Mapping[Relation, str]
) -> Iterator[str]:
    """Name the sources that somebody else loads."""
    for source in filter(None, map(manifest.sources.get, needs)):
        if _relation_of(source) not in loaded:
            yield source.name


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
        owner=table.owner,
        max_age_seconds=max_age_of(table),
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
