"""A tap as a program that is killed at one of its requests, and what it had written."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taps.told import Told

from elt.testing.apis.serving import answering

_WRITES_SECONDS = 0.1  # so long a tap may write what it had got before


class Trap:
    """Stands before a simulation; a request of its number kills who asks.

    Those that only look for the time do not count.
    """

    def __init__(self, app: Any) -> None:
        self.victim: subprocess.Popen[bytes] | None = None
        self.requests = 0
        self.kills_at: int | None = None
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] != "HEAD":
            number, victim = self.requests, self.victim
            self.requests += 1
            if number == self.kills_at and victim is not None:
                await asyncio.sleep(_WRITES_SECONDS)
                victim.send_signal(signal.SIGKILL)
        await self._app(scope, receive, send)


class Table:
    """The rows of a stream by key, in a loader that keeps whatever has a key.

    A row that lacks a column leaves it as it was.
    """

    def __init__(self, stream: str, *key: str) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._versions: dict[tuple[Any, ...], int] = {}
        self._stream = stream
        self._key = key or ("id",)

    def load(self, told: Told) -> None:
        for message in told.messages:
            if message.get("stream") != self._stream:
                continue
            if message["type"] == "RECORD":
                row = message["record"]
                key = tuple(row[part] for part in self._key)
                self.rows[key] = self.rows.get(key, {}) | row
                self._versions[key] = message.get("version") or 0
            if message["type"] == "ACTIVATE_VERSION":
                old = [k for k, v in self._versions.items() if v < message["version"]]
                for gone in old:
                    del self.rows[gone], self._versions[gone]

    @property
    def living(self) -> set[tuple[Any, ...]]:
        return {key for key, row in self.rows.items() if not row.get("_sdc_deleted_at")}


class Program:
    """Runs a tap's module, again and again, each time from the last STATE."""

    def __init__(
        self, module: str, trap: Trap, folder: Path, *, config: Any, catalog: Any
    ) -> None:
        self.state: Any = None
        self._module, self._trap, self._folder = module, trap, folder
        self._write("config", config)
        self._write("catalog", catalog)

    def run(self, *tables: Table, kills_at: int | None = None) -> Told:
        """Run it to its end, which is a kill where it comes to that request."""
        words = [*("--config", self._file("config")), "--catalog"]
        words.append(self._file("catalog"))
        if self.state is not None:
            words += ["--state", self._write("state", self.state)]
        trap = self._trap
        trap.requests, trap.kills_at, trap.victim = 0, kills_at, None
        command = [sys.executable, "-m", self._module, *words]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as program:
            trap.victim = program
            text, said = program.communicate(timeout=60)
        is_killed = kills_at is not None and trap.requests > kills_at
        expected = -signal.SIGKILL if is_killed else 0
        assert program.returncode == expected, said.decode()
        told = Told(text[: text.rfind(b"\n") + 1])
        self.state = told.state or self.state
        for table in tables:
            table.load(told)
        return told

    def _file(self, name: str) -> str:
        return os.fspath(self._folder / f"{name}.json")

    def _write(self, name: str, content: Any) -> str:
        Path(self._file(name)).write_text(json.dumps(content))
        return self._file(name)


@contextlib.contextmanager
def trapped(api: Any) -> Iterator[tuple[Trap, str]]:
    """Serve a simulation behind a trap."""
    trap = Trap(api.front)
    with answering(trap) as origin:
        yield trap, origin
