"""Not more requests a second than an API allows, over all threads of a tap."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets requests go at even distances, `per_second`; None lets them all go."""

    def __init__(
        self,
        per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.go_at(per_second)
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def go_at(self, per_second: float | None) -> None:
        """Take another pace from the next request on."""
        # A config's fractions come as decimals.
        self._interval = 1.0 / float(per_second) if per_second else 0.0

    def wait(self) -> None:
        """Wait until the next request may go."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)

    def hold(self, seconds: float) -> None:
        """Let nothing go for so long, because the API said so."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
