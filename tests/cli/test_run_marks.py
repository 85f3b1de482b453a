from __future__ import annotations

import getpass
import json

import pytest


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
