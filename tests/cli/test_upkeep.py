"""`elt clean`, `compact`, `backup` and `restore`, as a person meets them."""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta

import duckdb
import pytest

from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.store.database import open_store
from elt.runner.store.moments import now_utc
from elt.runner.upkeep.retention import apply_daily

COMMANDS = [["clean", "--yes"], ["compact"], ["backup"], ["restore", "x.tar", "--yes"]]


@pytest.fixture
def emptied(ran):
    """Give a project whose warehouse is mostly empty."""
    with duckdb.connect(str(ran / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT hash(i) FROM range(300_000) r(i)")
        connection.execute("CHECKPOINT")
        connection.execute(
            "CREATE TABLE behind AS SELECT hash(i) FROM range(9_999) r(i)"
        )
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE t")
    return ran


@contextmanager
def somebody_has(path):
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    try:
        yield process
    finally:
        process.communicate(b"\n")


def impatient(folder):
    """Wait for nobody who has the warehouse open."""
    file = folder / "elt.toml"
    patience = "\n[warehouse]\nbusy_timeout_seconds = 0.1\n"
    file.write_text(file.read_text() + patience)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_a_project_there_is_one_clear_message(tmp_path, run_elt, words):
    done = run_elt("-C", tmp_path, *words)

    assert done.code == 2
    assert done.err.startswith("error: there is no elt.toml here")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_broken_file_is_told_before_anything_is_done(project, run_elt, words):
    (project / "elt.toml").write_text('[project]\nnmae = "shop"\n')

    done = run_elt("-C", project, *words)

    assert done.code == 2
    assert "elt.toml:2" in done.err
    assert not (project / ".elt").exists()


@pytest.mark.parametrize("words", [["compact"], ["backup"]], ids=" ".join)
def test_without_a_warehouse_there_is_nothing_to_keep(project, run_elt, words):
    done = run_elt("-C", project, *words)

    assert done.code == 2
    assert "there is no warehouse yet" in done.err
    assert "`elt run`" in done.err or "Run `elt run`" in done.err


@pytest.mark.parametrize("words", [["clean", "--yes"], ["compact"], ["backup"]])
def test_a_warehouse_that_somebody_has_open_is_a_matter_of_trying_again(
    ran, run_elt, words
):
    impatient(ran)

    with somebody_has(ran / "warehouse.duckdb") as holder:
        done = run_elt("-C", ran, *words)

    assert done.code == 75
    assert f"process {holder.pid}" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("words", [["clean", "--yes"], ["compact"], ["backup"]])
def test_a_run_under_way_is_a_matter_of_trying_again(ran, run_elt, words):
    with (ran / ".elt" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_elt("-C", ran, *words)

    assert done.code == 75
    assert "another run of this project is under way" in done.err
    assert "--on-overlap" not in done.err


@pytest.mark.parametrize("words", [["clean", "--yes"], ["backup"]])
def test_a_store_that_cannot_be_read_is_told_with_the_way_out(ran, run_elt, words):
    (ran / ".elt" / "elt.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)

    done = run_elt("-C", ran, *words)

    assert done.code == 2
    assert "the store is damaged" in done.err
    assert "hint:" in done.err


def test_compact_tells_sizes_on_stdout(emptied, run_elt):
    done = run_elt("-C", emptied, "compact")
    again = run_elt("-C", emptied, "compact", "--json")

    assert done.code == 0
    assert " MB before, " in done.out
    assert json.loads(again.out)["compacted"] is False


def test_after_compacting_taps_go_on_from_their_bookmarks(emptied, run_elt):
    before = run_elt("-C", emptied, "plan", "--json").out

    assert " MB before, " in run_elt("-C", emptied, "compact").out

    assert run_elt("-C", emptied, "plan", "--json").out == before
    assert run_elt("-C", emptied, "run", "--log-format", "json").code == 0


def test_backup_writes_its_path_to_stdout_and_restore_takes_it(ran, run_elt):
    made = run_elt("-C", ran, "backup")
    path = made.out.strip()
    with duckdb.connect(str(ran / "warehouse.duckdb")) as connection:
        connection.execute("DROP TABLE raw_days.days")

    done = run_elt("-C", ran, "restore", path, "--yes")

    assert (made.code, done.code) == (0, 0)
    assert "in place of warehouse.duckdb" in done.out
    assert "kept what was there before" in done.err
    query = run_elt("-C", ran, "query", "SELECT count(*) AS n FROM raw_days.days")
    assert query.out.split() == ["n", "3"]


def test_backup_tells_programs_what_is_in_it(ran, run_elt):
    done = run_elt("-C", ran, "backup", "--json", "--keep", "1")

    told = json.loads(done.out)
    assert told["environment"] == "default"
    assert len(told["warehouse"]["sha256"]) == 64
    assert told["removed"] == []


def test_nothing_is_replaced_or_deleted_where_nobody_can_be_asked(
    ran, run_elt, monkeypatch
):
    monkeypatch.setattr(sys, "stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    path = run_elt("-C", ran, "backup").out.strip()
    left = ran / ".elt" / "spool" / "r1" / "part"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("x")

    for words in (["restore", path], ["clean"]):
        done = run_elt("-C", ran, *words)
        assert done.code == 2
        assert "`--yes`" in done.err
    sys.stdin.close()
    assert left.exists()


def test_restore_without_a_file_names_the_newest_backup(ran, run_elt):
    none = run_elt("-C", ran, "restore")
    path = run_elt("-C", ran, "backup").out.strip()

    done = run_elt("-C", ran, "restore")

    assert (none.code, done.code) == (2, 2)
    assert "`elt backup` makes one" in none.err
    assert path in done.err


def test_restore_finishes_what_was_broken_off_and_runs_wait_for_it(ran, run_elt):
    (ran / ".elt" / "restore.json").write_text('{"backup": "", "swaps": []}')

    held_up = run_elt("-C", ran, "run", "--log-format", "json")
    done = run_elt("-C", ran, "restore")

    assert held_up.code == 2
    assert "Finish it first: `elt restore`" in held_up.err
    assert done.code == 0
    assert run_elt("-C", ran, "run", "--log-format", "json").code == 0


def test_clean_shows_what_goes_and_what_it_keeps(ran, run_elt):
    (ran / "elt.toml").write_text('[project]\nname = "shop"\n')
    left = ran / ".elt" / "spool" / "r1" / "part"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("x" * 1000)

    shown = run_elt("-C", ran, "clean", "--dry-run")

    assert shown.code == 0
    assert "delete  .elt/spool/r1, 1 kB: left by a run that was killed" in shown.out
    assert "elt clean --drop tap:days" in shown.err
    assert left.exists()

    done = run_elt("-C", ran, "clean", "--yes", "--drop", "tap:days")

    assert done.code == 0
    assert "drop    tap:days: tables raw_days.days, 3 rows" in done.out
    assert not left.exists()
    assert run_elt("-C", ran, "clean", "--dry-run").err == "Nothing to delete\n"


def test_clean_offers_the_nearest_name(ran, run_elt):
    (ran / "elt.toml").write_text('[project]\nname = "shop"\n')

    done = run_elt("-C", ran, "clean", "--drop", "tap:dais", "--yes")

    assert done.code == 2
    assert "Did you mean `tap:days`?" in done.err


def test_clean_tells_programs_and_asks_none(ran, run_elt):
    asked = run_elt("-C", ran, "clean", "--json")
    told = run_elt("-C", ran, "clean", "--json", "--dry-run")

    assert asked.code == 2
    assert json.loads(told.out) == {
        "deleted": False,
        "leftovers": [],
        "expired": [],
        "dropped": [],
        "kept": [],
    }


def test_a_run_applies_retention_and_what_status_and_plan_say_stays(ran, run_elt):
    def told() -> list[str]:
        words = (["status"], ["plan"])
        texts = [run_elt("-C", ran, *each, "--json").out for each in words]
        return [re.sub(r'"age_seconds": [\d.]+', "", text) for text in texts]

    before = told()
    (ran / ".elt" / "retention.json").unlink()

    in_five_years = now_utc() + timedelta(days=5 * 365)
    project = load_project(ran)
    with open_store(project.private_dir) as store:
        apply_daily(project, store, Secrets(ran), now=lambda: in_five_years)
        assert store.rows("SELECT count(*) FROM events")[0][0] == 0

    assert told() == before


@pytest.mark.slow
def test_the_real_program_does_a_round(ran, program):
    made = program("-C", ran, "backup")
    done = program("-C", ran, "restore", made.out.strip(), "--yes")
    looked = program("-C", ran, "doctor")

    assert (made.code, done.code, looked.code) == (0, 0, 0)
    assert "files from before a restore are kept" in looked.out
