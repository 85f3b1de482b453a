"""How far Meltano has read: its SQLite database, its state folder, dumps in files.

A state's id is `prod:tap-x-to-target-y`, or what somebody chose. What a run left
behind half way, `partial_state`, is laid over what was complete, as Meltano does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elt.errors import ConfigError
from elt.project.meltano.source import Source, merged

_ID = re.compile(
    r"(?:(?P<environment>[^:]+):)?(?P<tap>.+?)-to-(?P<loader>[^:]+)(?::.+)?"
)
_INCOMPLETE = 2  # in `payload_flags` of Meltano before 2.10


@dataclass(frozen=True, slots=True)
class State:
    """A Singer state; `tap` is Meltano's name, None where the id does not tell it."""

    id: str
    tap: str | None
    environment: str
    state: Mapping[str, Any]


def read_states(source: Source, files: Iterable[Path] = ()) -> list[State]:
    """Read all states that are found; those of `files` win.

    Raises ConfigError for a file or database that cannot be read.
    """
    found: dict[str, Mapping[str, Any]] = {}
    database = source.root / ".meltano" / "meltano.db"
    if database.is_file():
        found |= dict(_of_database(database))
    found |= dict(_of_folder(source.root / ".meltano" / "state"))
    for name in ("state", "state.json"):
        found |= dict(_of_dumps(source.root / name))
    for file in files:
        found |= dict(_of_dumps(file))
    known = {plugin.name for plugin in source.of_kind("extractors")}
    states = [_state(source, name, state, known) for name, state in found.items()]
    return [each for each in states if each.state]


def singer_state(document: object) -> dict[str, Any]:
    """Take a Singer state out of what Meltano wraps around it."""
    match document:
        case {"singer_state": dict() as state}:
            return dict(state)
        case {"completed_state": done, **rest} | {"completed": done, **rest}:
            partial = rest.get("partial_state") or rest.get("partial") or {}
            return merged(singer_state(done or {}), singer_state(partial))
        case dict():
            return dict(document)
        case _:
            return {}


def _of_database(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            yield from list(_rows(connection))
    except sqlite3.Error as error:
        raise ConfigError(
            f"Meltano's database cannot be read: {error}",
            where=str(path),
            hint="`meltano state get ID > FILE`, then `--state FILE`",
        ) from error


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for table in ("job", "runs"):
        if table in tables:
            yield from _payloads(connection, table)
    if "state" in tables:
        rows = connection.execute(
            "SELECT state_id, completed_state, partial_state FROM state"
        )
        for name, completed, partial in rows:
            done, rest = singer_state(_json(completed)), singer_state(_json(partial))
            yield name, merged(done, rest)


def _payloads(
    connection: sqlite3.Connection, table: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read what older ones kept with each run: the last whole state of an id."""
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    name = next((c for c in ("job_name", "job_id", "state_id") if c in columns), None)
    if name is None or "payload" not in columns:
        return
    flags = "payload_flags" if "payload_flags" in columns else "1"
    last: dict[str, dict[str, Any]] = {}
    for key, payload, flag in connection.execute(
        f"SELECT {name}, payload, {flags} FROM {table} ORDER BY id"
    ):
        state = singer_state(_json(payload))
        if state:
            is_part = flag == _INCOMPLETE and key in last
            last[key] = merged(last[key], state) if is_part else state
    yield from last.items()


def _of_folder(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read a state backend in files: a folder for each id, in base64."""
    for file in sorted(folder.glob("*/state.json")):
        yield _decoded(file.parent.name), singer_state(_read(file))


def _of_dumps(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    for file in (each for each in files if each.is_file()):
        yield file.stem, singer_state(_read(file))


def _state(
    source: Source, name: str, state: Mapping[str, Any], known: set[str]
) -> State:
    for schedule in source.schedules:  # `meltano schedule run` names its states so
        if schedule["name"] == name and schedule.get("extractor") in known:
            return State(name, str(schedule["extractor"]), "", state)
    parts = _ID.fullmatch(name)
    if parts and parts["tap"] in known:
        return State(name, parts["tap"], parts["environment"] or "", state)
    plain = name if name in known else f"tap-{name}"
    only = next(iter(known)) if len(known) == 1 else None
    return State(name, plain if plain in known else only, "", state)


def _decoded(name: str) -> str:
    try:
        return base64.b64decode(name, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the state in `{file.name}` cannot be read: {error}",
            where=str(file),
            hint="It is JSON, as `meltano state get ID` writes it",
        ) from error


def _json(text: str | None) -> object:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}
