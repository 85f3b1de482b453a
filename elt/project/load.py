"""From `elt.toml` on disk to a checked project, or to all that is wrong with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import tomli

from elt.errors import ConfigError, ConfigErrors
from elt.project.check import Missing, Problem, Unknown, problems
from elt.project.environments import lay_over, one_of, origin
from elt.project.locate import KeyPath, locate, nearest_line
from elt.project.nearest import did_you_mean
from elt.project.references import reference_problems
from elt.project.rules import broken_rules
from elt.project.settings import (
    BASE_ENVIRONMENT,
    FILE_NAME,
    File,
    Project,
    place,
)


@dataclass(frozen=True, slots=True)
class _Source:
    """The file as it was read: its tables, and the line of each key."""

    tables: dict[str, Any]
    lines: dict[KeyPath, int]


def load_project(folder: Path | None = None, environment: str | None = None) -> Project:
    """Read the `elt.toml` of this folder, or of the nearest one above it.

    Raises ConfigErrors with everything that is wrong in any part of the file, also in
    environments that were not asked for.
    """
    root = find_root(folder or Path.cwd())
    source = _read(root / FILE_NAME)
    _refuse_problems(source)
    name = environment or BASE_ENVIRONMENT
    return Project(
        root=root,
        environment=name,
        file=_file(_tables_of(source.tables, name)),
        lines=source.lines,
    )


def check_text(text: str, *, is_written: bool) -> None:
    """Check the text of an `elt.toml`, or what is about to become it.

    Raises ConfigErrors as `load_project` does; lines are told only where they exist.
    """
    source = _parsed(text)
    _refuse_problems(source if is_written else replace(source, lines={}))


def find_root(folder: Path) -> Path:
    """Find the folder with the `elt.toml` that counts here."""
    start = folder.resolve()
    for candidate in (start, *start.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate
    raise ConfigError(
        f"there is no {FILE_NAME} here or in any folder above",
        where=str(start),
        hint="Run `elt init NAME` to make a project, or `elt demo` to see one at work",
    )


def _read(path: Path) -> _Source:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            "this is not UTF-8 text", where=FILE_NAME, hint="Save the file as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{FILE_NAME} cannot be read: {error.strerror}",
            where=str(path),
            hint="Let the user that runs elt read it",
        ) from error
    return _parsed(text)


def _parsed(text: str) -> _Source:
    try:
        return _Source(_plain(tomli.loads(text)), locate(text))
    except tomli.TOMLDecodeError as error:
        raise _not_toml(text, error) from None


def _not_toml(text: str, error: tomli.TOMLDecodeError) -> ConfigError:
    hints = {
        "Invalid value": 'A text stands in quotes: name = "acme"',
        "Cannot overwrite a value": "A key or a table is written once only",
        "Cannot declare": "A key or a table is written once only",
        "Expected '=' after a key": 'A line is `[table]` or `key = "value"`',
        "Illegal character": "A text in single quotes ends on its line",
        "Unterminated string": "A quote is never closed",
    }
    hint = next((h for start, h in hints.items() if error.msg.startswith(start)), None)
    line = min(error.lineno, text.count("\n") + 1)
    what = f"this is not TOML: {error.msg[:1].lower()}{error.msg[1:]}"
    return ConfigError(what, where=f"{FILE_NAME}:{line}", hint=hint)


def _plain(value: Any) -> Any:
    """Turn dates into the text that they were: taps take their settings as JSON."""
    match value:
        case dict():
            return {key: _plain(below) for key, below in value.items()}
        case list():
            return [_plain(below) for below in value]
        case dt.date() | dt.time():
            return value.isoformat()
        case _:
            return value


def _refuse_problems(source: _Source) -> None:
    found = _problems_of_file(source.tables)
    found.sort(key=lambda problem: nearest_line(source.lines, problem.key) or 0)
    if found:
        raise ConfigErrors([_error(problem, source.lines) for problem in found])


def _error(problem: Problem, lines: Mapping[KeyPath, int]) -> ConfigError:
    where = place(lines, problem.table, problem.key)
    return ConfigError(problem.what, where=where, hint=problem.hint)


def _problems_of_file(tables: dict[str, Any]) -> list[Problem]:
    of_base = _problems(tables)
    sound = _mended(tables, problems(tables))
    of_environments = [
        moved
        for name in sound.get("environments", {})
        for moved in _problems_of_environment(sound, name, of_base)
    ]
    return of_base + of_environments


def _problems_of_environment(
    sound: dict[str, Any], name: str, of_base: list[Problem]
) -> Iterator[Problem]:
    """Give what the environment brings in; what the base has is told already."""
    for problem in _problems(_tables_of(sound, name)):
        moved = _moved(problem, sound, name)
        if moved == problem:  # an old line that something new in here makes wrong
            is_new = not of_base
        else:
            is_new = problem not in of_base or problem.key != problem.table
        if is_new:
            yield moved


def _problems(tables: dict[str, Any]) -> list[Problem]:
    """Check keys and values first; the rules then judge what has no flaw yet."""
    found = problems(tables)
    mended = _mended(tables, found)
    judged = [*broken_rules(_file(mended)), *reference_problems(mended)]
    flawed = {problem.flawed for problem in found}
    flawed |= {problem.table for problem in found if _may_hide_a_key(problem)}
    return found + [problem for problem in judged if problem.key not in flawed]


def _may_hide_a_key(problem: Problem) -> bool:
    """Whether the table may lack a key only because that one is written wrong."""
    return isinstance(problem, Unknown) or problem.flawed[-1] in one_of(problem.table)


def _mended(tables: dict[str, Any], found: list[Problem]) -> dict[str, Any]:
    """Leave out what is wrong and fill in what is missing, for the rules to go on."""
    mended: dict[str, Any] = _plain(tables)
    for problem in found:
        if not isinstance(problem, Missing):
            _remove(mended, problem.key)
    for problem in problems(mended):
        _fill(mended, problem.flawed)
    return mended


def _remove(tables: dict[str, Any], path: KeyPath) -> None:
    table: Any = tables
    for part, below in pairwise(path):
        if isinstance(below, int):
            table.pop(part, None)  # a list goes as a whole
            return
        table = table.get(part, {})
    table.pop(path[-1], None)


def _fill(tables: dict[str, Any], path: KeyPath) -> None:
    table: Any = tables
    for part in path[:-1]:
        table = table[part]
    table[path[-1]] = {"name": "?"} if path == ("project",) else "?"


def _moved(problem: Problem, tables: dict[str, Any], name: str) -> Problem:
    """Point at the environment's table, where the problem comes from there."""
    key = origin(problem.key, tables, name)
    if key == problem.key:
        return problem
    return replace(problem, table=origin(problem.table, tables, name), key=key)


def _tables_of(tables: dict[str, Any], name: str) -> dict[str, Any]:
    if name == BASE_ENVIRONMENT:
        return tables
    environments = tables.get("environments", {})
    if name not in environments:
        raise ConfigError(
            f"there is no environment `{name}`",
            where=FILE_NAME,
            hint=did_you_mean(name, environments)
            or f"Add `[environments.{name}]`, with what differs there",
        )
    return lay_over(tables, environments[name])


def _file(tables: dict[str, Any]) -> File:
    return msgspec.convert(tables, File)
