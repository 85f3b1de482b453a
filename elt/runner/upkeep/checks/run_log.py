"""The lock and the store: who is at work, what crashed, whether the file is whole."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elt.errors import EltError
from elt.runner.lock import Owner, is_alive, read_owner
from elt.runner.store import history
from elt.runner.store.database import Store
from elt.runner.upkeep.disk import bytes_of, size
from elt.runner.upkeep.finding import Finding, Subject
from elt.runner.upkeep.holders import command_of, holders
from elt.runner.upkeep.retention import MARKER, crash_logs, last_error
from elt.runner.upkeep.store_file import damage, is_busy

AREA = "run log"
_FUTURE = timedelta(minutes=1)


def look(subject: Subject) -> Iterator[Finding]:
    private = subject.private_dir
    if private is None:
        return
    yield from _lock(private / "lock")
    yield from _crashes(private)
    store = private / "elt.db"
    if not store.exists():
        yield Finding("note", AREA, "nothing has run yet", fix="elt run")
        return
    broken = damage(store, deep=subject.deep)
    if broken:
        yield Finding(
            "problem",
            AREA,
            f"the store is damaged: {broken}",
            str(store),
            f"mv {store} {store}.damaged: the next run writes a new one, and the"
            " bookmarks are in the warehouse. Or `elt restore`",
        )
        return
    if is_busy(store):
        by = ", ".join(str(each) for each in holders(store))
        yield Finding(
            "warning",
            AREA,
            f"another program is writing to the store{': ' + by if by else ''}",
            str(store),
            "Close that program; a run waits ten seconds for it",
        )
        return
    yield from _contents(store)


def _lock(path: Path) -> Iterator[Finding]:
    owner = read_owner(path)
    if owner is None:
        return
    if is_alive(owner):
        since = _local(owner.started_at)
        here = owner.host == socket.gethostname()
        command = f" ({command_of(owner.pid)})" if here else ""
        yield Finding(
            "note",
            AREA,
            f"the project's lock is held: {owner.run}, process {owner.pid}{command} on"
            f" {owner.host}, since {since}",
            str(path),
            "Wait for it; other runs end with 75 meanwhile",
        )
    elif owner.run.startswith("elt "):  # a run that was killed is told of below
        yield Finding(
            "note",
            AREA,
            f"`{owner.run}`, process {owner.pid}, was killed; its lock is free",
            str(path),
            f"Run `{owner.run}` again",
        )


def _crashes(private: Path) -> Iterator[Finding]:
    logs = crash_logs(private)
    if logs:
        yield Finding(
            "warning",
            AREA,
            f"elt itself failed {_times(len(logs))}; the newest traceback is"
            f" {logs[-1].name}",
            str(logs[-1]),
            "Report it, then delete it; `elt clean` deletes it when it is as old as"
            " `retention.log_days`",
        )
    error = last_error(private / MARKER)
    if error:
        yield Finding(
            "warning",
            AREA,
            f"old entries could not be removed after the last run: {error}",
            fix="elt clean",
        )


def _contents(path: Path) -> Iterator[Finding]:
    try:
        store = Store(path)
    except EltError as error:
        yield Finding("problem", AREA, error.what, str(path), error.hint or "")
        return
    try:
        yield from _running(store)
        newest = next(iter(history.runs(store, 1)), None)
    finally:
        store.close()
    if newest is None:
        yield Finding("note", AREA, "nothing has run yet", fix="elt run")
        return
    yield from _future(newest)
    yield Finding(
        "ok",
        AREA,
        f"whole, {size(bytes_of(path))}; the last run was {newest.run}",
    )


def _running(store: Store) -> Iterator[Finding]:
    rows = store.rows("SELECT id, owner FROM runs WHERE status = 'running'")
    dead = [r["id"] for r in rows if not is_alive(Owner(**json.loads(r["owner"])))]
    for run in dead:
        yield Finding(
            "warning",
            AREA,
            f"run {run} has no end: it was killed, or the machine stopped",
            fix="elt run: it goes on from what was committed",
        )


def _future(newest: history.RunSummary) -> Iterator[Finding]:
    ahead = datetime.fromisoformat(newest.started_at) - datetime.now(UTC)
    if ahead > _FUTURE:
        yield Finding(
            "warning",
            AREA,
            f"the last run lies in the future ({_local(newest.started_at)}): this"
            " machine's clock was, or is, wrong",
            fix="Set the clock: `timedatectl set-ntp true`",
        )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
