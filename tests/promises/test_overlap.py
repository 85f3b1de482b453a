"""Two runs of one project, begun by real programs at the same moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from elt.runner.lock import read_owner
from tests.runner.shop import make_shop


def start(shop, *words):
    return subprocess.Popen(
        shop.command("run", "--log-format", "plain", *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(runs):
    """Wait for runs; give their exit codes and what they said."""
    said = [run.communicate(timeout=120)[1] for run in runs]
    return [run.returncode for run in runs], said


def slow(shop, seconds=60):
    """Let the tap say that it is there, and wait for `go`, or for so long.

    Only once: a run after that one is as fast as ever.
    """
    tap = shop.path / "tap.py"
    text = tap.read_text()
    begin = "import "
    waits = (
        "import pathlib, time; here, go = map(pathlib.Path, ('here', 'go'))\n"
        f"    here.touch(); end = time.monotonic() + {seconds}\n"
        "    while not go.exists() and time.monotonic() < end: time.sleep(0.02)\n"
        "    go.touch()\n"
    )
    tap.write_text(
        text.replace(
            begin,
            "import sys\nif '--discover' not in sys.argv:\n    " + waits + begin,
            1,
        )
    )


@pytest.fixture
def shop(tmp_path):
    made = make_shop(tmp_path)
    made.rows(log=[(1, 1, "a"), (2, 2, "b")])
    return made


def go_on(shop):
    (shop.path / "go").touch()


def wait_until_it_loads(shop, run):
    while not (shop.path / "here").exists():
        assert run.poll() is None, run.communicate()[1]
        time.sleep(0.02)


def test_of_two_that_start_at_once_one_runs_and_the_other_says_who(shop):
    slow(shop)

    runs = [start(shop), start(shop)]
    while all(run.poll() is None for run in runs):
        time.sleep(0.02)
    go_on(shop)
    codes, said = ended(runs)

    assert sorted(codes) == [0, 75]
    refused = said[codes.index(75)]
    assert refused.startswith("error: another run of this project is under way")
    assert "hint: Wait for it, or use `--on-overlap wait=10m`" in refused
    assert shop.table("log") == [(1, 1, "a"), (2, 2, "b")]


@pytest.mark.slow
def test_of_two_that_start_at_once_one_runs_after_the_other_when_told_to(shop):
    slow(shop, seconds=2)

    codes, said = ended([start(shop, "--on-overlap", "wait=60s") for _ in range(2)])

    assert codes == [0, 0]
    (waited,) = (text for text in said if "waiting: another run" in text)
    assert "run done" in waited
    assert shop.table("log") == [(1, 1, "a"), (2, 2, "b")]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_paused_run_keeps_the_project_and_the_next_says_how_to_go_on(shop):
    slow(shop)
    first = start(shop)
    wait_until_it_loads(shop, first)

    first.send_signal(signal.SIGSTOP)
    os.waitpid(first.pid, os.WUNTRACED)
    refused = shop.program("run", code=75)
    go_on(shop)
    first.send_signal(signal.SIGCONT)

    run = read_owner(shop.path / ".elt" / "lock").run
    assert f"{run}, process {first.pid}" in refused.err
    assert ", paused, at tap:shop\n" in refused.err
    assert (
        f"hint: It has been stopped and keeps its lock: `kill -CONT {first.pid}`"
        in (refused.err)
    )
    assert ended([first])[0] == [0]


@pytest.mark.slow
def test_waiting_is_over_when_its_time_is(shop):
    slow(shop)
    first = start(shop)
    wait_until_it_loads(shop, first)

    refused = shop.program("run", "--on-overlap", "wait=0.5s", code=75)
    go_on(shop)

    assert "waiting: another run of this project is under way" in refused.err
    assert ended([first])[0] == [0]


def test_after_a_kill_the_next_run_begins_at_once_and_tells_of_the_last_sign(shop):
    slow(shop)
    first = start(shop)
    wait_until_it_loads(shop, first)
    first.kill()
    first.communicate()
    go_on(shop)

    shop.program("run", "--on-overlap", "fail")

    told = shop.elt("runs", "--json").json
    crashed = told[1] if isinstance(told, list) else told["runs"][1]
    assert crashed["status"] == "crashed"
    assert crashed["message"].startswith("its process is gone; last seen 20")
    assert shop.table("log") == [(1, 1, "a"), (2, 2, "b")]
