"""The clock of a simulation: it can be moved, and it can stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class Clock:
    """Starts at a moment and goes on from there, or stands until it is moved.

    `elapsed` gives the seconds that a running clock follows, and a waiting client by
    any: a client that sleeps until a limit is over has to find it over.
    """

    def __init__(
        self,
        at: datetime,
        *,
        runs: bool = False,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        if at.tzinfo is None:
            raise ValueError(f"a moment needs a zone: {at}")
        self._at = at.astimezone(UTC)
        self._runs = runs
        self._elapsed = elapsed
        self._started = elapsed()

    def now(self) -> datetime:
        return self.running() if self._runs else self._at

    def running(self) -> datetime:
        """Give the time as it would be if the clock ran, which limits count by."""
        return self._at + timedelta(seconds=self._elapsed() - self._started)

    def seconds(self) -> float:
        """Give the time as a Unix timestamp."""
        return self.now().timestamp()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no time pass by itself: what takes long is done at one moment."""
        elapsed, at = self._elapsed, self._elapsed()
        self._elapsed = lambda: at
        try:
            yield
        finally:
            self._elapsed = elapsed
            self._started += elapsed() - at

    def advance(self, by: timedelta) -> None:
        """Let time go by. Raises ValueError for the way back."""
        if by < timedelta(0):
            raise ValueError(f"time does not go back: {by}")
        self._at += by

    def move_to(self, moment: datetime) -> None:
        """Let time go by until a moment. Raises ValueError for the way back."""
        self.advance(moment - self.now())
