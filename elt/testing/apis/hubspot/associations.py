"""Read, make and take away associations, as v4 and as v3 do.

HubSpot, Associations v4: a batch reads those of at most 1000 records (changelog "Batch
Read Limit for HubSpot Associations API"), each with a cursor of its own. v3 gives the
first 100 of each and ignores `after` (HubSpot/hubspot-api-python#135 and #187).
"""

from __future__ import annotations

from typing import Any

from elt.testing.apis.hubspot.asking import Answer, Call, a_text, end_of, inputs
from elt.testing.apis.hubspot.cursors import read_cursor, rest_of
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.links import LinkType
from elt.testing.apis.hubspot.refusals import Refused, not_found
from elt.testing.apis.hubspot.showing import batch
from elt.testing.apis.hubspot.values import as_id
from elt.testing.apis.parameters import Parameter, text, whole

Link = tuple[int, tuple[LinkType, ...]]

_MOST_CREATED = 2000
_PAGE = (Parameter("limit", whole(1, 500)), Parameter("after", text))
_ONE = ("id", "after")
_PAIR = ("from", "to", "types", "type")


def read_batch(call: Call) -> Answer:
    """POST /crm/v4/associations/{kind}/{other}/batch/read."""
    portal, kind, other = call.portal, call.kind(), call.kind("other")
    results, errors = [], []
    limit = portal.limits.associations_of_one
    given = inputs(call.json(("inputs",)), portal.limits.association_inputs, _ONE)
    for one in given:
        identifier = str(one.get("id", ""))
        number = as_id(identifier)
        if number is None:
            errors.append(_no_id(identifier))
            continue
        links = portal.links.of(kind, number, other)
        if not links:
            errors.append(_none(kind, other, identifier))
            continue
        page, last = _page(links, a_text(one.get("after"), "after"), limit)
        result: dict[str, Any] = {
            "from": {"id": identifier},
            "to": [_end(link) for link in page],
        }
        if last:
            result["paging"] = rest_of(call.origin, kind, number, other, last)
        results.append(result)
    return Answer(207 if errors else 200, batch(results, portal.now(), errors))


def read_batch_v3(call: Call) -> Answer:
    """POST /crm/v3/associations/{kind}/{other}/batch/read: a line for each type."""
    portal, kind, other = call.portal, call.kind(), call.kind("other")
    results, errors = [], []
    given = inputs(call.json(("inputs",)), portal.limits.association_inputs, _ONE)
    for one in given:
        identifier = str(one.get("id", ""))
        number = as_id(identifier) or 0
        lines = portal.links.lines(kind, number, other)
        if not lines:
            errors.append(_none(kind, other, identifier))
            continue
        most = portal.limits.associations_of_one_v3
        result: dict[str, Any] = {"from": {"id": identifier}, "to": lines[:most]}
        if len(lines) > most:
            last = int(lines[most - 1]["id"])
            result["paging"] = rest_of(call.origin, kind, number, other, last)
        results.append(result)
    return Answer(207 if errors else 200, batch(results, portal.now(), errors))


def list_of_one(call: Call) -> Answer:
    """GET /crm/v4/objects/{kind}/{id}/associations/{other}: 500 a page."""
    portal, kind, other = call.portal, call.kind(), call.kind("other")
    query = call.query(_PAGE)
    number = _live(call, kind, "id")
    links = portal.links.of(kind, number, other)
    limit = min(query.get("limit", 500), portal.limits.associations_of_one)
    page, last = _page(links, query.get("after"), limit)
    body: dict[str, Any] = {"results": [_end(link) for link in page]}
    if last:
        body["paging"] = rest_of(call.origin, kind, number, other, last)
    return Answer(200, body)


def create_batch(call: Call) -> Answer:
    """POST /crm/v4/associations/{kind}/{other}/batch/create, or associate/default."""
    kind, other = call.kind(), call.kind("other")
    results = []
    for start, end in _pairs(call, kind, other):
        call.portal.links.add(kind, start, other, end)
        results.append(
            {
                "fromObjectTypeId": kind.type_id,
                "fromObjectId": start,
                "toObjectTypeId": other.type_id,
                "toObjectId": end,
                "labels": [],
            }
        )
    call.changed()
    return Answer(201, batch(results, call.portal.now()))


def archive_batch(call: Call) -> Answer:
    """POST /crm/v4/associations/{kind}/{other}/batch/archive: 204."""
    kind, other = call.kind(), call.kind("other")
    for one in inputs(call.json(("inputs",)), _MOST_CREATED, ("from", "to")):
        start, ends = end_of(one.get("from")), one.get("to")
        if not isinstance(ends, list):
            raise Refused(400, "Some required fields were not set: [to]")
        for end in map(end_of, ends):
            call.portal.links.remove(kind, as_id(start) or 0, other, as_id(end) or 0)
    call.changed()
    return Answer(204)


def put_one(call: Call) -> Answer:
    """PUT /crm/v4/objects/{kind}/{id}/associations/{other}/{other_id}."""
    kind, other = call.kind(), call.kind("other")
    start, end = _live(call, kind, "id"), _live(call, other, "other_id")
    call.portal.links.add(kind, start, other, end)
    call.changed()
    said = {"fromObjectTypeId": kind.type_id, "fromObjectId": start}
    said |= {"toObjectTypeId": other.type_id, "toObjectId": end, "labels": []}
    return Answer(201, said)


def delete_one(call: Call) -> Answer:
    kind, other = call.kind(), call.kind("other")
    start, end = _live(call, kind, "id"), _live(call, other, "other_id")
    call.portal.links.remove(kind, start, other, end)
    call.changed()
    return Answer(204)


def list_types(call: Call) -> Answer:
    """GET /crm/v4/associations/{kind}/{other}/labels."""
    types = call.portal.links.types(call.kind(), call.kind("other"))
    lines = [{"category": t.category, "typeId": t.id, "label": t.label} for t in types]
    return Answer(200, {"results": lines})


def _pairs(call: Call, kind: Kind, other: Kind) -> list[tuple[int, int]]:
    pairs = []
    for one in inputs(call.json(("inputs",)), _MOST_CREATED, _PAIR):
        start, end = end_of(one.get("from")), end_of(one.get("to"))
        for identifier, of in ((start, kind), (end, other)):
            by_id = call.portal.records[of.name].live.by_id
            if as_id(identifier) not in by_id:
                raise Refused(
                    400,
                    f"{identifier} is not a valid ID",
                    context={"id": [identifier]},
                    subCategory="crm.associations.INVALID_IDENTIFIER",
                )
        pairs.append((int(start), int(end)))
    return pairs


def _live(call: Call, kind: Kind, name: str) -> int:
    identifier = call.path(name)
    by_id = call.portal.records[kind.name].live.by_id
    number = as_id(identifier)
    if number is None or number not in by_id:
        raise not_found(identifier)
    return number


def _end(link: Link) -> dict[str, Any]:
    other_id, types = link
    return {
        "toObjectId": other_id,
        "associationTypes": [
            {"category": t.category, "typeId": t.id, "label": t.label}
            for t in reversed(types)
        ],
    }


def _page(links: list[Link], after: str | None, limit: int) -> tuple[list[Link], int]:
    """Give a page, and the last id in it where there is more."""
    behind = read_cursor(after)
    rest = [link for link in links if link[0] > behind]
    page = rest[:limit]
    return page, page[-1][0] if len(rest) > limit else 0


def _none(kind: Kind, other: Kind, identifier: str) -> dict[str, Any]:
    """Give the error for a record that has none, as recorded in amp-labs/connectors."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {other.singular} is associated with {kind.singular} "
        f"{identifier}.",
        "context": {
            "fromObjectId": [identifier],
            "fromObjectType": [kind.singular],
            "toObjectType": [other.singular],
        },
    }


def _no_id(identifier: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "subCategory": "crm.associations.INVALID_IDENTIFIER",
        "message": f"{identifier} is not a valid ID",
        "context": {"id": [identifier]},
    }
