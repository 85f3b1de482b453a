"""Streams that begin behind their bookmark, because rows of them come late."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from elt.errors import ConfigError
from elt.project.durations import seconds_of
from elt.project.settings import Project
from elt.runner.discovery import stream_settings
from elt.singer.catalog import Stream
from elt.singer.moved_marks import Distance, moved_back, spots
from elt.singer.state import can_be_taken_apart, replication_key
from elt.targets.writing.modes import decide

# What singer-sdk keeps in a mark beside its value.
_BESIDE = frozenset(
    {
        "context",
        "progress_markers",
        "replication_key",
        "replication_key_signpost",
        "starting_replication_value",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What elt.toml asks for a stream."""

    stream: Stream
    lookback: str | int

    @property
    def by(self) -> Distance:
        if isinstance(self.lookback, int):
            return self.lookback
        return timedelta(seconds=seconds_of(self.lookback))


@dataclass(frozen=True, slots=True)
class LookBack:
    """A stream whose mark was moved back; `note` says where it begins."""

    replication_key: str | None
    note: str


def lookbacks(project: Project, tap: str, streams: Iterable[Stream]) -> list[Asked]:
    """Find the streams that look back. Raises ConfigError where rows would double."""
    found = []
    for stream in streams:
        lookback = stream_settings(project, tap, stream).lookback
        if lookback is not None:
            _refuse_doubles(project, tap, stream)
            found.append(Asked(stream, lookback))
    return found


def begun_earlier(
    start: dict[str, Any] | None, asked: Iterable[Asked], names: Collection[str]
) -> tuple[dict[str, Any] | None, dict[str, LookBack], tuple[str, ...]]:
    """Move marks back in the state that is given to a tap.

    Give it, the streams of which a mark has moved, and warnings for what could not be.
    A stream without a mark is read from its start anyway. `names` are those by which
    the tap's streams are known.
    """
    wanted = [*asked]
    if not start or not wanted:
        return start, {}, ()
    moved = copy.deepcopy(start)
    apart = can_be_taken_apart(json.dumps(start), names)
    found: dict[str, LookBack] = {}
    warnings: list[str] = []
    for one in wanted:
        marks = _marks_of(moved, one.stream)
        keys = [one.stream.replication_key or _guessed_key(mark) for mark in marks]
        places = [spots(mark, key) for mark, key in zip(marks, keys, strict=True)]
        moves = [_move(*place, by=one.by) for each in places for place in each]
        begins = [value for value in moves if value is not None]
        if begins:
            found[one.stream.id] = LookBack(keys[0], _note(one, begins))
        untold = not moves and any(map(_says_more, marks))
        if untold or len(begins) < len(moves) or not apart:
            warnings.append(_warning(one, moves))
    return (moved if found else start), found, tuple(warnings)


def _marks_of(state: Mapping[str, Any], stream: Stream) -> list[dict[str, Any]]:
    marks = state.get("bookmarks", state)
    names = dict.fromkeys((stream.id, stream.name))
    found = [marks.get(name) for name in names] if isinstance(marks, dict) else []
    return [mark for mark in found if isinstance(mark, dict)]


def _guessed_key(mark: Mapping[str, Any]) -> str | None:
    return replication_key(json.dumps(mark))


def _move(table: dict[str, Any], name: str, *, by: Distance) -> Any:
    """Move a value in place; give what it is now, or None where it stays."""
    value = moved_back(table[name], by)
    if value is not None:
        table[name] = value
    return value


def _says_more(mark: Mapping[str, Any]) -> bool:
    """Say whether a mark tells a place in a way that nobody here understands."""
    parts = mark.get("partitions") or [mark]
    return any(
        value not in (None, {}, []) and name not in _BESIDE
        for part in parts
        if isinstance(part, dict)
        for name, value in part.items()
    )


def _note(one: Asked, begins: Sequence[Any]) -> str:
    if len(begins) == 1:
        return f"reads again from {begins[0]}, as `lookback` says"
    return f"reads again from {one.lookback} before its {len(begins):,} bookmarks"


def _warning(one: Asked, moves: Sequence[Any]) -> str:
    why = "its bookmark has no value that is a date, a time or a number"
    if moves:
        kind = "a duration" if isinstance(one.by, timedelta) else "a whole number"
        why = f"its bookmark cannot be moved by {kind}"
    return (
        f"stream `{one.stream.id}` does not look back by {one.lookback}, but goes on"
        f" from its bookmark: {why}"
    )


def _refuse_doubles(project: Project, tap: str, stream: Stream) -> None:
    """Raise ConfigError for a stream whose rows must not come twice."""
    settings = stream_settings(project, tap, stream)
    method = stream.replication_method
    mode = decide(key=stream.key_properties, replication_method=method, table=settings)
    full_table = method == "FULL_TABLE"
    if mode.name == "upsert" and not full_table:
        return
    why = f"it is written by `{mode.name}` ({mode.reason}), and would get rows twice"
    hint = 'Take `lookback` out, or name the stream\'s key: `key = ["id"]`'
    if full_table:
        why, hint = "it is read in full each time", "Take `lookback` out"
    raise ConfigError(
        f"stream `{stream.id}` of tap `{tap}` cannot look back: {why}",
        where=project.where("taps", tap, "streams", stream.id),
        hint=hint,
    )
