"""What a tap's state means for loading: which streams go on, which begin anew.

A state is one value and only its tap understands it. Where it has one entry for each
stream under `bookmarks`, as nearly all do, streams can be told apart.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from elt.errors import EltError


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


def bookmark_value(
    state: Mapping[str, Any] | None, stream: str, replication_key: str | None
) -> str | None:
    """Give the replication key's value at which a stream goes on, as text.

    singer-sdk calls it `replication_key_value`, older taps call it by the key's name.
    None where the state has none, for example because it is kept per partition.
    """
    marks = (state or {}).get("bookmarks")
    mark = marks.get(stream) if isinstance(marks, dict) else None
    if not isinstance(mark, dict) or replication_key is None:
        return None
    value = mark.get("replication_key_value", mark.get(replication_key))
    return None if value is None or isinstance(value, dict | list) else str(value)


def carry_over(
    new: bytes,
    old: str | None,
    *,
    read: Collection[str] = (),
    unread: Collection[str] = (),
) -> bytes:
    """Keep the bookmarks of streams that were not read, whatever the tap says of them.

    `read` are the ids of the streams that were, `unread` of those that only this run
    leaves out. Raises EltError when the state cannot be taken apart for that.
    """
    before, after = json.loads(old or "{}"), json.loads(new)
    had, has = _marks(before), _marks(after)
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
        for name, mark in (had or {}).items()
        if name in unread or (name not in has and name not in read)
    }
    if not kept and said == has:
        return new
    return json.dumps({**after, "bookmarks": {**said, **kept}}).encode()


def _marks(state: object) -> dict[str, Any] | None:
    marks = state.get("bookmarks") if isinstance(state, dict) else None
    return marks if isinstance(marks, dict) else None


def _speaks_of_streams(marks: object, streams: Collection[str]) -> bool:
    """Say whether the entries are the streams' own, only not of those that begin."""
    return isinstance(marks, dict) and any(stream in marks for stream in streams)
