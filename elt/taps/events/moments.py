"""Times as events carry them: told from other text, compared, corrected."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# DuckDB takes these and cuts what lies behind the microsecond.
_FORM = re.compile(
    r"\d{4}-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,9})?"
    r"(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
).fullmatch


def moment(text: object) -> datetime | None:
    """Read a date and time, in UTC where it has no offset; None for anything else."""
    if type(text) is not str or not _FORM(text):
        return None
    try:
        return _in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # a year of UTC that no calendar has
        return None


def is_moment(text: str) -> bool:
    """Tell a date and time from other text, as `moment` does."""
    try:
        return bool(_FORM(text) and _in_utc(datetime.fromisoformat(text)))
    except (ValueError, OverflowError):
        return False


def _in_utc(found: datetime) -> datetime:
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def from_milliseconds(text: str) -> str | None:
    """Write a tracker's milliseconds since 1970 as a date and time."""
    if not (text.isascii() and text.isdecimal()):
        return None
    try:
        found = datetime.fromtimestamp(int(text[:-3] or "0"), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f"{found.isoformat()[:19]}.{text[-3:]:0>3}Z"


def corrected(
    received: datetime | None, sent: datetime | None, created: datetime | None
) -> datetime | None:
    """Say when a device with a wrong clock did something, by the collector's clock.

    received - (sent - created), as Segment and Snowplow define it: the device's clock
    is wrong by the same amount both times. None where one of the three is not known,
    or where no calendar has the result.
    """
    if received is None or sent is None or created is None:
        return None
    try:
        return received - (sent - created)
    except OverflowError:
        return None


def text_of(found: datetime) -> str:
    """Write a moment in UTC with its milliseconds, or microseconds if it has any."""
    plain = found.astimezone(UTC).replace(tzinfo=None)
    precise = "microseconds" if plain.microsecond % 1000 else "milliseconds"
    return plain.isoformat(timespec=precise) + "Z"
