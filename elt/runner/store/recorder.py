"""Events on their way into the run log, and back out of it for `elt logs`."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import elt.events
from elt.errors import ConfigError, EltError
from elt.events import (
    AssetFinished,
    BookmarkCommitted,
    Event,
    LogLine,
    RowsLoaded,
    RowsRead,
    RunFinished,
    RunStarted,
    StepFinished,
    StepRetrying,
    StepStarted,
    is_left_out,
)
from elt.runner.store.database import Store
from elt.runner.store.history import run_detail
from elt.runner.store.moments import Now, now_utc, text_of
from elt.runner.store.past import AssetEntry

Write = tuple[str, Mapping[str, Any]]

# A chatty tap writes thousands of lines a second, and a commit costs a disk's sync.
_LINES_A_COMMIT = 500
_SECONDS_A_COMMIT = 0.5

_ENDED_WELL = ("done", "warned")
_UNTOUCHED = ("skipped", "planned")

# What SQLite, or Python on the way to it, says of one row and not of the disk.
_OF_THE_ROW = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    ValueError,
)


class Refused(EltError):
    """The store would not take some rows; all others are in it."""


class Recorder:
    """A listener that keeps a run's events; safe to call from several threads.

    What decides something later, a result or the start and end of a step, is durable
    when the call returns; log lines are gathered for up to half a second. Only a start
    waits for the disk: after a loss of power a step whose end is not known is done
    again, but one that nobody knows of would not be. Raises Refused for rows that
    the store does not take, once: what comes after them is not kept waiting.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        *,
        environment: str,
        now: Now = now_utc,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._keys = {"run": run, "environment": environment}
        self._now = now
        self._clock = clock
        self.entries: Mapping[str, AssetEntry] = {}  # by asset, once they are known
        self._waiting: list[Write] = []
        self._committed_at = clock()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            keys = {**self._keys, "at": text_of(self._now())}
            self._waiting += _writes(event, keys, self.entries)
            self._waiting += _log_entry(event, keys)
            if not isinstance(event, LogLine | RowsRead | RowsLoaded) or self._is_due():
                self._commit(synced=isinstance(event, StepStarted))

    def flush(self) -> None:
        with self._lock:
            self._commit(synced=False)

    def _is_due(self) -> bool:
        waited = self._clock() - self._committed_at
        return len(self._waiting) >= _LINES_A_COMMIT or waited >= _SECONDS_A_COMMIT

    def _commit(self, *, synced: bool) -> None:
        self._committed_at = self._clock()
        if not self._waiting:
            return
        refused: list[str] = []
        with self._store.writing(synced=synced) as connection:
            for sql, values in self._waiting:
                try:
                    connection.execute(sql, values)
                except _OF_THE_ROW as error:
                    refused.append(f"{_subject(values)}: {error}")
        self._waiting = []
        if refused:
            raise Refused(f"the run log cannot keep {'; '.join(refused)}")


def _subject(values: Mapping[str, Any]) -> str:
    kind, step, asset = (values.get(name, "") for name in ("kind", "step", "asset"))
    return f"{kind or 'a result'} of `{asset or step}`"


def _writes(
    event: Event, keys: Mapping[str, Any], entries: Mapping[str, AssetEntry]
) -> Iterator[Write]:
    """Give what an event changes in the current tables; the log is beside it."""
    values = {**keys, **_body(event)}
    match event:
        case StepStarted():
            yield _STEP_STARTED, values
            yield _ATTEMPT_STARTED, values
            for asset in event.assets:
                yield _ASSET_STARTED, {**keys, "asset": asset}
        case StepRetrying():
            yield _ATTEMPT_FAILED, values
        case AssetFinished():
            yield _RESULT, values
            entry = entries.get(event.asset, AssetEntry())
            yield _ASSET_FINISHED, values | _of_asset(event, entry, keys["at"])
        case StepFinished():
            yield _STEP_FINISHED, values
        case _:
            pass


def _of_asset(event: AssetFinished, entry: AssetEntry, at: str) -> dict[str, Any]:
    # What its tap left out is as old as it was.
    left_out = is_left_out(event.status, event.message)
    ended_well = event.status in _ENDED_WELL and not left_out
    return {
        "last_success": at if ended_well and not entry.backfilled else None,
        "last_change": None if event.status in _UNTOUCHED or left_out else at,
        "last_rows": at if event.rows else None,
        "fingerprint": entry.fingerprint if ended_well else None,
        "owner": entry.owner,
        "tags": json.dumps(entry.tags),
    }


def _log_entry(event: Event, keys: Mapping[str, Any]) -> Iterator[Write]:
    # How far a read has come is for the screen; the run's start and end are its row.
    if isinstance(event, RowsRead | RunStarted | RunFinished):
        return
    if isinstance(event, BookmarkCommitted):
        event = replace(event, state="")  # it is kept whole, with its history
    body = _body(event)
    step = body.pop("step")
    kind = type(event).__name__
    yield _EVENT, {**keys, "step": step, "kind": kind, "body": json.dumps(body)}


def _body(event: Event) -> dict[str, Any]:
    return {each.name: _storable(getattr(event, each.name)) for each in fields(event)}


def _storable(value: Any) -> Any:
    """Make a text one that SQLite takes: names of files may be no Unicode."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()
    return value


_EVENT = """
    INSERT INTO events (run, step, kind, at, body)
    VALUES (:run, :step, :kind, :at, :body)
"""
_STEP_STARTED = """
    UPDATE steps
    SET status = 'running', started_at = coalesce(started_at, :at)
    WHERE run = :run AND step = :step
"""
_ATTEMPT_STARTED = """
    INSERT INTO attempts (run, step, attempt, started_at)
    VALUES (:run, :step, :attempt, :at)
"""
_ATTEMPT_FAILED = """
    UPDATE attempts
    SET failed_at = :at, delay_seconds = :delay_seconds, message = :reason
    WHERE run = :run AND step = :step AND attempt = :attempt
"""
# A run that is killed says no more, but it may have changed the table by then.
_ASSET_STARTED = """
    INSERT INTO assets (environment, asset, run, status, updated_at, last_change)
    VALUES (:environment, :asset, :run, 'running', :at, :at)
    ON CONFLICT DO UPDATE SET
        run = excluded.run,
        status = excluded.status,
        updated_at = excluded.updated_at,
        last_change = excluded.last_change
"""
_RESULT = """
    INSERT OR REPLACE INTO results (
        run, asset, step, status, rows, rejects, seconds, message, finished_at
    )
    VALUES (:run, :asset, :step, :status, :rows, :rejects, :seconds, :message, :at)
"""
_ASSET_FINISHED = """
    INSERT INTO assets (
        environment, asset, run, status, rows, rejects, seconds, message,
        updated_at, last_success, last_change, last_rows, fingerprint, owner, tags
    )
    VALUES (
        :environment, :asset, :run, :status, :rows, :rejects, :seconds, :message,
        :at, :last_success, :last_change, :last_rows, :fingerprint, :owner, :tags
    )
    ON CONFLICT DO UPDATE SET
        run = excluded.run,
        status = excluded.status,
        rows = excluded.rows,
        rejects = excluded.rejects,
        seconds = excluded.seconds,
        message = excluded.message,
        updated_at = excluded.updated_at,
        last_success = coalesce(excluded.last_success, last_success),
        last_change = coalesce(excluded.last_change, last_change),
        last_rows = coalesce(excluded.last_rows, last_rows),
        fingerprint = coalesce(excluded.fingerprint, fingerprint),
        owner = excluded.owner,
        tags = excluded.tags
"""
_STEP_FINISHED = """
    UPDATE steps
    SET status = :status, ended_at = :at, seconds = :seconds,
        message = :message, hint = :hint
    WHERE run = :run AND step = :step
"""


def scrubbed(event: Event, scrub: Callable[[str], str]) -> Event:
    """Strike secrets out of an event's texts; a bookmark must stay as it is."""
    kept = {"state"} if isinstance(event, BookmarkCommitted) else set()
    changes: dict[str, Any] = {}
    for each in fields(event):
        value = getattr(event, each.name)
        if isinstance(value, str) and each.name not in kept:
            clean = scrub(value)
            if clean != value:
                changes[each.name] = clean
    return replace(event, **changes) if changes else event


def logged(
    store: Store, run: str = "last", step: str | None = None
) -> list[tuple[str, Event]]:
    """Give the events of a run, or of one step of it, each with its time.

    Raises ConfigError for a run or a step that is not there.
    """
    detail = run_detail(store, run)
    if step is not None and step not in {row.step for row in detail.steps}:
        names = ", ".join(f"`{row.step}`" for row in detail.steps)
        raise ConfigError(
            f"run {detail.summary.run} has no step `{step}`", hint=f"It has {names}"
        )
    rows = store.rows(
        "SELECT step, kind, at, body FROM events"
        " WHERE run = ? AND step = coalesce(?, step) ORDER BY id",
        (detail.summary.run, step),
    )
    return [
        (row["at"], _event(row["kind"], row["step"], json.loads(row["body"])))
        for row in rows
    ]


def _event(kind: str, step: str, body: Mapping[str, Any]) -> Event:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in body.items()}
    event: Event = getattr(elt.events, kind)(step=step, **values)
    return event
