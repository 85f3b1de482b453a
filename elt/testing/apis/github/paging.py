"""Pages of a list, and the links between them.

docs.github.com, Using pagination in the REST API: follow `Link`, do not build it.
"""

from __future__ import annotations

import base64
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from elt.testing.apis.github.answers import USE_CURSORS, Refused
from elt.testing.apis.github.tables import Row, moment_of, stamp

USUAL, MOST = 30, 100
Pairs = Sequence[tuple[str, str]]
Place = tuple[Any, int]  # the value that a list is sorted by, and the row's id


class Rows(Protocol):
    """What a page is cut from."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    rows: Sequence[Any]
    links: str | None  # the value of `Link`, where there is more than one page


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How far one may go into a list by `page`, and what is said beyond."""

    most: int
    says: str


def per_page_of(pairs: Pairs) -> int:
    """Read `per_page`: more than 100 is 100, nonsense is the usual 30.

    MeltanoLabs/tap-github#26 asked for 1000 and was given pages of 100.
    """
    asked = _number(pairs, "per_page", USUAL)
    return min(asked, MOST) if asked > 0 else USUAL


def numbered(found: Rows, pairs: Pairs, address: str, depth: Depth | None) -> Page:
    """Cut the page that `page` names; a page beyond the last one is empty.

    `address` is the numeric one that `Link` points to, whatever was asked
    (octokit/fixtures, paginate-issues). Raises Refused beyond the depth.
    """
    size, page = per_page_of(pairs), max(1, _number(pairs, "page", 1))
    reachable = len(found)
    if depth:
        if (page - 1) * size >= depth.most:
            raise Refused(422, depth.says, docs="/using-the-rest-api/pagination")
        reachable = min(reachable, depth.most)
    last = max(1, -(-reachable // size))
    named: list[tuple[str, int]] = []
    if page > 1:
        named.append(("prev", min(page - 1, last)))
    if page < last:
        named += [("next", page + 1), ("last", last)]
    if page > 1:
        named.append(("first", 1))
    links = [_link(address, _with_page(pairs, number), rel) for rel, number in named]
    begin = (page - 1) * size
    return Page(
        rows=found[begin : min(begin + size, reachable)],
        links=", ".join(links) or None,
    )


def by_cursor(
    found: Sequence[Row],
    pairs: Pairs,
    address: str,
    *,
    order: str,
    descends: bool,
    deepest: int,
) -> Page:
    """Cut a page of issues, whose `next` link holds a cursor and has no `last`.

    The cursor is a place in the order, not a row, so rows that move do not move it
    (ossf/criticality_score#830 shows the header; google/go-github#3565, that page 100
    of 100 is refused with 422). `found` is in ascending order.
    """
    size, page = per_page_of(pairs), max(1, _number(pairs, "page", 1))
    given = dict(pairs)
    if "after" in given or "before" in given:
        begin = _begin(found, given, size, order=order, descends=descends)
    elif page * size >= deepest:
        raise Refused(422, USE_CURSORS, docs="/issues/issues#list-repository-issues")
    else:
        begin = (page - 1) * size
    rows = _cut(found, begin, size, descends=descends)
    bare = [pair for pair in pairs if pair[0] not in {"after", "before", "page"}]
    links = []
    if rows and begin + len(rows) < len(found):
        after = _cursor(rows[-1], order)
        query = [*bare, ("after", after), ("page", str(page + 1))]
        links.append(_link(address, query, "next"))
    if rows and begin > 0:
        before = _cursor(rows[0], order)
        query = [*bare, ("before", before), ("page", str(max(1, page - 1)))]
        links.append(_link(address, query, "prev"))
    return Page(rows=rows, links=", ".join(links) or None)


def place_in(order: str) -> Callable[[Row], Place]:
    """Give the key by which a list in this order is sorted: `updated_at`, or `id`."""
    # What has no date (a milestone without an end) comes last.
    return lambda row: ("~" if row[order] is None else row[order], row["id"])


def _begin(
    found: Sequence[Row],
    given: dict[str, str],
    size: int,
    *,
    order: str,
    descends: bool,
) -> int:
    is_after = "after" in given
    place = _read_cursor(given["after" if is_after else "before"], order)
    key = place_in(order)
    if descends:
        # In descending order, what comes after is what is smaller.
        edge = len(found) - (bisect_left if is_after else bisect_right)(
            found, place, key=key
        )
    else:
        edge = (bisect_right if is_after else bisect_left)(found, place, key=key)
    return edge if is_after else max(0, edge - size)


def _cut(found: Sequence[Row], begin: int, size: int, *, descends: bool) -> list[Row]:
    if not descends:
        return list(found[begin : begin + size])
    end = len(found) - begin
    return list(found[max(0, end - size) : max(0, end)][::-1])


def _cursor(row: Row, order: str) -> str:
    """Pack a place as GitHub does: two numbers, the first a time in milliseconds."""
    value = row[order]
    if isinstance(value, str):
        value = int(moment_of(value).timestamp() * 1000)
    packed = struct.pack(">BBQBQ", 0x92, 0xCF, value, 0xCF, row["id"])
    return base64.b64encode(b"cursor:v2:" + packed).decode()


def _read_cursor(text: str, order: str) -> Place:
    try:
        packed = base64.b64decode(text).removeprefix(b"cursor:v2:")
        _, _, value, _, number = struct.unpack(">BBQBQ", packed)
    except (ValueError, struct.error):
        raise Refused(422, "The cursor is invalid") from None
    if order.endswith("_at"):
        return stamp(datetime.fromtimestamp(value / 1000, UTC)), number
    return value, number


def _number(pairs: Pairs, name: str, usual: int) -> int:
    text = dict(pairs).get(name, "")
    return int(text) if text.isascii() and text.isdigit() else usual


def _with_page(pairs: Pairs, number: int) -> Pairs:
    """Name another page, in the place where one was named (MeltanoLabs#26)."""
    if not any(name == "page" for name, _ in pairs):
        return [*pairs, ("page", str(number))]
    return [(n, str(number) if n == "page" else value) for n, value in pairs]


def _link(address: str, pairs: Pairs, rel: str) -> str:
    return f'<{address}?{urlencode(pairs)}>; rel="{rel}"'
