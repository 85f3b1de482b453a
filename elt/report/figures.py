"""Numbers as people read them: rows, rates, times."""

from __future__ import annotations

from datetime import datetime

_MINUTE = 60
_HOUR = 3600


def count(number: int) -> str:
    return f"{number:,}"


def counted(number: int, thing: str) -> str:
    """Write a number with its noun: `1 row`, `1,200 rows`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}/s"


def duration(seconds: float) -> str:
    """Write a time with three digits at most: `0.42 s`, `12.3 s`, `2 m 05 s`."""
    if seconds < 10:  # noqa: PLR2004  below, hundredths are worth their place
        return f"{seconds:.2f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} m"


def clock(seconds: float) -> str:
    """Write a running time that changes once a second: `0:07`, `1:02:03`."""
    whole = int(seconds)
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _HOUR:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02d}:{rest:02d}"


def local(moment: datetime | str | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write a moment as a clock on the wall shows it; a text is one in ISO 8601."""
    if moment is None:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return f"{moment.astimezone():{form}}"


def ago(seconds: float) -> str:
    """Write an age roughly: `just now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    for size, word in ((86400 * 2, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            unit = 86400 if word == "days" else size
            return f"{int(seconds // unit)} {word} ago"
    return "just now"
