"""Edits of `elt.toml` that leave everything else in it as somebody wrote it.

An edit is checked before it is written: the new text must hold the old values and the
new one, every comment, and nothing that the project's rules refuse.
"""

from __future__ import annotations

import copy
import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import tomli
import tomlkit

from elt.errors import ConfigError
from elt.project.atomic import write_whole
from elt.project.load import check_text
from elt.project.locate import KeyPath, Section, comments, dotted, sections
from elt.project.settings import FILE_NAME, File
from elt.project.toml_text import key_text, table_text, value_text

Comments = Mapping[tuple[str, ...], str | Sequence[str]]
_BOM = "\ufeff"


def set_value(root: Path, path: KeyPath, value: object) -> None:
    """Set one key of `elt.toml`; a table that it needs is made. None removes it.

    Raises ConfigErrors, and leaves the file alone, when the project's rules refuse it.
    """
    with editing(root) as file:
        file.set_value(path, value)


def add_table(
    root: Path,
    path: KeyPath,
    table: Mapping[str, Any],
    *,
    above: Comments | None = None,
    below: Comments | None = None,
) -> None:
    """Add a table after its neighbours; see `table_text` for the comments.

    Raises ConfigError when it is there already, ConfigErrors when the project's rules
    refuse it; the file is then as it was.
    """
    with editing(root) as file:
        file.add_table(path, table, above=above, below=below)


def remove(root: Path, path: KeyPath) -> None:
    """Take a key or a table out, with the comments inside it; no error if not there."""
    with editing(root) as file:
        file.remove(path)


@contextmanager
def editing(root: Path) -> Iterator[Text]:
    """Make several edits of the project's file as one; an exception undoes all."""
    path = root / FILE_NAME
    original = _read(path)
    bom, ends = original.startswith(_BOM), _line_end(original)
    text = original.removeprefix(_BOM).replace("\r\n", "\n")
    check_text(text, is_written=True)
    edited = Text(text)
    yield edited
    if edited.text == text:
        return
    check_text(edited.text, is_written=False)
    written = edited.text.replace("\n", ends)
    write_whole(path, (_BOM if bom else "") + written)


class Text:
    """The text of an `elt.toml`, to be edited."""

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def tables(self) -> dict[str, Any]:
        return tomli.loads(self.text)

    def set_value(self, path: KeyPath, value: object) -> None:
        there, old = _at(self.tables, path)
        value = _plain(value)
        if value is None:
            self.remove(path)
        elif isinstance(value, dict) and isinstance(old, dict):
            self._merge(path, old, value)
        elif there:
            self._edit(path, value, partial(_replaced, path=path, value=value))
        elif isinstance(value, dict):
            self.add_table(path, value)
        else:
            self._add_key(path, value)

    def add_table(
        self,
        path: KeyPath,
        table: Mapping[str, Any],
        *,
        above: Comments | None = None,
        below: Comments | None = None,
    ) -> None:
        if _at(self.tables, path)[0]:
            raise ConfigError(f"`[{dotted(path)}]` is there already", where=FILE_NAME)
        text = table_text(_names(path), table, above=above, below=below)
        value = _at(tomli.loads(text), path)[1]
        self._edit(
            path,
            value,
            partial(_inserted, path=path, table=text),
            partial(_replaced, path=path, value=value),
        )

    def remove(self, path: KeyPath) -> None:
        if _at(self.tables, path)[0]:
            self._edit(path, None, partial(_removed, path=path))

    def _merge(
        self, path: KeyPath, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> None:
        for key in old.keys() - new.keys():
            self.remove((*path, key))
        for key, value in new.items():
            self.set_value((*path, key), value)

    def _add_key(self, path: KeyPath, value: object) -> None:
        *parent, key = _names(path)
        line = f"{key_text(key)} = {value_text(value)}"
        table = table_text(parent, {key: value})
        self._edit(
            path,
            value,
            partial(_with_line, path=path[:-1], line=line),
            partial(_inserted, path=path[:-1], table=table),
            partial(_replaced, path=path, value=value),
        )

    def _edit(self, path: KeyPath, value: object, *ways: Callable[[str], str]) -> None:
        """Take the first way that changes what is meant and nothing else.

        `value` is what the path shall hold, None for nothing.
        """
        meant = _changed(self.tables, path, value)
        for way in ways:
            try:
                edited = way(self.text)
                is_right = tomli.loads(edited) == meant
                is_right = is_right and not _lost_comments(self.text, edited, path)
            except (LookupError, ValueError, TypeError, AttributeError):
                continue  # tomlkit's errors are among these
            if is_right:
                self.text = edited
                return
        raise ConfigError(
            f"`{dotted(path)}` cannot be changed without harm to the rest",
            where=FILE_NAME,
            hint="Change it by hand",
        )


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"{FILE_NAME} cannot be read: {reason}",
            where=str(path),
            hint="Let the user that runs elt read it, and save it as UTF-8",
        ) from error


def _line_end(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _plain(value: object) -> Any:
    """Give the value as it will be read back; None stands for no value."""
    return None if value is None else tomli.loads(f"x = {value_text(value)}")["x"]


def _names(path: KeyPath) -> list[str]:
    return [str(part) for part in path]


def _at(tables: object, path: KeyPath) -> tuple[bool, Any]:
    """Tell whether the path is there, and its value."""
    for part in path:
        match (tables, part):
            case (dict(), str()) if part in tables:
                tables = tables[part]
            case (list(), int()) if part < len(tables):
                tables = tables[part]
            case _:
                return False, None
    return True, tables


def _changed(tables: dict[str, Any], path: KeyPath, value: object) -> dict[str, Any]:
    """Say what the file shall hold."""
    meant = copy.deepcopy(tables)
    table: Any = meant
    for part in path[:-1]:
        table = table[part] if isinstance(part, int) else table.setdefault(part, {})
    if value is None:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return meant


def _lost_comments(old: str, new: str, path: KeyPath) -> Counter[str]:
    """Count what is missing, but for what stood in the value that has changed."""
    there, item = _at_item(tomlkit.parse(old), path)
    inside = comments(f"x = {item.as_string()}{item.trivia.comment}") if there else ()
    return Counter(comments(old)) - Counter(comments(new)) - Counter(inside)


def _with_line(text: str, path: KeyPath, line: str) -> str:
    """Write a line below the last key of a table that has a header."""
    (end,) = [section.end for section in sections(text) if section.path == path]
    lines = text.split("\n")
    lines.insert(end, line)
    return "\n".join(lines)


def _inserted(text: str, path: KeyPath, table: str) -> str:
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


def _replaced(text: str, path: KeyPath, value: object) -> str:
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


def _removed(text: str, path: KeyPath) -> str:
    document = tomlkit.parse(text)
    table: Any = document
    for part in path[:-1]:
        table = table[part]
    del table[path[-1]]
    return tomlkit.dumps(document)
