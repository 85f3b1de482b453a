"""What is to become of a tap's state, decided before anything is written."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.runner.store.state import StateVersion, is_empty
from elt.runner.tap_states import TapState
from elt.singer.state import (
    EMPTY,
    can_be_taken_apart,
    checked,
    differences,
    marks,
    replication_key,
    shortened,
    with_mark,
    without,
)
from elt.singer.state_files import read_state_file
from elt.targets.bookmarks import marks_of

Origin = Literal["set", "reset", "undo", "import"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is to become of one tap's state, as it was decided from `held`.

    `anew` are the ids of streams that are read from their start then, `going_on`
    those that no longer are.
    """

    held: TapState
    origin: Origin
    after: str
    anew: frozenset[str] = frozenset()
    going_on: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    back_to: int | None = None  # the version that an undo leads to

    @property
    def tap(self) -> str:
        return self.held.tap

    @property
    def changes(self) -> list[str]:
        return differences(self.held.state, self.after, self.held.ids.keys())

    @property
    def is_change(self) -> bool:
        """Whether there is anything to write."""
        known = self.held.known
        alike = is_empty(self.after) and self.held.state is None
        return (
            not (alike or self.after == self.held.state)
            or not self.anew <= known.broken.keys()
            or not self.going_on.isdisjoint(known.reset)
        )

    @property
    def erases(self) -> bool:
        """Whether nothing is left of a state that said something."""
        return self.held.state is not None and is_empty(self.after)


def decide_set(held: TapState, text: str, stream: str | None = None) -> Edit:
    """Decide to write a state, or one stream's mark in it."""
    if stream is None:
        after = checked(text)
        if is_empty(after):
            raise ConfigError(
                "an empty state would read the tap from its start",
                hint=f"If you want that: `elt state reset {held.tap} --whole`",
            )
        _refuse_wrapped(after)
        return _noted(_edit(held, "set", after))
    mark = checked(text, what="a bookmark")
    after = with_mark(held.state, _called(held, stream), mark, held.ids.keys())
    going_on = frozenset({held.id_of(stream)})
    return _noted(replace(_edit(held, "set", after), going_on=going_on))


def decide_reset(
    held: TapState, streams: Sequence[str] = (), *, whole: bool = False
) -> Edit:
    """Decide to let streams begin anew, or the whole tap.

    Raises ConfigError when single streams cannot be told apart in the state, and for
    a stream that there is not.
    """
    if whole:
        everything = frozenset(held.known.loaded)
        return Edit(held=held, origin="reset", after=EMPTY, anew=everything)
    found = held.marks or {}
    for stream in streams:
        _check_stream(held, stream, found)
    if held.state is None:
        return Edit(held=held, origin="reset", after=EMPTY, notes=("it has none yet",))
    named = {_called(held, stream) for stream in streams}
    # A mark that no known stream goes by may stand for several, as a repository's does.
    is_told = bool(named & found.keys()) and not held.ids
    if not (is_told or can_be_taken_apart(held.state, held.ids.keys())):
        raise ConfigError(
            f"the state of tap `{held.tap}` cannot be taken apart by stream",
            where=f"it is {held.state[:200]}",
            hint=f"Reset all of it: `elt state reset {held.tap} --whole`",
        )
    notes = [
        f"`{name}` has no bookmark of its own: it is read in full each time, or with"
        " the stream that it hangs on"
        for name in sorted(named - found.keys())
    ]
    return Edit(
        held=held,
        origin="reset",
        after=without(held.state, named),
        anew=frozenset(held.id_of(name) for name in named & found.keys()),
        notes=tuple(notes),
    )


def decide_undo(
    held: TapState, history: Sequence[StateVersion], to: int | None = None
) -> Edit:
    """Decide to go back to the version before, or to one by its number.

    Raises ConfigError when there is none.
    """
    before = _version(held, history, to)
    edit = _edit(held, "undo", before.state)
    if is_empty(before.state):
        edit = replace(edit, after=EMPTY, anew=frozenset(held.known.loaded))
    return _noted(replace(edit, back_to=before.version))


def decide_import(held: TapState, text: str, *, allow_empty: bool = False) -> Edit:
    """Decide to take over a state from elsewhere.

    Raises ConfigError when it is empty and would erase one, unless that is allowed.
    """
    if not is_empty(text):
        return _noted(_edit(held, "import", text))
    edit = decide_reset(held, whole=True)
    if edit.erases and not allow_empty:
        raise ConfigError(
            f"the file has an empty state for tap `{held.tap}`, which has one here",
            hint="`--allow-empty` takes it over; the tap is then read from its start",
        )
    return replace(edit, origin="import")


def _edit(held: TapState, origin: Origin, after: str) -> Edit:
    """Find the streams that lose their mark, and those that have one now."""
    was, now = held.marks, marks(after, held.ids.keys())
    loaded = frozenset(held.known.loaded)
    if now is None or held.state is None:
        # Nothing tells streams apart, or all of them come back together.
        return Edit(held=held, origin=origin, after=after, going_on=loaded)
    ids = {held.id_of(name) for name in now}
    lost = {held.id_of(name) for name in was or {}} - ids
    return Edit(
        held=held,
        origin=origin,
        after=after,
        anew=frozenset(lost),
        going_on=frozenset(ids),
    )


def _noted(edit: Edit) -> Edit:
    """Add what a person should know before the state is written."""
    held = edit.held
    found = marks(edit.after, held.ids.keys())
    old, new = held.marks or {}, found or {}
    notes = [*edit.notes]
    if found is None or (new and held.ids.keys().isdisjoint(new)):
        notes += [_twice(stream) for stream in sorted(held.appended)]
    for name, mark in new.items():
        if old.get(name) == mark:
            continue
        stream = held.id_of(name)
        if held.ids and name not in held.ids:
            asked = did_you_mean(name, held.ids) or ""
            notes.append(f"`{name}` is no stream that the tap is known by. {asked}")
            continue
        why = _why_not(edit, stream, mark)
        if why:
            notes.append(why)
    return replace(edit, notes=tuple(notes))


def _why_not(edit: Edit, stream: str, mark: str) -> str | None:
    """Say why a new bookmark may not do what its writer expects."""
    held = edit.held
    broken = held.known.broken.get(stream)
    if broken and stream not in held.known.reset:
        return f"`{stream}` is read in full next time all the same: {broken}"
    if held.in_store:
        return None
    if stream not in held.known.loaded:
        return (
            f"`{stream}` has no table in this warehouse: what lies before the bookmark"
            " will not be in it"
        )
    key = held.keys.get(stream) or replication_key(mark)
    seen = marks_of(json.loads(edit.after), stream, key)
    return _twice(stream) if stream in held.appended and not seen else None


def _twice(stream: str) -> str:
    return (
        f"`{stream}` is appended to, and its bookmark names no column: rows that"
        " come again will be there twice"
    )


def _version(
    held: TapState, history: Sequence[StateVersion], to: int | None
) -> StateVersion:
    by_number = {version.version: version for version in history}
    if to is not None and to not in by_number:
        raise ConfigError(
            f"the store has no version {to} of the state of tap `{held.tap}`",
            hint=f"`elt state history {held.tap}` lists them",
        )
    if to is not None:
        return by_number[to]
    newest = history[0] if history else None
    if newest is not None and not _same(newest.state, held.state):
        return newest  # the warehouse has gone on since, or another machine has
    before = by_number.get(newest.parent_version or 0) if newest else None
    if before is None:
        raise ConfigError(
            f"the store has no version before this one of the state of `{held.tap}`",
            hint=f"To begin anew: `elt state reset {held.tap} --whole`",
        )
    return before


def _called(held: TapState, stream: str) -> str:
    """Give the name by which the state calls a stream, most often its id."""
    found = held.marks or {}
    if stream in found:
        return stream
    names = [n for n, id_ in held.ids.items() if id_ == held.id_of(stream)]
    return next((name for name in names if name in found), held.id_of(stream))


def _check_stream(held: TapState, stream: str, found: Collection[str]) -> None:
    names = {*found, *held.ids}
    if names and stream not in names:
        raise ConfigError(
            f"tap `{held.tap}` has no stream `{stream}`",
            hint=did_you_mean(stream, names),
        )


def _refuse_wrapped(state: str) -> None:
    if read_state_file(state).unnamed != state:
        raise ConfigError(
            "this is a state with something wrapped around it",
            where=shortened(state),
            hint="`elt state import FILE --tap TAP` takes it out",
        )


def _same(one: str, other: str | None) -> bool:
    return one == other or (is_empty(one) and other is None)
