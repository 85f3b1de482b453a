"""Edits of a TOML text, each with everything else in it left as it was.

They take the text and give the new one. What they cannot do well they do wrong or
raise for: `elt.project.edit` looks at the result before it takes it.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import tomlkit

from elt.project.locate import KeyPath, Section, comments, sections
from elt.project.settings import File
from elt.project.toml_text import value_text


def lost_comments(old: str, new: str, path: KeyPath) -> Counter[str]:
    """Count what is missing, but for what stood in the value that has changed."""
    there, item = _at_item(tomlkit.parse(old), path)
    inside = comments(f"x = {item.as_string()}{item.trivia.comment}") if there else ()
    return Counter(comments(old)) - Counter(comments(new)) - Counter(inside)


def with_line(text: str, path: KeyPath, line: str) -> str:
    """Write a line below the last key of a table that has a header."""
    (end,) = [section.end for section in sections(text) if section.path == path]
    lines = text.split("\n")
    lines.insert(end, line)
    return "\n".join(lines)


def inserted(text: str, path: KeyPath, table: str) -> str:
    """Write a table below its neighbours, and above the comments of what follows."""
    lines = text.rstrip("\n").split("\n")
    at = _place(lines, sections(text), path)
    before, after = _stripped(lines[:at]), lines[at:]
    parts = [before, table.split("\n")[:-1], _stripped(after[::-1])[::-1]]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _place(lines: Sequence[str], found: Sequence[Section], path: KeyPath) -> int:
    """Find the number of lines that stay above a new table."""
    last = max(range(len(found)), key=lambda i: (_nearness(found[i].path, path), i))
    if last + 1 == len(found):
        return len(lines)
    at = found[last + 1].start - 1
    while at > found[last].end and lines[at - 1].startswith("#"):
        at -= 1
    return at


def _nearness(section: KeyPath, path: KeyPath) -> tuple[int, int]:
    """Rate a neighbour: by common path, else by the order in which the file is told."""
    common = 0
    for mine, other in zip(path, section, strict=False):
        if mine != other:
            break
        common += 1
    order = File.__struct_fields__
    rank = order.index(str(section[0])) if section[:1] and section[0] in order else -1
    is_before = rank < order.index(str(path[0]))
    return common, rank if is_before else -2


def _stripped(lines: Sequence[str]) -> Sequence[str]:
    """Leave out empty lines at the end."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


def _at_item(document: Any, path: KeyPath) -> tuple[bool, Any]:
    for part in path:
        if not isinstance(part, int) and part not in document:
            return False, None
        document = document[part]
    return True, document


def replaced(text: str, path: KeyPath, value: object) -> str:
    """Put a value in the place of another; lists keep the entries that stay."""
    document = tomlkit.parse(text)
    table: Any = document
    for part in path[:-1]:
        table = table[part] if isinstance(part, int) else _inside(table, part)
    key = path[-1]
    old = table[key] if isinstance(key, int) or key in table else None
    if isinstance(old, tomlkit.items.Array) and isinstance(value, list):
        _revise(old, value)
    else:
        table[key] = tomlkit.value(value_text(value))
    return tomlkit.dumps(document)


def _inside(table: Any, key: str) -> Any:
    if key not in table:
        table[key] = tomlkit.inline_table()
    return table[key]


def _revise(array: tomlkit.items.Array, value: list[Any]) -> None:
    old = [repr(entry) for entry in array.unwrap()]
    matcher = difflib.SequenceMatcher(None, old, [repr(entry) for entry in value])
    for what, start, end, new_start, new_end in reversed(matcher.get_opcodes()):
        if what == "equal":
            continue
        for index in reversed(range(start, end)):
            del array[index]
        for index in range(new_start, new_end):
            array.insert(start + index - new_start, value[index])


def removed(text: str, path: KeyPath) -> str:
    document = tomlkit.parse(text)
    table: Any = document
    for part in path[:-1]:
        table = table[part]
    del table[path[-1]]
    return tomlkit.dumps(document)
