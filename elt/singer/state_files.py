"""The files that states travel in: our own, Singer's, Meltano's.

Ours holds the states of several taps under their names. Singer's is one state as it
is, or the STATE messages that a target wrote. Meltano's wraps one state in
`singer_state`, and where it comes from its database, in `completed` and `partial`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from elt.errors import ConfigError
from elt.singer.state import EMPTY, checked

_VERSION = 1
_OURS = "elt_state"
_SINGER_STATE = "singer_state"
_COMPLETED = ("completed", "completed_state")
_PARTIAL = ("partial", "partial_state")
_MARKS = "bookmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFile:
    """What a file holds: the states of named taps, or one that names no tap.

    `warehouse` is the id of the one that our own file was exported from.
    """

    states: Mapping[str, str]
    unnamed: str | None = None
    warehouse: str | None = None


def read_state_file(text: str) -> StateFile:
    """Read any of the formats. Raises ConfigError when it is none of them."""
    line = checked(_last_line(text), what="a file of states")
    parts = _object(line)
    if _OURS in parts:
        return _own(parts)
    if parts.get("type") == Raw(b'"STATE"') and "value" in parts:
        return StateFile(states={}, unnamed=checked(_plain(parts["value"])))
    found = _meltano(parts)
    return StateFile(states={}, unnamed=line if found is None else found)


def write_states(
    states: Mapping[str, str], *, environment: str, warehouse: str | None
) -> str:
    """Write our own file: what each tap's state is, and where it was valid."""
    document = {
        _OURS: _VERSION,
        "environment": environment,
        "warehouse": warehouse,
        "taps": {tap: Raw(state.encode()) for tap, state in states.items()},
    }
    return _pretty(document)


def write_meltano(state: str) -> str:
    """Write what `meltano state set` takes."""
    return _pretty({_SINGER_STATE: Raw(state.encode())})


def _own(parts: Mapping[str, Raw]) -> StateFile:
    version = json.loads(_plain(parts[_OURS]))
    if version != _VERSION:
        raise ConfigError(
            f"the file of states is of version {version}, this elt knows {_VERSION}",
            hint="Upgrade elt: `pip install --upgrade elt-toolkit`",
        )
    taps = _object(_plain(parts.get("taps", Raw(b"{}"))))
    warehouse = json.loads(_plain(parts.get("warehouse", Raw(b"null"))))
    return StateFile(
        states={tap: _state(tap, value) for tap, value in taps.items()},
        warehouse=warehouse if isinstance(warehouse, str) else None,
    )


def _state(tap: str, value: Raw) -> str:
    text = _plain(value)
    return EMPTY if text == "null" else checked(text, what=f"the state of tap `{tap}`")


def _meltano(parts: Mapping[str, Raw]) -> str | None:
    """Take the state out of Meltano's wrapping; None where there is none."""
    if _SINGER_STATE in parts:
        return _singer_state(parts)
    completed, partial = _first(parts, _COMPLETED), _first(parts, _PARTIAL)
    if completed is None and partial is None:
        return None
    # What an unfinished run of Meltano left lies over what was finished before.
    return _laid_over(_singer_state(completed or {}), _singer_state(partial or {}))


def _first(parts: Mapping[str, Raw], names: tuple[str, ...]) -> dict[str, Raw] | None:
    for name in names:
        if name in parts:
            return _object(_plain(parts[name]))
    return None


def _singer_state(parts: Mapping[str, Raw]) -> str:
    text = _plain(parts.get(_SINGER_STATE, Raw(b"{}")))
    return EMPTY if text == "null" else checked(text)


def _laid_over(below: str, above: str) -> str:
    under, over = _object(below), _object(above)
    joined: dict[str, Any] = {**under, **over}
    if _MARKS in under and _MARKS in over:
        marks = (_object(_plain(under[_MARKS])), _object(_plain(over[_MARKS])))
        joined[_MARKS] = {**marks[0], **marks[1]}
    return msgspec.json.encode(joined).decode()


def _last_line(text: str) -> str:
    """Take the last of several lines that are JSON each, as a target writes them."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        for line in lines:
            json.loads(line)
    except ValueError:
        return text
    return lines[-1] if lines else text


def _object(text: str) -> dict[str, Raw]:
    try:
        return msgspec.json.decode(text, type=dict[str, Raw])
    except msgspec.ValidationError:
        return {}


def _plain(value: Raw) -> str:
    return bytes(value).decode()


def _pretty(document: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
