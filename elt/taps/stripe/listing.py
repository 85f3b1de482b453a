"""A whole list, in windows of creation time, the oldest first.

A list has the newest first and no other order (docs.stripe.com: Pagination), so that
only a window that was read to its end is a point to go on from. How long a window is
depends on how many rows there are: it is cut until its first page promises few enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from elt.taps.rest.calls import Params
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.paging import Page
from elt.taps.stripe.account import PAGE, Account, created
from elt.taps.stripe.plan import Stretch

# No account of Stripe is older.
FIRST_SECOND = 1_262_304_000  # 2010-01-01
_LEAST_CUT, _MOST_CUT = 2, 16
_any = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to read: of whom, where, and what its filter `created` looks at."""

    account: Account
    path: str
    params: Params
    created: str
    rows_per_window: int
    now: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows; `until` is set behind the last ones of a window."""

    rows: Sequence[Raw]
    until: int | None = None


def in_windows(listing: Listing, stretch: Stretch) -> Iterator[Part]:
    start, last = stretch.start, stretch.end
    while start is None or last is None or start < last:
        end, page, following = _fitting(listing, start, last)
        yield Part(page.records)
        if following is not None:
            for further in listing.account.pages(following):
                yield Part(further.records)
        if end is None:
            return
        yield Part((), until=end)
        start = end


def read_stretch(listing: Listing, stretch: Stretch) -> Iterator[Page]:
    """Read what was created in a stretch, the newest first."""
    params = {**listing.params, **created(stretch)}
    return listing.account.pages(listing.account.list(listing.path, params))


def _fitting(listing: Listing, start: int | None, last: int | None) -> tuple[Any, ...]:
    """Find the next window: its end, its first page, and what asks for the next."""
    end = last
    while True:
        stretch = Stretch(start=start, end=end)
        params = {**listing.params, **created(stretch)}
        call = listing.account.list(listing.path, params)
        page, following = listing.account.first_page(call)
        begin = FIRST_SECOND if start is None else start
        length = (listing.now if end is None else end) - begin
        too_many = _times_too_many(listing, page, begin + length, length)
        if following is None or too_many <= _LEAST_CUT or length <= 1:
            return end, page, following
        cut = max(_LEAST_CUT, min(_MOST_CUT, int(too_many)))
        end = begin + max(1, length // cut)


def _times_too_many(listing: Listing, page: Page, end: int, length: int) -> float:
    """Guess how many windows' rows there are, from how close the newest rows are."""
    oldest = value_at(page.records[-1], [listing.created]) if page.records else None
    if not isinstance(oldest, int):
        return 0
    rows = PAGE * length / max(1, end - oldest)
    return rows / listing.rows_per_window
