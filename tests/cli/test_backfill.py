"""Backfills of a project with two models, because every model can be built again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from elt.cli.app import main
from elt.runner.lock import hold, this_process

ELT_TOML = """
[project]
name = "shop"
[run]
retries = 0
[transform]
"""
# A row for each window; it fails while there is a file `fails`.
VISITS = """
{{ config(materialized="incremental") }}
SELECT CASE WHEN (SELECT count(*) FROM glob('fails')) > 0 THEN error('closed')
    ELSE 'one more' END AS visit
"""
# While there is a file `slow`, it does not end in the second window.
TOTAL = """
{{ config(materialized="table") }}
SELECT count(*) AS visits FROM (
    SELECT CASE
        WHEN (SELECT count(*) FROM glob('slow')) > 0
            AND (SELECT count(*) FROM {{ ref("visits") }}) = 2
        THEN 1000000000000 ELSE 1 END AS n
) AS long, LATERAL range(long.n)
"""
DAYS = ("--from", "2026-11-01", "--to", "2026-11-04")


@pytest.fixture(scope="session")
def parsed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parsed") / "shop"
    (folder / "transform" / "models").mkdir(parents=True)
    (folder / "elt.toml").write_text(ELT_TOML)
    transform = folder / "transform"
    (transform / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (transform / "models" / "visits.sql").write_text(VISITS)
    (transform / "models" / "total.sql").write_text(TOTAL)
    assert main(["-C", str(folder), "plan"]) == 0
    return folder


@pytest.fixture
def shop(parsed, tmp_path, monkeypatch) -> Path:
    folder = Path(shutil.copytree(parsed, tmp_path / "shop"))
    monkeypatch.chdir(folder)
    return folder


def visits(shop: Path) -> int:
    with duckdb.connect(str(shop / "warehouse.duckdb")) as connection:
        rows = connection.execute("SELECT count(*) FROM visits").fetchall()
    return int(rows[0][0])


def days(document: str) -> dict[str, tuple[str | None, int | None, bool]]:
    return {
        each["start"][:10]: (each["status"], each["exit_code"], each["skipped"])
        for each in json.loads(document)["windows"]
    }


@pytest.mark.slow
def test_a_backfill_goes_on_where_it_failed_and_builds_each_window_once(run_elt, shop):
    (shop / "fails").touch()
    failed = run_elt("backfill", "*", *DAYS, "--json")
    run = json.loads(failed.out)["windows"][0]["run"]
    (shop / "fails").unlink()

    done = run_elt("backfill", "*", *DAYS, "--skip-done", "--json")
    again = run_elt("backfill", "*", *DAYS, "--skip-done")

    assert failed.code == json.loads(failed.out)["exit_code"] == 1
    assert list(json.loads(failed.out)["windows"][0]) == [
        *("start", "end", "run", "status", "exit_code", "skipped")
    ]
    assert days(failed.out) == {
        "2026-11-01": ("failed", 1, False),
        "2026-11-02": (None, None, False),
        "2026-11-03": (None, None, False),
    }
    assert "window 1 of 3: 2026-11-01 .. 2026-11-02" in failed.err
    assert "backfill: 3 windows: 1 failed, 2 left" in failed.err
    assert f"elt retry {run}" in failed.err
    assert (
        "hint: when that is mended, `elt backfill '*' --from 2026-11-01 --to 2026-11-04"
        " --window 1d --skip-done` goes on with what is left"
    ) in failed.err
    assert done.code == again.code == 0
    assert set(days(done.out).values()) == {("done", 0, False)}
    assert "backfill: 3 windows: 3 skipped" in again.err
    assert visits(shop) == 3
    runs = json.loads(run_elt("runs", "--json").out)
    assert [each["retry_of"] for each in runs] == [None, None, run, None]
    assert [each["window"]["start"][8:10] for each in runs] == ["03", "02", "01", "01"]
    assert json.loads(run_elt("runs", "result", "last").out)["window"] == {
        "start": "2026-11-03T00:00:00+00:00",
        "end": "2026-11-04T00:00:00+00:00",
    }
    assert "2026-11-01 .. 2026-11-02" in run_elt("runs").out
    assert "window 2026-11-03 .. 2026-11-04" in run_elt("runs", "show").err


def test_with_keep_going_the_others_have_their_turn_and_programs_read_only_json(
    run_elt, shop
):
    (shop / "fails").touch()

    begin = ("--from", "2026-11-01T12:00")
    half = (*begin, "--to", "2026-11-02T12:00", "--window", "12h")

    done = run_elt("backfill", "visits", *half, "--keep-going", "--log-format", "json")

    texts = [json.loads(line).get("text", "") for line in done.err.splitlines()]
    assert done.code == 1
    assert "window 1 of 2: 2026-11-01T12:00Z .. 2026-11-02" in texts
    assert "window 2 of 2: 2026-11-02 .. 2026-11-02T12:00Z" in texts


@pytest.mark.usefixtures("shop")
def test_what_it_would_do_is_shown_and_not_done(run_elt):
    done = run_elt("backfill", "*", *DAYS, "--dry-run")
    told = run_elt("backfill", "*", *DAYS, "--dry-run", "--json")

    assert done.code == told.code == 0
    assert "2026-11-03 .. 2026-11-04  to do" in done.out
    assert done.out.count("model:visits") == 1
    assert [each["id"] for each in json.loads(told.out)["steps"]] == ["dbt"]
    assert json.loads(run_elt("runs", "--json").out or "[]") == []


def test_a_run_goes_on_where_the_last_good_window_ended(run_elt, shop):
    now = time.strftime("%Y-%m-%d", time.gmtime())
    refused = run_elt("run", "visits", "--since-last-success")
    began = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    run_elt("backfill", "visits", "--from", began, "--to", now)

    planned = run_elt("plan", "visits", "--since-last-success", "--json")
    done = run_elt("run", "visits", "--since-last-success", "--json")

    assert refused.code == 2
    assert "Say where the first begins: `--since DATE`" in refused.err
    assert json.loads(planned.out)["window"]["start"] == f"{now}T00:00:00+00:00"
    assert json.loads(done.out)["window"]["start"] == f"{now}T00:00:00+00:00"
    assert done.code == 0
    assert visits(shop) == 2


@pytest.mark.usefixtures("shop")
def test_another_run_is_waited_for_unless_told_otherwise(run_elt, shop):
    with hold(shop / ".elt" / "lock", this_process("other")):
        refused = run_elt("backfill", "*", *DAYS, "--on-overlap", "fail", "--json")
        skipped = run_elt("backfill", "*", *DAYS, "--on-overlap", "skip")
        waited = run_elt("backfill", "*", *DAYS, "--on-overlap", "wait=0s")

    assert (refused.code, skipped.code, waited.code) == (75, 0, 75)
    assert json.loads(refused.out)["exit_code"] == 75
    assert "another run of this project is under way" in skipped.err
    assert "backfill: 3 windows: 3 left" in skipped.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "2026-11-01"], "missing argument `SELECTION`"),
        (["*"], "--from"),
        (["*", "--from", "soon"], "`soon` is neither a date nor a moment"),
        (["*", "--from", "2026-11-01", "--window", "1x"], "no length of a window"),
        (["*", "--from", "2026-11-05", "--to", "2026-11-04"], "is not before"),
        (["*", "--from", "2999-01-01"], "has not come yet"),
        (["*", "--from", "2001-01-01", "--window", "1h"], "more than 1,000 windows"),
        (["result:failed", *DAYS], "something else in each window"),
        (["*", *DAYS, "--on-overlap", "perhaps"], "none of its ways"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_what_makes_no_sense_is_refused_before_anything_runs(run_elt, words, said):
    done = run_elt("backfill", *words)

    assert done.code == 2
    assert said in done.err
    assert json.loads(run_elt("runs", "--json").out) == []


@pytest.mark.usefixtures("shop")
def test_what_no_window_can_do_is_refused_and_no_window_has_failed(run_elt):
    done = run_elt("backfill", "visits", "--exclude", "no_such_model", *DAYS)
    told = run_elt("backfill", "visits", "--exclude", "no_such", *DAYS, "--json")

    assert (done.code, told.code) == (2, 2)
    assert "no_such_model" in done.err
    assert "failed" not in done.err
    assert "elt retry" not in done.err
    assert "--skip-done" not in done.err
    windows = json.loads(told.out)["windows"]
    assert [each["exit_code"] for each in windows] == [None] * 3


Started = Callable[[], "subprocess.Popen[str]"]


def start(shop: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "elt", "-C", str(shop), "backfill", "*", *DAYS]
    return subprocess.Popen(
        [*command, *words], cwd=shop, stderr=subprocess.PIPE, text=True
    )


def wait_for_the_second_window(shop: Path) -> None:
    """Wait until the first model of the second window has its result."""
    path = f"file:{shop / '.elt' / 'elt.db'}?mode=ro"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with closing(sqlite3.connect(path, uri=True)) as connection:
            asked = "SELECT count(*) FROM results WHERE asset = 'model:visits'"
            if connection.execute(asked).fetchone()[0] == 2:
                return
        time.sleep(0.05)
    raise AssertionError("the second window did not begin")


@pytest.mark.slow
def test_killed_in_the_second_window_the_same_command_ends_whole(run_elt, shop):
    (shop / "slow").touch()
    with start(shop) as process:
        wait_for_the_second_window(shop)
        os.kill(process.pid, signal.SIGKILL)
    (shop / "slow").unlink()
    killed = run_elt("backfill", "*", *DAYS, "--dry-run").out

    with start(shop, "--skip-done") as again:
        _, said = again.communicate()

    assert process.returncode == -signal.SIGKILL
    assert "2026-11-02 .. 2026-11-03  crashed" in killed
    assert again.returncode == 0, said
    assert "backfill: 3 windows: 2 done, 1 skipped" in said
    assert visits(shop) == 3
    runs = json.loads(run_elt("runs", "--json").out)
    assert [each["status"] for each in runs] == ["done", "done", "crashed", "done"]
    assert [each["assets"] for each in runs] == [
        {"done": 2},
        {"done": 1},
        {"done": 1},
        {"done": 2},
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_a_window_the_others_have_no_turn(run_elt, shop, number):
    (shop / "slow").touch()
    with start(shop, "--keep-going") as process:
        wait_for_the_second_window(shop)
        os.kill(process.pid, number)
        _, said = process.communicate()
    (shop / "slow").unlink()

    again = run_elt("backfill", "*", *DAYS, "--skip-done")

    assert process.returncode == 128 + number, said
    assert "window 3 of 3" not in said
    assert again.code == 0
    assert visits(shop) == 3


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--from", "2026-10-01", "--to", "2026-10-15"), None),
        (("--from", "2026-10-01", "--to", "2026-10-16"), "`--window 1w` makes 3"),
        (
            ("--from", "2025-11-01", "--to", "2026-11-01"),
            "`--window 1mo` makes 12",
        ),
        (("--from", "2021-01-01", "--to", "2026-01-01", "--window", "1mo"), None),
    ],
    ids=["two weeks", "a day more", "a year", "no longer one"],
)
def test_many_windows_come_with_a_longer_one(run_elt, words, hint):
    done = run_elt("backfill", "visits", *words, "--dry-run")

    assert done.code == 0
    assert (hint in done.err) if hint else ("as many runs" not in done.err)


@pytest.mark.usefixtures("shop")
def test_who_goes_on_with_windows_is_told_of_no_longer_ones(run_elt):
    # A longer window is done when it was done itself: the days before count nothing.
    days = ("--from", "2026-10-01", "--to", "2026-10-31", "--skip-done")

    done = run_elt("backfill", "visits", *days, "--dry-run")

    assert "as many runs" not in done.err
