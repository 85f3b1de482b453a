"""Asked to stop, a run keeps what is finished and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.promises.conftest import record, schema, state


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "elt", "run", "--log-format", "json"],
        cwd=folder.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_commit(run):
    """Read the run's events until its first bookmark is committed."""
    for line in run.stderr:
        if '"bookmark_committed"' in line:
            return
    raise AssertionError("the run ended without a commit")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def slow_tap(folder):
    """Replay a tap that commits one row, tells its process id, and then waits."""
    tap = folder.path / "tap.py"
    tap.write_text(
        tap.read_text().replace(
            "state = json",
            "open('tap.pid', 'w').write(str(os.getpid()))\nstate = json",
            1,
        )
    )
    first, second = [schema(), record(1)], [schema(), record(2)]
    lines = [*first, state(at=3), *second, state(at=6)]
    folder.script(*lines, {"do": "sleep", "much": 60})
    return lines


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_run_soon_and_keeps_what_is_finished(folder, number, code):
    lines = slow_tap(folder)
    run = start(folder)
    wait_for_commit(run)

    run.send_signal(number)
    _, said = run.communicate(timeout=30)

    assert run.returncode == code
    assert '"status": "interrupted"' in said
    assert not is_alive(int((folder.path / "tap.pid").read_text()))
    assert 1 in folder.ids()

    folder.script(*lines, schema(), record(3))
    assert folder.run().exit_code == 0
    assert folder.ids() == [1, 2, 3]


def test_a_killed_run_leaves_no_tap_behind_and_its_lock_is_free(folder):
    lines = slow_tap(folder)
    run = start(folder)
    wait_for_commit(run)
    tap = int((folder.path / "tap.pid").read_text())

    run.kill()
    run.communicate()

    deadline = time.monotonic() + 10
    while is_alive(tap) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(tap)
    folder.script(*lines, schema(), record(3))
    assert folder.run().exit_code == 0
    assert folder.ids() == [1, 2, 3]


# A Singer target that starts a child of its own, tells both numbers, and reads on.
TARGET = """
import os, subprocess, sys
child = subprocess.Popen(["sleep", "60"])
open("target.new", "w").write(f"{os.getpid()} {child.pid}")
os.rename("target.new", "target.pid")
for line in sys.stdin:
    pass
"""
# Before its first line, the tap starts a child that starts another one.
CHILDREN = """
import subprocess
child = subprocess.Popen(
    [sys.executable, "-c",
     "import subprocess, time; p = subprocess.Popen(['sleep', '60']);"
     " print(p.pid, flush=True); time.sleep(60)"],
    stdout=subprocess.PIPE)
numbers = (os.getpid(), child.pid, int(child.stdout.readline()))
open("tap.new", "w").write(" ".join(map(str, numbers)))
os.rename("tap.new", "tap.pid")
"""


def told(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.02)
    return [int(number) for number in path.read_text().split()]


def wait_for_end(numbers):
    deadline = time.monotonic() + 10
    while any(map(is_alive, numbers)):
        assert time.monotonic() < deadline, "somebody is left behind"
        time.sleep(0.02)


def tap_with_children(folder):
    tap = folder.path / "tap.py"
    tap.write_text(
        tap.read_text().replace("state = json", CHILDREN + "state = json", 1)
    )
    folder.script(schema(), record(1), {"do": "sleep", "much": 60})


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_nobody_whom_a_tap_or_a_foreign_target_has_started_is_left(folder, number):
    tap_with_children(folder)
    target = folder.write("target.py", f"#!{sys.executable}\n{TARGET}")
    target.chmod(0o755)
    toml = folder.path / "elt.toml"
    toml.write_text(
        toml.read_text().replace("idle_timeout", 'target = "lake"\nidle_timeout')
        + '\n[targets.lake]\nexecutable = "./target.py"\n'
    )
    run = start(folder)
    numbers = [*told(folder.path / "tap.pid"), *told(folder.path / "target.pid")]

    run.send_signal(number)
    run.communicate(timeout=30)

    assert len(numbers) == 5
    wait_for_end(numbers)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nobody_is_left_by_the_commands_of_a_tap(folder, number):
    tap_with_children(folder)
    command = [sys.executable, "-m", "elt", "tap", "preview", "t", "s"]
    preview = subprocess.Popen(
        command,
        cwd=folder.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    numbers = told(folder.path / "tap.pid")

    preview.send_signal(number)
    preview.communicate(timeout=30)

    wait_for_end(numbers)


def test_ctrl_c_is_heard_while_a_tap_is_asked_for_its_streams(folder):
    tap_with_children(folder)
    tap = folder.path / "tap.py"
    waits = f"{CHILDREN}\nif '--discover' in sys.argv:\n    time.sleep(60)\nscript ="
    tap.write_text(tap.read_text().replace(CHILDREN, "").replace("script =", waits, 1))
    run = start(folder)
    numbers = told(folder.path / "tap.pid")

    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=20)

    assert run.returncode == 130
    assert '"status": "interrupted"' in said
    wait_for_end(numbers)


def users_of(path):
    """Find the processes that work in a folder, or were started for it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            folder = (process / "cwd").readlink()
            if str(path).encode() in command or folder.is_relative_to(path):
                found.append(int(process.name))
    return found


@pytest.mark.slow
def test_a_run_that_is_killed_while_dbt_builds_leaves_nobody_and_no_lock(folder):
    folder.script(schema(), record(1))
    toml = folder.path / "elt.toml"
    toml.write_text(toml.read_text() + "\n[transform]\n")
    name = "transform/dbt_project.yml"
    folder.write(name, "name: shop\nversion: '1.0'\nconfig-version: 2\nprofile: shop\n")
    slow = (
        "SELECT count(*) AS n FROM range(10_000_000_000_000) r(i) WHERE hash(i) % 7 = 3"
    )
    as_table = "{{ config(materialized='table') }}"
    folder.write("transform/models/slow.sql", f"{as_table} {slow}")
    folder.write("transform/models/fast.sql", "SELECT 1 AS n")
    run = start(folder)
    heard = []
    for line in run.stderr:
        heard.append(line)
        if '"asset_finished"' in line and "model:fast" in line:
            break
    else:
        raise AssertionError("".join(heard))

    run.kill()
    run.communicate()

    deadline = time.monotonic() + 10
    while users_of(folder.path):
        assert time.monotonic() < deadline, "somebody is left behind"
        time.sleep(0.05)
    assert folder.sql("SELECT n FROM main.fast") == [(1,)]
