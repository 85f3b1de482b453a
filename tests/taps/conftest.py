from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elt.taps.files.tap import FilesTap


@dataclass
class Synced:
    """What a tap wrote in one run."""

    messages: list[dict[str, Any]]

    @property
    def kinds(self) -> str:
        return " ".join(message["type"] for message in self.messages)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The records without the name of their file."""
        return [
            {k: v for k, v in record.items() if k != "_file"} for record in self.records
        ]

    @property
    def batches(self) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == "BATCH"]

    @property
    def state(self) -> dict[str, Any] | None:
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else None


@dataclass
class Files:
    """A folder of files, and the files tap over it, in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def tap(self, table: dict[str, Any], *, batch: bool = False, **given: Any) -> Any:
        config: dict[str, Any] = {"streams": {"s": table}}
        if batch:
            config["batch_config"] = {"storage": {"root": str(self.folder / "tmp")}}
        return FilesTap(config=config, **given)

    def schema(self, **table: Any) -> dict[str, Any]:
        """Discover; give the columns with their types, `_file` left out."""
        [stream] = self.tap(table).catalog_dict["streams"]
        properties = dict(stream["schema"]["properties"])
        del properties["_file"]
        return properties

    def sync(
        self,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        *,
        batch: bool = False,
        **table: Any,
    ) -> Synced:
        given = deepcopy(state)  # the tap writes into it
        tap = self.tap(table, batch=batch, state=given, catalog=catalog)
        self.capsys.readouterr()
        tap.sync_all()
        lines = self.capsys.readouterr().out.splitlines()
        return Synced([json.loads(line) for line in lines])


@pytest.fixture
def files(tmp_path, monkeypatch, capsys) -> Iterator[Files]:
    monkeypatch.chdir(tmp_path)
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield Files(tmp_path, capsys)
    for number, handler in before.items():  # singer-sdk takes them over
        signal.signal(number, handler)
