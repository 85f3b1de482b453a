"""What no single key can say: which of a file's values go together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from elt.project.check import Problem, named
from elt.project.column_types import COLUMN_TYPES, column_type
from elt.project.duration_rules import ages_are_durations, catch_up_is_a_duration
from elt.project.locate import KeyPath, dotted
from elt.project.map_rules import Known, map_problems
from elt.project.nearest import did_you_mean, listed
from elt.project.selection_rules import selections_are_not_in_a_circle
from elt.project.settings import BASE_ENVIRONMENT, File, plain_name, tap_schema
from elt.project.stream_settings import StreamTable
from elt.project.sync_settings import FieldTable
from elt.project.tap_settings import TapTable, TargetTable
from elt.project.window_rules import lookback_problems, window_problems

Rule = Callable[[File], Iterator[Problem]]

_OF_DUCKDB = {"information_schema", "pg_catalog", "system", "temp"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def broken_rules(file: File) -> list[Problem]:
    return [problem for rule in RULES for problem in rule(file)]


def names_are_plain(file: File) -> Iterator[Problem]:
    # `stream:<tap>.<stream>` and `tap:<name>+` must be readable back.
    groups: dict[str, Mapping[str, object]] = {
        "taps": file.taps,
        "targets": file.targets,
        "destinations": file.destinations,
        "syncs": file.syncs,
        "selections": file.selections,
        "pools": file.pools,
        "environments": file.environments,
    }
    for group, tables in groups.items():
        for name in tables:
            if not _NAME.fullmatch(name):
                yield Problem(
                    (group, name),
                    (group, name),
                    f"`{name}` cannot be a name in `[{group}]`",
                    "Use letters, digits, `_` and `-`, a letter or digit first",
                )


def the_base_has_no_environment_table(file: File) -> Iterator[Problem]:
    path = ("environments", BASE_ENVIRONMENT)
    if BASE_ENVIRONMENT in file.environments:
        yield Problem(
            path,
            path,
            f"`{BASE_ENVIRONMENT}` is the name of the file without an environment",
            "Move its tables out of `[environments]`, or give it another name",
        )


def taps_have_one_program(file: File) -> Iterator[Problem]:
    for name, tap in file.taps.items():
        other = "package" if tap.package else "executable"
        if tap.plugin and (tap.package or tap.executable):
            yield Problem(
                ("taps", name),
                ("taps", name, other),
                f"tap `{name}` has both a `plugin` and {_article(other)}",
                "Keep the one that you mean",
            )
        if not (tap.plugin or tap.package or tap.executable):
            yield Problem(
                ("taps", name),
                ("taps", name),
                f"tap `{name}` needs a `plugin`, a `package` or an `executable`",
                'Add `plugin = "..."`, a name that `elt plugins` shows, or'
                ' `package = "tap-..."` for any Singer tap',
            )


def _article(key: str) -> str:
    return f"an `{key}`" if key == "executable" else f"a `{key}`"


def targets_have_a_program(file: File) -> Iterator[Problem]:
    for name, target in file.targets.items():
        if not (target.package or target.executable):
            yield Problem(
                ("targets", name),
                ("targets", name),
                f"target `{name}` needs a `package` or an `executable`",
                'Add `package = "target-..."` for any Singer target',
            )


def pythons_are_for_packages(file: File) -> Iterator[Problem]:
    groups: dict[str, Mapping[str, TapTable | TargetTable]] = {
        "taps": file.taps,
        "targets": file.targets,
    }
    for group, tables in groups.items():
        for name, table in tables.items():
            if table.python and not table.package:
                yield Problem(
                    (group, name),
                    (group, name, "python"),
                    f"{named((group, name))} has a `python` and no `package`",
                    "Take the key out: elt installs only packages, each for a Python",
                )


def taps_have_their_target(file: File) -> Iterator[Problem]:
    for name, tap in file.taps.items():
        if tap.target is not None and tap.target not in file.targets:
            hint = did_you_mean(tap.target, file.targets)
            yield Problem(
                ("taps", name),
                ("taps", name, "target"),
                f"tap `{name}` loads into `{tap.target}`, which is not under"
                " `[targets]`",
                hint or f"Add `[{dotted(('targets', tap.target))}]`",
            )


def foreign_targets_write_as_they_do(file: File) -> Iterator[Problem]:
    for name, tap in file.taps.items():
        if tap.target is not None:
            yield from _told_how_to_write(name, tap)


def _told_how_to_write(name: str, tap: TapTable) -> Iterator[Problem]:
    path: KeyPath = ("taps", name)
    told: list[KeyPath] = [(*path, "schema")] if tap.schema is not None else []
    for stream, table in tap.streams.items():
        given = {"mode": table.mode, "table": table.table}
        at = (*path, "streams", stream)
        told += [(*at, key) for key, value in given.items() if value is not None]
    for key in told:
        yield Problem(
            key[:-1],
            key,
            f"`{key[-1]}` means nothing to target `{tap.target}`, which alone decides"
            f" how the rows of tap `{name}` are written",
            f"Take it out, and set what the target has for it in"
            f" `[targets.{tap.target}.config]`",
        )


def streams_can_be_written_so(file: File) -> Iterator[Problem]:
    for tap, table in file.taps.items():
        for name, stream in table.streams.items():
            path = ("taps", tap, "streams", name)
            yield from _overwrites_changes_only(path, stream)
            yield from _upserts_without_key(path, stream)
            yield from map_problems(path, stream, Known())
            yield from _types_no_column_has(path, stream)
            yield from lookback_problems(path, stream, target=table.target)


def windows_can_be_told(file: File) -> Iterator[Problem]:
    for name, tap in file.taps.items():
        if tap.window is not None:
            yield from window_problems(("taps", name, "window"), tap, tap.window)


def _overwrites_changes_only(path: KeyPath, stream: StreamTable) -> Iterator[Problem]:
    incremental = stream.replication_method in {"INCREMENTAL", "LOG_BASED"}
    if stream.mode == "overwrite" and incremental:
        yield Problem(
            path,
            (*path, "mode"),
            f"{named(path)} is read by `{stream.replication_method}` and cannot be"
            " written by `overwrite`: each run would keep the latest changes only",
            'Use `mode = "upsert"`, or `replication_method = "FULL_TABLE"`',
        )


def _upserts_without_key(path: KeyPath, stream: StreamTable) -> Iterator[Problem]:
    if stream.mode == "upsert" and stream.key == []:
        yield Problem(
            path,
            (*path, "key"),
            f"{named(path)} is written by `upsert`, which needs a key",
            'Name the columns, `key = ["id"]`, or use `mode = "append"`',
        )


def _types_no_column_has(path: KeyPath, stream: StreamTable) -> Iterator[Problem]:
    for name, told in stream.types.items():
        if column_type(told) is None:
            yield Problem(
                path,
                (*path, "types", name),
                f"`{told}` is no type that column `{name}` of {named(path)} can have",
                f"Choose {listed(COLUMN_TYPES)} or `DECIMAL(18,2)`, with up to 38"
                " digits, as many of them behind the point as you say",
            )


def schemas_are_not_ours(file: File) -> Iterator[Problem]:
    for name, tap in file.taps.items():
        if tap_schema(name, tap).lower() == "_elt":
            yield Problem(
                ("taps", name),
                ("taps", name, "schema"),
                f"tap `{name}` cannot load into `_elt`, where elt keeps its own tables",
                "Leave `schema` out for the default, `raw_` and the tap's name",
            )


def schemas_can_be_written_to(file: File) -> Iterator[Problem]:
    for name, tap in file.taps.items():
        why = why_not_schema(tap_schema(name, tap), file.warehouse.path)
        if why and tap.target is None:
            yield Problem(
                ("taps", name),
                ("taps", name, "schema"),
                f"tap `{name}` cannot load into the schema `{tap_schema(name, tap)}`,"
                f" {why}",
                'Choose another, as in `schema = "raw"`, or rename the file',
            )


def why_not_schema(schema: str, path: str | Path) -> str:
    """Say why DuckDB could not tell a schema in this file from others, if so."""
    if schema.lower() in _OF_DUCKDB:
        return "which is DuckDB's own"
    # A database bears its file's name, and `raw.people` would be one of both.
    database = Path(path).name.lstrip(".").partition(".")[0]
    if schema.lower() == database.lower():
        return f"which DuckDB takes for the file `{Path(path).name}` itself"
    return ""


def streams_have_their_own_tables(file: File) -> Iterator[Problem]:
    """Compare what the file names; what taps offer beside it shows when they load."""
    taken: dict[tuple[str, str], KeyPath] = {}
    for tap, table in file.taps.items():
        for stream in table.streams:
            path = ("taps", tap, "streams", stream)
            target = _target(tap, table, stream)
            first = taken.setdefault(target, path)
            if first != path:
                yield Problem(
                    path,
                    path,
                    f"{named(path)} loads into `{'.'.join(target)}`, and so does"
                    f" {named(first)}",
                    "Give one of them another `table`, or its tap another `schema`",
                )


def _target(tap: str, table: TapTable, stream: str) -> tuple[str, str]:
    loaded = table.streams[stream].table or plain_name(stream)
    return tap_schema(tap, table).lower(), loaded.lower()


def fields_have_one_source(file: File) -> Iterator[Problem]:
    for sync, table in file.syncs.items():
        for name, field in table.fields.items():
            if isinstance(field, FieldTable):
                yield from _one_source(("syncs", sync, "fields", name), field)


def _one_source(path: KeyPath, field: FieldTable) -> Iterator[Problem]:
    sources = ("column", "value", "sql", "template")
    given = [source for source in sources if getattr(field, source) is not None]
    if not given:
        yield Problem(
            path,
            path,
            f"{named(path)} has no source",
            f"Give it one of {listed(sources)}",
        )
    if len(given) > 1:
        yield Problem(
            path,
            (*path, given[1]),
            f"{named(path)} has {len(given)} sources: {listed(given)}",
            "Keep the one that you mean",
        )


def syncs_have_a_destination(file: File) -> Iterator[Problem]:
    for name, sync in file.syncs.items():
        if sync.destination not in file.destinations:
            hint = did_you_mean(sync.destination, file.destinations)
            yield Problem(
                ("syncs", name),
                ("syncs", name, "destination"),
                f"sync `{name}` sends to `{sync.destination}`, which is not under"
                " `[destinations]`",
                hint or f"Add `[{dotted(('destinations', sync.destination))}]`",
            )


def syncs_have_a_dbt_project(file: File) -> Iterator[Problem]:
    if file.transform is not None:
        return
    for name, sync in list(file.syncs.items())[:1]:  # one line mends them all
        yield Problem(
            ("syncs", name),
            ("syncs", name, "model"),
            f"sync `{name}` sends the dbt model `{sync.model}`, but the file has no"
            " `[transform]` table",
            'Add `[transform]` with `project_dir = "transform"`',
        )


def pools_are_declared(file: File) -> Iterator[Problem]:
    named_in: dict[KeyPath, str | None] = {
        **{("taps", name): tap.pool for name, tap in file.taps.items()},
        **{("destinations", n): table.pool for n, table in file.destinations.items()},
        **{("syncs", name): sync.pool for name, sync in file.syncs.items()},
        ("transform",): file.transform.pool if file.transform else None,
    }
    for path, pool in named_in.items():
        if pool is not None and pool not in file.pools:
            yield Problem(
                path,
                (*path, "pool"),
                f"{named(path)} is in the pool `{pool}`, which is not under `[pools]`",
                did_you_mean(pool, file.pools) or f"Add `[pools]` with `{pool} = 1`",
            )


def destinations_send_somewhere(file: File) -> Iterator[Problem]:
    known = {BASE_ENVIRONMENT, *file.environments}
    for name, destination in file.destinations.items():
        for index, environment in enumerate(destination.send_in):
            if environment not in known:
                yield Problem(
                    ("destinations", name),
                    ("destinations", name, "send_in", index),
                    f"destination `{name}` sends in `{environment}`, which is not"
                    " under `[environments]`",
                    f"Add an empty `[{dotted(('environments', environment))}]`, or"
                    f" name one of {listed(sorted(known))}",
                )


RULES: tuple[Rule, ...] = (
    names_are_plain,
    the_base_has_no_environment_table,
    taps_have_one_program,
    targets_have_a_program,
    pythons_are_for_packages,
    taps_have_their_target,
    foreign_targets_write_as_they_do,
    streams_can_be_written_so,
    windows_can_be_told,
    schemas_are_not_ours,
    schemas_can_be_written_to,
    streams_have_their_own_tables,
    fields_have_one_source,
    syncs_have_a_destination,
    syncs_have_a_dbt_project,
    pools_are_declared,
    destinations_send_somewhere,
    selections_are_not_in_a_circle,
    ages_are_durations,
    catch_up_is_a_duration,
)
