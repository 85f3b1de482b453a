"""How long the past is kept: what `[retention]` says, counted first, then deleted.

What planning needs never goes, whatever its age: the table of assets, the run that each
asset was in last, what is remembered of syncs, the newest states of every tap, and of
every stream the last load of each mode, of every selection the last good window.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from elt.errors import EltError
from elt.project.secrets import Secrets
from elt.project.settings import Project, RetentionTable
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc, text_of
from elt.warehouse.duckdb import Warehouse, warehouse_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARKER = "retention.json"
RUNS = "runs"  # a folder for each run, with the result that it left
STATES_KEPT = 20
_ONCE_EVERY = timedelta(days=1)
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expired:
    """How much of one kind is older than it is kept."""

    what: str  # with the table it is in, where a person can look at it
    days: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Rule:
    """Rows that go when they are older than so many days; `old` is a condition."""

    what: str
    table: str
    old: str
    days: int


def expired(
    project: Project,
    store: Store,
    cursor: DuckDBPyConnection | None,
    *,
    now: Now = now_utc,
) -> list[Expired]:
    """Count what is older than it is kept; nothing is changed.

    `cursor` reads the warehouse; None where it has no tables of elt's.
    """
    table, moment = project.file.retention, now()
    found = []
    for rule in _store_rules(table):
        rows = store.rows(
            f"SELECT count(*) FROM {rule.table} WHERE {rule.old}",
            _cutoff(rule, moment),
        )
        found.append(Expired(rule.what, rule.days, rows[0][0]))
    found += _crash_logs_expired(project, moment)
    if cursor is not None:
        found += [_count(cursor, rule, moment) for rule in _warehouse_rules(table)]
    return [each for each in found if each.rows]


def apply_retention(
    project: Project, store: Store, warehouse: Warehouse, *, now: Now = now_utc
) -> None:
    """Delete what is older than it is kept. To be called under the project's lock."""
    table, moment = project.file.retention, now()
    with store.writing() as connection:
        for rule in _store_rules(table):
            connection.execute(
                f"DELETE FROM {rule.table} WHERE {rule.old}", _cutoff(rule, moment)
            )
    for path in _old_crash_logs(project, moment):
        path.unlink(missing_ok=True)
    _delete_folders_of_no_run(project.private_dir / RUNS, store)
    if warehouse.exists():
        with warehouse.writer() as cursor:
            for rule in _warehouse_rules(table):
                cursor.execute(
                    f"DELETE FROM {rule.table} WHERE {rule.old}",
                    [_days_before(moment, rule.days)],
                )
    _mark(project.private_dir / MARKER, moment)


def apply_daily(
    project: Project, store: Store, secrets: Secrets, *, now: Now = now_utc
) -> None:
    """Apply it at the end of a run, unless that was done within the last day.

    Never fails a run: what went wrong is left for `elt doctor` to tell. A warehouse
    that is open elsewhere is not waited for; the next run tries again.
    """
    marker = project.private_dir / MARKER
    last = last_time(marker)
    if last is not None and timedelta() <= now() - last < _ONCE_EVERY:
        return
    try:
        warehouse = warehouse_of(project, secrets)
        warehouse.busy_timeout_seconds = 0.0
        apply_retention(project, store, warehouse, now=now)
    except Exception as error:  # noqa: BLE001  whatever it is, the run is over
        what = error.what if isinstance(error, EltError) else repr(error)
        _mark(marker, last, error=secrets.scrub(what))


def last_time(marker: Path) -> datetime | None:
    """Say when it was applied last; None where never or nobody knows."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return datetime.fromisoformat(json.loads(marker.read_bytes())["at"])
    return None


def last_error(marker: Path) -> str:
    """Say why it failed last; empty when it did not."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return str(json.loads(marker.read_bytes())["error"])
    return ""


def _store_rules(table: RetentionTable) -> list[_Rule]:
    ended = "status <> 'running'"
    return [
        _Rule(
            "lines of the log (`elt logs`)",
            "events",
            f"at < ?1 AND run IN (SELECT id FROM runs WHERE {ended})",
            table.log_days,
        ),
        _Rule(
            "runs with their steps (`elt runs`)",
            "runs",
            f"""
            started_at < ?1 AND {ended}
            AND id NOT IN (SELECT run FROM assets)
            AND id NOT IN (SELECT run FROM baselines WHERE run IS NOT NULL)
            AND id <> (SELECT id FROM runs ORDER BY rowid DESC LIMIT 1)
            """,
            table.run_days,
        ),
        _Rule(
            "windows that were run (`elt backfill --skip-done`)",
            "windows",
            f"""
            ended_at < ?1 AND {ended} AND rowid NOT IN (
                SELECT last FROM ({_LAST_GOOD_WINDOWS})
            )
            """,
            table.run_days,
        ),
        _Rule(
            "old states of taps (`elt state history`)",
            "states",
            f"""
            saved_at < ?1 AND version <= (
                SELECT max(version) - {STATES_KEPT} FROM states AS newer
                WHERE newer.environment = states.environment
                    AND newer.warehouse_id = states.warehouse_id
                    AND newer.tap = states.tap
            )
            """,
            table.run_days,
        ),
    ]


def _warehouse_rules(table: RetentionTable) -> list[_Rule]:
    conditions = {
        "_elt.loads": f"committed_at < ? AND {_IS_NOT_THE_LAST_LOAD}",
        "_elt.schema_changes": "changed_at < ?",
        "_elt.sync_changes": "answered_at < ?",
    }
    rules = [
        _Rule(f"rows of `{name}`", name, old, table.load_days)
        for name, old in conditions.items()
    ]
    if table.reject_days is not None:
        rejects = "_elt.rejects"
        rules.append(
            _Rule("rejects", rejects, "rejected_at < ?", table.reject_days),
        )
    return rules


# Where SQLite takes the maximum, the other columns are those of its row.
_LAST_GOOD_WINDOWS = """
    SELECT rowid AS last, max(end_at) FROM windows
    WHERE status IN ('done', 'warned') GROUP BY environment, selection
"""
# How a stream was written last decides what a reset and a reject's retry mean.
_IS_NOT_THE_LAST_LOAD = """
    committed_at < (
        SELECT max(newer.committed_at) FROM _elt.loads AS newer
        WHERE newer.environment = loads.environment AND newer.tap = loads.tap
            AND newer.stream = loads.stream AND newer.mode = loads.mode
    )
"""


def _cutoff(rule: _Rule, moment: datetime) -> Sequence[str]:
    return (text_of(_days_before(moment, rule.days)),)


def _days_before(moment: datetime, days: int) -> datetime:
    """Count back; whoever writes 999999 days wants all of it kept."""
    try:
        return max(moment - timedelta(days=days), _BEFORE_ALL)
    except OverflowError:
        return _BEFORE_ALL


def _count(cursor: DuckDBPyConnection, rule: _Rule, moment: datetime) -> Expired:
    row = cursor.execute(
        f"SELECT count(*) FROM {rule.table} WHERE {rule.old}",
        [_days_before(moment, rule.days)],
    ).fetchone()
    return Expired(rule.what, rule.days, int(row[0]) if row else 0)


def _crash_logs_expired(project: Project, moment: datetime) -> list[Expired]:
    logs = _old_crash_logs(project, moment)
    return [Expired("crash logs", project.file.retention.log_days, len(logs))]


def _old_crash_logs(project: Project, moment: datetime) -> list[Path]:
    oldest = _days_before(moment, project.file.retention.log_days).timestamp()
    return [log for log in crash_logs(project.private_dir) if _mtime(log) < oldest]


def crash_logs(private_dir: Path) -> list[Path]:
    """Find the tracebacks that bugs of ours left, the oldest first."""
    return sorted(private_dir.glob("crash-*.log"))


def _delete_folders_of_no_run(folder: Path, store: Store) -> None:
    if not folder.is_dir():
        return
    known = {row["id"] for row in store.rows("SELECT id FROM runs")}
    for path in folder.iterdir():
        if path.name not in known:
            shutil.rmtree(path, ignore_errors=True)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _mark(marker: Path, at: datetime | None, *, error: str = "") -> None:
    with suppress(OSError):
        marker.write_text(
            json.dumps({"at": at.isoformat() if at else None, "error": error}),
            encoding="utf-8",
        )
