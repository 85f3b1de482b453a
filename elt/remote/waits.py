"""How long another side asks us to wait, by the headers of its answer."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Callable, Mapping
from datetime import UTC


def retry_after(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """Read `Retry-After`, which is seconds or a date (RFC 9110, 10.2.3); None: neither.

    `headers` are known by lower-case names; `now` is in seconds of the Unix time.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        return _until_date(text, now)
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


def _until_date(text: str, now: Callable[[], float]) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now())
