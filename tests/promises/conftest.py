"""Whole projects, run in this process, with a tap that does as it is told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from elt.events import Event
from elt.project.load import load_project
from elt.runner.plan import RunRequest
from elt.runner.run import run_project

# A Singer program that replays a script: JSON lines are written as they are, and
# `{"do": ...}` lines are things that can go wrong. It starts behind what a state has.
TAP = """
import json, os, sys, time
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
config = json.load(open(arguments["--config"]))
script = json.load(open(config["script"]))
if "--discover" in sys.argv:
    json.dump(script["catalog"], sys.stdout)
    sys.exit()
state = json.load(open(arguments["--state"])) if "--state" in arguments else None
if "seen" in script:
    json.dump(state, open(script["seen"], "w"))
skip = (state or {}).get("at", 0)
for line in script["lines"][skip:]:
    if isinstance(line, dict) and "do" in line:
        sys.stdout.flush()
        what, much = line["do"], line.get("much")
        if what == "exit":
            sys.exit(much)
        elif what == "die":
            os.kill(os.getpid(), 9)
        elif what == "sleep":
            time.sleep(much)
        elif what == "wait for":
            while not os.path.exists(much):
                time.sleep(0.02)
        elif what == "say":
            print(much, file=sys.stderr, flush=True)
        elif what == "flood":
            for _ in range(much):
                sys.stderr.write("x" * 99 + "\\n")
        elif what == "long line":
            sys.stdout.write('{"type":"RECORD","stream":"s","record":{"id":7,"t":"')
            for _ in range(much):
                sys.stdout.write("x" * 1000000)
            sys.stdout.write('"}}\\n')
        elif what == "raise":
            raise RuntimeError(much)
    elif isinstance(line, str):
        print(line)
    else:
        print(json.dumps(line))
"""


@dataclass
class Folder:
    """A project whose tap `t` replays `lines`."""

    path: Path
    events: list[Event] = field(default_factory=list)

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def script(self, *lines, catalog=None, **more):
        script = {"lines": lines, "catalog": catalog or CATALOG, **more}
        self.write("script.json", json.dumps(script))

    def run(self, *selection, environment=None, **request):
        project = load_project(self.path, environment)
        asked = RunRequest(selection=selection, **request)
        return run_project(project, asked, listen=self.events.append)

    def sql(self, text):
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(text).fetchall()

    def ids(self, table="raw_t.s"):
        return [n for (n,) in self.sql(f"SELECT id FROM {table} ORDER BY id")]

    def messages(self, result):
        return " ".join(f"{r.message} {r.hint}" for r in result.results)


def stream(name="s", key=("id",), method="INCREMENTAL"):
    return {
        "tap_stream_id": name,
        "stream": name,
        "key_properties": list(key),
        "schema": {"properties": {"id": {"type": "integer"}}},
        "replication_method": method,
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }


CATALOG = {"streams": [stream()]}


def schema(name="s", key=("id",)):
    return {
        "type": "SCHEMA",
        "stream": name,
        "key_properties": list(key),
        "schema": {"properties": {"id": {"type": "integer"}}},
    }


def record(number, name="s", **more):
    return {"type": "RECORD", "stream": name, "record": {"id": number, **more}}


def state(**value):
    return {"type": "STATE", "value": value}


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path)
    tap = made.write("tap.py", f"#!{sys.executable}\n{TAP}")
    tap.chmod(0o755)
    made.write(
        "elt.toml",
        """
        [project]
        name = "promises"
        [run]
        retries = 0
        [warehouse]
        commit_megabytes = 0.000001
        [taps.t]
        executable = "./tap.py"
        idle_timeout_seconds = 20
        config = { script = "script.json" }
        """,
    )
    return made
