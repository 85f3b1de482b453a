"""What a run leaves for programs and CI, however it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from elt.report.result import result_schema
from tests.runner.shop import make_shop

SCHEMA = Draft202012Validator(result_schema())
BAD = """
from elt import stream


@stream(key="id")
def bad(config):
    raise RuntimeError("::error::the calendar is closed")
    yield {}
"""
SLOW = """
import time

from elt import stream


@stream(key="id")
def days(config):
    yield {"id": 1}
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _not_in_ci(monkeypatch):
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def github(monkeypatch, tmp_path):
    """Be on GitHub; give the file for the summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


@pytest.fixture
def mixed(project):
    """Give the project a second tap, which fails."""
    (project / "plugins" / "bad.py").write_text(BAD)
    with (project / "elt.toml").open("a") as file:
        file.write('\n[taps.bad]\nplugin = "bad"\n')
    return project


def result_of(done):
    document = json.loads(done.out)
    SCHEMA.validate(document)
    return document


def test_the_result_is_as_the_schema_says_and_kept_with_the_run(run_elt, mixed):
    done = run_elt("-C", mixed, "run", "--json")

    told = result_of(done)
    assert (told["status"], told["exit_code"], done.code) == ("failed", 1, 1)
    assert told["selection"] == []
    kept = mixed / ".elt" / "runs" / told["run"] / "result.json"
    assert json.loads(kept.read_text()) == told
    bad = next(step for step in told["steps"] if step["step"] == "tap:bad")
    assert (bad["error"], bad["attempts"]) == ("EltError", 1)
    assert (bad["assets"][0]["file"], bad["assets"][0]["line"]) == ("elt.toml", 7)


def test_a_run_is_shown_again_as_it_was_told(run_elt, mixed):
    told = result_of(run_elt("-C", mixed, "run", "--json"))

    again = run_elt("-C", mixed, "runs", "result", told["run"][-4:])

    assert json.loads(again.out) == told


def test_a_run_whose_result_is_lost_is_shown_from_the_log(run_elt, mixed):
    told = result_of(run_elt("-C", mixed, "run", "tap:bad", "--json"))
    (mixed / ".elt" / "runs" / told["run"] / "result.json").unlink()

    again = result_of(run_elt("-C", mixed, "runs", "result"))

    assert again["exit_code"] is None
    assert again | {"exit_code": 1} == told


def test_how_far_a_tap_came_is_told_with_where_it_began(tmp_path):
    shop = make_shop(tmp_path / "shop")
    shop.rows(keyed=[(1, 1, "a")])
    first = shop.elt("run", "--json").json["steps"][0]["state"]
    shop.rows(keyed=[(1, 1, "a"), (2, 5, "b")])

    second = shop.elt("run", "--json").json["steps"][0]["state"]

    mark = {"replication_key": "at", "replication_key_value": 5}
    assert first["before"] is None
    assert second["before"] == first["after"]
    assert second["after"]["bookmarks"]["keyed"] == mark
    assert (first["version"], second["version_before"]) == (1, 1)


def test_an_unreadable_project_is_a_result_too(run_elt, project, github):
    with (project / "elt.toml").open("a") as file:
        file.write("\n[taps.more]\nplgin = 3\n")

    below = project / "plugins"
    done = run_elt("-C", below, "run", "--json", "--junit", project / "elt.xml")

    told = result_of(done)
    assert done.code == 2
    assert (told["run"], told["status"], told["exit_code"]) == ("", "failed", 2)
    assert {error["error"] for error in told["errors"]} == {"ConfigError"}
    assert ET.parse(project / "elt.xml").getroot().get("failures") != "0"  # noqa: S314
    assert "::error file=shop/elt.toml,line=" in done.err
    assert "plgin" in github.read_text()


def test_a_run_that_finds_nothing_sound_to_do_is_told_with_its_id(run_elt, project):
    done = run_elt("-C", project, "run", "tap:nothing", "--json")

    told = result_of(done)
    assert (done.code, told["exit_code"]) == (2, 2)
    assert told["run"]
    assert told["selection"] == ["tap:nothing"]
    assert "nothing" in told["errors"][0]["message"]


@pytest.mark.parametrize(
    "words", [("run", "--on-overlap", "bogus"), ("retry", "zzz"), ("retry",)]
)
def test_what_is_asked_for_wrongly_is_a_result_too(run_elt, project, words, tmp_path):
    junit = tmp_path / "elt.xml"

    done = run_elt("-C", project, *words, "--json", "--junit", junit)

    told = result_of(done)
    assert (done.code, told["exit_code"], told["run"]) == (2, 2, "")
    assert told["errors"][0]["message"]
    assert junit.exists()


def test_junit_is_written_when_the_run_fails(run_elt, mixed, tmp_path):
    done = run_elt("-C", mixed, "run", "--junit", tmp_path / "out" / "elt.xml")

    root = ET.parse(tmp_path / "out" / "elt.xml").getroot()  # noqa: S314
    assert done.code == 1
    assert (root.get("tests"), root.get("failures")) == ("2", "1")


def test_junit_is_written_when_the_run_is_interrupted(project):
    (project / "plugins" / "days.py").write_text(SLOW)
    command = [sys.executable, "-m", "elt", "-C", str(project), "run", "--json"]
    command += ["--junit", str(project / "elt.xml")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        while "started" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()

    told = json.loads(out)
    SCHEMA.validate(told)
    assert process.returncode == told["exit_code"] == 143
    assert told["status"] == "interrupted"
    root = ET.parse(project / "elt.xml").getroot()  # noqa: S314
    assert root.get("errors") == "1"


@pytest.mark.slow
def test_a_second_signal_leaves_at_once_and_a_result_all_the_same(project):
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLOW
    (project / "plugins" / "days.py").write_text(stubborn)
    command = [sys.executable, "-m", "elt", "-C", str(project), "run", "--json"]
    command += ["--junit", str(project / "elt.xml")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        while "started" not in process.stderr.readline():
            pass
        time.sleep(1)  # until the tap has the signal ignored
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate()

    told = json.loads(out)
    SCHEMA.validate(told)
    assert process.returncode == told["exit_code"] == 143
    assert told["status"] == "interrupted"
    assert told["message"] == "stopped at once by a second signal"
    assert told["errors"][0]["error"] == "Interrupted"
    assert "error: stopped at once by a second SIGTERM" in said
    assert "hint: What was committed is kept; `elt retry` goes on" in said
    assert (project / "elt.xml").exists()


def test_a_junit_file_that_cannot_be_is_refused_before_anything_runs(run_elt, project):
    done = run_elt("-C", project, "run", "--junit", project / "elt.toml" / "x.xml")
    other = run_elt("-C", project, "run", "--junit", project / "plugins")

    assert done.code == other.code == 2
    assert "--junit FILE" in done.err
    assert done.err.count("JUnit file cannot be written") == 1
    assert not (project / ".elt" / "elt.db").exists()


@pytest.mark.parametrize(
    ("place", "selection", "code"),
    [("GITLAB_CI", "tap:days", 0), ("GITHUB_ACTIONS", "tap:bad", 1)],
)
def test_ci_changes_neither_stdout_nor_the_exit_code(
    run_elt, mixed, monkeypatch, place, selection, code
):
    before = run_elt("-C", mixed, "run", selection, "--json")
    monkeypatch.setenv(place, "true")

    there = run_elt("-C", mixed, "run", selection, "--json")

    assert before.code == there.code == code
    ours, theirs = result_of(before), result_of(there)
    assert [step["status"] for step in ours["steps"]] == [
        step["status"] for step in theirs["steps"]
    ]


def test_github_is_told_what_failed_and_obeys_nothing_that_a_tap_says(
    run_elt, mixed, github
):
    done = run_elt("-C", mixed, "run", "tap:bad")

    commands = [line for line in done.err.splitlines() if line.strip()[:2] == "::"]
    (told,) = [line for line in commands if "group::" not in line]
    assert done.out == ""
    assert told.startswith("::error file=shop/elt.toml,line=7,title=stream%3Abad.bad")
    assert "stream:bad.bad" in github.read_text()


@pytest.mark.parametrize("log_format", ["plain", "json"])
def test_whoever_asks_for_another_log_gets_no_annotations(
    run_elt, mixed, github, log_format
):
    done = run_elt("-C", mixed, "run", "tap:bad", "--log-format", log_format)

    assert "::error file" not in done.err
    assert not github.exists()


def test_githubs_manner_can_be_asked_for_anywhere(run_elt, mixed):
    done = run_elt("-C", mixed, "run", "tap:bad", "--log-format", "github")

    assert "::error " in done.err
    assert done.code == 1


def test_a_summary_that_cannot_be_written_is_a_warning(run_elt, project, github):
    github.mkdir()

    done = run_elt("-C", project, "run")

    assert done.code == 0
    assert "warning: the summary cannot be written" in done.err


def test_a_result_that_cannot_be_kept_is_a_warning(run_elt, project):
    (project / ".elt").mkdir()
    (project / ".elt" / "runs").write_text("in the way")

    done = run_elt("-C", project, "run", "--json")

    assert done.code == 0
    assert result_of(done)["status"] == "done"
    assert "warning: the result is not kept" in done.err


def test_a_secret_is_in_nothing_that_a_run_leaves(run_elt, mixed, github, tmp_path):
    secret = "hunter2hunter2"  # noqa: S105
    (mixed / ".env").write_text(f"BAD_CODE={secret}\n")
    (mixed / "plugins" / "bad.py").write_text(
        BAD.replace('"::error::the', 'config["code"] + " ::error::the')
    )
    with (mixed / "elt.toml").open("a") as file:
        file.write('[taps.bad.config]\ncode = "${env:BAD_CODE}"\n')

    line = ("run", "tap:bad", "--json", "--junit", tmp_path / "elt.xml")
    done = run_elt("-C", mixed, *line)

    left = [done.out, done.err, github.read_text(), (tmp_path / "elt.xml").read_text()]
    left += [p.read_text() for p in (mixed / ".elt" / "runs").glob("*/*.json")]
    assert len(left) == 5
    assert all("***" in each for each in left)
    assert not [each for each in left if secret in each]
