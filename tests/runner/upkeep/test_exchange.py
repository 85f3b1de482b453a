"""Two runners, one place: nobody is overwritten, and what is fetched is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import duckdb
import pytest

from elt.errors import ConfigError, EltError, Guarded, Unavailable
from elt.project.load import load_project
from elt.runner.lock import hold, this_process
from elt.runner.upkeep.exchange import pull, push
from elt.warehouse.duckdb import Warehouse

TOML = """
[project]
name = "acme"
[warehouse]
busy_timeout_seconds = 0.2
"""


class Runner:
    """A machine with a project of its own."""

    def __init__(self, folder):
        folder.mkdir()
        (folder / "elt.toml").write_text(TOML)
        self.folder = folder
        self.project = load_project(folder)
        self.file = folder / "warehouse.duckdb"

    def write(self, number):
        """Change the warehouse as a run does."""
        with Warehouse(self.file).session() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
            cursor.execute("INSERT INTO t VALUES (?)", [number])

    def rows(self):
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return [n for (n,) in connection.sql("FROM t ORDER BY n").fetchall()]


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "place")


@pytest.fixture
def ann(tmp_path):
    return Runner(tmp_path / "ann")


@pytest.fixture
def bob(tmp_path):
    return Runner(tmp_path / "bob")


def test_one_pushes_and_another_goes_on(ann, bob, place):
    ann.write(1)
    assert push(ann.project, place).generation.number == 1

    assert pull(bob.project, place).changed
    bob.write(2)
    assert push(bob.project, place).generation.number == 2
    assert pull(ann.project, place).generation.number == 2

    assert ann.rows() == bob.rows() == [1, 2]


def test_where_nothing_was_pushed_a_pull_does_nothing(ann, place):
    done = pull(ann.project, place)

    assert (done.generation, done.changed) == (None, False)
    assert not ann.file.exists()


def test_what_is_the_same_is_not_sent_or_fetched_again(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    pull(bob.project, place)

    again = push(ann.project, place), pull(bob.project, place), push(bob.project, place)

    assert [done.changed for done in again] == [False, False, False]
    assert [done.generation.number for done in again] == [1, 1, 1]


def test_who_was_overtaken_overwrites_nothing(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    pull(bob.project, place)
    bob.write(2)
    push(bob.project, place)
    ann.write(3)

    with pytest.raises(Guarded) as refused:
        push(ann.project, place)
    with pytest.raises(Guarded) as kept:
        pull(ann.project, place)

    assert "has pushed generation 2" in refused.value.what
    assert (
        "since generation 1, which this warehouse was made from" in refused.value.what
    )
    assert f"`elt push {place} --force`" in refused.value.hint
    assert kept.value.what == "the local warehouse has changes that were never pushed"
    assert f"`elt push {place}` saves them" in kept.value.hint
    assert ann.rows() == [1, 3]
    pull(ann.project, place, force=True)
    assert ann.rows() == [1, 2]
    assert (ann.folder / "warehouse.duckdb.before-pull").exists()


def test_a_warehouse_of_somebody_else_is_not_put_on_top(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    bob.write(2)

    with pytest.raises(Guarded) as refused:
        push(bob.project, place)

    assert "and this warehouse was not made from it" in refused.value.what
    assert push(bob.project, place, force=True).generation.number == 2


def test_the_newest_three_stay(ann, place, tmp_path):
    for number in range(5):
        ann.write(number)
        push(ann.project, place)

    folder = tmp_path / "place"
    generations = sorted(folder.glob("generation-*"))
    assert [path.stem for path in generations] == [
        "generation-00000003",
        "generation-00000004",
        "generation-00000005",
    ]
    named = {json.loads(path.read_text())["data"] for path in generations}
    assert {path.name for path in folder.glob("data-*")} == named


def test_what_came_damaged_is_not_taken(ann, bob, place, tmp_path):
    ann.write(1)
    push(ann.project, place)
    bob.write(7)
    push_of_bob = bob.rows()
    (data,) = (tmp_path / "place").glob("data-*")
    raw = bytearray(data.read_bytes())
    raw[5000] ^= 255
    data.write_bytes(raw)

    with pytest.raises(EltError) as refused:
        pull(bob.project, place, force=True)

    assert refused.value.what.startswith("generation 1 came damaged")
    assert bob.rows() == push_of_bob


def test_a_log_of_a_file_that_is_gone_is_no_part_of_what_was_fetched(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    stale = bob.folder / "warehouse.duckdb.wal"
    stale.write_bytes(b"of another file")

    pull(bob.project, place)

    assert bob.rows() == [1]
    kept = bob.folder / "warehouse.duckdb.wal.before-pull"
    assert kept.read_bytes() == b"of another file"


def test_a_place_that_was_emptied_gets_a_number_that_was_never_used(
    ann, place, tmp_path
):
    ann.write(1)
    push(ann.project, place)
    shutil.rmtree(tmp_path / "place")

    assert pull(ann.project, place).generation is None
    assert push(ann.project, place).generation.number == 2


def test_while_a_run_is_under_way_nothing_is_exchanged(ann, place):
    ann.write(1)

    with hold(ann.project.private_dir / "lock", this_process("a run")):
        with pytest.raises(Unavailable):
            push(ann.project, place)
        with pytest.raises(Unavailable):
            pull(ann.project, place)


def test_a_place_that_cannot_refuse_to_overwrite_is_refused(ann):
    ann.write(1)

    with pytest.raises(ConfigError) as refused:
        push(ann.project, "memory://place")

    assert refused.value.what.startswith("`memory://` cannot refuse to overwrite")


PUSH = """
import sys
from pathlib import Path
from elt.errors import EltError
from elt.project.load import load_project
from elt.runner.upkeep import exchange

create = exchange.Folder.create

def when_told(folder, generation):
    print("ready", flush=True)
    sys.stdin.readline()
    return create(folder, generation)

exchange.Folder.create = when_told
try:
    exchange.push(load_project(Path(sys.argv[1])), sys.argv[2])
except EltError as error:
    print(error.what, flush=True)
    sys.exit(error.exit_code)
"""


def test_of_several_that_push_at_the_same_moment_exactly_one_does(place, tmp_path):
    runners = [Runner(tmp_path / f"runner-{n}") for n in range(4)]
    for number, runner in enumerate(runners):
        runner.write(number)
    pushes = [
        subprocess.Popen(
            [sys.executable, "-c", PUSH, str(runner.folder), place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for runner in runners
    ]
    for each in pushes:
        assert each.stdout.readline() == "ready\n"

    for each in pushes:
        each.stdin.write("\n")
        each.stdin.flush()
    said = [each.communicate(timeout=60)[0] for each in pushes]

    codes = [each.returncode for each in pushes]
    assert sorted(codes) == [0, 3, 3, 3]
    winner = runners[codes.index(0)]
    assert all("has pushed generation 1" in text for text in said if text)
    (generation,) = (tmp_path / "place").glob("generation-*")
    data = json.loads(generation.read_text())["data"]
    assert [path.name for path in (tmp_path / "place").glob("data-*")] == [data]
    new = Runner(tmp_path / "new")
    pull(new.project, place)
    assert new.rows() == winner.rows()


def test_a_push_that_was_killed_has_written_no_generation(ann, bob, place, tmp_path):
    ann.write(1)
    push(ann.project, place)
    ann.write(2)
    dies = "import os; os.kill(os.getpid(), 9)"
    killed = PUSH.replace("return create(folder, generation)", dies)
    program = subprocess.run(
        [sys.executable, "-c", killed, str(ann.folder), place],
        input="\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert program.returncode == -9
    assert len([*(tmp_path / "place").glob("data-*")]) == 2
    pull(bob.project, place)
    assert bob.rows() == [1]
    assert push(ann.project, place).generation.number == 2
