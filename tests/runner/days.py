"""A project with a tap that reads days, by its state or between two dates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from elt.events import Event
from elt.faults import VARIABLE
from elt.project.load import load_project
from elt.runner.plan import RunRequest
from elt.runner.result import RunResult
from elt.runner.run import run_project
from elt.runner.store import state
from elt.runner.store.database import open_store
from elt.warehouse.duckdb import Warehouse

# Reads `rows.json`. Where a stream has a mark, from there on; else between the dates of
# the config. What it was started with it writes down.
TAP = """
import json, sys
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
config = json.load(open(arguments["--config"]))
about = json.load(open("about.json"))
column = {"type": "string", "format": "date-time"}
schema = {"properties": {"id": {"type": "integer"}, "at": column,
                         "n": {"type": "integer"}}}
if "--discover" in sys.argv:
    json.dump({"streams": [
        {"tap_stream_id": name, "stream": name, "schema": schema, "key_properties": key,
         "replication_method": method,
         **({"replication_key": "at"} if method == "INCREMENTAL" else {}),
         "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}
        for name, (key, method) in about["streams"].items()]}, sys.stdout)
    sys.exit()
state = json.load(open(arguments["--state"])) if "--state" in arguments else None
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps({"config": config, "state": state}) + "\\n")
catalog = json.load(open(arguments["--catalog"]))
wanted = [s["tap_stream_id"] for s in catalog["streams"]
          if s["metadata"][0]["metadata"]["selected"]]
marks = (state or {}).get("bookmarks", {})

def say(type, **more):
    sys.stdout.write(json.dumps({"type": type, **more}) + "\\n")

for name in wanted:
    key, method = about["streams"][name]
    version = about.get("version")
    more = {"version": version} if version else {}
    say("SCHEMA", stream=name, schema=schema, key_properties=key)
    since = marks.get(name, {}).get("replication_key_value",
                                    config.get("start_date", ""))
    for row in json.load(open("rows.json")):
        if method == "FULL_TABLE" or since <= row["at"] < config.get("end_date", "9"):
            say("RECORD", stream=name, record=row, **more)
            if method == "INCREMENTAL":
                mark = {"replication_key": "at", "replication_key_value": row["at"]}
                if row["at"] >= since:
                    marks[name] = mark
                say("STATE", value={"bookmarks": marks})
    if version:
        say("ACTIVATE_VERSION", stream=name, version=version)
    if marks:
        say("STATE", value={"bookmarks": marks})
"""
WINDOW = 'window = { start = "start_date", end = "end_date" }\n'
TOML = """
[project]
name = "days"
[run]
retries = 0
[taps.days]
executable = "./tap.py"
"""
KEYED = {"orders": (["id"], "INCREMENTAL")}
# What a test cannot do in its own process: to die.
_TESTS = str(Path(__file__).parents[1])
# Packages on the path bring a `tests` of their own, which would come first.
PROGRAM = """
import json, sys, types
sys.modules["tests"] = tests = types.ModuleType("tests")
tests.__path__ = [sys.argv[3]]
from tests.runner.days import Days
days = Days.at(sys.argv[1])
days.run(**json.loads(sys.argv[2]))
"""


def day(number: int) -> str:
    return f"2026-11-{number:02}T00:00:00Z"


def window(first: int, last: int) -> tuple[str, str]:
    """Give a window of whole days; the last is not in it."""
    return f"2026-11-{first:02}T00:00:00+00:00", f"2026-11-{last:02}T00:00:00+00:00"


@dataclass
class Days:
    path: Path
    heard: list[Event] = field(default_factory=list)

    @classmethod
    def at(cls, path: str | Path) -> Days:
        return cls(Path(path))

    def rows(self, *rows: tuple[int, str, Any]) -> None:
        found = [dict(zip(("id", "at", "n"), row, strict=True)) for row in rows]
        (self.path / "rows.json").write_text(json.dumps(found))

    def about(self, **changes: Any) -> None:
        file = self.path / "about.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    def run(self, **request: Any) -> RunResult:
        """Run in this process, with the fields of a RunRequest."""
        given = {n: tuple(v) if isinstance(v, list) else v for n, v in request.items()}
        before = Path.cwd()
        os.chdir(self.path)
        try:
            return run_project(
                load_project(self.path), RunRequest(**given), listen=self.heard.append
            )
        finally:
            os.chdir(before)

    def program(self, *, fault: str = "", **request: Any) -> int:
        """Run in a process of its own, which may die at a point; give its exit code."""
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                PROGRAM,
                str(self.path),
                json.dumps(request),
                _TESTS,
            ],
            env={**os.environ, VARIABLE: fault},
            capture_output=True,
            check=False,
        )
        assert done.returncode in {0, -9}, done.stderr.decode()
        return done.returncode

    @property
    def calls(self) -> list[dict[str, Any]]:
        lines = (self.path / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(text).fetchall()

    def table(self, stream: str = "orders") -> list[tuple[Any, ...]]:
        return self.sql(f"SELECT id, n FROM raw_days.{stream} ORDER BY ALL")

    def bookmark(self) -> tuple[str | None, str | None]:
        """Give the bookmark as the warehouse has it, and the store's copy."""
        found = self.sql("SELECT state FROM _elt.bookmarks WHERE tap = 'days'")
        place = state.Place(
            environment="default",
            warehouse_id=Warehouse(self.path / "warehouse.duckdb").id,
        )
        with open_store(self.path / ".elt") as store:
            copy = state.latest(store, place, "days")
        return found[0][0] if found else None, copy.state if copy else None


def make_days(
    path: Path,
    *,
    more: str = WINDOW,
    streams: dict[str, tuple[Iterable[str], str]] | None = None,
) -> Days:
    """Make a project with three rows, of three days."""
    path.mkdir(parents=True, exist_ok=True)
    tap = path / "tap.py"
    tap.write_text(f"#!{sys.executable} -IS\n{TAP}")
    tap.chmod(0o755)
    (path / "elt.toml").write_text(TOML + more)
    (path / "about.json").write_text(json.dumps({"streams": streams or KEYED}))
    made = Days(path)
    made.rows(*((number, day(number), number) for number in (1, 2, 3)))
    return made
