"""What a tap's state means for loading: which streams go on, which begin anew.

A state is one value and only its tap understands it. Where it has one entry for each
stream under `bookmarks`, as nearly all do, streams can be told apart.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from elt.errors import EltError

_EMPTY_LENGTH = 200


def start_from(
    state: str | None, streams: Collection[str], anew: Collection[str]
) -> dict[str, Any] | None:
    """Take the streams that begin anew out of a state.

    A state that cannot be taken apart is dropped as a whole, and then all streams
    begin anew.
    """
    value = json.loads(state) if state else None
    if not isinstance(value, dict) or not value:
        return None
    if not anew:
        return value
    marks = value.get("bookmarks")
    if marks is None and _speaks_of_streams(value, streams):
        # A few taps keep the marks at the top.
        return {name: mark for name, mark in value.items() if name not in anew}
    if not isinstance(marks, dict) or not any(stream in marks for stream in anew):
        if _speaks_of_streams(marks, streams):
            return value
        return None
    kept = {name: mark for name, mark in marks.items() if name not in anew}
    rest = {**value, "bookmarks": kept}
    if rest.get("currently_syncing") in anew:
        del rest["currently_syncing"]
    return rest


@dataclass(frozen=True, slots=True)
class Mark:
    """From where on a stream is read again, or one partition of it.

    `where` has the values that tell the partition's rows, by property, as text; it is
    empty where the stream has no partitions. A `value` of None is the beginning.
    """

    value: str | None
    where: Mapping[str, str | None] = field(default_factory=dict)


def marks_of(
    state: Mapping[str, Any] | None, stream: str, replication_key: str | None
) -> tuple[Mark, ...]:
    """Give the replication key's values at which a stream goes on.

    singer-sdk calls one `replication_key_value` and keeps it for each of the stream's
    partitions where it has some, older taps call it by the key's name. None are given
    where the state has none, or has them in another way.
    """
    marks = (state or {}).get("bookmarks")
    mark = marks.get(stream) if isinstance(marks, dict) else None
    if not isinstance(mark, dict) or replication_key is None:
        return ()
    parts = mark.get("partitions")
    if not parts:
        whole = _mark(mark, {}, replication_key)
        return () if whole is None else (whole,)
    found = (
        _mark(part, context, replication_key)
        for part in parts
        if isinstance(part, dict)
        and isinstance(context := part.get("context"), dict)
        and context
    )
    return tuple(one for one in found if one is not None)


def can_tell_apart(marks: Sequence[Mark], properties: Collection[str]) -> bool:
    """Say whether a stream's properties tell in which partition a row is."""
    return all(mark.where.keys() <= set(properties) for mark in marks)


def _mark(
    part: Mapping[str, Any], where: Mapping[str, Any], replication_key: str
) -> Mark | None:
    value = part.get("replication_key_value", part.get(replication_key))
    # singer-sdk: what was read of an unsorted stream before it was cut short.
    cut_short = value is None and "progress_markers" in part
    if isinstance(value, dict | list) or (value is None and not cut_short):
        return None
    return Mark(_as_text(value), {name: _as_text(one) for name, one in where.items()})


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def says_nothing(state: bytes, *, first: bool) -> bool:
    """Say whether a STATE is empty, so that it must not erase one that is not.

    `first` is the first one of a load: one without any mark comes from a tap that has
    not begun, later it has taken its marks back. A long one is not looked into: there
    may be one for every row.
    """
    if len(state) > _EMPTY_LENGTH:
        return False
    value = json.loads(state) if state else None
    if first and isinstance(value, dict):
        return all(part in (None, {}, []) for part in value.values())
    return not value


def carry_over(
    new: bytes,
    old: str | None,
    *,
    read: Collection[str] = (),
    unread: Collection[str] = (),
) -> bytes:
    """Keep the bookmarks of streams that were not read, whatever the tap says of them.

    `read` are the ids of the streams that were, `unread` of those that only this run
    leaves out. A mark stays as it was written, and is not looked into: one for 10,000
    partitions has a megabyte. Raises EltError when the state cannot be taken apart.
    """
    has = _marks(new)
    if has is None and unread:
        raise EltError(
            "the tap's state cannot be taken apart, so a run of some of its streams"
            " would lose the others' rows",
            hint="Select all streams of the tap",
        )
    if has is None:
        return new
    said = {name: mark for name, mark in has.items() if name not in unread}
    kept = {
        name: mark
        for name, mark in (_marks(old or "{}") or {}).items()
        if name in unread or (name not in has and name not in read)
    }
    if not kept and len(said) == len(has):
        return new
    return _with_bookmarks(new, {**said, **kept})


def marks_in(state: str | bytes) -> Mapping[str, msgspec.Raw]:
    """Give each stream's mark as it was written; none where they cannot be told."""
    return _marks(state) or {}


def with_marks(state: bytes, marks: Mapping[str, msgspec.Raw | None]) -> bytes:
    """Put these marks in the place of the state's own; None takes one out.

    A state that cannot be taken apart stays as it is.
    """
    has = _marks(state)
    if has is None:
        return state
    both = {**has, **marks}
    new = {name: mark for name, mark in both.items() if mark is not None}
    return state if new == has else _with_bookmarks(state, new)


def _with_bookmarks(state: bytes, marks: Mapping[str, msgspec.Raw]) -> bytes:
    return msgspec.json.encode({**_parts(state), "bookmarks": marks})


def _marks(state: str | bytes) -> dict[str, msgspec.Raw] | None:
    marks = _parts(state).get("bookmarks")
    if marks is None or not bytes(marks).startswith(b"{"):
        return None
    return _parts(marks)


def _parts(text: str | bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Take a JSON object apart, one level deep; give nothing where it is none."""
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return {}


def _speaks_of_streams(marks: object, streams: Collection[str]) -> bool:
    """Say whether the entries are the streams' own, only not of those that begin."""
    return isinstance(marks, dict) and any(stream in marks for stream in streams)
