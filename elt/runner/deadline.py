"""The time limit of a run before its first step, when no scheduler minds it yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from elt.errors import OutOfTime
from elt.runner.attempt import Stop
from elt.runner.limits import RunLimits


@contextmanager
def within(limits: RunLimits, stop: Stop) -> Iterator[None]:
    """Ask to stop when the whole time of the run is over, until the block ends."""
    if limits.timeout_seconds is None:
        yield
        return

    def is_over() -> None:
        stop.set(limits.out_of_time, error=OutOfTime)

    timer = threading.Timer(limits.timeout_seconds, is_over)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
