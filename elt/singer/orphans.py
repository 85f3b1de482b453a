"""Nobody is left behind: groups of processes that end when elt is killed.

Whoever is killed cannot clean up. So a small process of its own waits for elt's end: it
reads a pipe whose other end elt alone holds, and which the kernel closes with elt. What
elt has written into it are the groups that it has started and ended.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache

# Isolated and without site it starts in 10 ms, beside what we start, and takes 9 MB;
# once for each elt that starts programs. Its own session keeps Ctrl-C from it.
_WATCH = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    change = groups.add if line[0] == "+" else groups.discard
    change(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""
_END_SECONDS = 1.0

_starting = threading.Lock()


def get_ready() -> None:
    """Start the watch, so that it can be told of a group as soon as there is one."""
    _watch()


def end_with_us(group: int) -> None:
    """Have a group of processes killed when this process ends, however it ends."""
    _watch().tell(f"+{group}\n")


def let_go(group: int) -> None:
    """Take it back, before the group's number may be given to somebody else."""
    _watch().tell(f"-{group}\n")


def _watch() -> _Watch:
    with _starting:
        return _watch_of_this_process()


@cache
def _watch_of_this_process() -> _Watch:
    return _Watch()


class _Watch:
    """The process that waits for our end, and our end of the pipe to it."""

    def __init__(self) -> None:
        readable, self._writable = os.pipe()
        # A watch that was stopped by somebody must not stop us, too.
        os.set_blocking(self._writable, False)
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH],
            stdin=readable,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        os.close(readable)
        # A forked child that held the pipe would make us seem alive.
        os.register_at_fork(after_in_child=self._close)
        atexit.register(self._end)

    def tell(self, line: str) -> None:
        # A few bytes are written whole or not at all; not at all once it is killed.
        with suppress(OSError):
            os.write(self._writable, line.encode())

    def _close(self) -> None:
        with suppress(OSError):
            os.close(self._writable)
        self._writable = -1  # the number may soon be another file's

    def _end(self) -> None:
        self._close()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_END_SECONDS)
