"""Values as in elt.toml in which `{name}` stands for something of a request.

A text that is nothing but `{name}` becomes that value itself; inside other text it is
written out. `{{` and `}}` are braces. What has no value is left out of its table, and
a table or list that becomes empty by it is left out too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from elt.errors import ConfigError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\{|\}")
ValueOf = Callable[[str], Any]  # UNSET where there is none


def holes(value: Any) -> Iterator[str]:
    """Give the names in braces. Raises ConfigError for a brace that stands alone."""
    match value:
        case str():
            for piece in _PIECE.finditer(value):
                if piece[0] not in {"{{", "}}"}:
                    yield _name(piece)
        case list() | tuple():
            for entry in value:
                yield from holes(entry)
        case Mapping():
            for entry in value.values():
                yield from holes(entry)
        case _:
            pass


def filled(value: Any, value_of: ValueOf) -> Any:
    """Write a value with its holes filled; UNSET where it has none."""
    match value:
        case str():
            return _text(value, value_of, str)
        case list() | tuple():
            entries = (filled(entry, value_of) for entry in value)
            kept = [entry for entry in entries if entry is not UNSET]
            return kept if kept or not value else UNSET
        case Mapping():
            pairs = {name: filled(entry, value_of) for name, entry in value.items()}
            left = {name: entry for name, entry in pairs.items() if entry is not UNSET}
            return left if left or not value else UNSET
        case _:
            return value


def filled_text(text: str, value_of: ValueOf, escape: Callable[[str], str]) -> Any:
    """Write a text in which each value is escaped; UNSET where one is missing."""
    found = _text(text, value_of, escape, whole=False)
    return found if found is UNSET else str(found)


def _text(
    text: str, value_of: ValueOf, escape: Callable[[str], str], *, whole: bool = True
) -> Any:
    only = _PIECE.fullmatch(text)
    if whole and only and only[1]:
        return value_of(_name(only))
    written, end = [], 0
    for piece in _PIECE.finditer(text):
        written.append(text[end : piece.start()])
        end = piece.end()
        if piece[0] in {"{{", "}}"}:
            written.append(piece[0][0])
            continue
        value = value_of(_name(piece))
        if value is UNSET:
            return UNSET
        written.append(escape(plain(value)))
    return "".join([*written, text[end:]])


def plain(value: Any) -> str:
    """Write a value as it stands in an address; numbers keep their digits."""
    if isinstance(value, Raw):
        found = msgspec.json.decode(value)
        return found if isinstance(found, str) else bytes(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _name(piece: re.Match[str]) -> str:
    name = piece[1]
    if not name or name != name.strip():
        raise ConfigError(
            f"`{piece[0]}` is no name in braces",
            hint="Write `{name}` for a value, and `{{` or `}}` for a brace",
        )
    return name
