"""From where to where a stream is read, and how requests write that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from elt.taps.described.settings import (
    SINCE,
    UNTIL,
    CursorSettings,
    StreamSettings,
)
from elt.taps.rest.marks import ISO, PLAIN, UNIX_MILLISECONDS, UNIX_SECONDS, Kind
from elt.taps.rest.rows import Record, value_reader

KINDS: dict[str, Kind] = {
    "iso": ISO,
    "unix_seconds": UNIX_SECONDS,
    "unix_milliseconds": UNIX_MILLISECONDS,
    "plain": PLAIN,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = "%Y-%m-%dT%H:%M:%SZ"
# The first of these that stands in a format tells how fine it is.
_FINENESS = (
    (("%f",), timedelta(microseconds=1)),
    (("%S", "%s", "%T", "%X", "%c"), timedelta(seconds=1)),
    (("%M", "%R"), timedelta(minutes=1)),
    (("%H", "%I"), timedelta(hours=1)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """One request's range: a moment or a plain value, and a moment, not inclusive.

    is_bounded: records at or behind the end are not wanted, because somebody set it,
        or because they come with the next range.
    """

    since: Any | None = None
    until: datetime | None = None
    is_bounded: bool = False


def spans(
    stream: StreamSettings, *, since: Any | None, until: datetime, has_end: bool
) -> Iterator[Span]:
    """Cut what is to be read into requests, the oldest first."""
    if stream.cursor is None:
        yield Span()
    elif stream.cursor.kind == "plain":
        yield Span(None if isinstance(since, datetime) else since)
    elif stream.days is None or since is None:
        yield Span(since, until, has_end)
    else:
        days = timedelta(days=stream.days)
        begin = since
        while begin + days < until:
            yield Span(begin, begin + days, is_bounded=True)
            begin += days
        yield Span(begin, until, has_end)


def written(cursor: CursorSettings, value: Any, *, as_end: bool = False) -> Any:
    """Write a bound as requests do, rounded so that nothing is left out.

    An API that gives only what is behind the start is asked for a step more.
    """
    if not isinstance(value, datetime):
        return value
    form = cursor.format or cursor.kind
    step = _step(form)
    count, rest = divmod(value - _EPOCH, step)
    if as_end and rest:
        count += 1
    elif not as_end and not cursor.inclusive:
        count -= 1
    moment = _EPOCH + count * step
    write = KINDS[form].write if form in KINDS and form != "iso" else None
    return write(moment) if write else moment.strftime(_ISO if form == "iso" else form)


def bookmark_of(cursor: CursorSettings, value: Any) -> Any:
    """Write a moment as the cursor's own values are, for the bookmark."""
    write = KINDS[cursor.kind].write
    return write(value) if write else value


def wanted(
    stream: StreamSettings, span: Span
) -> Callable[[Sequence[Record]], Sequence[Record]]:
    """Make what leaves out records outside of a span.

    What the API is told of it leaves out itself, but for what is within the rounding
    of a bound: these records come again, and without a key would be there twice.
    """
    cursor = stream.cursor
    until = span.until if span.is_bounded and not _heeds(stream, UNTIL) else None
    since = None if _heeds(stream, SINCE) else span.since
    if cursor is None or (since is None and until is None):
        return lambda records: records
    value_of, read = value_reader(cursor.field), KINDS[cursor.kind].read

    def is_wanted(record: Record) -> bool:
        try:
            at = read(value_of(record))
            is_early = since is not None and at < since
            is_late = until is not None and at >= until
        except (ValueError, TypeError, OverflowError):
            return True  # one without a time may be new
        return not (is_early or is_late)

    return lambda records: [record for record in records if is_wanted(record)]


def moment_of(stream: StreamSettings, record: Record) -> datetime | None:
    """Read a record's cursor; None where it is no moment."""
    if stream.cursor is None:
        return None
    try:
        value = value_reader(stream.cursor.field)(record)
        found = KINDS[stream.cursor.kind].read(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if isinstance(found, datetime) else None


def _heeds(stream: StreamSettings, bound: str) -> bool:
    """Say whether the API is told of a bound, and that is enough."""
    is_rounded = stream.cursor is not None and stream.cursor.kind != "plain"
    return bound in stream.holes and bool(stream.key or not is_rounded)


def _step(form: str) -> timedelta:
    if form == "unix_milliseconds":
        return timedelta(milliseconds=1)
    if form in {"iso", "unix_seconds"}:
        return timedelta(seconds=1)
    for words, step in _FINENESS:
        if any(word in form for word in words):
            return step
    return timedelta(days=1)
