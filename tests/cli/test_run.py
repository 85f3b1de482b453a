from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest


def test_a_run_tells_on_stderr_and_its_result_is_json_on_stdout(run_elt, project):
    done = run_elt("-C", project, "run", "--json")

    result = json.loads(done.out)
    assert done.code == 0
    assert result["status"] == "done"
    assert result["exit_code"] == 0
    (step,) = result["steps"]
    assert step["step"] == "tap:days"
    assert [(a["asset"], a["rows"]) for a in step["assets"]] == [
        ("stream:days.days", 3)
    ]
    assert "tap:days          started" in done.err
    assert "what ran" in done.err


def test_a_run_is_found_again_in_runs_logs_and_status(run_elt, project):
    run = json.loads(run_elt("-C", project, "run", "--json").out)["run"]

    runs = json.loads(run_elt("-C", project, "runs", "--json").out)
    logs = json.loads(run_elt("-C", project, "logs", "last", "--json").out)
    status = json.loads(run_elt("-C", project, "status", "--json").out)

    assert [each["run"] for each in runs] == [run]
    assert logs["run"] == run
    assert "asset_finished" in {event["event"] for event in logs["events"]}
    assert [(each["asset"], each["status"]) for each in status] == [
        ("stream:days.days", "done")
    ]


def test_the_same_commands_read_well(run_elt, project):
    run_elt("-C", project, "run")

    assert "✓ done" in run_elt("-C", project, "runs").out
    assert "days: 3 rows committed" in run_elt("-C", project, "logs").out
    assert "just now" in run_elt("-C", project, "status").out


def test_a_json_log_is_nothing_but_json(run_elt, project):
    done = run_elt("-C", project, "run", "--log-format", "json")

    events = [json.loads(line)["event"] for line in done.err.splitlines()]
    assert events[0] == "run_started"
    assert events[-1] == "run_finished"
    assert done.out == ""


def test_a_failed_step_exits_with_1_and_says_where_to_look(run_elt, project):
    (project / "plugins" / "days.py").write_text(
        "from elt import stream\n\n\n"
        '@stream(key="id")\n'
        "def days(config):\n"
        '    raise RuntimeError("the calendar is closed")\n'
        "    yield {}\n"
    )

    done = run_elt("-C", project, "run")

    assert done.code == 1
    told = done.err.split("What to look at")[1]
    assert "the calendar is closed" in told
    assert "elt logs" in told
    assert "tap:days" in told


def test_a_plan_says_why_and_does_nothing(run_elt, project):
    done = run_elt("-C", project, "plan")

    assert done.code == 0
    assert "stream:days.days" in done.out
    assert "overwrite (the whole table is read each time)" in done.out
    assert "never loaded" in done.out
    assert not (project / "warehouse.duckdb").exists()


def test_a_plan_shows_pool_and_priority_where_they_are_set(run_elt, project):
    toml = project / "elt.toml"
    text = toml.read_text().replace(
        "[taps.days]",
        '[pools]\ncrm_api = 1\n[taps.days]\npool = "crm_api"\npriority = 2',
    )
    toml.write_text(text)

    assert (
        "never loaded; pool crm_api, priority 2" in run_elt("-C", project, "plan").out
    )

    (step,) = json.loads(run_elt("-C", project, "plan", "--json").out)["steps"]
    assert step["limits"]["pools"] == ["crm_api"]
    assert step["limits"]["priority"] == 2


def test_a_plan_for_programs_has_the_same_steps(run_elt, project):
    done = run_elt("-C", project, "plan", "--json")

    (step,) = json.loads(done.out)["steps"]
    assert step["id"] == "tap:days"
    assert step["planned"][0]["mode"] == "overwrite"


def test_an_unknown_selection_offers_the_nearest(run_elt, project):
    done = run_elt("-C", project, "run", "tap:dyas")

    assert done.code == 2
    assert "days" in done.err.split("hint: ")[1]


def test_ctrl_c_ends_a_run_as_interrupted(project):
    (project / "plugins" / "days.py").write_text(
        "import time\nfrom elt import stream\n\n\n"
        '@stream(key="id")\n'
        "def days(config):\n"
        '    yield {"id": 1}\n'
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "elt", "-C", str(project), "run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "started" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        code = process.wait()

    assert code == 130
    assert "interrupted" in said
    assert "Traceback" not in said


def test_tests_that_passed_are_one_line_of_the_status(run_elt, project):
    run_elt("-C", project, "run")
    with closing(sqlite3.connect(project / ".elt" / "elt.db")) as store, store:
        for name, status in (("a", "done"), ("b", "done"), ("c", "failed")):
            store.execute(
                "INSERT INTO assets (environment, asset, run, status, updated_at)"
                " VALUES ('default', ?, 'r', ?, '2026-01-01T00:00:00+00:00')",
                (f"test:{name}", status),
            )

    few, every = (run_elt("-C", project, "status", *a) for a in ((), ("--all",)))

    assert "2 tests" in few.out
    assert "test:c" in few.out
    assert "test:a" not in few.out
    assert "test:a" in every.out


@pytest.mark.parametrize(
    "words",
    [
        ("run", ""),
        ("run", "  "),
        ("run", "days", ""),
        ("run", "--exclude", ""),
        ("plan", ""),
        ("plan", "--exclude", " "),
        ("backfill", "", "--from", "2026-11-01"),
        ("backfill", "*", "--exclude", "", "--from", "2026-11-01", "--dry-run"),
        ("status", ""),
        ("status", "--exclude", ""),
    ],
)
def test_an_argument_without_a_word_does_not_choose_everything(run_elt, ran, words):
    before = run_elt("-C", ran, "runs", "--json").out

    done = run_elt("-C", ran, *words)

    assert done.code == 2
    assert "error: a selection is empty" in done.err
    assert "Is a variable not set?" in done.err
    assert run_elt("-C", ran, "runs", "--json").out == before
