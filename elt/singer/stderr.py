"""A tap's stderr: always read, handed on line by line, and never more than is bearable.

A tap that logs a hundred megabytes must neither fill the memory nor the log, nor wait
for us: past a burst, lines are counted instead of handed on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO

BURST_LINES = 1000
LINES_PER_SECOND = 200.0
LINE_LIMIT_BYTES = 4000
KEPT_LINES = 20


class LastLines:
    """The last lines, kept for the error message."""

    def __init__(self, size: int = KEPT_LINES) -> None:
        self._lines: deque[str] = deque(maxlen=size)
        self._lock = threading.Lock()

    def lines(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._lines)

    def add(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)


def drain(pipe: IO[bytes], on_line: Callable[[str], None], last: LastLines) -> None:
    """Read a pipe to its end; `on_line` hears what fits through the gate."""
    gate = _Gate(on_line)
    rest, cut = b"", False
    with pipe:
        while chunk := pipe.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not cut:
                    _hear(line, gate, last)
                cut = False
            if len(rest) > LINE_LIMIT_BYTES:
                if not cut:
                    _hear(rest, gate, last)
                rest, cut = b"", True
    if rest and not cut:
        _hear(rest, gate, last)
    gate.close()


def _hear(line: bytes, gate: _Gate, last: LastLines) -> None:
    text = line[:LINE_LIMIT_BYTES].decode("utf-8", "replace").rstrip("\r")
    if len(line) > LINE_LIMIT_BYTES:
        text += " … (cut)"
    if text:
        last.add(text)
        gate.hand_on(text)


class _Gate:
    """Lets a burst through, then so many lines a second, and counts the others."""

    def __init__(
        self,
        on_line: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_line: Callable[[str], None] | None = on_line
        self._clock = clock
        self._room = float(BURST_LINES)
        self._at = clock()
        self._left_out = 0

    def hand_on(self, text: str) -> None:
        now = self._clock()
        self._room += (now - self._at) * LINES_PER_SECOND
        self._room = min(self._room, float(BURST_LINES))
        self._at = now
        # Once it is shut it opens for a handful, else every line would be followed by
        # the count of those left out.
        if self._room < (100 if self._left_out else 1):
            self._left_out += 1
            return
        self._room -= 1
        self._tell_what_was_left_out()
        self._say(text)

    def close(self) -> None:
        self._tell_what_was_left_out()

    def _tell_what_was_left_out(self) -> None:
        if self._left_out:
            self._say(f"… {self._left_out:,} lines of stderr left out")
            self._left_out = 0

    def _say(self, text: str) -> None:
        if self._on_line is None:
            return
        try:
            self._on_line(text)
        except Exception:  # noqa: BLE001  a broken listener must not block the tap
            self._on_line = None
