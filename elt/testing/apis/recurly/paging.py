"""One page of a list: by time and id, from a cursor on, in either order.

A cursor is the id and the time of the last row of a page, `efgh5678:1588803986.0`
(recurly-client-go, pager_test; recurly-client-ruby#375 for the colon and the error).
It is a place in the order, not in a copy of the list. So in ascending order of
`updated_at` a row that is changed meanwhile comes again at the end, and in descending
order it moves behind the cursor and does not come (specification, `sort`).
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from elt.testing.apis.recurly.refusals import bad_request
from elt.testing.apis.recurly.store import Key, Row

DEFAULT_LIMIT = 20
_CURSOR = re.compile(r"([0-9a-z]+):([0-9]+)\.0")
_AFTER_ALL_IDS = "\x7f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What part of an order is asked for; both times count as within."""

    begins: float = -math.inf
    ends: float = math.inf
    is_descending: bool = True
    after: Key | None = None


def read_cursor(text: str) -> Key:
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise bad_request("cursor format is invalid", "cursor")
    return int(found[2]), found[1]


def write_cursor(key: Key) -> str:
    return f"{key[1]}:{key[0]}.0"


def page(
    keys: Sequence[Key],
    window: Window,
    *,
    limit: int,
    row_of: Callable[[str], Row],
    keeps: Callable[[Row], bool],
) -> tuple[list[tuple[Key, Row]], bool]:
    """Give at most `limit` rows with their keys, and whether there are more."""
    rows = ((key, row) for key in _within(keys, window) if keeps(row := row_of(key[1])))
    found = list(islice(rows, limit + 1))
    return found[:limit], len(found) > limit


def _within(keys: Sequence[Key], window: Window) -> Iterator[Key]:
    low = bisect_left(keys, (window.begins, ""))
    high = bisect_right(keys, (window.ends, _AFTER_ALL_IDS))
    if window.is_descending:
        if window.after:
            high = min(high, bisect_left(keys, window.after))
        return (keys[place] for place in range(high - 1, low - 1, -1))
    if window.after:
        low = max(low, bisect_right(keys, window.after))
    return (keys[place] for place in range(low, high))
