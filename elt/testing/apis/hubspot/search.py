"""POST .../search: the one way to ask for what has changed.

HubSpot, Search the CRM: 200 records a page, no more than 10,000 for one query, one
sort, and neither archived records nor associations.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.hubspot.asking import Answer, Call, a_number, an_object, texts
from elt.testing.apis.hubspot.filters import Filter, keep, ordered, read_groups
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.records import Version
from elt.testing.apis.hubspot.refusals import Refused, invalid_json
from elt.testing.apis.hubspot.showing import show, shown

_KEYS = ("filterGroups", "sorts", "query", "properties", "limit", "after")
_USUAL_PAGE = 10
_QUERY_CHARACTERS = 3000
_ID = "hs_object_id"
_SEARCHED = ("name", "email", "firstname", "lastname", "domain", "dealname", "subject")
_RANGES = {"GT", "GTE", "LT", "LTE"}


@dataclass(frozen=True, slots=True)
class Sort:
    name: str = _ID  # nearly the order in which records were created
    is_descending: bool = False


def search(call: Call) -> Answer:
    portal, kind = call.portal, call.kind()
    body = call.json(_KEYS)
    limit, after = _page(portal, body)
    portal.records[kind.name].index.hear(portal.now())
    ids = _matching(portal, kind, body)
    what = shown(portal, kind, texts(body.get("properties"), "properties"))
    by_id = portal.records[kind.name].index.shelf.by_id
    page = ids[after : after + limit]
    said: dict[str, Any] = {
        "total": len(ids),
        "results": [show(portal, kind, by_id[i], what) for i in page],
    }
    if after + limit < len(ids):
        said["paging"] = {"next": {"after": str(after + limit)}}
    portal.turn_page()
    return Answer(200, said)


def _page(portal: Portal, body: dict[str, Any]) -> tuple[int, int]:
    limits = portal.limits
    limit = a_number(body.get("limit"), "limit", usual=_USUAL_PAGE)
    after = a_number(body.get("after") or None, "after", usual=0)
    if not 0 < limit <= limits.search_page:
        raise Refused(400, f"The limit has to be from 1 to {limits.search_page}")
    if after + limit > limits.search_results:
        # HubSpot/hubspot-api-nodejs#132: even ten records behind the 10,000th.
        raise Refused(400, "There was a problem with the request.")
    return limit, max(0, after)


def _matching(portal: Portal, kind: Kind, body: dict[str, Any]) -> list[int]:
    groups = read_groups(portal, kind, body.get("filterGroups"))
    sort = _sort(portal, kind, body.get("sorts"))
    words = str(body.get("query") or "").lower()
    if len(words) > _QUERY_CHARACTERS:
        raise Refused(400, f"The query has more than {_QUERY_CHARACTERS} characters")
    if len(groups) == 1 and sort == Sort():
        # Those who read beyond the cap by id ask again for each page: the filters but
        # the id's are the same each time, and an id's range is cut out of a list.
        ranges = [
            f for f in groups[0] if f.definition.name == _ID and f.operator in _RANGES
        ]
        rest = [f for f in groups[0] if f not in ranges]
        return _cut(_found(portal, kind, [rest], sort, words), ranges)
    return _found(portal, kind, groups, sort, words)


def _cut(ids: list[int], ranges: list[Filter]) -> list[int]:
    low, high = 0, len(ids)
    for one in ranges:
        bound = int(float(one.value))
        match one.operator:
            case "GT":
                low = max(low, bisect_right(ids, bound))
            case "GTE":
                low = max(low, bisect_left(ids, bound))
            case "LT":
                high = min(high, bisect_left(ids, bound))
            case _:
                high = min(high, bisect_right(ids, bound))
    return ids[low:high]


def _found(
    portal: Portal, kind: Kind, groups: list[list[Filter]], sort: Sort, words: str
) -> list[int]:
    index = portal.records[kind.name].index
    key = json.dumps([kind.name, repr(groups), repr(sort), words])
    found = portal.results.get(key, index.number)
    if found is None:
        test = keep(groups)
        by_id = index.shelf.by_id
        versions = [v for i in index.shelf.ids if test(v := by_id[i])]
        if words:
            versions = [v for v in versions if _has_words(v, words)]
        found = _sorted(portal, kind, versions, sort)
        portal.results.put(key, index.number, found)
    return found


def _has_words(version: Version, words: str) -> bool:
    values = version.properties
    return any(words in values.get(name, "").lower() for name in _SEARCHED)


def _sort(portal: Portal, kind: Kind, given: object) -> Sort:
    """Read `sorts`: names, or objects, and one of them at most."""
    if not given:
        return Sort()
    if not isinstance(given, list):
        raise invalid_json("Cannot deserialize a list: sorts")
    if len(given) > 1:
        raise Refused(400, "Only one sort is supported")
    (one,) = given
    if isinstance(one, str):
        sort = Sort(one.removeprefix("-"), one.startswith("-"))
    else:
        keys = an_object(one, ("propertyName", "direction"))
        direction = keys.get("direction", "ASCENDING")
        if direction not in {"ASCENDING", "DESCENDING"}:
            raise invalid_json(f'Cannot deserialize value from String "{direction}"')
        sort = Sort(str(keys.get("propertyName")), direction == "DESCENDING")
    if portal.definition(kind, sort.name) is None:
        raise Refused(
            400, f"There was a problem with the request: no property {sort.name}"
        )
    return sort


def _sorted(
    portal: Portal, kind: Kind, versions: list[Version], sort: Sort
) -> list[int]:
    """Put them in order; those without a value come last."""
    if sort == Sort():
        return [version.id for version in versions]
    definition = portal.definitions[kind.name][sort.name]
    order = ordered(definition)

    def place(version: Version) -> Any:
        try:
            return order(version.properties[sort.name])
        except ValueError:
            return order("0")

    having = [v for v in versions if sort.name in v.properties]
    without = [v.id for v in versions if sort.name not in v.properties]
    having.sort(key=place, reverse=sort.is_descending)
    return [version.id for version in having] + without
