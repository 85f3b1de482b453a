from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from elt.testing.apis.troubles import Says

HOUR = timedelta(hours=1)


def owner(number, *, archived=False):
    return {
        "id": str(number),
        "email": f"{number}@example.com",
        "firstName": "Ines",
        "userId": number,
        "createdAt": "2025-01-01T00:00:00Z",
        "updatedAt": "2025-01-01T00:00:00Z",
        "archived": archived,
    }


def mail_event(number, at):
    return {
        "id": f"event-{number}",
        "created": int(at.timestamp() * 1000),
        "type": "OPEN",
        "recipient": "a@example.com",
    }


def test_owners_come_with_those_who_left(hubspot, read):
    around = hubspot.api.portal.around
    around.owners += [owner(n) for n in range(700)]
    around.owners.append(owner(700, archived=True))

    told = read(hubspot, "owners")

    rows = told.rows("owners")
    assert {row["id"] for row in rows} == {str(n) for n in range(701)}
    assert [row["id"] for row in rows if row["archived"]] == ["700"]


def test_pipelines_and_stages_are_those_of_deals_and_tickets(company, read):
    told = read(company, "pipelines", "stages")

    pipelines = company.api.portal.around.pipelines
    assert {(r["object_type"], r["id"]) for r in told.rows("pipelines")} == {
        (kind, one["id"]) for kind, found in pipelines.items() for one in found
    }
    stages = told.rows("stages")
    assert {(r["object_type"], r["pipeline_id"], r["id"]) for r in stages} == {
        (kind, one["id"], stage["id"])
        for kind, found in pipelines.items()
        for one in found
        for stage in one["stages"]
    }
    won = next(row for row in stages if row["id"] == "closedwon")
    assert won["metadata"]["probability"] == "1.0"


def test_lists_are_read_by_their_offset(hubspot, read):
    hubspot.api.portal.around.lists += [
        {"listId": str(n), "name": f"List {n}", "processingType": "MANUAL"}
        for n in range(1100)
    ]

    told = read(hubspot, "lists")

    assert [row["listId"] for row in told.rows("lists")] == list(map(str, range(1100)))
    asked = [r for r in hubspot.api.front.requests if r.path == "/crm/v3/lists/search"]
    assert [r.json["offset"] for r in asked] == [0, 500, 1000]


def test_forms_come_with_archived_ones(hubspot, read):
    forms = [{"id": f"form-{n}", "name": "", "archived": n == 3} for n in range(240)]
    hubspot.api.portal.around.forms += forms

    told = read(hubspot, "forms")

    assert {row["id"] for row in told.rows("forms")} == {f["id"] for f in forms}


def test_email_events_are_read_newest_first_and_marked_at_the_end(company, read):
    told = read(company, "email_events")

    events = company.api.portal.around.email_events
    assert {r["id"] for r in told.rows("email_events")} == {e["id"] for e in events}
    assert told.mark("email_events") == max(event["created"] for event in events)


def test_email_events_go_on_at_the_mark_week_by_week(hubspot, read):
    events = hubspot.api.portal.around.email_events
    begin = datetime(2025, 5, 1, tzinfo=UTC)
    events += [mail_event(n, begin + n * timedelta(days=1)) for n in range(30)]
    first = read(hubspot, "email_events", end_date="2025-05-11T00:00:00Z")

    told = read(hubspot, "email_events", state=first.state)

    ids = {row["id"] for row in told.rows("email_events")}
    assert {row["id"] for row in first.rows("email_events")} == {
        f"event-{n}" for n in range(10)
    }
    assert ids == {f"event-{n}" for n in range(9, 30)}
    asked = [
        dict(r.query)
        for r in hubspot.api.front.requests
        if r.path == "/email/public/v1/events"
    ]
    assert len(asked) == 5
    spans = [(int(q["startTimestamp"]), int(q["endTimestamp"])) for q in asked[1:]]
    assert all(end - start <= 7 * 86_400_000 for start, end in spans)


def test_definitions_of_properties_are_a_stream_with_archived_ones(hubspot, read):
    hubspot.api.define("deals", "old_one", archived_at=datetime(2025, 1, 1, tzinfo=UTC))
    hubspot.api.define("deals", "region", type="enumeration", options=(("eu", "EU"),))

    told = read(hubspot, "properties")

    rows = {(row["object_type"], row["name"]): row for row in told.rows("properties")}
    assert rows["deals", "region"]["options"][0]["value"] == "eu"
    assert rows["deals", "old_one"]["archived"] is True
    assert {kind for kind, _ in rows} >= {"contacts", "companies", "tasks", "quotes"}


def test_schemas_of_custom_objects_are_a_stream(company, read):
    told = read(company, "schemas")

    (row,) = told.rows("schemas")
    assert row["objectTypeId"] == "2-1001"
    assert row["name"] == "site"


def test_an_offset_that_comes_again_ends_with_an_error(hubspot, read):
    page = {"hasMore": True, "offset": "abc", "events": [{"id": "1", "created": 1}]}
    hubspot.api.front.troubles.add(
        _says(page), path="/email/public/v1/events", times=99
    )

    told = read(hubspot, "email_events", fails=Exception)

    assert "would never end" in told.error.what


def _says(body):
    return Says(200, json.dumps(body))
