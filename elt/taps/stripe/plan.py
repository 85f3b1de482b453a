"""What one reading of a stream has to do, decided from its bookmark and its memory.

The bookmark, in Unix seconds, says that every change up to it was read. While a list
is read for the first time there is none; the memory then says how far the list was
read, and when that began: what changed since then is to be read afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from elt.taps.stripe.options import Options

BEGAN, UNTIL = "listing_began", "listed_until"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From a second up to another, which is not in it; None is without a bound."""

    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Parts of the work in their order; None where there is nothing of it to do.

    deletes: the events of deletions to look at first.
    listing: what to list, by the moment of creation.
    began: when the listing began, maybe in an earlier run.
    reached: what all is known up to, once the listing is done.
    changes: what to read from events, and from the list what was created then.
    note: what a person should know.
    """

    deletes: Stretch | None = None
    listing: Stretch | None = None
    began: int
    reached: int
    changes: Stretch | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known before: moments in Unix seconds."""

    mark: int | None
    memory: Mapping[str, Any]
    began: int  # this run
    start: int | None  # of the config
    end: int | None  # of the config


def decide(asked: Asked, options: Options, *, has_events: bool) -> Plan:
    oldest = asked.began - options.event_seconds
    listing_began = asked.memory.get(BEGAN)
    known = listing_began if isinstance(listing_began, int) else asked.mark
    if known is None:
        return _first(asked, oldest, has_events=has_events)
    if has_events and known < oldest and not _is_done(asked):
        return _again(asked, oldest, known)
    if known == listing_began:
        first = _first(asked, oldest, has_events=has_events)
        return _go_on(first, asked, options, listing_began)
    return Plan(began=asked.began, reached=known, changes=_since(known, asked, options))


def _first(asked: Asked, oldest: int, *, has_events: bool) -> Plan:
    """List everything; in a window, take the changes of its younger part, too."""
    changes = None
    listing: Stretch | None = Stretch(start=asked.start, end=asked.end)
    if asked.end is not None and has_events:
        young = max(oldest, asked.start or oldest)
        if young < asked.end:
            changes = Stretch(start=young, end=asked.end)
            listing = Stretch(start=asked.start, end=young)
        if asked.start is not None and asked.start >= young:
            listing = None
    reached = _reached(asked.began, asked, changes)
    return Plan(began=asked.began, reached=reached, listing=listing, changes=changes)


def _go_on(first: Plan, asked: Asked, options: Options, listing_began: int) -> Plan:
    """List the rest; in a window, the part that changes tell of is not listed."""
    top = asked.end if first.listing is None else first.listing.end
    listing = Stretch(start=asked.memory.get(UNTIL, asked.start), end=top)
    changes = first.changes or _since(listing_began, asked, options)
    reached = _reached(listing_began, asked, changes)
    return Plan(began=listing_began, reached=reached, listing=listing, changes=changes)


def _again(asked: Asked, oldest: int, known: int) -> Plan:
    first = _first(asked, oldest, has_events=True)
    # The changes of a window tell its deletions.
    deletes = Stretch(start=oldest, end=None) if asked.end is None else None
    note = (
        f"all is listed again, because the changes since {_day(known)} are not known:"
        f" events reach back to {_day(oldest)}. Rows that were deleted in between stay"
    )
    return replace(first, deletes=deletes, note=note)


def _is_done(asked: Asked) -> bool:
    """Say whether everything up to the end that is set was read."""
    return asked.end is not None and asked.mark is not None and asked.mark >= asked.end


def _reached(began: int, asked: Asked, changes: Stretch | None) -> int:
    if changes is not None and changes.start is not None:
        return changes.start
    return began if asked.end is None else min(began, asked.end)


def _since(mark: int, asked: Asked, options: Options) -> Stretch | None:
    start = mark - options.lookback_seconds
    if asked.end is not None and start >= asked.end:
        return None
    return Stretch(start=start, end=asked.end)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
