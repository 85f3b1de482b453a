"""What was written to a simulation, so that the next one goes on where it was.

A simulation is a function of its seed, its clock, and the requests that changed
something. Those are kept as JSON lines, and made again.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from elt.errors import ConfigError
from elt.testing.apis.clock import Clock

_CHANGED = "elt_changed"
_KEYS = {"at", "method", "path", "query", "headers", "body"}


def note_change(scope: Scope) -> None:
    """Say, while a request is answered, that it has changed something."""
    scope.setdefault("state", {})[_CHANGED] = True


def has_changed(scope: Scope) -> bool:
    return bool(scope.get("state", {}).get(_CHANGED))


@dataclass(frozen=True, slots=True)
class Written:
    """One request of those that changed something."""

    at: datetime
    method: str
    path: str
    body: str


def written_in(path: Path) -> list[Written]:
    """List the requests in a file; there need not be one yet.

    Raises ConfigError for a file that holds something else.
    """
    return [
        Written(
            at=datetime.fromisoformat(line["at"]),
            method=line["method"],
            path=line["path"],
            body=line["body"],
        )
        for line in _lines(path)
    ]


class Kept:
    """The requests in a file; there need not be one yet.

    To read it raises ConfigError for a file that holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def begins_at(self) -> datetime | None:
        """The time of the first request: a clock has to start no later."""
        lines = _lines(self._path)
        return datetime.fromisoformat(lines[0]["at"]) if lines else None

    def note(self, scope: Scope, body: bytes, at: datetime) -> None:
        line = {
            "at": at.isoformat(),
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": [[k.decode(), v.decode("latin-1")] for k, v in scope["headers"]],
            "body": body.decode(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def repeat(self, app: ASGIApp, clock: Clock) -> None:
        """Make the requests again, each at its time, by moving the clock on.

        Raises ConfigError for one that changes nothing any more.
        """
        # Held: closer together than they were, limits would refuse some of them.
        with clock.held():
            asyncio.run(self._repeat(app, clock))

    async def _repeat(self, app: ASGIApp, clock: Clock) -> None:
        for number, line in enumerate(_lines(self._path), start=1):
            at = datetime.fromisoformat(line["at"])
            if at > clock.now():
                clock.move_to(at)
            if not await _changes_again(app, line):
                raise ConfigError(
                    f"{line['method']} {line['path']} was kept, and is refused now",
                    where=f"{self._path}:{number}",
                    hint="Begin with the seed of then, or without this file",
                )


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_read(path, number, line) for number, line in enumerate(lines, start=1)]


def _read(path: Path, number: int, line: str) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict) and found.keys() == _KEYS:
            return found
    raise ConfigError(
        "this is no request that a simulation has kept",
        where=f"{path}:{number}",
        hint="Name the file that one has written, or one that is not there yet",
    )


async def _changes_again(app: ASGIApp, line: dict[str, Any]) -> bool:
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": line["method"],
        "scheme": "http",
        "path": line["path"],
        "raw_path": line["path"].encode(),
        "root_path": "",
        "query_string": line["query"].encode(),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in line["headers"]],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 0),
    }

    async def receive() -> Message:
        body = line["body"].encode()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        del message  # it was read the first time

    await app(scope, receive, send)
    return has_changed(scope)
