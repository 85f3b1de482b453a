"""Which windows of time were run, and how each ended last.

Rows are written with the run's own, in one transaction, so that a killed run leaves
its window as it leaves itself. They are kept as long as runs are, the last good one of
each selection for ever: the next may begin at its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection, Row
from typing import Any

from elt.runner.store.database import Store
from elt.runner.store.moments import text_of

GOOD = ("done", "warned")
_EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWindow:
    """What a run was about, in ISO 8601; the end is not in it any more."""

    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """A window as its last run left it; `ended_at` is None while that is running."""

    start: datetime
    end: datetime
    run: str
    status: str
    ended_at: datetime | None

    @property
    def is_good(self) -> bool:
        return self.status in GOOD


def window_of(request: Mapping[str, Any]) -> RunWindow | None:
    """Give the window of a request as the run log has it."""
    found = request.get("window")
    return RunWindow(start=found[0], end=found[1]) if found else None


def begin(
    connection: Connection, run: str, environment: str, request: Mapping[str, Any]
) -> None:
    """Note that a run has begun that is about a window; nothing of any other."""
    window = window_of(request)
    if window is None or request.get("from_step"):
        return  # a part of a selection says nothing of the whole
    selection = _selection(request.get("selection", ()), request.get("exclude", ()))
    edges = (text_of(datetime.fromisoformat(at)) for at in (window.start, window.end))
    connection.execute(_BEGIN, (environment, selection, *edges, run))


def end(connection: Connection, run: str, status: str, at: str) -> None:
    """Note how a run ended; a good window makes up for failed ones that are in it."""
    connection.execute(
        "UPDATE windows SET status = ?, ended_at = ? WHERE run = ?", (status, at, run)
    )
    if status in GOOD:
        connection.execute(_FORGET_FAILED_INSIDE, (run,))


def windows(
    store: Store,
    environment: str,
    selection: Iterable[str],
    exclude: Iterable[str],
    *,
    since: datetime | None = None,
) -> list[WindowRow]:
    """Give the windows of a selection that end after a moment, in their order."""
    rows = store.rows(
        "SELECT * FROM windows WHERE environment = ? AND selection = ? AND end_at > ?"
        " ORDER BY start_at, end_at",
        (
            environment,
            _selection(selection, exclude),
            "" if since is None else text_of(since),
        ),
    )
    return [_read(row) for row in rows]


def unfinished(
    store: Store, environment: str, selection: Iterable[str], exclude: Iterable[str]
) -> list[WindowRow]:
    """Give the windows whose last run did not end well, in their order."""
    rows = store.rows(
        "SELECT * FROM windows WHERE environment = ? AND selection = ?"
        " AND status NOT IN ('done', 'warned') ORDER BY start_at, end_at",
        (environment, _selection(selection, exclude)),
    )
    return [_read(row) for row in rows]


def unfinished_runs(store: Store, environment: str) -> set[str]:
    """Give the runs that left a window which no other run has made up for."""
    rows = store.rows(
        "SELECT run FROM windows WHERE environment = ?"
        " AND status NOT IN ('done', 'warned', 'running')",
        (environment,),
    )
    return {row["run"] for row in rows}


def _selection(selection: Iterable[str], exclude: Iterable[str]) -> str:
    """Write a choice of assets; in which order it was said makes no other one."""
    words, left_out = _words(selection), _words(exclude)
    return json.dumps({"selection": words or [_EVERYTHING], "exclude": left_out})


def _words(texts: Iterable[str]) -> list[str]:
    return sorted({word for text in texts for word in text.split()})


def _read(row: Row) -> WindowRow:
    ended = row["ended_at"]
    return WindowRow(
        start=datetime.fromisoformat(row["start_at"]),
        end=datetime.fromisoformat(row["end_at"]),
        run=row["run"],
        status=row["status"],
        ended_at=datetime.fromisoformat(ended) if ended else None,
    )


_BEGIN = """
    INSERT INTO windows (environment, selection, start_at, end_at, run, status)
    VALUES (?, ?, ?, ?, ?, 'running')
    ON CONFLICT DO UPDATE SET
        run = excluded.run, status = excluded.status, ended_at = NULL
"""
# By way of the one good window, so that no other rows are looked at.
_FORGET_FAILED_INSIDE = """
    DELETE FROM windows WHERE rowid IN (
        SELECT failed.rowid FROM windows AS good
        CROSS JOIN windows AS failed ON failed.environment = good.environment
            AND failed.selection = good.selection
            AND failed.start_at >= good.start_at AND failed.end_at <= good.end_at
        WHERE good.run = ? AND failed.status NOT IN ('done', 'warned', 'running')
    )
"""
