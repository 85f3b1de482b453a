"""Bookmarks: how far each tap has been read, kept with the rows that they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A tap's whole state, as JSON text, and the run that wrote it."""

    tap: str
    state: str
    run_id: str


@dataclass(frozen=True, slots=True)
class LoadedStream:
    """The table that a stream was loaded into, in the generation it had then."""

    tap: str
    stream: str
    schema: str
    table: str
    generation: str


def bookmarks(cursor: DuckDBPyConnection, environment: str) -> dict[str, Bookmark]:
    """Give every tap's bookmark, by tap."""
    rows = cursor.execute(
        "SELECT tap, state, run_id FROM _elt.bookmarks WHERE environment = ?",
        [environment],
    ).fetchall()
    return {tap: Bookmark(tap, state, run_id) for tap, state, run_id in rows}


def write_bookmark(
    cursor: DuckDBPyConnection,
    environment: str,
    bookmark: Bookmark,
    *,
    at: datetime,
) -> None:
    """Write a bookmark inside the transaction of the rows that it covers."""
    cursor.execute(
        "INSERT OR REPLACE INTO _elt.bookmarks VALUES (?, ?, ?, ?, ?)",
        [environment, bookmark.tap, bookmark.state, bookmark.run_id, at],
    )


def loaded_streams(
    cursor: DuckDBPyConnection, environment: str, tap: str
) -> dict[str, LoadedStream]:
    rows = cursor.execute(
        "SELECT tap, stream, table_schema, table_name, generation FROM _elt.streams"
        " WHERE environment = ? AND tap = ?",
        [environment, tap],
    ).fetchall()
    return {row[1]: LoadedStream(*row) for row in rows}


def write_loaded_stream(
    cursor: DuckDBPyConnection, environment: str, loaded: LoadedStream
) -> None:
    cursor.execute(
        "INSERT OR REPLACE INTO _elt.streams VALUES (?, ?, ?, ?, ?, ?)",
        [
            environment,
            loaded.tap,
            loaded.stream,
            loaded.schema,
            loaded.table,
            loaded.generation,
        ],
    )


def write_load(
    cursor: DuckDBPyConnection,
    values: Mapping[str, str | int | datetime],
) -> None:
    """Write one row of `_elt.loads`; the keys are its columns."""
    names = ", ".join(values)
    marks = ", ".join("?" for _ in values)
    cursor.execute(
        f"INSERT INTO _elt.loads ({names}) VALUES ({marks})", list(values.values())
    )
