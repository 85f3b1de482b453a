"""On which line of a TOML file each key stands, because tomli does not say.

A scanner for text that tomli has already read without complaint: it follows keys,
brackets and the ends of strings, and leaves the meaning of values alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import tomli

KeyPath = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r""""(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+""")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# A text in three quotes may end in up to two more of them.
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})|'''
    r"""'''.*?'''(?:'{0,2})|"(?:\\.|[^"\\])*"|'[^']*'""",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_TEXT_OR_COMMENT = re.compile(rf"(?:{_STRING.pattern})|(#[^\n]*)", re.DOTALL)


@dataclass(slots=True)
class Section:
    """The lines of one header and its keys, from `start` to `end`, both from 1.

    Lines of comments after the last key are no part of it. The keys before the first
    header are the section of the path (), which starts and may end at line 0.
    """

    path: KeyPath
    start: int
    end: int


def locate(text: str) -> dict[KeyPath, int]:
    """Give the line, from 1, of every table, key and array entry of valid TOML.

    `[[table]]`s and array entries count from 0 in the path. A table that several
    lines speak of stands where its own header is, else where it appears first.
    """
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.lines


def sections(text: str) -> list[Section]:
    """Give the headers of valid TOML in their order, each with its last line."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.sections


def comments(text: str) -> list[str]:
    """Give all comments of valid TOML, from `#` to the end of the line."""
    found = (match[1] for match in _TEXT_OR_COMMENT.finditer(text))
    return [comment.rstrip() for comment in found if comment]


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Find the line of the path, or of the innermost table around it with a line."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def dotted(path: KeyPath) -> str:
    """Write the path as TOML would; entries of arrays lend no name of their own."""
    names = (part for part in path if isinstance(part, str))
    return ".".join(
        name if _BARE.fullmatch(name) else '"' + name.replace('"', '\\"') + '"'
        for name in names
    )


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.sections = [Section((), 0, 0)]
        self.repeats: dict[KeyPath, int] = {}  # [[table]]s seen so far
        self.newlines = [i for i, letter in enumerate(text) if letter == "\n"]

    def scan(self) -> None:
        table: KeyPath = ()
        while self.peek():
            if self.peek() == "[":
                table = self.header()
            else:
                self.pair(table)
                self.sections[-1].end = self.line()

    def header(self) -> KeyPath:
        line = self.line()
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        keys = self.keys()
        self.at += brackets
        path = self.open_table(keys, line, repeated=brackets == 2)  # noqa: PLR2004
        self.sections.append(Section(path, line, line))
        return path

    def open_table(self, keys: list[str], line: int, *, repeated: bool) -> KeyPath:
        path: KeyPath = ()
        for key in keys[:-1]:
            path = (*path, key)
            self.lines.setdefault(path, line)
            path = self.latest(path)
        path = (*path, keys[-1])
        if repeated:
            self.lines.setdefault(path, line)
            self.repeats[path] = self.repeats.get(path, 0) + 1
            path = self.latest(path)
        self.lines[path] = line
        return path

    def latest(self, path: KeyPath) -> KeyPath:
        """Go into the last `[[table]]` of that name, where there are any."""
        if path in self.repeats:
            return (*path, self.repeats[path] - 1)
        return path

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = table
        for key in self.keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self.take(_BLANK)
        self.value(path)

    def keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self.take(_BLANK)
            keys.append(_plain(self.take(_KEY)))
            self.take(_BLANK)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def value(self, path: KeyPath) -> None:
        match self.text[self.at]:
            case "[":
                self.array(path)
            case "{":
                self.inline_table(path)
            case '"' | "'":
                self.take(_STRING)
            case _:
                self.take(_SCALAR)

    def array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self.peek() != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            entry = (*path, index)
            self.lines[entry] = self.line()
            self.value(entry)
            index += 1
        self.at += 1

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self.peek() != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self.pair(path)
        self.at += 1

    def peek(self) -> str:
        """Skip blanks, newlines and comments; give the next letter, "" at the end."""
        self.take(_SPACE)
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not valid TOML at letter {self.at}")
        self.at = match.end()
        return match.group()

    def line(self) -> int:
        return bisect_right(self.newlines, self.at) + 1


def _plain(key: str) -> str:
    if key[0] not in "\"'":
        return key
    return next(iter(tomli.loads(f"{key} = 0")))
