"""What one reading of a stream has to do, decided from its bookmark and its memory.

The bookmark, in Unix seconds, says that every change up to it was read. While a list
is read for the first time there is none; the memory then says how far the list was
read, and when that began: what changed since then is to be read afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    changes: what to read from events, and from the list what was created then.
    note: what a person should know.
    """

    deletes: Stretch | None = None
    listing: Stretch | None = None
    began: int
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
    began = asked.began
    oldest = began - options.event_seconds
    listing_began = asked.memory.get(BEGAN)
    if isinstance(listing_began, int) and (listing_began >= oldest or not has_events):
        return _go_on(asked, options, listing_began)
    if asked.mark is None and listing_began is None:
        return _first(asked, oldest, has_events=has_events)
    mark = asked.mark if listing_began is None else listing_began
    if mark is None or (mark < oldest and has_events):
        return _again(asked, oldest, mark)
    return Plan(began=began, changes=_since(mark, asked, options))


def _first(asked: Asked, oldest: int, *, has_events: bool) -> Plan:
    """List everything; in a window, take the changes of its younger part, too."""
    if asked.end is None:
        listing = Stretch(start=asked.start, end=None)
        return Plan(began=asked.began, listing=listing)
    young = max(oldest, asked.start or oldest)
    if not has_events or young >= asked.end:
        listing = Stretch(start=asked.start, end=asked.end)
        return Plan(began=asked.end, listing=listing)
    changes = Stretch(start=young, end=asked.end)
    if asked.start is not None and asked.start >= young:
        return Plan(began=asked.end, changes=changes)
    listing = Stretch(start=asked.start, end=young)
    return Plan(began=asked.end, listing=listing, changes=changes)


def _go_on(asked: Asked, options: Options, listing_began: int) -> Plan:
    listing = Stretch(start=asked.memory.get(UNTIL, asked.start), end=asked.end)
    changes = _since(listing_began, asked, options)
    return Plan(began=listing_began, listing=listing, changes=changes)


def _again(asked: Asked, oldest: int, mark: int | None) -> Plan:
    since = "before" if mark is None else f"{_day(mark)}, before"
    return Plan(
        began=asked.began,
        deletes=Stretch(start=oldest, end=asked.end),
        listing=Stretch(start=asked.start, end=asked.end),
        note=f"the last read was on {since} the {_day(oldest)} that events reach back"
        " to; everything is listed again, and what was deleted in between stays",
    )


def _since(mark: int, asked: Asked, options: Options) -> Stretch | None:
    start = mark - options.lookback_seconds
    if asked.end is not None and start >= asked.end:
        return None
    return Stretch(start=start, end=asked.end)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
