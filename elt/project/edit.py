"""Edits of `elt.toml` that leave everything else in it as somebody wrote it.

An edit is checked before it is written: the new text must hold the old values and the
new one, every comment, and nothing that the project's rules refuse.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import tomli

from elt.errors import ConfigError
from elt.project import toml_edits as ways
from elt.project.atomic import write_whole
from elt.project.load import check_text
from elt.project.locate import KeyPath, dotted
from elt.project.settings import FILE_NAME
from elt.project.toml_text import key_text, table_text, value_text

Comments = Mapping[tuple[str, ...], str | Sequence[str]]
_BOM = "\ufeff"


def set_value(root: Path, path: KeyPath, value: object) -> None:
    """Set one key of `elt.toml`; a table that it needs is made. None removes it.

    Raises ConfigErrors, and leaves the file alone, when the project's rules refuse it.
    """
    with editing(root) as file:
        file.set_value(path, value)


def check_table(root: Path, path: KeyPath, table: Mapping[str, Any]) -> None:
    """Raise what adding a table would raise, and write nothing."""
    edited = Text(_as_edited(_read(root / FILE_NAME)))
    check_text(edited.text, is_written=True)
    edited.add_table(path, table)
    edited.check()


@contextmanager
def editing(root: Path) -> Iterator[Text]:
    """Make several edits of the project's file as one; an exception undoes all."""
    path = root / FILE_NAME
    original = _read(path)
    bom, ends = original.startswith(_BOM), _line_end(original)
    text = _as_edited(original)
    check_text(text, is_written=True)
    edited = Text(text)
    yield edited
    if edited.text == text:
        return
    edited.check()
    written = edited.text.replace("\n", ends)
    write_whole(path, (_BOM if bom else "") + written)


class Text:
    """The text of an `elt.toml`, to be edited."""

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def tables(self) -> dict[str, Any]:
        return tomli.loads(self.text)

    def check(self) -> None:
        """Raise ConfigErrors when the project's rules refuse the text."""
        check_text(self.text, is_written=False)

    def set_value(self, path: KeyPath, value: object) -> None:
        there, old = _at(self.tables, path)
        value = _plain(value)
        if value is None:
            self.remove(path)
        elif isinstance(value, dict) and isinstance(old, dict):
            self._merge(path, old, value)
        elif there:
            self._edit(path, value, partial(ways.replaced, path=path, value=value))
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
            partial(ways.inserted, path=path, table=text),
            partial(ways.replaced, path=path, value=value),
        )

    def remove(self, path: KeyPath) -> None:
        if _at(self.tables, path)[0]:
            self._edit(path, None, partial(ways.removed, path=path))

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
            partial(ways.with_line, path=path[:-1], line=line),
            partial(ways.inserted, path=path[:-1], table=table),
            partial(ways.replaced, path=path, value=value),
        )

    def _edit(self, path: KeyPath, value: object, *roads: Callable[[str], str]) -> None:
        """Take the first road that changes what is meant and nothing else.

        `value` is what the path shall hold, None for nothing.
        """
        meant = _changed(self.tables, path, value)
        for road in roads:
            try:
                edited = road(self.text)
                is_right = tomli.loads(edited) == meant
                is_right = is_right and not ways.lost_comments(self.text, edited, path)
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


def _as_edited(text: str) -> str:
    return text.removeprefix(_BOM).replace("\r\n", "\n")


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
