"""The states of the taps, as they count: in the warehouse, or in the store.

The store is the authority only for a tap with a Singer target of somebody else's,
whose database cannot hold our bookmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from elt.errors import ConfigError, EltError
from elt.project.nearest import did_you_mean
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.catalog_memory import CatalogMemory
from elt.runner.discovery import selected_in, stream_settings
from elt.runner.remembered import Remembered, remembered
from elt.runner.store.database import Store, open_store
from elt.runner.store.state import (
    Place,
    StateVersion,
    is_empty,
    latest,
    place_at_target,
    versions,
)
from elt.singer.catalog import Stream, all_streams
from elt.singer.state import marks, replication_key, shown
from elt.targets.writing.modes import decide
from elt.warehouse.bookmarks import appended_streams, bookmarks
from elt.warehouse.duckdb import warehouse_of
from elt.warehouse.tables import warehouse_id

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class TapState:
    """One tap's state, and what is known of its streams without asking the tap."""

    tap: str
    place: Place | None  # None while there is no warehouse
    known: Remembered = field(default_factory=Remembered)
    state: str | None = None  # None and never empty
    origin: str = ""
    written_at: datetime | None = None
    ids: Mapping[str, str] = field(default_factory=dict)  # of streams, by name and id
    keys: Mapping[str, str] = field(default_factory=dict)  # that replicate, by id
    appended: frozenset[str] = frozenset()

    @property
    def in_store(self) -> bool:
        return self.place is not None and self.place.warehouse_id.startswith("target:")

    @property
    def marks(self) -> dict[str, str] | None:
        """Each stream's mark; None where the state cannot be taken apart."""
        return marks(self.state, self.ids.keys())

    def id_of(self, name: str) -> str:
        return self.ids.get(name, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """One line of `elt state list`; an empty stream stands for the whole tap."""

    tap: str
    stream: str
    replication_key: str | None
    bookmark: str | None
    written_at: datetime | None
    origin: str
    read_in_full: str | None  # why


def tap_states(project: Project, secrets: Secrets) -> dict[str, TapState]:
    """Look at the states of all taps, also of those that are in elt.toml no more."""
    found: dict[str, TapState] = {}
    warehouse = warehouse_of(project, secrets)
    if warehouse.exists():
        with warehouse.reader(migrated=True) as cursor:
            found = in_warehouse(cursor, project)
    else:
        found = {t: _new(project, t, None) for t in _taps_of_warehouse(project)}
    targets = [tap for tap, table in project.file.taps.items() if table.target]
    if targets:
        with open_store(project.private_dir) as store:
            found |= {tap: in_store(store, project, tap) for tap in targets}
    order = [*project.file.taps, *sorted(found.keys() - project.file.taps.keys())]
    return {tap: found[tap] for tap in order}


def in_warehouse(cursor: DuckDBPyConnection, project: Project) -> dict[str, TapState]:
    """Read the states that the warehouse holds, of all taps that load into it."""
    place = Place(environment=project.environment, warehouse_id=warehouse_id(cursor))
    taps = {*_taps_of_warehouse(project), *bookmarks(cursor, project.environment)}
    taps -= {tap for tap, table in project.file.taps.items() if table.target}
    found = {}
    for tap in taps:
        known = remembered(cursor, project.environment, tap)
        mark = known.bookmark
        found[tap] = _new(
            project,
            tap,
            place,
            known=known,
            state=mark.state if mark else None,
            origin=mark.run_id if mark else "",
            written_at=mark.at if mark else None,
            appended=appended_streams(cursor, project.environment, tap)
            - _overwritten(project, tap),
        )
    return found


def in_store(store: Store, project: Project, tap: str) -> TapState:
    """Read the state of a tap with a Singer target of somebody else's."""
    target = project.file.taps[tap].target
    place = place_at_target(project.environment, target or "")
    last = latest(store, place, tap)
    return _new(
        project,
        tap,
        place,
        state=last.state if last else None,
        origin=last.origin if last else "",
        written_at=datetime.fromisoformat(last.saved_at) if last else None,
    )


def of_tap(states: Mapping[str, TapState], tap: str) -> TapState:
    """Give one tap's state. Raises ConfigError for a name that there is not."""
    if tap not in states:
        hint = did_you_mean(tap, states) or "elt.toml has no taps"
        raise ConfigError(f"there is no tap `{tap}`", hint=hint)
    return states[tap]


def stream_states(
    held: TapState, history: Sequence[StateVersion] = ()
) -> list[StreamState]:
    """Tell each stream of a tap apart, or give one line where that cannot be.

    By the history, the newest first, each bookmark is dated by who wrote that value.
    """
    found = held.marks
    streams = {held.id_of(name): mark for name, mark in (found or {}).items()}
    names = dict.fromkeys([*streams, *held.known.broken])
    lines = [_line(held, stream, streams.get(stream), history) for stream in names]
    if found is None or not lines:
        mark = held.state if found is None else None
        lines.insert(0, _line(held, "", mark, ()))
    return lines


def history_of(project: Project, held: TapState) -> list[StateVersion]:
    """Give the versions that the store has of a tap's state, the newest first."""
    if held.place is None:
        return []
    with open_store(project.private_dir) as store:
        return versions(store, held.place, held.tap)


def _line(
    held: TapState, stream: str, mark: str | None, history: Sequence[StateVersion]
) -> StreamState:
    at, origin = held.written_at, held.origin
    for version in history:
        if (marks(version.state, held.ids.keys()) or {}).get(stream) != mark:
            break
        at, origin = datetime.fromisoformat(version.saved_at), version.origin
    return StreamState(
        tap=held.tap,
        stream=stream,
        replication_key=held.keys.get(stream) or (mark and replication_key(mark)),
        bookmark=shown(mark) if mark is not None else None,
        written_at=at if mark is not None else None,
        origin=origin if mark is not None else "",
        read_in_full=held.known.broken.get(stream),
    )


def _new(  # noqa: PLR0913  what was found of one tap
    project: Project,
    tap: str,
    place: Place | None,
    *,
    known: Remembered | None = None,
    state: str | None = None,
    origin: str = "",
    written_at: datetime | None = None,
    appended: frozenset[str] = frozenset(),
) -> TapState:
    streams = _streams(project, tap)
    known = known or Remembered()
    return TapState(
        tap=tap,
        place=place,
        known=known,
        state=state if state and not is_empty(state) else None,
        origin=origin,
        written_at=written_at,
        ids={
            **{stream: stream for stream in known.loaded},
            **{name: s.id for s in streams for name in (s.name, s.id)},
        },
        keys={s.id: s.replication_key for s in streams if s.replication_key},
        appended=appended,
    )


def _streams(project: Project, tap: str) -> list[Stream]:
    """Give the streams that the tap offered when it was last asked."""
    catalog = CatalogMemory(project, tap).last
    return all_streams(catalog) if catalog else []


def _overwritten(project: Project, tap: str) -> frozenset[str]:
    """Give the streams of which each run writes the whole table, as far as is known.

    A table that comes in several commits is added to, too, behind the first.
    """
    catalog = CatalogMemory(project, tap).last
    if catalog is None or tap not in project.file.taps:
        return frozenset()
    try:
        modes = {
            stream.id: decide(
                key=stream.key_properties,
                replication_method=stream.replication_method,
                table=stream_settings(project, tap, stream),
            )
            for stream in all_streams(selected_in(project, tap, catalog))
        }
    except EltError:  # `elt plan` says what is wrong with it
        return frozenset()
    return frozenset(name for name, mode in modes.items() if mode.name == "overwrite")


def _taps_of_warehouse(project: Project) -> list[str]:
    return [tap for tap, table in project.file.taps.items() if not table.target]
