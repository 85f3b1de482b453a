"""Cutting a span of time into windows, as `elt backfill` is told to.

Days, weeks and hours are counted from the first moment of the span, in UTC, which has
no hour that is missing or comes twice. Months are those of the calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from elt.errors import ConfigError
from elt.runner.windows import Window

MOST_WINDOWS = 1000

_DAY = timedelta(days=1)
_UNITS = {"h": timedelta(hours=1), "d": _DAY, "w": timedelta(weeks=1)}
_SIZE = re.compile(r"([1-9]\d{0,3})(h|d|w|mo)", re.ASCII)
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long a window is: so many months of the calendar, or else a fixed time."""

    months: int = 0
    time: timedelta = timedelta()

    @property
    def is_under_a_day(self) -> bool:
        return not self.months and self.time < _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a backfill covers; `left_off` is at its end and no whole window yet."""

    windows: tuple[Window, ...]
    left_off: Window | None = None


def moment_of(text: str) -> datetime:
    """Read a date or a moment, which is in UTC where it does not say otherwise."""
    try:
        moment = datetime.fromisoformat(text.strip())
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"`{text}` is neither a date nor a moment",
            hint="Write `2026-11-03`, `2026-11-03T06:00` or `2026-11-03T06:00+01:00`;"
            " without an offset it is UTC",
        ) from None


def size_of(text: str) -> Size:
    """Read the length of a window: `6h`, `1d`, `1w` or `1mo`."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"`--window {text}` is no length of a window",
            hint="Write a number and a unit: `6h`, `1d`, `1w` or `1mo`",
        )
    number, unit = int(found[1]), found[2]
    if unit == "mo":
        return Size(months=number)
    return Size(time=number * _UNITS[unit])


def span_of(
    begins: datetime, ends: datetime | None, size: Size, *, now: datetime
) -> Span:
    """Cut the time between two moments into windows, the oldest first.

    The last one is cut short at `ends`. Without `ends` they go as far as there are
    whole ones that are over: until `now` where they are shorter than a day, else until
    midnight. Raises ConfigError for what is no span, and for too many windows.
    """
    _check(begins, ends, now)
    if ends is not None:
        return Span(windows=_bounded(begins, ends, size))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    last = now.replace(microsecond=0) if size.is_under_a_day else midnight
    if begins >= last:
        raise _no_window_is_over(begins, last)
    windows = _bounded(begins, last, size)
    if next(_boundaries(windows[-1].start, size)) <= last:
        return Span(windows=windows)
    if len(windows) == 1:
        raise _no_window_is_over(begins, last)
    return Span(windows=windows[:-1], left_off=windows[-1])


def split(begins: datetime, ends: datetime, size: Size) -> Iterator[Window]:
    """Give windows that cover the span exactly, one behind the other."""
    for edge in _boundaries(begins, size):
        yield Window(begins, min(edge, ends))
        if edge >= ends:
            return
        begins = edge


def shown(moment: datetime) -> str:
    """Write a moment as short as it can be read again: `2026-11-03` is midnight."""
    utc = moment.astimezone(UTC)
    if utc == utc.replace(hour=0, minute=0, second=0, microsecond=0):
        return f"{utc:%Y-%m-%d}"
    precise = "microseconds" if utc.microsecond else "seconds" if utc.second else None
    text = utc.replace(tzinfo=None).isoformat(timespec=precise or "minutes")
    return f"{text}Z"


def shown_window(window: Window) -> str:
    return f"{shown(window.start)} .. {shown(window.end)}"


def shown_between(start: str, end: str) -> str:
    """Write a window whose moments are texts, as a request or the run log has it."""
    return shown_window(Window.of((start, end)))


def _check(begins: datetime, ends: datetime | None, now: datetime) -> None:
    for option, moment in (("from", begins), ("to", ends)):
        if moment is not None and moment > now:
            raise ConfigError(
                f"`--{option} {shown(moment)}` has not come yet: it is"
                f" {shown(now.replace(microsecond=0))}",
                hint="A window that is not over would count as done",
            )
    if ends is not None and begins >= ends:
        raise ConfigError(
            f"`--from {shown(begins)}` is not before `--to {shown(ends)}`",
            hint="`--to` is the first moment that is not in the span any more: for one"
            f" day, `--from {shown(begins)} --to {shown(_day_after(begins))}`",
        )


def _bounded(begins: datetime, ends: datetime, size: Size) -> tuple[Window, ...]:
    windows = tuple(islice(split(begins, ends, size), MOST_WINDOWS + 1))
    if len(windows) <= MOST_WINDOWS:
        return windows
    raise ConfigError(
        f"from {shown(begins)} to {shown(ends)} there are more than {MOST_WINDOWS:,}"
        " windows of that length",
        hint="Take a longer `--window`, or go in parts: `--from"
        f" {shown(begins)} --to {shown(windows[-1].start)}` is the first",
    )


def _no_window_is_over(begins: datetime, last: datetime) -> ConfigError:
    return ConfigError(
        f"no whole window from {shown(begins)} on is over yet",
        hint="Say `--to`, up to which the last window is cut short, or a shorter"
        f" `--window`; without `--to` they end at {shown(last)}",
    )


def _boundaries(begins: datetime, size: Size) -> Iterator[datetime]:
    """Give the ends of all windows; the first day of a month for those of months."""
    try:
        if size.months:
            yield from _months(begins, size.months)
        while True:
            begins += size.time
            yield begins
    except (ValueError, OverflowError):  # the calendar is at its end
        yield datetime.max.replace(tzinfo=UTC)


def _months(begins: datetime, step: int) -> Iterator[datetime]:
    months = begins.year * _MONTHS_A_YEAR + begins.month - 1
    while True:
        months += step
        year, month = divmod(months, _MONTHS_A_YEAR)
        yield datetime(year, month + 1, 1, tzinfo=UTC)


def _day_after(moment: datetime) -> datetime:
    return moment + _DAY
