"""Writing `.env`: one value at a time, the rest left as it is.

What was written is read back before it counts: what python-dotenv makes of quotes and
backslashes is not guessed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from elt.errors import ConfigError
from elt.project.atomic import write_whole
from elt.project.secrets import read_dotenv

FILE_NAME = ".env"
_MODE = 0o600
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=~^-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_REMARK = re.compile(r"[^\S\r\n]+#[^\r\n]*(?=[\r\n]*\Z)")


def set_variables(root: Path, values: Mapping[str, str]) -> None:
    """Add or replace `NAME=value` lines; the file is then its owner's alone to read.

    Raises ConfigError when the file cannot be read or written, or hold a value.
    """
    if not values:
        return
    path = root / FILE_NAME
    known = read_dotenv(path)  # also refuses a file that is broken already
    text = path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
    for name, value in values.items():
        known[name] = value
        text = _with(text, name, known)
    write_whole(path, text, mode=_MODE)


def keep_out_of_git(root: Path, name: str = FILE_NAME) -> bool:
    """Add a name to `.gitignore` unless it is there; tell whether it was added."""
    path = root / ".gitignore"
    text = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
    if _is_ignored(text, name):
        return False
    write_whole(path, text + _missing_end(text) + f"{name}\n")
    return True


def _with(text: str, name: str, meant: Mapping[str, str]) -> str:
    for written in _writings(meant[name]):
        edited = _placed(text, name, written)
        if _NAME.fullmatch(name) and _read(edited) == meant:
            return edited
    raise ConfigError(
        f"`{FILE_NAME}` cannot hold the value of `{name}`",
        where=FILE_NAME,
        hint="Put the value into a file, and refer to it as `${file:PATH}`",
    )


def _writings(value: str) -> Iterator[str]:
    """Give the ways to write a value; the first that shells read alike comes first."""
    if _PLAIN.fullmatch(value):
        yield value
    if value.isprintable():
        yield "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    yield '"' + "".join(_ESCAPES.get(letter, letter) for letter in value) + '"'
    if "\n" not in value:
        yield value


def _placed(text: str, name: str, written: str) -> str:
    """Put the value where the name has its last line, else at the end."""
    lines = [binding.original.string for binding in _bindings(text)]
    last = [i for i, b in enumerate(_bindings(text)) if b.key == name]
    if not last:
        end = "\r\n" if "\r\n" in text else "\n"
        return f"{text}{_missing_end(text)}{name}={written}{end}"
    lines[last[-1]] = _replaced(_bindings(text)[last[-1]], name, written)
    return "".join(lines)


def _replaced(binding: Binding, name: str, written: str) -> str:
    line = binding.original.string
    start = line[: line.index(name)]  # blank lines above it, and `export`
    remark = _REMARK.search(line)
    kept = remark.group() if remark and "#" not in (binding.value or "") else ""
    end = re.search(r"[\r\n]*\Z", line)
    return f"{start}{name}={written}{kept}{end.group() if end else ''}"


def _bindings(text: str) -> list[Binding]:
    return list(parse_stream(io.StringIO(text, newline="")))


def _read(text: str) -> dict[str, str]:
    ends = text.replace("\r\n", "\n").replace("\r", "\n")
    bindings = _bindings(ends)
    if any(binding.error for binding in bindings):
        return {}
    return {b.key: b.value for b in bindings if b.key and b.value is not None}


def _missing_end(text: str) -> str:
    return "" if not text or text.endswith("\n") else "\n"


def _is_ignored(text: str, name: str) -> bool:
    """Tell whether the last pattern that fits a name ignores it."""
    ignored = False
    for line in text.splitlines():
        pattern = line.strip()
        found = pattern.removeprefix("!").removeprefix("**/").removeprefix("/")
        if fnmatch(name.rstrip("/"), found.rstrip("/")):
            ignored = not pattern.startswith("!")
    return ignored
