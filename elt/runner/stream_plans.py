"""How a stream is to be written, from what the project says of it and its tap."""

from __future__ import annotations

from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.discovery import stream_settings
from elt.singer.catalog import Stream
from elt.targets.columns import Column
from elt.targets.reading.maps import Maps
from elt.targets.writing.child_tables import all_children, children_of, split
from elt.targets.writing.declared import shown_columns
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import StreamPlan


def stream_plan(
    project: Project,
    tap: str,
    stream: Stream,
    *,
    mode: Mode,
    place: tuple[str, str],
    secrets: Secrets,
) -> StreamPlan:
    """Make the plan of a stream; `place` is its table's schema and name.

    What depends on the bookmarks of a run is added by who has them. Raises
    ConfigError for a salt that is a secret and not there.
    """
    table = project.file.taps[tap]
    settings = stream_settings(project, tap, stream)
    # Appended rows may share a key, and do so when all of them are read again, too.
    # Only lists that are tables need it all the same.
    appended = settings.mode == "append" and mode.name == "overwrite"
    shared = appended and settings.nested != "tables"
    return StreamPlan(
        stream=stream.id,
        schema=place[0],
        table=place[1],
        mode=mode,
        key=() if shared else stream.key_properties,
        learns_key=settings.key is None and settings.mode is None,
        replication_key=stream.replication_key,
        allow_shrink=settings.allow_shrink,
        full_table=stream.replication_method == "FULL_TABLE",
        on_missing=settings.on_missing,
        policy=settings.schema_policy or table.schema_policy,
        nested=settings.nested,
        types=settings.types,
        maps=_maps(project, tap, stream, salt=_salt(project, tap, stream, secrets)),
    )


def unknown_names(project: Project, tap: str, stream: Stream) -> list[str]:
    """Give columns to be dropped or hashed that the catalog does not know.

    Perhaps they are misspelt; but records may also have what no catalog says.
    """
    settings = stream_settings(project, tap, stream)
    properties = stream.schema.get("properties") or {}
    told = dict.fromkeys([*settings.drop, *settings.hash])
    return [name for name in told if name not in properties] if properties else []


def stream_tables(
    project: Project, tap: str, stream: Stream, table: str
) -> dict[str, tuple[Column, ...]]:
    """Give the columns of a stream's tables as far as its catalog tells them.

    The first is its own, the others are those that its lists of objects become.
    """
    columns = stream_columns(project, tap, stream)
    keyed = StreamPlan(
        stream=stream.id,
        schema=project.tap_schema(tap),
        table=table,
        mode=Mode("upsert", "or as it may be"),
        key=stream.key_properties,
        nested=stream_settings(project, tap, stream).nested,
        maps=_maps(project, tap, stream),
    )
    if not keyed.key:
        return {table: columns}
    own, lists = split(keyed, columns, declared=())
    children = all_children(children_of(keyed, table, own, lists))
    return {
        table: tuple(own),
        **{child.table: (*child.key, *child.fields) for child in children},
    }


def stream_columns(project: Project, tap: str, stream: Stream) -> tuple[Column, ...]:
    """Give the columns of a stream as its schema and its settings have them."""
    settings = stream_settings(project, tap, stream)
    columns = shown_columns(
        stream.schema,
        _maps(project, tap, stream),
        nested=settings.nested,
        types=settings.types,
    )
    return tuple(column for column in columns if column.property in stream.columns)


def _maps(project: Project, tap: str, stream: Stream, *, salt: str = "") -> Maps:
    settings = stream_settings(project, tap, stream)
    return Maps(
        rename=settings.rename,
        drop=frozenset(settings.drop),
        hash=frozenset(settings.hash),
        salt=salt,
        filter=settings.filter,
    )


def _salt(project: Project, tap: str, stream: Stream, secrets: Secrets) -> str:
    """Read the salt where something is hashed: only then must it be there."""
    salt = project.file.taps[tap].hash_salt
    if salt is None or not stream_settings(project, tap, stream).hash:
        return ""
    return secrets.resolve({"hash_salt": salt}, f"[taps.{tap}]")["hash_salt"]
