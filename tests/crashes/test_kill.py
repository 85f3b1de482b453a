"""kill -9 at any moment, then a run to the end: as if nothing had happened."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import duckdb
import pytest

# A tap that can go on from its bookmark: `rows` new rows, then every tenth again.
TAP = """
import argparse, json, os, sys
parser = argparse.ArgumentParser()
for flag in ("--config", "--catalog", "--state"):
    parser.add_argument(flag)
parser.add_argument("--discover", action="store_true")
a = parser.parse_args()
rows = json.load(open(a.config))["rows"]
keyed = {"id": {"type": "integer"}, "v": {"type": "integer"}, "t": {"type": "string"}}
streams = {"keyed": ["id"], "log": []}
if a.discover:
    json.dump({"streams": [
        {"tap_stream_id": s, "stream": s, "key_properties": k,
         "schema": {"properties": keyed}, "replication_key": "id",
         "replication_method": "INCREMENTAL",
         "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}
        for s, k in streams.items()]}, sys.stdout)
    sys.exit()
state = json.load(open(a.state)) if a.state else {"bookmarks": {"at": 0}}
at = state["bookmarks"]["at"]
write = sys.stdout.write
for s, k in streams.items():
    write(json.dumps({"type": "SCHEMA", "stream": s, "key_properties": k,
                      "schema": {"properties": keyed}}) + "\\n")
total = rows + rows // 10
while at < total:
    for n in range(at, min(at + 5000, total)):
        again = n >= rows
        i = (n - rows) * 10 if again else n
        record = '{"id":%d,"v":%d,"t":"row %d"}' % (i, n if again else i, i)
        write('{"type":"RECORD","stream":"keyed","record":%s}\\n' % record)
        if n % 10 == 0:
            write('{"type":"RECORD","stream":"log","record":%s}\\n' % record)
    at = min(at + 5000, total)
    write(json.dumps({"type": "STATE", "value": {"bookmarks": {"at": at}}}) + "\\n")
sys.stdout.flush()
"""

ELT_TOML = """
[project]
name = "crash"
[warehouse]
commit_megabytes = 1
[taps.big]
executable = "./tap.py"
config = {{ rows = {rows} }}
"""

SUMS = """
    SELECT
        (SELECT (count(*), count(DISTINCT id), sum(v), sum(hash(t) % 1000000))
            FROM raw_big.keyed),
        (SELECT (count(*), sum(v)) FROM raw_big.log)
"""


def make_project(folder, rows):
    folder.mkdir(parents=True)
    tap = folder / "tap.py"
    tap.write_text(f"#!{sys.executable}\n{TAP}")
    tap.chmod(0o755)
    (folder / "elt.toml").write_text(ELT_TOML.format(rows=rows))
    return folder


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "elt", "run"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(folder):
    run = start(folder)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said.decode()


def sums(folder):
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as db:
        return db.execute(SUMS).fetchone()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_killed_at_random_moments_and_run_again_the_tables_are_the_same(tmp_path):
    rows = int(os.environ.get("ELT_CRASH_ROWS", "200000"))
    kills = int(os.environ.get("ELT_CRASH_KILLS", "12"))
    seed = int(os.environ.get("ELT_CRASH_SEED", "1"))
    whole = make_project(tmp_path / "whole", rows)
    began = time.monotonic()
    finish(whole)
    seconds = time.monotonic() - began
    expected = sums(whole)
    assert expected[0][:2] == (rows, rows)
    moments = random.Random(seed)  # noqa: S311
    landed = 0

    for number in range(kills):
        folder = make_project(tmp_path / f"killed-{number}", rows)
        # Killed up to three times before it is let go to its end.
        for _ in range(moments.randint(1, 3)):
            run = start(folder)
            time.sleep(moments.uniform(0.2, seconds))
            landed += run.poll() is None
            run.kill()
            run.communicate()
        finish(folder)

        assert sums(folder) == expected, f"kill {number} of seed {seed}"
    # Where runs are quick, some kills come after the end; all of them would prove
    # nothing.
    assert landed >= kills // 4
