"""Bookmarks: how far each tap has been read, kept with the rows that they speak of."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Before a generation: the table is whole, but its stream is to be read from its start.
_RESET = "reset "


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A tap's whole state, as JSON text, and the run that wrote it."""

    tap: str
    state: str
    run_id: str
    at: datetime | None = None  # when it was committed


@dataclass(frozen=True, slots=True)
class LoadedStream:
    """The table that a stream was loaded into, in the generation it had then.

    The key is what its rows are known by; None where nobody has noted it.
    """

    tap: str
    stream: str
    schema: str
    table: str
    generation: str
    key: tuple[str, ...] | None = None

    @property
    def is_reset(self) -> bool:
        """Whether somebody asked that it be read from its start."""
        return self.generation.startswith(_RESET)

    @property
    def made_as(self) -> str:
        """The generation of the table that the rows are in, reset or not."""
        return self.generation.removeprefix(_RESET)


def as_reset(generation: str) -> str:
    """Write a table's generation so that its stream is read from its start."""
    return _RESET + generation


def bookmarks(cursor: DuckDBPyConnection, environment: str) -> dict[str, Bookmark]:
    """Give every tap's bookmark, by tap."""
    rows = cursor.execute(
        "SELECT tap, state, run_id, committed_at FROM _elt.bookmarks"
        " WHERE environment = ?",
        [environment],
    ).fetchall()
    return {row[0]: Bookmark(*row) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLoad:
    """When a stream was loaded last, as far as the warehouse knows."""

    tap: str
    stream: str
    run_id: str
    at: datetime


def last_loads(cursor: DuckDBPyConnection, environment: str) -> list[LastLoad]:
    """Give each stream's last load; none is later than its tap's bookmark.

    Behind that are only loads of windows, which make nothing younger.
    """
    rows = cursor.execute(
        """
        SELECT loads.tap, loads.stream, arg_max(loads.run_id, loads.committed_at),
            least(max(loads.committed_at), any_value(bookmarks.committed_at))
        FROM _elt.loads LEFT JOIN _elt.bookmarks USING (environment, tap)
        WHERE environment = ?
        GROUP BY ALL
        """,
        [environment],
    ).fetchall()
    return [
        LastLoad(tap=tap, stream=stream, run_id=run, at=at)
        for tap, stream, run, at in rows
    ]


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


def delete_bookmark(cursor: DuckDBPyConnection, environment: str, tap: str) -> None:
    cursor.execute(
        "DELETE FROM _elt.bookmarks WHERE environment = ? AND tap = ?",
        [environment, tap],
    )


def mark_resets(
    cursor: DuckDBPyConnection,
    environment: str,
    tap: str,
    *,
    anew: Collection[str],
    going_on: Collection[str],
) -> None:
    """Note which streams are to be read from their start, and which go on after all.

    Without the note, rows that come again would be appended to those that are there.
    The generation is kept behind it: a table that was made anew meanwhile stays known
    as such. The next commit of the stream writes its generation and ends the reset.
    """
    for change, streams, is_reset in (
        (f"'{_RESET}' || generation", anew, "NOT starts_with(generation, ?)"),
        (
            f"substr(generation, {len(_RESET) + 1})",
            going_on,
            "starts_with(generation, ?)",
        ),
    ):
        cursor.execute(
            f"UPDATE _elt.streams SET generation = {change} WHERE environment = ?"
            f" AND tap = ? AND list_contains(?, stream) AND {is_reset}",
            [environment, tap, [*streams], _RESET],
        )


def loaded_streams(
    cursor: DuckDBPyConnection, environment: str, tap: str
) -> dict[str, LoadedStream]:
    rows = cursor.execute(
        "SELECT stream, table_schema, table_name, generation, key"
        " FROM _elt.streams WHERE environment = ? AND tap = ?",
        [environment, tap],
    ).fetchall()
    return {
        stream: LoadedStream(
            tap, stream, schema, table, generation, key and tuple(json.loads(key))
        )
        for stream, schema, table, generation, key in rows
    }


def appended_streams(
    cursor: DuckDBPyConnection, environment: str, tap: str
) -> frozenset[str]:
    """Give the streams whose rows have been added to those that were there."""
    rows = cursor.execute(
        "SELECT DISTINCT stream FROM _elt.loads"
        " WHERE environment = ? AND tap = ? AND mode = 'append'",
        [environment, tap],
    ).fetchall()
    return frozenset(stream for (stream,) in rows)


def last_modes(
    cursor: DuckDBPyConnection, environment: str, tap: str
) -> dict[str, str]:
    """Give the mode in which each stream was written last."""
    rows = cursor.execute(
        "SELECT stream, arg_max(mode, committed_at) FROM _elt.loads"
        " WHERE environment = ? AND tap = ? GROUP BY stream",
        [environment, tap],
    ).fetchall()
    return dict(rows)


def write_loaded_stream(
    cursor: DuckDBPyConnection, environment: str, loaded: LoadedStream
) -> None:
    cursor.execute(
        "INSERT OR REPLACE INTO _elt.streams (environment, tap, stream, table_schema,"
        " table_name, generation, key) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            environment,
            loaded.tap,
            loaded.stream,
            loaded.schema,
            loaded.table,
            loaded.generation,
            None if loaded.key is None else json.dumps(loaded.key),
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
