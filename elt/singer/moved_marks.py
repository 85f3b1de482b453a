"""Marks of a state that are moved back, and ones that must not fall behind others.

A mark's value is where its tap goes on: singer-sdk calls it `replication_key_value`,
and keeps it for each partition of a stream that has some; older taps call it by the
replication key's name. What it looks like stays: 2026-11-04 10:00+01:00 moved by a day
is 2026-11-03 10:00+01:00.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from msgspec import Raw

Distance = timedelta | int

_SDK = "replication_key_value"
_DAY = timedelta(days=1)
_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:(?P<between>[T ])(?P<time>\d\d:\d\d)(?P<seconds>:\d\d)?"
    r"(?P<fraction>[.,]\d+)?(?P<offset> ?(?:Z|z|UTC|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII,
)


def spots(mark: Any, key: str | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Give each place of a mark that holds a value: its table, and the name in it.

    A mark of another replication key than `key` has none: its tap begins anew.
    """
    if not isinstance(mark, dict):
        return
    parts = mark.get("partitions")
    for part in parts if isinstance(parts, list) and parts else [mark]:
        name = _name_in(part, key) if isinstance(part, dict) else None
        if name is not None:
            yield part, name


def moved_back(value: Any, by: Distance) -> Any:
    """Give a value so much earlier, as it was written; None where it has no earlier.

    A date moves by whole days, a moment without seconds by whole minutes: not less
    than was asked for.
    """
    if isinstance(value, bool):
        return None
    if isinstance(by, int):
        return value - by if isinstance(value, int | float) else None
    if not isinstance(value, str) or (found := _MOMENT.fullmatch(value)) is None:
        return None
    try:
        return _moved(found, by)
    except (ValueError, OverflowError):  # the 31st of November, or before the year 1
        return None


def not_behind(
    state: bytes, before: str | None, streams: Mapping[str, str | None]
) -> bytes:
    """Raise the streams' marks to those of the state before, where they are behind.

    A tap that was told to begin earlier says so in its first STATEs; up to the mark
    before, all has been read. `streams` gives each one's replication key.
    """
    new, old = _parts(state), _parts(before or "{}")
    if "bookmarks" in new:
        marks = _raised(_parts(new["bookmarks"]), _parts(old.get("bookmarks")), streams)
        raised = marks and {**new, "bookmarks": marks}
    else:
        raised = _raised(new, old, streams)
    return msgspec.json.encode(raised) if raised else state


def _raised(
    marks: Mapping[str, Raw],
    before: Mapping[str, Raw],
    streams: Mapping[str, str | None],
) -> dict[str, Any] | None:
    """Give the marks with those raised that were behind; None where none was."""
    found: dict[str, Any] = {}
    for name in streams.keys() & marks.keys() & before.keys():
        mark = json.loads(bytes(marks[name]))
        if _raise(mark, json.loads(bytes(before[name])), streams[name]):
            found[name] = mark
    return {**marks, **found} if found else None


def _raise(mark: Any, before: Any, key: str | None) -> bool:
    """Raise a mark's values in place; say whether one was behind."""
    earlier = {_context(part): (part, name) for part, name in spots(before, key)}
    changed = False
    for part, name in spots(mark, key):
        was, named = earlier.get(_context(part), ({}, ""))
        if name == named and _is_behind(part[name], was[name]):
            part[name], changed = was[name], True
    return changed


def _name_in(part: Mapping[str, Any], key: str | None) -> str | None:
    if part.get(_SDK) is not None:
        return _SDK if key in {None, part.get("replication_key", key)} else None
    return key if key is not None and part.get(key) is not None else None


def _context(part: Mapping[str, Any]) -> str:
    return json.dumps(part.get("context"), sort_keys=True)


def _is_behind(value: Any, other: Any) -> bool:
    numbers = [
        one
        for one in (value, other)
        if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    if len(numbers) == 2:  # noqa: PLR2004  both
        return bool(value < other)
    one, two = _moment(value), _moment(other)
    return one is not None and two is not None and one < two


def _moment(value: Any) -> tuple[datetime, str] | None:
    """Read a date or a moment, to be compared; without an offset it is one of UTC."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    offset = re.sub(r"[^\d+-]", "", found["offset"] or "")
    minutes = int(offset[1:3]) * 60 + int(offset[3:] or 0) if offset else 0
    zone = timezone(timedelta(minutes=-minutes if offset[:1] == "-" else minutes))
    try:
        wall = _wall(found).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return wall, (found["fraction"] or "")[1:].rstrip("0")


def _moved(found: re.Match[str], by: timedelta) -> str:
    if found["time"] is None:
        days = math.ceil(by / _DAY)
        return (_wall(found) - days * _DAY).date().isoformat()
    unit = timedelta(seconds=1) if found["seconds"] else timedelta(minutes=1)
    moved = _wall(found) - math.ceil(by / unit) * unit
    day = moved.date().isoformat()
    seconds = f"{moved:%S}" if found["seconds"] else ""
    texts = (found["fraction"] or "", found["offset"] or "")
    return "".join(
        (day, found["between"], f"{moved:%H:%M}", seconds and f":{seconds}", *texts)
    )


def _wall(found: re.Match[str]) -> datetime:
    """Give what the clock on the wall said, to the second."""
    time = (found["time"] or "00:00") + (found["seconds"] or ":00")
    return datetime.fromisoformat(f"{found['date']}T{time}")


def _parts(text: str | bytes | Raw | None) -> dict[str, Raw]:
    try:
        return msgspec.json.decode(text or b"{}", type=dict[str, Raw])
    except msgspec.DecodeError:
        return {}
