"""A tap's state: its parts, what changes one of them, and the files it travels in.

A state is one value and only its tap understands it. Nearly all keep one mark for each
stream under `bookmarks`, a few at the top; those can be told apart, others cannot.
Parts that are not meant stay byte for byte what they were: 1.10 stays 1.10.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from elt.errors import ConfigError

EMPTY = "{}"
# Where a tap goes on, which skips what comes before it.
_SYNCING = "currently_syncing"
_MARKS = "bookmarks"
_LONGEST = 60


def checked(text: str, *, what: str = "a state") -> str:
    """Give the text of a JSON object as it was written, but on one line.

    Raises ConfigError when it is anything else.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        line = msgspec.json.format(text.strip().encode(), indent=-1).decode()
        msgspec.json.decode(line, type=Raw)
    except (ValueError, msgspec.DecodeError) as error:
        raise ConfigError(
            f"{what} is JSON, and this is not: {error}",
            where=shortened(text) or None,
            hint="""Quote it for the shell: '{"bookmarks": {...}}'""",
        ) from None
    if not isinstance(value, dict):
        raise ConfigError(
            f"{what} is a JSON object, and this is {_kind(value)}",
            where=shortened(text),
            hint='It starts with `{`, for example {"bookmarks": {"orders": {...}}}',
        )
    return line


def marks(state: str | None, streams: Collection[str]) -> dict[str, str] | None:
    """Give the mark of each stream, as JSON text.

    `streams` are the names that the tap's streams are known by. None where the state
    cannot be taken apart by stream.
    """
    parts = _parts(state or EMPTY)
    if parts is None:
        return None
    nested = _nested(parts)
    if nested is not None:
        return {name: bytes(mark).decode() for name, mark in nested.items()}
    own = {name: bytes(parts[name]).decode() for name in parts if name in streams}
    return own or (None if parts else {})


def can_be_taken_apart(state: str | None, streams: Collection[str]) -> bool:
    """Say whether one stream can begin anew while the others go on."""
    found = marks(state, streams)
    return found is not None and (not found or any(name in found for name in streams))


def without(state: str, names: Collection[str]) -> str:
    """Take streams' marks out of a state; all else stays as it is."""
    parts = _parts(state) or {}
    nested = _nested(parts)
    rest: dict[str, Any] = {**parts}
    if nested is None:
        rest = {name: part for name, part in parts.items() if name not in names}
    else:
        rest[_MARKS] = {n: mark for n, mark in nested.items() if n not in names}
    if _SYNCING in rest and _points_to(rest[_SYNCING], names):
        del rest[_SYNCING]
    return _text(rest)


def with_mark(
    state: str | None, stream: str, mark: str, streams: Collection[str]
) -> str:
    """Write one stream's mark into a state; all else stays as it is.

    Raises ConfigError where the state has no place for it.
    """
    parts = _parts(state or EMPTY)
    nested = None if parts is None else _nested(parts)
    new = Raw(mark.encode())
    if parts == {} or (parts and nested is not None):
        return _text({**parts, _MARKS: {**(nested or {}), stream: new}})
    if parts is None or marks(state, streams) is None:
        raise ConfigError(
            f"the tap's state has no bookmarks of single streams, so none of"
            f" `{stream}` can be set",
            hint="Set the whole state: `elt state set TAP JSON`",
        )
    return _text({**parts, stream: new})


def without_mark(state: str | None, names: Collection[str]) -> bool:
    """Say whether a state surely lets a stream begin anew.

    `names` are those by which the stream may be called in it.
    """
    if not state:
        return True
    nested = _nested(_parts(state) or {})
    return nested is not None and not any(name in nested for name in names)


def replication_key(mark: str) -> str | None:
    """Give the name of the column that a mark speaks of, where it can be seen."""
    value = json.loads(mark)
    if not isinstance(value, dict):
        return None
    named = value.get("replication_key")
    if isinstance(named, str):
        return named
    scalars = [name for name, one in value.items() if _is_scalar(one)]
    return scalars[0] if len(value) == len(scalars) == 1 else None


def shown(mark: str) -> str:
    """Give the value of a mark in a few words."""
    value = json.loads(mark)
    if isinstance(value, dict):
        if _is_scalar(value.get("replication_key_value")):
            return str(value["replication_key_value"])
        key = replication_key(mark)
        if key is not None and key in value:
            return str(value[key])
        if len(value) == 1:
            ((name, several),) = value.items()
            if isinstance(several, list | dict):
                return _counted(len(several), name)
    return shortened(msgspec.json.format(mark, indent=0))


def differences(
    before: str | None, after: str | None, streams: Collection[str]
) -> list[str]:
    """Say in words what has changed from one state to another."""
    old, new = before or EMPTY, after or EMPTY
    was, now = marks(old, streams), marks(new, streams)
    if was is None or now is None:
        return [] if _equal(old, new) else [_changed("the state", old, new)]
    lines = [
        *_changes(_telling(was), _telling(now), none="no bookmark"),
        *_changes(_others(old, was), _others(new, now), none="nothing"),
    ]
    return [f"`{name}`: {change}" for name, change in lines]


def pretty(state: str) -> str:
    """Lay a state out on lines, each value as it was written."""
    return msgspec.json.format(state, indent=2)


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _parts(text: str) -> dict[str, Raw] | None:
    """Give what a state holds at its top; None where it is no JSON object."""
    try:
        return msgspec.json.decode(text, type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeError):
        return None


def _nested(parts: Mapping[str, Raw]) -> dict[str, Raw] | None:
    if _MARKS not in parts or not bytes(parts[_MARKS]).lstrip().startswith(b"{"):
        return None
    return msgspec.json.decode(parts[_MARKS], type=dict[str, Raw])


def _text(parts: Mapping[str, Any]) -> str:
    return msgspec.json.encode(parts).decode()


def _points_to(part: Raw, names: Collection[str]) -> bool:
    value = msgspec.json.decode(part)
    return isinstance(value, str) and value in names


def _others(state: str, found: Mapping[str, str]) -> dict[str, str]:
    """Give what a state holds beside the marks."""
    parts = _parts(state) or {}
    own = {_MARKS} if _nested(parts) is not None else set(found)
    return {n: bytes(one).decode() for n, one in parts.items() if n not in own}


def _telling(found: Mapping[str, str]) -> dict[str, str]:
    """Leave out marks that say nothing, as taps write for what they read in full."""
    return {n: mark for n, mark in found.items() if json.loads(mark) not in ({}, None)}


def _changes(
    was: Mapping[str, str], now: Mapping[str, str], *, none: str
) -> Iterator[tuple[str, str]]:
    for name in {**was, **now}:
        old, new = was.get(name), now.get(name)
        if old is None or new is None:
            gone, come = old and shown(old), new and shown(new)
            yield name, f"{gone or none} -> {come or none}"
        elif not _equal(old, new):
            yield name, _changed("", old, new)


def _changed(what: str, old: str, new: str) -> str:
    before, after = shown(old), shown(new)
    if before == after:
        return f"{what} changed inside".strip()
    return f"{what} {before} -> {after}".strip()


def _equal(one: str, other: str) -> bool:
    return bool(json.loads(one) == json.loads(other))


def _counted(number: int, name: str) -> str:
    """Count what a mark holds under a name such as `partitions` or `files`."""
    return f"1 {name.removesuffix('s')}" if number == 1 else f"{number:,} {name}"


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    return {
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }.get(type(value), "a number")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
