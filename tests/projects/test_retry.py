"""A project killed half way, then `elt retry`: all is done, and nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from elt.faults import VARIABLE

ELT_TOML = """
[project]
name = "shop"
[run]
retries = 0

[taps.crm]
plugin = "crm"

[transform]

[destinations.letters]
plugin = "letters"
send_in = ["default"]

[syncs.greetings]
model = "greetings"
destination = "letters"
object = "people"
key = "id"
"""
# Each stream notes that it was read, and waits while there is a file `slow`.
TAP = """
import time
from pathlib import Path
from elt import stream

def note(name):
    with Path("read").open("a") as file:
        file.write(name + "\\n")
    while Path("slow").exists():
        time.sleep(0.02)

@stream(key="id")
def people(config):
    note("people")
    for number in range(30):
        yield {"id": str(number)}

@stream(key="id")
def pets(config):
    note("pets")
    yield {"id": "1"}
"""
# Dies behind as many letters as the file `dies_after` says.
DESTINATION = """
import os, signal
from elt import destination
from elt.reverse.destination import Receipt, Traits

@destination("letters")
class Letters:
    traits = Traits(batch_size=10)

    def __init__(self, config, root):
        self.root = root

    def check(self):
        pass

    def send(self, route, changes):
        dies = self.root / "dies_after"
        left = int(dies.read_text()) if dies.exists() else None
        with (self.root / "sent").open("a") as sent:
            if left is not None and left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            for change in changes:
                sent.write(change.key + "\\n")
                yield Receipt(change.key, "accepted")
        if left is not None:
            dies.write_text(str(left - len(changes)))
"""
MODELS = {
    "all_people": "SELECT id FROM {{ source('raw_crm', 'people') }}",
    "all_pets": "SELECT id FROM {{ source('raw_crm', 'pets') }}",
    "greetings": "SELECT id, 'Hello ' || id AS text FROM {{ ref('all_people') }}",
}
TESTS = """
models:
  - name: greetings
    columns: [{name: id, data_tests: [unique]}]
"""
ASSETS = {
    *("stream:crm.people", "stream:crm.pets", "sync:greetings"),
    *(f"model:{name}" for name in MODELS),
    "test:unique_greetings_id",
}


class Shop:
    def __init__(self, root: Path) -> None:
        self.root = root
        models = root / "transform" / "models"
        models.mkdir(parents=True)
        (root / "plugins").mkdir()
        (root / "elt.toml").write_text(ELT_TOML)
        (root / "plugins" / "crm.py").write_text(TAP)
        (root / "plugins" / "letters.py").write_text(DESTINATION)
        (root / "transform" / "dbt_project.yml").write_text(
            'name: shop\nversion: "1.0"\nconfig-version: 2\nprofile: shop\n'
            "models: {+materialized: table}\n"
        )
        (models / "tests.yml").write_text(TESTS)
        for name, sql in MODELS.items():
            (models / f"{name}.sql").write_text(sql)

    def start(self, *words: str, fault: str = "") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "elt", *words],
            cwd=self.root,
            env={**os.environ, VARIABLE: fault},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def elt(self, *words: str, fault: str = "") -> tuple[int, str, str]:
        program = self.start(*words, fault=fault)
        try:
            out, err = program.communicate(timeout=120)
        finally:
            program.kill()
        return program.returncode, out, err

    def retried(self) -> None:
        code, _, err = self.elt("retry")
        assert code == 0, err

    def done(self) -> Counter[str]:
        """Count how often each asset ended well, over all runs."""
        found: Counter[str] = Counter()
        _, out, _ = self.elt("runs", "--json")
        for run in json.loads(out):
            _, shown, _ = self.elt("runs", "show", run["run"], "--json")
            found.update(
                result["asset"]
                for result in json.loads(shown)["results"]
                if result["status"] == "done"
            )
        return found

    def lines(self, name: str) -> list[str]:
        file = self.root / name
        return file.read_text().split() if file.exists() else []

    def rows(self, table: str) -> int:
        with duckdb.connect(str(self.root / "warehouse.duckdb")) as db:
            found = db.execute(f"SELECT count(*) FROM {table}").fetchone()
            return found[0] if found else 0

    def assert_all_is_done_once(self) -> None:
        assert dict(self.done()) == dict.fromkeys(ASSETS, 1)
        assert self.rows("all_people") == 30
        assert self.rows("all_pets") == 1
        assert sorted(self.lines("sent"), key=int) == [str(n) for n in range(30)]
        assert self.elt("retry")[0] == 0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


# The results come in this order: the streams, the models with their test, the sync.
@pytest.mark.slow
@pytest.mark.parametrize("results", [1, 3, 6])
def test_killed_behind_any_result_the_rest_is_done_and_nothing_twice(shop, results):
    code, _, _ = shop.elt("run", "--first", fault=f"result-recorded:{results}")
    assert code == -signal.SIGKILL
    read = shop.lines("read")

    shop.retried()

    shop.assert_all_is_done_once()
    if results > 2:
        assert shop.lines("read") == read


@pytest.mark.slow
def test_killed_while_a_tap_commits_its_streams_are_read_again(shop):
    code, _, _ = shop.elt("run", "--first", fault="commit-begins:1")
    assert code == -signal.SIGKILL

    shop.retried()

    shop.assert_all_is_done_once()


@pytest.mark.slow
def test_killed_while_a_sync_sends_the_rest_is_sent(shop):
    (shop.root / "dies_after").write_text("20")
    code, _, _ = shop.elt("run", "--first")
    assert code == -signal.SIGKILL
    assert len(shop.lines("sent")) == 20
    (shop.root / "dies_after").unlink()
    read = shop.lines("read")

    shop.retried()

    assert shop.lines("read") == read
    shop.assert_all_is_done_once()


@pytest.mark.slow
def test_killed_again_and_again_each_retry_goes_on(shop):
    shop.elt("run", "--first", fault="result-recorded:2")
    shop.elt("retry", fault="result-recorded:1")
    shop.elt("retry", fault="plan-recorded:1")
    shop.elt("retry", fault="run-recorded:1")
    shop.elt("retry", fault="result-recorded:2")

    shop.retried()

    shop.assert_all_is_done_once()


@pytest.mark.slow
def test_after_ctrl_c_a_retry_does_the_rest(shop):
    (shop.root / "slow").touch()
    program = shop.start("run", "--first")
    deadline = time.monotonic() + 60
    while not shop.lines("read") and time.monotonic() < deadline:
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "`elt retry" in said.splitlines()[-1]
    (shop.root / "slow").unlink()

    shop.retried()

    shop.assert_all_is_done_once()
