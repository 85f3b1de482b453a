"""Groups of processes end with whoever started them, and nobody else's do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

START = """
import os, signal, subprocess, sys, time
from elt.singer.orphans import end_with_us, let_go

def start():
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    end_with_us(child.pid)
    return child

def tell(*numbers):
    print(*numbers, flush=True)
"""


def started(body: str) -> subprocess.Popen[str]:
    code = START + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )


def numbers_of(elt: subprocess.Popen[str]) -> list[int]:
    assert elt.stdout is not None
    return [int(number) for number in elt.stdout.readline().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_group_is_killed_with_the_one_that_started_it():
    with started("tell(start().pid, start().pid); time.sleep(60)") as elt:
        numbers = numbers_of(elt)
        elt.kill()

    wait_until(lambda: not any(map(is_running, numbers)))


def test_a_group_that_was_let_go_is_left_alone():
    body = """
        kept, ended = start(), start()
        let_go(kept.pid)
        tell(kept.pid, ended.pid)
        time.sleep(60)
    """
    with started(body) as elt:
        kept, ended = numbers_of(elt)
        elt.kill()

    wait_until(lambda: not is_running(ended))
    assert is_running(kept)
    os.kill(kept, signal.SIGKILL)


def test_a_group_is_ended_when_its_elt_leaves_without_cleaning_up():
    with started("tell(start().pid)") as elt:
        (number,) = numbers_of(elt)

    assert elt.returncode == 0
    wait_until(lambda: not is_running(number))


def test_the_watch_is_no_reason_to_end_late_and_ends_itself():
    body = """
        child = start()  # kept, or Python clears it away as soon as it is dead
        child.kill()
        own = []
        for p in filter(str.isdigit, os.listdir("/proc")):
            try:
                parent = open(f"/proc/{p}/stat").read().rsplit(")")[1].split()[1]
            except OSError:  # somebody else's, which has ended meanwhile
                continue
            if parent == str(os.getpid()):
                own.append(int(p))
        tell(*own)
    """
    begun = time.monotonic()
    with started(body) as elt:
        numbers = numbers_of(elt)

    assert time.monotonic() - begun < 5
    assert len(numbers) == 2  # the child, and the watch
    wait_until(lambda: not any(map(is_running, numbers)))


def test_ctrl_c_in_the_terminal_does_not_end_the_watch():
    body = """
        numbers = [start().pid]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGINT)
        os.killpg(0, signal.SIGTERM)
        tell(*numbers)
        time.sleep(60)
    """
    code = START + textwrap.dedent(body)
    elt = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with elt:
        (number,) = numbers_of(elt)
        elt.kill()

    wait_until(lambda: not is_running(number))


def test_without_its_watch_elt_goes_on():
    body = """
        from elt.singer import orphans
        child = start()
        watch = orphans._watch()._popen
        watch.kill()
        watch.wait()
        other = start()
        let_go(other.pid)
        child.kill()
        other.kill()
        tell(7)
    """
    with started(body) as elt:
        assert numbers_of(elt) == [7]

    assert elt.returncode == 0


def test_a_forked_child_does_not_keep_the_groups_alive():
    body = """
        number = start().pid
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        tell(number, child)
        time.sleep(60)
    """
    with started(body) as elt:
        number, child = numbers_of(elt)
        elt.kill()
        wait_until(lambda: not is_running(number))
        os.kill(child, signal.SIGKILL)
