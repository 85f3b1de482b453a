"""How often Recurly lets itself be asked.

Sandbox sites: 400 requests a minute, all of them count. Production sites: 1,000 a
minute, only GETs count. Both over a sliding window of five minutes, so 4,000 in one
minute are fine after four quiet ones (specification, "Limits").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MINUTES = 5
LIMITS = {"sandbox": 400, "production": 1000}


class SlidingWindow:
    """Counts by minute, this one and the four before.

    That the count is by minute follows from the headers in recurly-client-python#192:
    limit 2000, asked at 17:28:06, reset at 17:33:00.
    """

    def __init__(self, a_minute: int, seconds: Callable[[], float]) -> None:
        self.most = a_minute * MINUTES
        self._seconds = seconds
        self._minutes: deque[list[int]] = deque()  # [minute, requests]

    def take(self) -> bool:
        """Count one request unless it is refused; say whether it is allowed."""
        if self.remaining <= 0:
            return False
        if not self._minutes or self._minutes[-1][0] != self._minute():
            self._minutes.append([self._minute(), 0])
        self._minutes[-1][1] += 1
        return True

    @property
    def remaining(self) -> int:
        while self._minutes and self._minutes[0][0] <= self._minute() - MINUTES:
            self._minutes.popleft()
        return max(0, self.most - sum(requests for _, requests in self._minutes))

    @property
    def resets_at(self) -> int:
        """The Unix timestamp at which all that was asked until now is forgotten."""
        last = self._minutes[-1][0] if self._minutes else self._minute()
        return (last + MINUTES) * 60

    def _minute(self) -> int:
        return int(self._seconds() // 60)
