"""The smaller APIs: owners, pipelines, lists, forms, e-mail events, the account."""

from __future__ import annotations

import base64
from typing import Any

from elt.testing.apis.hubspot.asking import Answer, Call, a_number, flag, texts
from elt.testing.apis.hubspot.kinds import PORTAL_ID
from elt.testing.apis.hubspot.refusals import Refused
from elt.testing.apis.parameters import Parameter, one_of, text, whole

_OWNERS = (
    Parameter("limit", whole(1, 500)),
    Parameter("after", text),
    Parameter("email", text),
    Parameter("archived", flag),
)
_OWNER = (Parameter("idProperty", one_of("id", "userId")), Parameter("archived", flag))
_FORMS = (
    Parameter("limit", whole(1)),
    Parameter("after", text),
    Parameter("archived", flag),
    Parameter("formTypes", text, repeats=True),
)
_LISTS = (
    "listIds",
    "offset",
    "query",
    "count",
    "processingTypes",
    "sort",
    "additionalProperties",
)
_EVENTS = (
    Parameter("limit", whole(1, 1000)),
    Parameter("offset", text),
    Parameter("startTimestamp", whole(0)),
    Parameter("endTimestamp", whole(0)),
    Parameter("eventType", text),
    Parameter("recipient", text),
    Parameter("campaignId", whole(0)),
    Parameter("excludeFilteredEvents", flag),
)


def list_owners(call: Call) -> Answer:
    """GET /crm/v3/owners: 100 a page unless asked; archived ones apart."""
    query = call.query(_OWNERS)
    is_archived, email = bool(query.get("archived")), query.get("email")
    found = [
        owner
        for owner in call.portal.around.owners
        if owner["archived"] == is_archived and email in {None, owner["email"]}
    ]
    return _page(call, found, query.get("after"), query.get("limit", 100))


def read_owner(call: Call) -> Answer:
    query = call.query(_OWNER)
    name = query.get("idProperty", "id")
    for owner in call.portal.around.owners:
        if str(owner[name]) == call.path("id"):
            return Answer(200, owner)
    raise Refused(404, "resource not found", None)


def list_pipelines(call: Call) -> Answer:
    """GET /crm/v3/pipelines/{kind}: all at once, with their stages."""
    call.query((Parameter("archived", flag),))
    found = call.portal.around.pipelines.get(call.kind().name)
    if found is None:
        raise Refused(400, f"{call.path('kind')} has no pipelines")
    return Answer(200, {"results": found})


def read_pipeline(call: Call) -> Answer:
    for pipeline in call.portal.around.pipelines.get(call.kind().name, []):
        if pipeline["id"] == call.path("id"):
            return Answer(200, pipeline)
    raise Refused(404, "resource not found", None)


def search_lists(call: Call) -> Answer:
    """POST /crm/v3/lists/search: by offset, `hasMore` says whether there are more."""
    body = call.json(_LISTS)
    wanted = texts(body.get("listIds"), "listIds")
    kinds = texts(body.get("processingTypes"), "processingTypes")
    words = str(body.get("query") or "").lower()
    found = [
        one
        for one in call.portal.around.lists
        if (not wanted or one["listId"] in wanted)
        and (not kinds or one["processingType"] in kinds)
        and words in one["name"].lower()
    ]
    offset = a_number(body.get("offset"), "offset", usual=0)
    count = a_number(body.get("count"), "count", usual=20)
    page = found[offset : offset + count]
    behind = offset + len(page)
    has_more = behind < len(found)
    said = {"offset": behind, "hasMore": has_more, "lists": page, "total": len(found)}
    return Answer(200, said)


def list_forms(call: Call) -> Answer:
    """GET /marketing/v3/forms: the cursor is a coded offset."""
    query = call.query(_FORMS)
    found = [
        f
        for f in call.portal.around.forms
        if f["archived"] == bool(query.get("archived"))
    ]
    return _page(call, found, query.get("after"), query.get("limit", 20))


def list_email_events(call: Call) -> Answer:
    """GET /email/public/v1/events: milliseconds, the newest first, `hasMore`.

    HubSpot, Email Analytics API v1.
    """
    query = call.query(_EVENTS)
    low, high = query.get("startTimestamp", 0), query.get("endTimestamp", 2**63)
    kind, recipient = query.get("eventType"), query.get("recipient")
    found = [
        event
        for event in call.portal.around.email_events
        if low <= event["created"] < high
        and kind in {None, event["type"]}
        and recipient in {None, event["recipient"]}
    ]
    found.sort(key=lambda event: (-event["created"], event["id"]))
    start = _offset(query.get("offset"))
    limit = query.get("limit", 100)
    page = found[start : start + limit]
    body: dict[str, Any] = {"hasMore": start + limit < len(found), "events": page}
    body["offset"] = _coded(start + len(page))
    return Answer(200, body)


def account(call: Call) -> Answer:
    """GET /account-info/v3/details, recorded in amp-labs/connectors."""
    call.query(())
    return Answer(
        200,
        {
            "portalId": PORTAL_ID,
            "accountType": "STANDARD",
            "timeZone": "Europe/London",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+00:00",
            "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        },
    )


def usage(call: Call) -> Answer:
    """GET /account-info/v3/api-usage/daily/private-apps: what the day has cost."""
    call.query(())
    found = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": call.portal.limits.per_day,
        "currentUsage": call.request.state.used,
        "fetchStatus": "SUCCESS",
    }
    return Answer(200, {"results": [found]})


def _page(
    call: Call, found: list[dict[str, Any]], after: str | None, limit: int
) -> Answer:
    start = _offset(after)
    body: dict[str, Any] = {"results": found[start : start + limit]}
    if start + limit < len(found):
        cursor = _coded(start + limit)
        link = call.request.url.include_query_params(after=cursor)
        body["paging"] = {"next": {"after": cursor, "link": str(link)}}
    return Answer(200, body)


def _coded(offset: int) -> str:
    """Write a cursor as `Mw%3D%3D`: coded twice, as recorded."""
    return base64.b64encode(str(offset).encode()).decode().replace("=", "%3D")


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor.replace("%3D", "=")))
    except ValueError:
        raise Refused(400, "Unable to parse value for query parameter: after") from None
