"""Tables as a person would write them into `elt.toml`: headers, keys, comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomlkit

# A list or a small table that fits on a line stays on one.
_WIDTH = 88
_Comments = Mapping[tuple[str, ...], str | Sequence[str]]


def table_text(
    path: Sequence[str],
    table: Mapping[str, Any],
    *,
    above: _Comments | None = None,
    below: _Comments | None = None,
) -> str:
    """Write a table with its header; tables in it get headers of their own.

    Comments go by path inside the table, () being the table itself: `above` a key or
    a header, and `below` the keys of a table. Values that are None are left out.
    """
    lines = list(_table(tuple(path), (), table, (above or {}, below or {})))
    return "\n".join(lines) + "\n"


def value_text(value: object) -> str:
    """Write a value on one line, or a list that is too long for it on several."""
    line = _inline(value)
    if len(line) <= _WIDTH or not isinstance(value, list):
        return line
    entries = "".join(f"  {_inline(entry)},\n" for entry in value)
    return f"[\n{entries}]"


def key_text(*path: str) -> str:
    """Write a key, quoted where it must be; several are joined by dots."""
    return ".".join(tomlkit.key(part).as_string() for part in path)


def comment_lines(text: str | Sequence[str]) -> list[str]:
    """Make comments of texts, one line each; an empty line stays an empty comment."""
    texts = [text] if isinstance(text, str) else text
    lines = [line for each in texts for line in each.split("\n")]
    return [f"# {_printable(line)}".rstrip() for line in lines]


def _table(
    root: tuple[str, ...],
    path: tuple[str, ...],
    table: Mapping[str, Any],
    comments: tuple[_Comments, _Comments],
) -> Iterator[str]:
    above, below = comments
    plain = {k: v for k, v in table.items() if not _has_header(v) and v is not None}
    inner = {k: v for k, v in table.items() if _has_header(v)}
    has_header = plain or not inner or path in above or path in below or not path
    if path and has_header:
        yield ""
    yield from comment_lines(above.get(path, ()))
    if has_header:
        yield f"[{key_text(*root, *path)}]"
    for key, value in plain.items():
        yield from comment_lines(above.get((*path, key), ()))
        yield f"{key_text(key)} = {value_text(value)}"
    yield from comment_lines(below.get(path, ()))
    for key, value in inner.items():
        yield from _table(root, (*path, key), value, comments)


def _has_header(value: object) -> bool:
    return isinstance(value, Mapping)


def _inline(value: object) -> str:
    match value:
        case Mapping():
            pairs = (f"{key_text(str(k))} = {_inline(v)}" for k, v in value.items())
            inside = ", ".join(pairs)
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return "[" + ", ".join(_inline(entry) for entry in value) + "]"
        case _:
            return tomlkit.item(value).as_string()


def _printable(line: str) -> str:
    """Leave out what TOML forbids in comments."""
    return "".join(letter for letter in line if letter.isprintable() or letter == "\t")
