"""What a tap's state means for loading: which streams go on, which begin anew.

A state is one value and only its tap understands it. Where it has one entry for each
stream under `bookmarks`, as nearly all do, streams can be told apart.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Start:
    """The state to give to a tap, and the streams that it then reads in full."""

    state: dict[str, Any] | None
    anew: frozenset[str]


def start_from(
    state: str | None, streams: Collection[str], anew: Collection[str]
) -> Start:
    """Take the streams that begin anew out of a state.

    A state that cannot be taken apart is dropped as a whole, and then all streams
    begin anew.
    """
    value = json.loads(state) if state else None
    if not isinstance(value, dict) or not value:
        return Start(None, frozenset(streams))
    if not anew:
        return Start(value, frozenset())
    marks = value.get("bookmarks")
    if not isinstance(marks, dict) or not any(stream in marks for stream in anew):
        if _speaks_of_streams(marks, streams):
            return Start(value, frozenset(anew))
        return Start(None, frozenset(streams))
    kept = {name: mark for name, mark in marks.items() if name not in anew}
    rest = {**value, "bookmarks": kept}
    if rest.get("currently_syncing") in anew:
        del rest["currently_syncing"]
    return Start(rest, frozenset(anew))


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


def carry_over(new: bytes, old: str | None, streams: Collection[str]) -> bytes:
    """Keep the bookmarks of streams that were not read, where a tap leaves them out."""
    before = json.loads(old) if old else None
    after = json.loads(new)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return new
    had, has = before.get("bookmarks"), after.get("bookmarks")
    if not isinstance(had, dict) or not isinstance(has, dict):
        return new
    left_out = {n: m for n, m in had.items() if n not in has and n not in streams}
    if not left_out:
        return new
    return json.dumps({**after, "bookmarks": {**has, **left_out}}).encode()


def _speaks_of_streams(marks: object, streams: Collection[str]) -> bool:
    """Say whether the entries are the streams' own, only not of those that begin."""
    return isinstance(marks, dict) and any(stream in marks for stream in streams)
