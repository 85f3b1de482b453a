"""A whole project with a tap that goes on from its bookmarks, run as a user does."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import duckdb

from elt.cli.app import main

# Reads rows from `rows.json` by stream. Incremental streams begin at their bookmark,
# with the row on it, as most taps do.
TAP = """
import json, os, sys
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
config = json.load(open(arguments["--config"]))
kind = json.load(open("kinds.json"))
if "--discover" in sys.argv:
    streams = []
    for name, about in kind.items():
        one = {"tap_stream_id": name, "stream": name,
               "key_properties": about["key"],
               "schema": {"properties": about["columns"]},
               "replication_method": about["method"],
               "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}
        if about["method"] == "INCREMENTAL":
            one["replication_key"] = "at"
        streams.append(one)
    json.dump({"streams": streams}, sys.stdout)
    sys.exit()
state = json.load(open(arguments["--state"])) if "--state" in arguments else {}
json.dump(state, open("seen.json", "w"))
catalog = json.load(open(arguments["--catalog"]))
selected = {s["tap_stream_id"] for s in catalog["streams"]
            if s["metadata"][0]["metadata"].get("selected")}
marks = state.setdefault("bookmarks", {})
rows = json.load(open("rows.json"))
for name, about in kind.items():
    if name not in selected:
        continue
    print(json.dumps({"type": "SCHEMA", "stream": name,
                      "key_properties": about["key"],
                      "schema": {"properties": about["columns"]}}))
    since = marks.get(name, {}).get("replication_key_value", 0)
    for row in rows[name]:
        if about["method"] == "FULL_TABLE" or row["at"] >= since:
            print(json.dumps({"type": "RECORD", "stream": name, "record": row}))
            if about["method"] == "INCREMENTAL":
                marks[name] = {"replication_key": "at",
                               "replication_key_value": row["at"]}
    if state["bookmarks"]:
        print(json.dumps({"type": "STATE", "value": state}))
"""
ID, AT, TEXT = {"type": "integer"}, {"type": "integer"}, {"type": ["string", "null"]}
COLUMNS = {"id": ID, "at": AT, "t": TEXT}
KINDS = {
    "keyed": {"key": ["id"], "method": "INCREMENTAL", "columns": COLUMNS},
    "log": {"key": [], "method": "INCREMENTAL", "columns": COLUMNS},
    "whole": {"key": ["id"], "method": "FULL_TABLE", "columns": COLUMNS},
}
ELT_TOML = """
[project]
name = "shop"
[run]
retries = 0
[taps.shop]
executable = "./tap.py"
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@dataclass(frozen=True)
class Shop:
    path: Path

    def rows(self, **streams):
        """Give the source its rows, each `(id, at, t)`; others have none."""
        found = {name: [] for name in self.kinds()}
        for name, rows in streams.items():
            found[name] = [
                row if isinstance(row, dict) else dict(zip(("id", "at", "t"), row))  # noqa: B905
                for row in rows
            ]
        (self.path / "rows.json").write_text(json.dumps(found))

    def kinds(self, **changes):
        file = self.path / "kinds.json"
        known = json.loads(file.read_text()) if file.exists() else KINDS
        for name, about in changes.items():
            known[name] = {**known.get(name, {}), **about}
        file.write_text(json.dumps(known))
        return known

    def seen(self):
        """Give the state with which the tap was started last."""
        return json.loads((self.path / "seen.json").read_text())

    def command(self, *words):
        return [sys.executable, "-m", "elt", "-C", str(self.path), *map(str, words)]

    def elt(self, *words, code=0, stdin=""):
        """Run a command line in this process; the real program is slower to start."""
        out, err, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(stdin)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                ended = main(["-C", str(self.path), *map(str, words)])
        finally:
            sys.stdin = before
        assert ended == code, err.getvalue() + out.getvalue()
        return Done(ended, out.getvalue(), err.getvalue())

    def program(self, *words, code=0, stdin=None):
        """Run a command line as a shell would."""
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr + done.stdout
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, *selection, code=0):
        return self.elt("run", *selection, code=code)

    def killed(self, *words, after=None):
        """Start a command, kill it so long after it has locked the project.

        Give how long it held the lock; nothing is killed without `after`.
        """
        lock = self.path / ".elt" / "lock"
        lock.write_text("")
        command = self.command(*words)
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as it:
            while not lock.read_text() and it.poll() is None:
                time.sleep(0.002)
            began = time.monotonic()
            if after is not None:
                time.sleep(after)
                it.kill()
            it.wait()
        return time.monotonic() - began

    def sql(self, text, *values):
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(text, list(values)).fetchall()

    def table(self, name):
        return self.sql(f'SELECT id, "at", t FROM raw_shop.{name} ORDER BY ALL')

    def state(self):
        rows = self.sql("SELECT state FROM _elt.bookmarks WHERE tap = 'shop'")
        return json.loads(rows[0][0]) if rows else None


def copied(shop, path):
    """Give a project of one's own that is as another one is now."""
    shutil.copytree(shop.path, path)
    return Shop(path)


def make_shop(path, toml=ELT_TOML):
    made = Shop(path)
    path.mkdir(parents=True, exist_ok=True)
    tap = path / "tap.py"
    tap.write_text(f"#!{sys.executable}\n{TAP}")
    tap.chmod(0o755)
    (path / "elt.toml").write_text(toml)
    made.kinds()
    made.rows()
    return made
