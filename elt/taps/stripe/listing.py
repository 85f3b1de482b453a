"""A whole list, in windows of creation time, the oldest first.

A list has the newest first and no other order (docs.stripe.com: Pagination), so that
only a window that was read to its end is a point to go on from. So many rows as a
window should have are read from the list's top: most lists end there. Of longer ones
the rest is read in windows, whose length follows how many rows they have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import Raw

from elt.taps.rest.calls import Call, Params
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.paging import Page
from elt.taps.stripe.account import PAGE, Account, created
from elt.taps.stripe.plan import Stretch

# No account of Stripe is older.
FIRST_SECOND = 1_262_304_000  # 2010-01-01
SHORTEST = 3600
_LEAST_CUT, _MOST_CUT, _GROWTH = 2, 16, 4


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
    """Read what was created in a stretch of time; a row may come twice."""
    rows, oldest = 0, None
    # A page that is fetched ahead and not wanted is the price of the others'.
    for page in read_stretch(listing, stretch):
        yield Part(page.records)
        rows += len(page.records)
        oldest = value_at(page.records[-1], [listing.created]) if page.records else 0
        if rows >= listing.rows_per_window and isinstance(oldest, int):
            break
    else:
        return
    top = listing.now if stretch.end is None else stretch.end
    yield from _windows(listing, stretch.start, oldest + 1, top - oldest)


def _windows(
    listing: Listing, start: int | None, last: int, length: int
) -> Iterator[Part]:
    begin = FIRST_SECOND if start is None else start
    while begin < last:
        end = min(last, begin + max(SHORTEST, length))
        first, following = _first_page(listing, start, end)
        if following is not None and end - begin > SHORTEST:
            too_many = _times_too_many(listing, first, end, end - begin)
            if too_many > _LEAST_CUT:
                length = (end - begin) // min(_MOST_CUT, int(too_many))
                continue
        rows = 0
        for page in _pages(listing, first, following):
            yield Part(page.records)
            rows += len(page.records)
        yield Part((), until=end)
        start = begin = end
        length = _next_length(length, rows, listing.rows_per_window)


def read_stretch(listing: Listing, stretch: Stretch) -> Iterator[Page]:
    """Read what was created in a stretch, the newest first."""
    params = {**listing.params, **created(stretch)}
    call = listing.account.list(listing.path, params)
    return listing.account.pages(call, by=listing.created)


def _first_page(
    listing: Listing, start: int | None, end: int
) -> tuple[Page, Call | None]:
    params = {**listing.params, **created(Stretch(start=start, end=end))}
    return listing.account.first_page(listing.account.list(listing.path, params))


def _pages(listing: Listing, first: Page, following: Call | None) -> Iterator[Page]:
    yield first
    if following is not None:
        yield from listing.account.pages(following, by=listing.created, behind=first)


def _next_length(length: int, rows: int, wanted: int) -> int:
    if rows * _GROWTH < wanted:
        return max(SHORTEST, length) * _GROWTH
    return length // 2 if rows > 2 * wanted else length


def _times_too_many(listing: Listing, page: Page, end: int, length: int) -> float:
    """Guess how many windows' rows there are, from how close the newest rows are."""
    oldest = value_at(page.records[-1], [listing.created]) if page.records else None
    if not isinstance(oldest, int):
        return 0
    rows = PAGE * length / max(1, end - oldest)
    return rows / listing.rows_per_window
