"""Asked to stop, a run keeps what is finished and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

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
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
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
