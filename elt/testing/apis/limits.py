"""Limits on how often one may ask.

They count by a simulation's clock as if it ran: who waits is let in again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from elt.testing.apis.clock import Clock


@dataclass(slots=True)
class RollingLimit:
    """At most so many requests within any stretch of so many seconds."""

    most: int
    seconds: float
    clock: Clock
    _taken: deque[float] = field(default_factory=deque)

    def take(self) -> bool:
        """Count one request unless it is refused; say whether it is allowed."""
        if self.remaining <= 0:
            return False
        self._taken.append(self.clock.running().timestamp())
        return True

    @property
    def remaining(self) -> int:
        self._forget()
        return max(0, self.most - len(self._taken))

    @property
    def frees_in(self) -> float:
        """Seconds until one more is allowed; 0 where one is."""
        if self.remaining or not self._taken:
            return 0.0
        return self._taken[0] + self.seconds - self.clock.running().timestamp()

    def _forget(self) -> None:
        now = self.clock.running().timestamp()
        while self._taken and self._taken[0] + self.seconds <= now:
            self._taken.popleft()


@dataclass(slots=True)
class WindowLimit:
    """At most so many requests in each stretch, which begins with its first one.

    `resets_at` is a Unix timestamp, as vendors' headers have it.
    """

    most: int
    seconds: float
    clock: Clock
    used: int = 0
    resets_at: float = 0.0

    def take(self) -> bool:
        """Count one request unless it is refused; say whether it is allowed."""
        if self.remaining <= 0:
            return False
        self.used += 1
        return True

    @property
    def remaining(self) -> int:
        now = self.clock.running().timestamp()
        if now >= self.resets_at:
            self.used, self.resets_at = 0, now + self.seconds
        return max(0, self.most - self.used)
