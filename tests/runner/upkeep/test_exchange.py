"""Two runners, one place: nobody is overwritten, and what is fetched is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime

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
        return rows_of(self.file)

    def kept(self):
        return sorted(self.folder.glob("*before-pull*"))


def rows_of(file):
    with duckdb.connect(str(file), read_only=True) as connection:
        return [n for (n,) in connection.sql("FROM t ORDER BY n").fetchall()]


def at_seven():
    return datetime(2026, 11, 21, 7, tzinfo=UTC)


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
    assert [kept.stem[:22] for kept in ann.kept()] == ["warehouse.before-pull-"]


def test_a_warehouse_of_somebody_else_is_not_put_on_top(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    bob.write(2)

    with pytest.raises(Guarded) as refused:
        push(bob.project, place)
    with pytest.raises(Guarded) as kept:
        pull(bob.project, place)

    assert "is of another warehouse than the one here" in refused.value.what
    assert kept.value.what == refused.value.what
    assert push(bob.project, place, force=True).generation.number == 2


def test_a_file_that_was_made_from_nothing_here_is_not_put_on_top(ann, bob, place):
    ann.write(1)
    shutil.copy(ann.file, bob.file)
    push(ann.project, place)
    bob.write(2)

    with pytest.raises(Guarded) as refused:
        push(bob.project, place)

    assert "and this warehouse was not made from it" in refused.value.what


PROD = """
[environments.prod.warehouse]
path = "prod.duckdb"
"""


def test_an_environment_does_not_replace_the_warehouse_of_another(ann, place):
    with (ann.folder / "elt.toml").open("a") as file:
        file.write(PROD)
    prod = load_project(ann.folder, environment="prod")
    with Warehouse(ann.folder / "prod.duckdb").session() as cursor:
        cursor.execute("CREATE TABLE prods (n INTEGER)")
    ann.write(1)
    push(ann.project, place)

    with pytest.raises(Guarded) as refused:
        push(prod, place)
    with pytest.raises(Guarded):
        pull(prod, place)

    assert f"`elt push {place} --force --env prod` puts it on top" in refused.value.hint
    assert pull(ann.project, place).generation.number == 1


def test_each_environment_has_a_place_of_its_own(ann, place, tmp_path):
    with (ann.folder / "elt.toml").open("a") as file:
        file.write(PROD)
    prod = load_project(ann.folder, environment="prod")
    with Warehouse(ann.folder / "prod.duckdb").session() as cursor:
        cursor.execute("CREATE TABLE prods (n INTEGER)")
    ann.write(1)
    push(ann.project, place)
    push(prod, str(tmp_path / "prod"))
    ann.write(2)

    assert push(ann.project, place).generation.number == 2
    assert not push(prod, str(tmp_path / "prod")).changed


def test_one_runner_pushes_to_two_places_in_turn(ann, tmp_path):
    places = [str(tmp_path / "a"), str(tmp_path / "b")]
    made = []

    for number in range(4):
        ann.write(number)
        made.append(push(ann.project, places[number % 2]).generation.number)

    assert made == [1, 1, 2, 2]


def test_what_was_pushed_elsewhere_is_not_thrown_away_by_a_pull(ann, place, tmp_path):
    ann.write(1)
    push(ann.project, place)
    ann.write(2)
    push(ann.project, str(tmp_path / "elsewhere"))

    with pytest.raises(Guarded):
        pull(ann.project, place)

    assert ann.rows() == [1, 2]


def test_a_place_may_be_spelled_in_several_ways(ann, bob, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "place")
    ways = ["./place/", str(tmp_path / "place"), f"file://{tmp_path}/place", "link"]

    for number, way in enumerate(ways):
        ann.write(number)
        assert push(ann.project, way).generation.number == number + 1
    pull(bob.project, ways[0])
    bob.write(9)
    push(bob.project, ways[0])

    assert pull(ann.project, ways[1]).generation.number == 5


@pytest.mark.parametrize("url", ["", " ", "/", "s3://", "s3:///warehouse", "file://"])
def test_an_address_without_a_place_is_an_error(ann, url):
    ann.write(1)

    with pytest.raises(ConfigError) as of_push:
        push(ann.project, url)
    with pytest.raises(ConfigError) as of_pull:
        pull(ann.project, url)

    assert of_push.value.what == of_pull.value.what == f"`{url}` names no place"
    assert "is a variable empty?" in of_push.value.hint


def test_the_newest_three_stay(ann, place, tmp_path):
    for number in range(5):
        ann.write(number)
        push(ann.project, place)

    folder = tmp_path / "place"
    generations = sorted(folder.glob("generation-*"))
    assert [path.stem[-1] for path in generations] == ["1", "2", "3", "4", "5"]
    named = {json.loads(path.read_text())["data"] for path in generations[-3:]}
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
    assert "`elt push` with `--force`" in refused.value.hint
    assert bob.rows() == push_of_bob
    assert push(ann.project, place, force=True).generation.number == 2
    assert pull(bob.project, place, force=True).generation.number == 2
    assert bob.rows() == [1]


@pytest.mark.parametrize("text", ["", "garbage", '{"number": 1}'])
def test_a_generation_that_cannot_be_read_is_pushed_over(
    ann, bob, place, tmp_path, text
):
    ann.write(1)
    push(ann.project, place)
    (tmp_path / "place" / "generation-00000001.json").write_text(text)

    with pytest.raises(EltError) as refused:
        pull(bob.project, place, force=True)
    with pytest.raises(EltError):
        push(ann.project, place)

    assert "`elt push` with `--force`" in refused.value.hint
    assert push(ann.project, place, force=True).generation.number == 2
    assert pull(bob.project, place).changed
    assert bob.rows() == [1]


def test_data_that_somebody_has_deleted_is_pushed_again(ann, bob, place, tmp_path):
    ann.write(1)
    push(ann.project, place)
    next((tmp_path / "place").glob("data-*")).unlink()

    with pytest.raises(Unavailable) as refused:
        pull(bob.project, place)

    assert "`elt push` with `--force`" in refused.value.hint
    assert push(ann.project, place, force=True).changed
    assert pull(bob.project, place).changed


def test_a_log_of_a_file_that_is_gone_is_no_part_of_what_was_fetched(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    stale = bob.folder / "warehouse.duckdb.wal"
    stale.write_bytes(b"of another file")

    pull(bob.project, place)

    assert bob.rows() == [1]
    (kept,) = bob.kept()
    assert kept.read_bytes() == b"of another file"


def test_what_was_never_pushed_is_kept_each_time(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    pull(bob.project, place)
    told = []

    for number in range(2, 4):
        bob.write(number)
        pull(bob.project, place, force=True, now=at_seven, tell=told.append)

    assert [kept.name for kept in bob.kept()] == [
        "warehouse.before-pull-20261121T070000Z-2.duckdb",
        "warehouse.before-pull-20261121T070000Z.duckdb",
    ]
    assert sorted(rows_of(kept) for kept in bob.kept()) == [[1, 2], [1, 3]]
    assert told[1] == (
        "kept what was there before: warehouse.before-pull-20261121T070000Z.duckdb"
    )


def test_what_is_a_generation_is_not_kept_beside_another(ann, bob, place):
    ann.write(1)
    push(ann.project, place)
    pull(bob.project, place)
    ann.write(2)
    push(ann.project, place)

    pull(bob.project, place, force=True)

    assert bob.rows() == [1, 2]
    assert bob.kept() == []


def test_in_a_place_that_was_emptied_the_new_is_not_taken_for_the_old(
    ann, bob, place, tmp_path
):
    ann.write(1)
    push(ann.project, place)
    pull(bob.project, place)
    shutil.rmtree(tmp_path / "place")

    assert pull(ann.project, place).generation is None
    ann.write(2)
    assert push(ann.project, place).generation.number == 1
    bob.write(3)
    with pytest.raises(Guarded):
        push(bob.project, place)


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


@pytest.mark.parametrize("keep", [1, 3])
def test_a_push_that_takes_long_is_told_that_it_was_overtaken(
    ann, bob, place, tmp_path, keep
):
    ann.write(1)
    push(ann.project, place)
    pull(bob.project, place)
    bob.write(2)
    slow = subprocess.Popen(
        [sys.executable, "-c", PUSH, str(bob.folder), place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert slow.stdout.readline() == "ready\n"

    for number in range(3, 8):
        ann.write(number)
        push(ann.project, place, keep=keep)
    said = slow.communicate("\n", timeout=60)[0]

    assert slow.returncode == 3
    assert "has pushed generation 2" in said
    with pytest.raises(Guarded):
        pull(bob.project, place)
    assert bob.rows() == [1, 2]
    assert len([*(tmp_path / "place").glob("data-*")]) == keep


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
