"""`elt status`: what is too old stands first, and may end with 3."""

from __future__ import annotations

import json
import sqlite3

import pytest

LIMIT = '\nowner = "ann"\nmax_age = "26h"\n'


def age(project, hours, asset="stream:days.days"):
    """Let an asset have ended well so many hours ago."""
    with sqlite3.connect(project / ".elt" / "elt.db") as store:
        store.execute(
            "UPDATE assets SET last_success ="
            " strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', ?) WHERE asset = ?",
            (f"-{hours} hours", asset),
        )
    store.close()


def limit(project, text=LIMIT):
    with (project / "elt.toml").open("a") as file:
        file.write(text)


def test_what_is_young_enough_ends_with_0(ran, run_elt):
    limit(ran)

    done = run_elt("-C", ran, "status", "--fail-if-stale")

    assert done.code == 0
    assert "fresh, limit 26 h" in done.out
    assert done.err == ""


def test_what_is_too_old_ends_with_3_and_is_told_with_its_owner(ran, run_elt):
    limit(ran)
    age(ran, 30)

    done = run_elt("-C", ran, "status", "--fail-if-stale")

    assert done.code == 3
    assert "stale, limit 26 h" in done.out.splitlines()[1]
    assert (
        "✗ `stream:days.days` is 30 h old, and may be 26 h old (owner: ann)\n"
        "  hint: `elt run tap:days` loads it\n"
    ) in done.out
    assert done.err == "\n1 of 1 with a limit: too old\n"


def test_without_the_word_it_only_tells(ran, run_elt):
    limit(ran)
    age(ran, 30)

    done = run_elt("-C", ran, "status")

    assert done.code == 0
    assert "stale, limit 26 h" in done.out


def test_a_limit_may_be_given_for_what_declares_none(ran, run_elt):
    age(ran, 30)

    assert run_elt("-C", ran, "status", "--fail-if-stale", "--max-age", "2d").code == 0
    assert run_elt("-C", ran, "status", "--fail-if-stale", "--max-age", "26h").code == 3


def test_what_the_file_says_counts_before_the_command_line(ran, run_elt):
    limit(ran)
    age(ran, 20)

    assert run_elt("-C", ran, "status", "--fail-if-stale", "--max-age", "1h").code == 0


def test_a_watchdog_of_nothing_is_a_mistake(ran, run_elt):
    done = run_elt("-C", ran, "status", "--fail-if-stale")

    assert done.code == 2
    assert "error: nothing here says how old it may be" in done.err
    assert "--max-age 26h" in done.err


def test_a_limit_that_is_no_duration_is_told(ran, run_elt):
    done = run_elt("-C", ran, "status", "--max-age", "a day")

    assert done.code == 2
    assert "`a day` is no duration" in done.err


def test_before_the_first_run_a_limit_is_broken(project, run_elt):
    limit(project)

    done = run_elt("-C", project, "status", "--fail-if-stale")

    assert done.code == 3
    assert "`stream:days.*` was never loaded, and may be 26 h old" in done.out


def test_json_has_the_age_the_limit_and_the_verdict(ran, run_elt):
    limit(ran)
    age(ran, 30)

    done = run_elt("-C", ran, "status", "--fail-if-stale", "--json")

    assert done.code == 3
    [told] = json.loads(done.out)
    assert told["asset"] == "stream:days.days"
    assert told["freshness"] == "stale"
    assert told["max_age_seconds"] == 93_600
    assert told["age_seconds"] == pytest.approx(108_000, abs=60)
    assert told["owner"] == "ann"
    assert told["status"] == "done"


def test_json_of_what_has_no_limit_has_no_verdict(ran, run_elt):
    [told] = json.loads(run_elt("-C", ran, "status", "--json").out)

    assert told["freshness"] is None
    assert told["max_age_seconds"] is None
    assert told["age_seconds"] < 3600


def test_only_what_is_chosen_can_fail(ran, run_elt):
    limit(ran, LIMIT + 'tags = ["daily"]\n')
    age(ran, 30)

    assert run_elt("-C", ran, "status", "tag:daily", "--fail-if-stale").code == 3
    nearest = run_elt("-C", ran, "status", "tag:dayly")
    assert nearest.code == 2
    assert "Did you mean `tag:daily`?" in nearest.err


def test_one_cause_of_many_skipped_assets_is_told_once_behind_what_failed(ran, run_elt):
    with sqlite3.connect(ran / ".elt" / "elt.db") as store:
        store.executemany(
            "INSERT INTO assets (environment, asset, run, status, message, updated_at)"
            " VALUES ('default', ?, 'r', ?, ?, '2026-11-21T09:00:00+00:00')",
            [
                ("stream:days.a", "skipped", "`stream:days.c` failed"),
                ("stream:days.b", "skipped", "`stream:days.c` failed"),
                ("stream:days.c", "failed", "no such table"),
            ],
        )
    store.close()
    (next((ran / ".elt" / "catalogs").iterdir())).unlink()  # the log has their names

    done = run_elt("-C", ran, "status")

    assert done.out.splitlines()[-2:] == [
        "✗ stream:days.c failed: no such table",
        "- 2 assets skipped: `stream:days.c` failed",
    ]


def test_a_warehouse_that_is_gone_is_told_below_what_was_in_it(ran, run_elt):
    (ran / "warehouse.duckdb").unlink()

    done = run_elt("-C", ran, "status")

    assert done.code == 0
    assert "stream:days.days" in done.out
    assert f"warning: {ran / 'warehouse.duckdb'} is not there" in done.err
    assert "`elt run` loads all of it again" in done.err


def test_what_another_target_loaded_needs_no_warehouse(ran, run_elt):
    (ran / "warehouse.duckdb").unlink()
    limit(ran, '\ntarget = "lake"\n\n[targets.lake]\nexecutable = "target-jsonl"\n')

    done = run_elt("-C", ran, "status", "stream:days.days")

    assert done.code == 0
    assert "is not there" not in done.err
