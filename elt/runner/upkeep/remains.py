"""What the warehouse still holds of taps, streams and syncs that are no more.

elt drops nothing of it by itself: a name that is gone from elt.toml may come back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elt.errors import EltError
from elt.project.settings import Project
from elt.singer.catalog import select, selected_streams
from elt.warehouse.dialect import relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Table = tuple[str, str]

_OF_TAPS = ("_elt.bookmarks", "_elt.streams", "_elt.rejects")
_OF_STREAMS = ("_elt.rejects",)
_OF_SYNCS = (
    "_elt.sync_state",
    "_elt.sync_receipts",
    "_elt.sync_changes",
    "_elt.sync_runs",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is left of one thing; `name` is how `elt clean --drop` is told of it."""

    name: str  # `tap:crm`, `stream:crm.deals`, `sync:health`
    why: str
    tables: tuple[Table, ...] = ()
    rows: int = 0  # in these tables; of a sync, in its baseline

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]


def remains(cursor: DuckDBPyConnection, project: Project) -> list[Remains]:
    """Find what the warehouse holds in this environment and elt.toml does not name."""
    found = list(_taps(cursor, project))
    found += _streams(cursor, project)
    found += _syncs(cursor, project)
    return sorted(found, key=lambda each: (each.kind != "tap", each.name))


def drop(cursor: DuckDBPyConnection, project: Project, what: Remains) -> None:
    """Drop it, inside the cursor's transaction."""
    for schema, table in what.tables:
        cursor.execute(f"DROP TABLE IF EXISTS {relation(schema, table)}")
    name = what.name.partition(":")[2]
    match what.kind:
        case "tap":
            _forget(cursor, _OF_TAPS, project, tap=name)
        case "stream":
            # Its row in `_elt.streams` stays: by it a bookmark is known to have lost
            # its table, should the stream be selected again.
            tap, _, stream = name.partition(".")
            _forget(cursor, _OF_STREAMS, project, tap=tap, stream=stream)
        case _:
            _forget(cursor, _OF_SYNCS, project, sync=name)


def _taps(cursor: DuckDBPyConnection, project: Project) -> Iterator[Remains]:
    known = {name for name, tap in project.file.taps.items() if tap.target is None}
    loaded = _loaded(cursor, project)
    marked = cursor.execute(
        "SELECT DISTINCT tap FROM _elt.bookmarks WHERE environment = ?",
        [project.environment],
    ).fetchall()
    for tap in {row[0] for row in marked} | {tap for tap, _ in loaded}:
        if tap in known:
            continue
        tables = [table for (owner, _), table in loaded.items() if owner == tap]
        at_target = tap in project.file.taps
        yield _of_tables(
            cursor,
            f"tap:{tap}",
            "it loads into a target of its own now"
            if at_target
            else "elt.toml names no such tap",
            _droppable(cursor, project, tables, tap),
        )


def _streams(cursor: DuckDBPyConnection, project: Project) -> Iterator[Remains]:
    for (tap, stream), table in _loaded(cursor, project).items():
        chosen = _chosen_streams(project, tap)
        if chosen is None or stream in chosen:
            continue
        tables = _droppable(cursor, project, [table], tap)
        if tables:
            yield _of_tables(
                cursor, f"stream:{tap}.{stream}", "it is not selected any more", tables
            )


def _syncs(cursor: DuckDBPyConnection, project: Project) -> Iterator[Remains]:
    known = cursor.execute(
        " UNION ".join(
            f"SELECT sync FROM {table} WHERE environment = $environment"
            for table in ("_elt.sync_state", "_elt.sync_runs")
        ),
        {"environment": project.environment},
    ).fetchall()
    for (sync,) in known:
        if sync not in project.file.syncs:
            row = cursor.execute(
                "SELECT count(*) FROM _elt.sync_state WHERE environment = ?"
                " AND sync = ?",
                [project.environment, sync],
            ).fetchone()
            why = "elt.toml names no such sync"
            yield Remains(name=f"sync:{sync}", why=why, rows=row[0] if row else 0)


def _loaded(
    cursor: DuckDBPyConnection, project: Project
) -> dict[tuple[str, str], Table]:
    rows = cursor.execute(
        "SELECT tap, stream, table_schema, table_name FROM _elt.streams"
        " WHERE environment = ? ORDER BY ALL",
        [project.environment],
    ).fetchall()
    return {(tap, stream): (schema, table) for tap, stream, schema, table in rows}


def _droppable(
    cursor: DuckDBPyConnection,
    project: Project,
    tables: Collection[Table],
    tap: str,
) -> tuple[Table, ...]:
    """Leave out tables that are gone, and those that somebody else loads into."""
    others = cursor.execute(
        "SELECT lower(table_schema), lower(table_name) FROM _elt.streams"
        " GROUP BY ALL"
        " HAVING count(*) > 1 OR NOT bool_and(environment = ? AND tap = ?)",
        [project.environment, tap],
    ).fetchall()
    there = cursor.execute(
        "SELECT lower(schema_name), lower(table_name) FROM duckdb_tables()"
        " WHERE database_name = current_database()"
    ).fetchall()
    free = set(there) - set(others)
    return tuple(t for t in tables if (t[0].lower(), t[1].lower()) in free)


def _of_tables(
    cursor: DuckDBPyConnection, name: str, why: str, tables: tuple[Table, ...]
) -> Remains:
    rows = 0
    for schema, table in tables:
        counted = cursor.execute(
            f"SELECT count(*) FROM {relation(schema, table)}"
        ).fetchone()
        rows += counted[0] if counted else 0
    return Remains(name=name, why=why, tables=tables, rows=rows)


def _chosen_streams(project: Project, tap: str) -> set[str] | None:
    """Give the ids that elt.toml selects, by the catalog that is remembered.

    None where nobody knows: the tap was never asked, or cannot be chosen from.
    """
    table = project.file.taps.get(tap)
    if table is None:
        return None
    memory = project.private_dir / "catalogs" / f"{project.environment}.{tap}.json"
    with suppress(OSError, ValueError, KeyError, TypeError, EltError):
        catalog = json.loads(memory.read_bytes())["catalog"]
        chosen = select(catalog, table.select, table.streams)
        return {stream.id for stream in selected_streams(chosen)}
    return None


def _forget(
    cursor: DuckDBPyConnection, tables: Collection[str], project: Project, **of: str
) -> None:
    wheres = " AND ".join(f"{column} = ${column}" for column in of)
    for table in tables:
        cursor.execute(
            f"DELETE FROM {table} WHERE environment = $environment AND {wheres}",
            {"environment": project.environment, **of},
        )
