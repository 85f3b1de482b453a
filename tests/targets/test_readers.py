"""Whoever reads the warehouse while a table is overwritten sees the old or the new."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.targets.conftest import schema

ROWS = schema(n={"type": "integer"}, run={"type": "integer"})
ROWS_EACH = 20_000
RUNS = 6

READER = """
import sys, time, duckdb
path, seen = sys.argv[1], set()
print("ready", flush=True)
while True:
    try:
        with duckdb.connect(path, read_only=True) as connection:
            found = connection.execute(
                "SELECT count(*), count(DISTINCT run), min(run) FROM raw.s"
            ).fetchone()
            done = connection.execute("FROM duckdb_tables() WHERE"
                " table_name = 'done'").fetchall()
    except duckdb.IOException as error:
        assert "lock" in str(error), error
        time.sleep(0.002)
        continue
    if found not in seen:
        seen.add(found)
        print(*found, flush=True)
    if done:
        break
"""


def records(run):
    return [b'{"n": %d, "run": %d}' % (n, run) for n in range(ROWS_EACH)]


@pytest.mark.slow
def test_a_reader_never_sees_an_empty_or_a_mixed_table(loader):
    loader.load(ROWS, *records(0), mode="overwrite")
    loader.close()
    command = [sys.executable, "-c", READER, str(loader.warehouse.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"

        for run in range(1, RUNS + 1):
            loader.load(ROWS, *records(run), mode="overwrite", run=f"r{run}")
            loader.close()
        loader.sql("CREATE TABLE raw.done (n INTEGER)")
        loader.close()
        seen = [line.split() for line in reader.stdout.read().splitlines()]

    assert reader.returncode == 0
    assert {(rows, runs) for rows, runs, _ in seen} == {(str(ROWS_EACH), "1")}
    assert seen[-1][2] == str(RUNS)
