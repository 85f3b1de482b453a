"""What time it is on the other side, and how long it asks us to wait."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime


def retry_after(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """Read `Retry-After`, which is seconds or a date (RFC 9110, 10.2.3); None: neither.

    `headers` are known by lower-case names; `now` is in seconds of the Unix time, and
    counts where the answer does not tell its own.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        moment, there = _date(text), date_of(headers)
        if moment is None:
            return None
        seconds = moment.timestamp() - (there.timestamp() if there else now())
    return max(0.0, seconds) if math.isfinite(seconds) else None


def until(
    headers: Mapping[str, str], name: str, now: Callable[[], float]
) -> float | None:
    """Give the seconds until the Unix time in a header, which many APIs reset at."""
    try:
        seconds = float(headers.get(name, "")) - now()
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Read the time at which an answer was made, to the second; None: untold."""
    return _date(headers.get("date", ""))


def _date(text: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
