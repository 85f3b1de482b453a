from __future__ import annotations

import getpass
import json
import socket
import sqlite3

import pytest

from elt.report.figures import local


@pytest.fixture
def elt(run_elt, project, monkeypatch):
    """Give the command line in a project whose only stream has failed."""
    monkeypatch.chdir(project)
    plugin = project / "plugins" / "days.py"
    plugin.write_text(plugin.read_text() + '    raise RuntimeError("no days")\n')
    run_elt("run", "--log-format", "json")
    return run_elt


def status(elt):
    (asset,) = json.loads(elt("status", "--json").out)
    return asset


def test_a_word_about_a_result_needs_a_reason(elt):
    done = elt("runs", "mark", "tap:days", "success")

    assert done.code == 2
    assert "needs a reason" in done.err
    assert '--reason "..."' in done.err


def test_a_mark_counts_for_status_and_retry_and_says_what_it_means(elt):
    done = elt("runs", "mark", "tap:days", "success", "--reason", "loaded by hand")

    assert done.code == 0
    assert "`tap:days` is marked success in run " in done.err
    assert "retries leave it out" in done.err
    assert "`elt runs undo tap:days` takes it back." in done.err
    assert status(elt)["status"] == "done"
    assert status(elt)["last_success"] is not None
    assert "nothing left to do" in elt("retry").err


def test_who_when_and_why_is_kept_and_shown(elt):
    elt("runs", "mark", "stream:days.days", "skipped", "--reason", "down till Monday")

    shown = elt("runs", "show")
    (mark,) = json.loads(elt("runs", "show", "--json").out)["marks"]
    (change,) = json.loads(elt("runs", "changes", "--json").out)

    assert "stream:days.days marked skipped by" in shown.out
    assert "down till Monday" in shown.out
    assert mark["author"].startswith(f"{getpass.getuser()}@")
    assert (change["what"], change["change"]) == ("stream:days.days", "marked skipped")
    assert change["reason"] == "down till Monday"
    assert change["at"].startswith("20")


def test_a_mark_is_taken_back_and_stays_in_the_list(elt):
    before = status(elt)
    elt("runs", "mark", "tap:days", "success", "--reason", "a mistake")

    done = elt("runs", "undo", "tap:days", "--reason", "it was the other tap")

    assert done.code == 0
    assert "`stream:days.days` is no longer marked success" in done.err
    assert status(elt) == before
    assert "it was the other tap" in elt("runs", "changes").out
    again = elt("runs", "undo", "tap:days")
    assert again.code == 2
    assert "nobody has marked or cleared `tap:days`" in again.err


def test_undoing_a_step_leaves_what_was_said_before_and_by_itself(run_elt, project):
    plugin = project / "plugins" / "days.py"
    night = plugin.read_text().partition("\n\n\n")[2].replace("days", "nights")
    plugin.write_text(f"{plugin.read_text()}    raise OSError\n\n\n{night}    1 / 0\n")
    at = ("-C", project)
    run_elt(*at, "run")
    nights = "stream:days.nights"
    run_elt(*at, "runs", "mark", nights, "skipped", "--reason", "yesterday")
    run_elt(*at, "runs", "mark", "tap:days", "skipped", "--reason", "today")

    done = run_elt(*at, "runs", "undo", "tap:days")

    assert done.err.splitlines() == [
        f"`stream:days.days` is no longer marked skipped by {_author()}.",
        f"`{nights}` stays marked skipped; `elt runs undo {nights}`",
    ]
    back = {
        each["what"]: each["taken_back_at"] is not None
        for each in json.loads(run_elt(*at, "runs", "changes", "--json").out)
    }
    assert back == {"stream:days.days": True, nights: False}


def _author():
    return f"{getpass.getuser()}@{socket.gethostname()}"


def test_when_a_word_was_taken_back_is_shown_as_when_it_was_said(elt):
    elt("runs", "mark", "tap:days", "success", "--reason", "a mistake")
    elt("runs", "undo", "tap:days", "--reason", "the other tap")

    (change,) = json.loads(elt("runs", "changes", "--json").out)
    shown = elt("runs", "changes").out

    assert local(change["taken_back_at"]) in " ".join(shown.split())
    assert change["taken_back_at"][:16] not in shown
    assert change["taken_back_reason"] == "the other tap"


def test_a_word_about_an_older_run_does_not_say_that_it_counts_now(run_elt, project):
    at = ("-C", project)
    first = json.loads(run_elt(*at, "run", "--json").out)["run"]
    run_elt(*at, "run")
    words = ("mark", "stream:days.days", "failed", "--reason", "no", "--run", first)

    done = run_elt(*at, "runs", *words)

    assert "a later run has had `stream:days.days`" in done.err
    assert "no run goes on below it" not in done.err


def test_what_is_marked_failed_is_told_by_status_with_the_way_out(run_elt, project):
    at = ("-C", project)
    run_elt(*at, "run")
    run_elt(*at, "runs", "mark", "tap:days", "failed", "--reason", "no days")

    done = run_elt(*at, "status")

    assert (
        "`stream:days.days` was marked failed by"
        f" {_author()}: no days; nothing below it goes on:"
        " `elt run stream:days.days` does it again,"
        " `elt runs undo stream:days.days` takes the word back"
    ) in done.err
    run_elt(*at, "runs", "undo", "stream:days.days")
    assert run_elt(*at, "status").err == ""


def test_of_a_step_only_what_did_not_end_well_is_skipped(run_elt, project):
    at = ("-C", project)
    run_elt(*at, "run")

    done = run_elt(*at, "runs", "mark", "tap:days", "skipped", "--reason", "down")

    assert done.code == 2
    assert "all of `tap:days` ended well" in done.err


def test_clearing_says_what_it_means_and_asks(elt):
    done = elt("runs", "clear", "stream:days.days")

    assert done.code == 2
    assert "counts as never loaded" in done.err
    assert "`elt state reset TAP STREAM`" in done.err
    assert "Add `--yes`" in done.err
    assert status(elt)["status"] == "failed"


def test_what_is_cleared_counts_as_never_done(elt):
    done = elt("runs", "clear", "stream:days.days", "--yes", "--reason", "moved")

    assert done.code == 0
    assert json.loads(elt("status", "--json").out) == []
    assert "never loaded" in elt("plan").out
    assert elt("runs", "undo", "stream:days.days").code == 0
    assert status(elt)["status"] == "failed"


def test_marked_failed_it_is_retried_though_it_ended_well(run_elt, project):
    run_elt("-C", project, "run")
    run_elt("-C", project, "runs", "mark", "tap:days", "failed", "--reason", "no days")

    assert "failed" in run_elt("-C", project, "status").out
    assert "no days" in run_elt("-C", project, "status").out
    done = run_elt("-C", project, "retry", "--json")
    assert json.loads(done.out)["steps"][0]["assets"][0]["status"] == "done"


def test_a_name_that_no_run_had_is_told_with_the_nearest(elt):
    done = elt("runs", "mark", "days.days", "skipped", "--reason", "x")

    assert done.code == 2
    assert "no run has had `days.days`" in done.err
    assert "Did you mean `stream:days.days`?" in done.err


def test_a_name_that_several_assets_have_is_told_with_their_ids(elt, project):
    with sqlite3.connect(project / ".elt" / "elt.db") as store:
        for asset in ("model:top", "sync:top"):
            store.execute(
                "INSERT INTO assets (environment, asset, run, status, updated_at)"
                " SELECT environment, ?, run, status, updated_at FROM assets"
                " WHERE asset = 'stream:days.days'",
                (asset,),
            )
    store.close()

    done = elt("runs", "mark", "top", "skipped", "--reason", "x")

    assert done.code == 2
    assert "Did you mean `model:top` or `sync:top`?" in done.err


def test_states_set_by_hand_are_in_the_list_of_changes(run_elt, project):
    at = ("-C", project)
    run_elt(*at, "run")
    state = '{"bookmarks": {"days": {"id": 3}}}'
    run_elt(*at, "state", "set", "days", state, "--yes", "--reason", "as it was")

    (change,) = json.loads(run_elt(*at, "runs", "changes", "--json").out)

    assert (change["what"], change["reason"]) == ("tap:days", "as it was")
    assert change["change"].startswith("state set, version ")


def test_nothing_changed_by_hand_is_said(run_elt, project):
    done = run_elt("-C", project, "runs", "changes")

    assert "Nobody has changed anything by hand" in done.err
