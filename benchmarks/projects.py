"""Folders with an `elt.toml`, and the ways to run elt in them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from measuring import Measured, Program

PYTHON = sys.executable
BIN = Path(PYTHON).parent
RUN = (PYTHON, "-m", "elt", "run", "--log-format", "json", "--json")

_FILES_TAP = """
[project]
name = "bench"
{more}
[taps.bench]
plugin = "files"
[taps.bench.config.streams]
{stream} = {{ path = "{path}"{settings} }}
"""
_OWN_TAP = """
[project]
name = "bench"
{more}
[taps.bench]
executable = "./tap-bench"
"""
_TAP = """#!/bin/sh
case "$*" in
  *--discover*) cat {catalog} ;;
  *) cat {messages} ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """A project; its tables are in `raw_bench`."""

    path: Path

    @property
    def warehouse(self) -> Path:
        return self.path / "warehouse.duckdb"

    def run(self, *selection: str) -> Program:
        return Program(command=(*RUN, *selection), cwd=self.path)

    def empty(self) -> None:
        """Take away all that runs have left."""
        self.empty_warehouse()
        shutil.rmtree(self.path / ".elt", ignore_errors=True)

    def empty_warehouse(self) -> None:
        self.warehouse.unlink(missing_ok=True)

    def save(self) -> None:
        """Keep what runs have left until now, for `put_back`."""
        self._saved.mkdir()
        shutil.copy2(self.warehouse, self._saved)
        shutil.copytree(self.path / ".elt", self._saved / ".elt")

    def put_back(self) -> None:
        """Leave the files alone: the tap would have to read copies of them again."""
        self.empty()
        shutil.copy2(self._saved / self.warehouse.name, self.path)
        shutil.copytree(self._saved / ".elt", self.path / ".elt")

    @property
    def _saved(self) -> Path:
        return self.path.with_name(self.path.name + "-saved")


def files_project(
    path: Path,
    files: Path,
    *,
    stream: str = "events",
    settings: str = "",
    more: str = "",
) -> Folder:
    """Make a project with the files tap; `settings` are those of its stream."""
    path.mkdir(parents=True)
    text = _FILES_TAP.format(
        more=more,
        stream=stream,
        path=files,
        settings=f", {settings}" if settings else "",
    )
    (path / "elt.toml").write_text(text)
    return Folder(path)


def tap_project(
    path: Path, streams: dict[str, Any], messages: Sequence[Path], *, more: str = ""
) -> Folder:
    """Make a project with a tap that costs nothing: its messages are written already.

    `streams` are their properties by name.
    """
    path.mkdir(parents=True)
    (path / "elt.toml").write_text(_OWN_TAP.format(more=more))
    (path / "catalog.json").write_text(json.dumps(_catalog(streams)))
    tap = path / "tap-bench"
    listed = " ".join(str(one) for one in messages)
    tap.write_text(_TAP.format(catalog=path / "catalog.json", messages=listed))
    tap.chmod(0o755)
    return Folder(path)


def _catalog(streams: dict[str, Any]) -> dict[str, Any]:
    chosen = [{"breadcrumb": [], "metadata": {"selected": True}}]
    return {
        "streams": [
            {
                "tap_stream_id": name,
                "stream": name,
                "key_properties": [],
                "schema": {"type": "object", "properties": properties},
                "metadata": chosen,
            }
            for name, properties in streams.items()
        ]
    }


def events(run: Measured) -> Iterator[tuple[float, dict[str, Any]]]:
    """Give what a run told on stderr, each with the seconds since its start."""
    for line in run.stderr.splitlines():
        if line.startswith(b"{"):
            event = json.loads(line)
            at = datetime.fromisoformat(event["time"]).timestamp()
            yield at - run.began, event
