from __future__ import annotations

import errno
import math
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from elt.errors import ConfigError, Interrupted, Unavailable
from elt.runner.lock import (
    Held,
    Waiting,
    hold,
    is_alive,
    read_owner,
    this_process,
)

HOLDS = """
import sys, time
from pathlib import Path
from elt.errors import Unavailable
from elt.runner.lock import hold, this_process

try:
    with hold(Path(sys.argv[1]), this_process(sys.argv[2])):
        print("held", flush=True)
        {body}
except Unavailable as error:
    print(error.what, flush=True)
    sys.exit(error.exit_code)
"""

SPAWNS = """
        import subprocess
        print(subprocess.Popen(["sleep", "30"]).pid, flush=True)
        time.sleep(60)
"""
FORKS = """
        import os
        if os.fork() == 0:
            print(os.getpid(), flush=True)
        time.sleep(60)
"""


def start(path: Path, run: str, body: str = "time.sleep(60)") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(body=body), str(path), run],
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_and_told_who_is_first(tmp_path: Path):
    path = tmp_path / ".elt" / "lock"
    first = start(path, "run-1")
    assert first_line(first) == "held"

    with pytest.raises(Held) as raised, hold(path, this_process("run-2")):
        pass

    end(first)
    assert isinstance(raised.value, Unavailable)
    assert raised.value.exit_code == 75
    assert raised.value.owner is not None
    assert raised.value.owner.pid == first.pid
    assert f"run-1, process {first.pid} on {socket.gethostname()}" in str(raised.value)


def test_a_killed_run_frees_the_lock_at_once(tmp_path: Path):
    path = tmp_path / "lock"
    first = start(path, "run-1")
    assert first_line(first) == "held"
    owner = read_owner(path)
    assert owner is not None
    assert is_alive(owner)

    first.send_signal(signal.SIGKILL)
    first.communicate()

    with hold(path, this_process("run-2")):
        now = read_owner(path)
    assert not is_alive(owner)
    assert now is not None
    assert now.run == "run-2"


def test_of_two_that_start_together_exactly_one_wins(tmp_path: Path):
    path = tmp_path / "lock"
    both = [start(path, f"run-{n}") for n in range(2)]

    lines = [first_line(process) for process in both]

    for process in both:
        end(process)
    assert lines.count("held") == 1
    assert sum("another run of this project" in line for line in lines) == 1


def test_the_lock_is_free_again_after_its_block(tmp_path: Path):
    path = tmp_path / "lock"

    for run in ("run-1", "run-2"):
        with hold(path, this_process(run)):
            pass

    assert read_owner(path) is None


def test_a_started_program_does_not_keep_the_lock(tmp_path: Path):
    path = tmp_path / "lock"
    first = start(path, "run-1", body=SPAWNS)
    assert first_line(first) == "held"
    child = int(first_line(first))

    first.kill()
    first.wait()

    with hold(path, this_process("run-2")):
        os.kill(child, signal.SIGKILL)
    first.communicate()


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path):
    path = tmp_path / "lock"
    first = start(path, "run-1", body=FORKS)
    assert first_line(first) == "held"
    child = int(first_line(first))

    first.kill()
    first.wait()

    with hold(path, this_process("run-2")):
        os.kill(child, signal.SIGKILL)
    first.communicate()


def test_who_waits_gets_the_lock_when_it_is_free(tmp_path: Path):
    path = tmp_path / "lock"
    first = start(path, "run-1")
    assert first_line(first) == "held"
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        end(first)

    told: list[str] = []
    waiting = Waiting(
        seconds=math.inf, sleep=sleep, tell=lambda held: told.append(held.what)
    )
    with hold(path, this_process("run-2"), waiting):
        assert len(naps) == 1
        assert len(told) == 1
        assert "another run of this project is under way: run-1" in told[0]


def test_who_waits_gives_up_when_its_time_is_over(tmp_path: Path):
    path = tmp_path / "lock"
    clock = iter([100.0, 100.0, 500.0, 699.9, 700.0])
    naps: list[float] = []
    waiting = Waiting(seconds=600, sleep=naps.append, clock=lambda: next(clock))

    with (
        hold(path, this_process("run-1")),
        pytest.raises(Held),
        hold(path, this_process("run-2"), waiting),
    ):
        pass

    assert len(naps) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_paused_owner_keeps_the_lock_and_is_said_to_be_paused(tmp_path: Path):
    path = tmp_path / "lock"
    first = start(path, "run-1")
    assert first_line(first) == "held"

    first.send_signal(signal.SIGSTOP)
    os.waitpid(first.pid, os.WUNTRACED)
    with pytest.raises(Held) as raised, hold(path, this_process("run-2")):
        pass

    end(first)
    assert raised.value.what.endswith(", paused")
    assert f"`kill -CONT {first.pid}` lets it go on" in (raised.value.hint or "")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_as_such(tmp_path: Path, number: int):
    def flock(_file: int, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fcntl.flock", flock)
        with (
            pytest.raises(ConfigError) as raised,
            hold(tmp_path / "lock", this_process("run-1")),
        ):
            pass

    assert raised.value.what.startswith("there can be no lock on this file system: ")
    assert raised.value.where == str(tmp_path / "lock")


def test_waiting_ends_when_asked_to_stop(tmp_path: Path):
    path = tmp_path / "lock"

    with hold(path, this_process("run-1")), pytest.raises(Interrupted):  # noqa: SIM117
        with hold(
            path,
            this_process("run-2"),
            Waiting(seconds=math.inf, should_stop=lambda: True),
        ):
            pass


def test_an_owner_that_has_not_written_yet_is_not_named(tmp_path: Path):
    path = tmp_path / "lock"

    with hold(path, this_process("run-1")):
        path.write_text("")
        with pytest.raises(Held) as raised, hold(path, this_process("run-2")):
            pass

    assert raised.value.what == "another run of this project is under way"


def test_a_later_process_with_the_same_number_is_another():
    owner = this_process("run-1")

    assert is_alive(owner)
    assert not is_alive(replace(owner, process_start="1"))
    assert not is_alive(replace(owner, boot="an earlier one"))
    assert is_alive(replace(owner, host="elsewhere", pid=1))
