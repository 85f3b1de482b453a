"""Spans of time that a run is about, in place of all that is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """From a moment to another, which is not in it any more; both have a time zone."""

    start: datetime
    end: datetime

    @property
    def texts(self) -> tuple[str, str]:
        """Give both moments as `RunRequest.window` and the run log have them."""
        return self.start.isoformat(), self.end.isoformat()

    @classmethod
    def of(cls, texts: tuple[str, str]) -> Window:
        return cls(*map(datetime.fromisoformat, texts))
