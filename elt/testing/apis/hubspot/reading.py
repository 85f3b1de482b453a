"""List records, read one, and read a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from elt.testing.apis.hubspot.asking import Answer, Call, a_text, flag, inputs, texts
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.records import Version
from elt.testing.apis.hubspot.refusals import Refused, not_found
from elt.testing.apis.hubspot.showing import Shown, batch, show, shown
from elt.testing.apis.hubspot.values import as_id
from elt.testing.apis.parameters import Parameter, listed, text, whole

_SHOWN = (
    Parameter("properties", listed, repeats=True),
    Parameter("propertiesWithHistory", listed, repeats=True),
    Parameter("associations", listed, repeats=True),
    Parameter("archived", flag),
    Parameter("paginateAssociations", flag),  # from before 2021; means nothing now
)
_LIST = (*_SHOWN, Parameter("limit", whole(1)), Parameter("after", text))
_ONE = (*_SHOWN, Parameter("idProperty", text))
_BATCH = ("inputs", "properties", "propertiesWithHistory", "idProperty")
_USUAL_PAGE = 10


def list_records(call: Call) -> Answer:
    """GET /crm/v3/objects/{kind}: by id, live ones or archived ones, never both."""
    portal, kind = call.portal, call.kind()
    query = call.query(_LIST)
    what = _shown(call, kind, query)
    limit = query.get("limit", _USUAL_PAGE)
    limits = portal.limits
    _check_page(limit, limits.history_page if what.histories else limits.page)
    records = portal.records[kind.name]
    shelf = records.archived if query.get("archived") else records.live
    found = shelf.page(_after(query.get("after")), limit + 1)
    body: dict[str, Any] = {
        "results": [show(portal, kind, version, what) for version in found[:limit]]
    }
    if len(found) > limit:
        body["paging"] = {"next": _next(call, found[limit - 1])}
    portal.turn_page()
    return Answer(200, body)


def _check_page(limit: int, most: int) -> None:
    if limit > most:
        # HubSpot, Objects: 100 a page, and 50 with the history of properties. No public
        # source has this text.
        raise Refused(400, f"The limit of {limit} is more than the maximum of {most}")


def _after(given: str | None) -> int:
    """Read the cursor, which looks like the id of the next record."""
    if given is None:
        return 0
    after = as_id(given)
    if after is None:
        raise Refused(400, "Unable to parse value for query parameter: after")
    return after


def _next(call: Call, last: Version) -> dict[str, str]:
    after = str(last.id + 1)
    url = call.request.url.include_query_params(after=after)
    return {"after": after, "link": str(url)}


def read_record(call: Call) -> Answer:
    """GET /crm/v3/objects/{kind}/{id}; by a unique property with `idProperty`."""
    portal, kind = call.portal, call.kind()
    query = call.query(_ONE)
    what = _shown(call, kind, query)
    by = query.get("idProperty")
    is_archived = bool(query.get("archived"))
    found = find(portal, kind, call.path("id"), by=by, is_archived=is_archived)
    if found is None:
        raise not_found(call.path("id"), by=by)
    return Answer(200, show(portal, kind, found, what))


def _shown(call: Call, kind: Kind, query: dict[str, Any]) -> Shown:
    found = shown(
        call.portal,
        kind,
        _flat(query.get("properties")),
        histories=_flat(query.get("propertiesWithHistory")),
        associations=[call.portal.kind(n) for n in _flat(query.get("associations"))],
    )
    # Recorded lists have no `url`.
    is_one = "id" in call.request.path_params
    return replace(found, has_url=is_one, origin=call.origin)


def _flat(lists: Sequence[list[str]] | None) -> list[str]:
    return [name for names in lists or () for name in names]


def find(
    portal: Portal,
    kind: Kind,
    identifier: str,
    *,
    by: str | None = None,
    is_archived: bool = False,
) -> Version | None:
    """Find a record by its id or a unique property."""
    records = portal.records[kind.name]
    shelf = records.archived if is_archived else records.live
    if by is None or by == "hs_object_id":
        return shelf.by_id.get(as_id(identifier) or 0)
    if not records.is_unique(by):
        raise Refused(400, f"Property {by} is not a unique property of {kind.type_id}")
    found = records.by_unique(by, identifier)
    return None if found is None else shelf.by_id.get(found)


def read_batch(call: Call) -> Answer:
    """POST .../batch/read: each record once, by id and not in the order asked for.

    What is not there makes it 207, as recorded in amp-labs/connectors.
    """
    portal, kind = call.portal, call.kind()
    is_archived = bool(call.query((Parameter("archived", flag),)).get("archived"))
    body = call.json(_BATCH)
    histories = texts(body.get("propertiesWithHistory"), "propertiesWithHistory")
    limits = portal.limits
    most = limits.history_page if histories else limits.batch
    of = " for property histories" if histories else ""
    given = inputs(body, most, ("id",), of=of)
    asked = [str(one.get("id", "")) for one in given]
    by = a_text(body.get("idProperty"), "idProperty")
    found: dict[int, Version] = {}
    missing: list[str] = []
    for identifier in asked:
        version = find(portal, kind, identifier, by=by, is_archived=is_archived)
        if version is None:
            missing.append(identifier)
        else:
            found[version.id] = version
    properties = texts(body.get("properties"), "properties")
    what = shown(portal, kind, properties, histories=histories)
    results = [show(portal, kind, found[i], what) for i in sorted(found)]
    errors = [missing_error(kind, missing)] if missing else []
    return Answer(207 if errors else 200, batch(results, portal.now(), errors))


def missing_error(kind: Kind, identifiers: list[str]) -> dict[str, Any]:
    name = kind.singular.upper()
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {name} objects, they may be deleted or not "
        "exist. Check that ids are valid.",
        "context": {"ids": identifiers},
    }
