"""Search, beyond what one query may give.

HubSpot, Search the CRM: 200 a page, 10,000 for one query, filters of times in
milliseconds, as texts. The limit of 3,000 characters is of a `query` in words; the
body has room for a thousand properties (airweave-ai/airweave#1064).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from elt.taps.hubspot.kinds import Kind
from elt.taps.hubspot.portal import Portal, id_of, known_type, results
from elt.taps.rest.ahead import pages
from elt.taps.rest.calls import Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.paging import Next, Page

_PAGE = 200
_ID = "hs_object_id"
_SHORTEST_MILLISECONDS = 60_000
Window = tuple[int, int]  # in milliseconds, without its end


def searched(
    portal: Portal, kind: Kind, names: Sequence[str], window: Window
) -> Iterator[Page | None]:
    """Give what changed in a window, by id, and None behind each part of it.

    A window with too many is halved, so that a run that is killed has its first half:
    the parts come in order.
    """
    many, windows = portal.settings.most_results, [window]
    while windows:
        begin, end = windows.pop()
        if begin >= end:
            continue
        call = _call(portal, kind, names, (begin, end))
        may_have = many if end - begin > _SHORTEST_MILLISECONDS else None
        behind = _behind(may_have)
        found = pages(portal.api, call, results, behind, pace=portal.searches)
        first = known_type(found.__next__)
        if _is_too_much(first, may_have):
            middle = (begin + end) // 2
            windows += [(middle, end), (begin, middle)]
            continue
        yield from chain([first], found)
        yield None


def _call(portal: Portal, kind: Kind, names: Sequence[str], window: Window) -> Call:
    begin, end = window
    body = {
        "filterGroups": [{"filters": _filters(kind, begin, end)}],
        "sorts": [{"propertyName": _ID, "direction": "ASCENDING"}],
        "properties": names,
        "limit": _PAGE,
    }
    return Call(
        path=portal.paths.objects(kind.path, "search"), method="POST", body=body
    )


def _filters(kind: Kind, begin: int, end: int) -> list[dict[str, Any]]:
    return [
        {"propertyName": kind.cursor, "operator": "GTE", "value": str(begin)},
        {"propertyName": kind.cursor, "operator": "LT", "value": str(end)},
    ]


def _behind(may_have: int | None) -> Next:
    """Go on behind the highest id; not at all where the window is to be halved."""

    def following(call: Call, page: Page) -> Call | None:
        more = value_at(page.answer.body, ("paging", "next", "after"))
        is_first = len(_own_filters(call)) == 2  # noqa: PLR2004  the window's
        if not more or not page.records:
            return None
        if is_first and _is_too_much(page, may_have):
            return None
        last = max(int(id_of(record)) for record in page.records)
        behind = {"propertyName": _ID, "operator": "GTE", "value": str(last + 1)}
        filters = [*_own_filters(call)[:2], behind]
        return call.with_body(filterGroups=[{"filters": filters}])

    return following


def _own_filters(call: Call) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = call.body["filterGroups"][0]["filters"]
    return filters


def _is_too_much(page: Page, may_have: int | None) -> bool:
    total = int(value_at(page.answer.body, ("total",)) or 0)
    return may_have is not None and total > may_have
