"""Targets of strangers, as they are on PyPI: loaded, broken off, and gone on with."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from elt.runner.store.database import open_store
from elt.runner.store.state import latest, place_at_target

pytestmark = pytest.mark.slow
BESIDE = Path(sys.executable).parent

# Two thousand rows, and while `slow` is there, two milliseconds for each later one.
TAP = """
import pathlib, time
from elt import stream

@stream(key="id", cursor="id", sorted=True, schema={"id": "integer", "t": "string"})
def orders(config, since):
    slow = pathlib.Path("slow").exists()
    last = 6000 if pathlib.Path("more").exists() else 2000
    for n in range(int(since or 0) + 1, last + 1):
        if slow:
            time.sleep(0.002)
        yield {"id": n, "t": "é" + "x" * 60}
"""
TARGETS = {
    "jsonl": ("target-jsonl==0.1.4", 'destination_path = "."'),
    "csv": ("meltanolabs-target-csv==0.5.0", 'output_path = "."'),
    "duckdb": (
        "target-duckdb==0.8.0",
        'path = "lake.duckdb"\ndefault_target_schema = "raw"',
    ),
}


def elt(folder, *arguments):
    path = os.pathsep.join([str(BESIDE), os.environ.get("PATH", os.defpath)])
    return subprocess.Popen(
        [sys.executable, "-m", "elt", "-C", str(folder), *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(folder, *arguments):
    started = elt(folder, *arguments)
    said, _ = started.communicate(timeout=280)
    return started.returncode, said


@pytest.fixture(params=TARGETS)
def project(request, tmp_path):
    package, config = TARGETS[request.param]
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "shop.py").write_text(TAP)
    (tmp_path / "elt.toml").write_text(
        '[project]\nname = "lake"\n'
        f'[taps.shop]\nplugin = "shop"\ntarget = "{request.param}"\n'
        f'[targets.{request.param}]\npackage = "{package}"\n'
        f"[targets.{request.param}.config]\n{config}\n"
    )
    code, said = run(tmp_path, "install")
    if code == 75:
        pytest.skip("PyPI cannot be reached")
    assert code == 0, said
    return tmp_path, request.param


def loaded(folder, target):
    """Count how often each id is in what the target has written."""
    if target == "jsonl":
        files = sorted(folder.glob("orders*.jsonl"))
        lines = [line for file in files for line in file.read_text().splitlines()]
        # A killed target leaves a line half written.
        return Counter(json.loads(one)["id"] for one in lines if one.endswith("}"))
    if target == "csv":
        with (folder / "orders.csv").open() as file:
            return Counter(int(row["id"]) for row in csv.DictReader(file))
    with duckdb.connect(str(folder / "lake.duckdb")) as db:
        return Counter(n for (n,) in db.execute("SELECT id FROM raw.orders").fetchall())


def bookmark(folder, target):
    with open_store(folder / ".elt") as store:
        found = latest(store, place_at_target("default", target), "shop")
    state = json.loads(found.state)
    return state["bookmarks"]["orders"]["replication_key_value"]


def test_a_foreign_target_is_fed_killed_and_fed_again(project):
    folder, target = project

    assert run(folder, "run")[0] == 0
    assert len(loaded(folder, target)) == 2000
    assert bookmark(folder, target) == 2000

    (folder / "slow").touch()
    (folder / "more").touch()
    killed = elt(folder, "run")
    time.sleep(6)
    killed.kill()
    killed.communicate()
    assert bookmark(folder, target) == 2000

    (folder / "slow").unlink()
    assert run(folder, "run")[0] == 0
    assert bookmark(folder, target) == 6000
    # This target replaces its file, so it has what the last run sent it.
    wanted = set(range(2001, 6001)) if target == "csv" else set(range(1, 6001))
    assert loaded(folder, target).keys() == wanted


def test_an_interrupted_run_keeps_what_the_target_confirmed(project):
    folder, target = project
    (folder / "slow").touch()
    (folder / "more").touch()
    started = elt(folder, "run")
    time.sleep(8)

    started.terminate()
    said, _ = started.communicate(timeout=60)

    assert started.returncode == 143, said
    mark = bookmark(folder, target)
    assert 0 < mark < 6000
    assert len(loaded(folder, target)) >= mark
