"""Copies of what the warehouse remembers: taps' states and syncs' baselines.

The warehouse is right where the two differ. The copies are the history, and they tell
that a warehouse was lost or put back from a backup. Each belongs to one environment
and to the warehouse with one id; nothing is ever copied from one id to another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc, text_of

# Where a state comes from when not from a run, whose id stands there otherwise.
ORIGINS = ("warehouse", "set", "reset", "undo", "import")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where states belong."""

    environment: str
    warehouse_id: str


def place_at_target(environment: str, target: str) -> Place:
    """Give the place of states that only a foreign target, by its name, vouches for."""
    return Place(environment=environment, warehouse_id=f"target:{target}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateVersion:
    """A tap's whole state as Singer wrote it, and the version it came after."""

    tap: str
    version: int
    parent_version: int | None
    state: str
    origin: str  # the run's id, or one of ORIGINS
    saved_at: str
    reason: str = ""  # in the words of who changed it by hand
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far one run took a tap: its states before and after, as Singer wrote them."""

    tap: str
    version: int
    state: str
    version_before: int | None
    state_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The last run of a sync, by its number in the warehouse with this id."""

    sync: str
    warehouse_id: str
    sequence: int
    run: str | None
    remembered_at: str


def save(
    store: Store,
    place: Place,
    tap: str,
    state: str,
    *,
    origin: str,
    now: Now = now_utc,
) -> bool:
    """Keep a state as the newest version; tell whether it was one.

    A run's states are one version, its last: a large state that is committed every
    second would fill the disk. An empty state is nothing that a tap says, and is
    never kept.
    """
    if is_empty(state):
        return False
    with store.writing() as connection:
        newest = latest(store, place, tap)
        if newest is not None and newest.state == state:
            return False
        grows = newest is not None and newest.origin == origin not in ORIGINS
        version = newest.version if newest else 0
        values = {
            "environment": place.environment,
            "warehouse_id": place.warehouse_id,
            "tap": tap,
            "version": version if grows else version + 1,
            "parent_version": version or None,
            "state": state,
            "origin": origin,
            "saved_at": text_of(now()),
        }
        connection.execute(_SAVE, values)
    return True


def record(  # noqa: PLR0913  a state, where it belongs, and who changed it and why
    store: Store,
    place: Place,
    tap: str,
    state: str,
    *,
    origin: str,
    reason: str = "",
    author: str = "",
    goes_on_from: int | None = None,
    now: Now = now_utc,
) -> int:
    """Keep what a person made of a state, an empty one too; give its version.

    `goes_on_from` is the version that an undo leads back to, so that the next undo
    leads to the one before that.
    """
    with store.writing() as connection:
        before = versions(store, place, tap)
        version = before[0].version if before else 0
        parent = version or None
        for each in before:
            if each.version == goes_on_from:
                parent = each.parent_version
        connection.execute(
            "INSERT INTO states (environment, warehouse_id, tap, version,"
            " parent_version, state, origin, saved_at, reason, author)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                place.environment,
                place.warehouse_id,
                tap,
                version + 1,
                parent,
                state,
                origin,
                text_of(now()),
                reason,
                author,
            ),
        )
    return version + 1


def latest(store: Store, place: Place, tap: str) -> StateVersion | None:
    return next(iter(_versions(store, place, tap, limit=1)), None)


def versions(store: Store, place: Place, tap: str) -> list[StateVersion]:
    """Give a tap's states, the newest first."""
    return _versions(store, place, tap, limit=-1)


def moved(store: Store, run: str) -> list[Moved]:
    """Give the taps whose states a run moved."""
    rows = store.rows(
        "SELECT now.tap, now.version, now.state, before.version AS version_before,"
        " before.state AS state_before FROM states AS now LEFT JOIN states AS before"
        " ON before.environment = now.environment"
        " AND before.warehouse_id = now.warehouse_id AND before.tap = now.tap"
        " AND before.version = now.parent_version"
        " WHERE now.origin = ? ORDER BY now.tap",
        (run,),
    )
    return [Moved(**dict(row)) for row in rows]


def _versions(
    store: Store, place: Place, tap: str, *, limit: int
) -> list[StateVersion]:
    rows = store.rows(
        "SELECT tap, version, parent_version, state, origin, saved_at, reason, author"
        " FROM states WHERE environment = ? AND warehouse_id = ? AND tap = ?"
        " ORDER BY version DESC LIMIT ?",
        (place.environment, place.warehouse_id, tap, limit),
    )
    return [StateVersion(**dict(row)) for row in rows]


def heal(
    store: Store,
    place: Place,
    bookmarks: Mapping[str, str],
    *,
    taps: Iterable[str],
    now: Now = now_utc,
) -> list[str]:
    """Bring the copies up to the warehouse's bookmarks; say what a person should know.

    `bookmarks` has the states in the warehouse by tap, `taps` are those of the project.
    Nothing is written to the warehouse.
    """
    notes: list[str] = []
    for tap, state in bookmarks.items():
        had = latest(store, place, tap)
        changed = save(store, place, tap, state, origin="warehouse", now=now)
        if changed and had is not None:
            notes.append(
                f"the warehouse's bookmark of tap `{tap}` differs from the copy in"
                " the store; the warehouse's counts"
            )
    return [*notes, *_lost(store, place, set(taps) - bookmarks.keys())]


def remember_baseline(
    store: Store,
    place: Place,
    *,
    sync: str,
    sequence: int,
    run: str | None = None,
    now: Now = now_utc,
) -> None:
    values = {
        "environment": place.environment,
        "warehouse_id": place.warehouse_id,
        "sync": sync,
        "sequence": sequence,
        "run": run,
        "remembered_at": text_of(now()),
    }
    with store.writing() as connection:
        connection.execute(_REMEMBER, values)


def remembered_baseline(store: Store, environment: str, sync: str) -> Baseline | None:
    """Give what the store knows of a sync's baseline, whatever warehouse it was in."""
    rows = store.rows(
        "SELECT sync, warehouse_id, sequence, run, remembered_at FROM baselines"
        " WHERE environment = ? AND sync = ?",
        (environment, sync),
    )
    return Baseline(**dict(rows[0])) if rows else None


def is_empty(state: str) -> bool:
    """Tell whether a state holds nothing: `{}`, `null` or `{"bookmarks": {}}`."""
    if not state.strip():
        return True
    return _holds_nothing(json.loads(state))


def _holds_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_holds_nothing(below) for below in value.values())
    return value is None or value == []


def _lost(store: Store, place: Place, without: set[str]) -> list[str]:
    rows = store.rows(
        "SELECT DISTINCT tap, warehouse_id FROM states WHERE environment = ?"
        " ORDER BY tap",
        (place.environment,),
    )
    ids: dict[str, set[str]] = {}
    for row in rows:
        if row["tap"] in without:
            ids.setdefault(row["tap"], set()).add(row["warehouse_id"])
    return [
        _lost_note(tap, ids[tap], place)
        for tap in ids
        if not _was_emptied(store, place, tap)
    ]


def _was_emptied(store: Store, place: Place, tap: str) -> bool:
    """Say whether the bookmark is missing because somebody reset it."""
    had = latest(store, place, tap)
    return had is not None and is_empty(had.state)


def _lost_note(tap: str, ids: set[str], place: Place) -> str:
    if place.warehouse_id in ids:
        return (
            f"the warehouse has no bookmark of tap `{tap}` any more; it is read from"
            " its start"
        )
    return (
        f"this warehouse is not the one that tap `{tap}` was loaded into before; it is"
        " read from its start"
    )


_SAVE = """
    INSERT INTO states (
        environment, warehouse_id, tap, version, parent_version, state, origin,
        saved_at
    )
    VALUES (
        :environment, :warehouse_id, :tap, :version, :parent_version, :state, :origin,
        :saved_at
    )
    ON CONFLICT DO UPDATE SET state = excluded.state, saved_at = excluded.saved_at
"""
_REMEMBER = """
    INSERT INTO baselines (
        environment, sync, warehouse_id, sequence, run, remembered_at
    )
    VALUES (:environment, :sync, :warehouse_id, :sequence, :run, :remembered_at)
    ON CONFLICT DO UPDATE SET
        warehouse_id = excluded.warehouse_id,
        sequence = excluded.sequence,
        run = excluded.run,
        remembered_at = excluded.remembered_at
"""
