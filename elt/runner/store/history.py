"""The run log: what runs did, how they ended, who crashed."""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from sqlite3 import Connection, Row
from typing import Any

from elt.errors import ConfigError
from elt.events import RunStatus, only_rejects
from elt.project.nearest import nearest
from elt.runner.lock import Owner, is_alive
from elt.runner.store import windows
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEntry:
    """One planned step, as the log keeps it."""

    step: str
    kind: str
    reason: str
    assets: tuple[str, ...]
    unasked: bool = False  # its tap did not answer: the assets are guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of `elt runs`; `assets` counts results by their status."""

    run: str
    environment: str
    status: RunStatus
    request: Mapping[str, Any]
    started_at: str
    ended_at: str | None
    seconds: float | None
    message: str
    assets: Mapping[str, int]
    rows: int
    rejects: int
    only_rejects: bool  # they alone are why it did not end as `done`
    retry_of: str | None = None  # the run that this one went on with
    window: windows.RunWindow | None = None  # None: all that was new


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """`status` is None before the step began and `running` until it ends."""

    step: str
    kind: str
    reason: str
    status: str | None
    started_at: str | None
    ended_at: str | None
    seconds: float | None
    attempts: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    asset: str
    step: str
    status: str
    rows: int | None
    rejects: int
    seconds: float
    message: str
    finished_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    summary: RunSummary
    steps: tuple[StepRow, ...]
    results: tuple[ResultRow, ...]


def new_run_id(now: Now = now_utc) -> str:
    """Name a run: `20261121T091500-3f9a`, in the order of their starts."""
    return f"{now().astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def free_run_id(store: Store, wanted: str, new: Callable[[], str] = new_run_id) -> str:
    """Give this id, or another where a run has it: of many runs within a second."""
    while store.rows("SELECT 1 FROM runs WHERE id = ?", (wanted,)):
        wanted = new()
    return wanted


def start_run(
    store: Store,
    owner: Owner,
    *,
    environment: str,
    request: Mapping[str, Any],
    retry_of: str | None = None,
    now: Now = now_utc,
) -> None:
    with store.writing() as connection:
        windows.begin(connection, owner.run, environment, request)
        connection.execute(
            "INSERT INTO runs (id, environment, status, request, started_at, owner,"
            " retry_of) VALUES (?, ?, 'running', ?, ?, ?, ?)",
            (
                owner.run,
                environment,
                json.dumps(request),
                text_of(now()),
                json.dumps(asdict(owner)),
                retry_of,
            ),
        )


def record_plan(store: Store, run: str, steps: Iterable[StepEntry]) -> None:
    with store.writing() as connection:
        connection.executemany(
            "INSERT INTO steps (run, step, position, kind, reason, assets, unasked)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(run, s.step, position, s.kind, s.reason),
                    *(json.dumps(s.assets), int(s.unasked)),
                )
                for position, s in enumerate(steps)
            ],
        )


def finish_run(
    store: Store,
    run: str,
    status: RunStatus,
    *,
    message: str = "",
    error: str = "",
    now: Now = now_utc,
) -> None:
    """Write the end of a run; `error` is the class of what was raised, if it was."""
    with store.writing() as connection:
        _end(connection, run, status, message, now())
        connection.execute("UPDATE runs SET error = ? WHERE id = ?", (error, run))


def mark_crashed(
    store: Store, *, alive: Callable[[Owner], bool] = is_alive, now: Now = now_utc
) -> list[str]:
    """Mark the runs whose owner lives no more; give their ids.

    Who holds the project's lock passes an `alive` that is never true.
    """
    running = store.rows("SELECT id, owner FROM runs WHERE status = 'running'")
    crashed = [r["id"] for r in running if not alive(Owner(**json.loads(r["owner"])))]
    if crashed:
        with store.writing() as connection:
            for run in crashed:
                _end(connection, run, "crashed", _last_sign(store, run), now())
    return crashed


def _last_sign(store: Store, run: str) -> str:
    rows = store.rows(
        "SELECT step, kind, at FROM events WHERE run = ? ORDER BY id DESC LIMIT 1",
        (run,),
    )
    if not rows:
        return "its process is gone; it had not begun any step"
    step, moment = rows[0]["step"], datetime.fromisoformat(rows[0]["at"])
    words = re.sub("(?<!^)(?=[A-Z])", " ", rows[0]["kind"]).lower()
    what = f"{words}, {step}" if step else words
    return f"its process is gone; last seen {moment:%Y-%m-%d %H:%M:%S} UTC: {what}"


def running_steps(store: Store, run: str) -> list[str]:
    """Give the steps of a run that have begun and not ended."""
    rows = store.rows(
        "SELECT step FROM steps WHERE run = ? AND status = 'running' ORDER BY position",
        (run,),
    )
    return [row["step"] for row in rows]


def latest_moment(store: Store) -> datetime | None:
    """Give the latest moment that any run has noted of itself."""
    # Two questions, so that each is one look into an index.
    rows = store.rows(
        "SELECT max((SELECT max(started_at) FROM runs),"
        " (SELECT coalesce(max(ended_at), '') FROM runs)) AS at"
    )
    return datetime.fromisoformat(rows[0]["at"]) if rows[0]["at"] else None


def runs(store: Store, limit: int = 20) -> list[RunSummary]:
    """Give the latest runs, the newest first."""
    rows = store.rows("SELECT * FROM runs ORDER BY rowid DESC LIMIT ?", (limit,))
    return [_summary(store, row) for row in rows]


def run_detail(store: Store, run: str = "last") -> RunDetail:
    """Give one run by its id, the start or end of one, or `last`."""
    row = find(store, run)
    steps = store.rows(
        "SELECT step, kind, reason, status, started_at, ended_at, seconds, message,"
        " hint,"
        " (SELECT count(*) FROM attempts AS a WHERE a.run = s.run AND a.step = s.step)"
        " AS attempts FROM steps AS s WHERE run = ? ORDER BY position",
        (row["id"],),
    )
    results = store.rows(
        "SELECT asset, step, status, rows, rejects, seconds, message, finished_at"
        " FROM results WHERE run = ? ORDER BY finished_at, rowid",
        (row["id"],),
    )
    return RunDetail(
        summary=_summary(store, row),
        steps=tuple(StepRow(**dict(step)) for step in steps),
        results=tuple(ResultRow(**dict(result)) for result in results),
    )


def _end(
    connection: Connection, run: str, status: RunStatus, message: str, now: datetime
) -> None:
    at = text_of(now)
    connection.execute(
        "UPDATE runs SET status = ?, message = ?, ended_at = ? WHERE id = ?",
        (status, message, at, run),
    )
    windows.end(connection, run, status, at)
    # What is still running now will never say how it ended.
    connection.execute(
        "UPDATE steps SET status = 'interrupted', message = ?, ended_at = ?"
        " WHERE run = ? AND status = 'running'",
        (f"the run {status}", at, run),
    )
    connection.execute(
        "UPDATE assets SET status = 'interrupted', message = ?, updated_at = ?"
        " WHERE run = ? AND status = 'running'",
        (f"the run {status}", at, run),
    )


def _summary(store: Store, row: Row) -> RunSummary:
    results = store.rows(
        "SELECT status, rows, rejects, message FROM results WHERE run = ?",
        (row["id"],),
    )
    warned = [each for each in results if each["status"] == "warned"]
    return RunSummary(
        run=row["id"],
        environment=row["environment"],
        status=row["status"],
        request=json.loads(row["request"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        seconds=_seconds(row["started_at"], row["ended_at"]),
        message=row["message"],
        assets=dict(Counter(result["status"] for result in results)),
        rows=sum(result["rows"] or 0 for result in results),
        rejects=sum(result["rejects"] for result in results),
        only_rejects=row["status"] == "warned"
        and all(
            only_rejects(each["status"], each["rejects"], each["message"])
            for each in warned
        ),
        retry_of=row["retry_of"],
        window=windows.window_of(json.loads(row["request"])),
    )


def _seconds(start: str, end: str | None) -> float | None:
    if end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def find(store: Store, name: str) -> Row:
    """Give the row of a run by its id, the start or end of one, or `last`."""
    rows = _last(store) if name == "last" else _named(store, name)
    if rows:
        return rows[0]
    latest = store.rows("SELECT id FROM runs ORDER BY rowid DESC LIMIT 1000")
    if not latest:
        raise ConfigError("nothing has run yet", hint="Start with `elt run`")
    close = nearest(name, [row["id"] for row in latest])
    hint = f"Did you mean `{close}`?" if close else "`elt runs` lists them"
    raise ConfigError(f"there is no run `{name}`", hint=hint)


def _last(store: Store) -> list[Row]:
    return store.rows("SELECT * FROM runs ORDER BY rowid DESC LIMIT 1")


def _named(store: Store, name: str) -> list[Row]:
    exact = store.rows("SELECT * FROM runs WHERE id = ?", (name,))
    if exact or not name:
        return exact
    # The inner question reads nothing but ids, which an index has.
    return store.rows(
        "SELECT * FROM runs WHERE rowid = (SELECT max(rowid) FROM runs"
        " WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1)",
        (name,),
    )
