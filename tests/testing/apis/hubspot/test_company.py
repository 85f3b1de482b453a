from __future__ import annotations

from datetime import timedelta

import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.company import TODAY
from elt.testing.lives import accounts

KINDS = ("companies", "contacts", "deals", "tickets", "tasks", "quotes", "sites")


@pytest.fixture(scope="module")
def today():
    return HubSpot()


def test_every_account_is_a_company_with_three_people_and_a_deal(today):
    known = list(accounts(7, TODAY))
    companies = today.records("companies")
    deals = today.records("deals")

    assert [c["account_id"] for c in companies.values()] == [a.id for a in known]
    assert [c["name"] for c in companies.values()] == [a.name for a in known]
    assert len(deals) == len(known) == 259
    assert {d["dealstage"] for d in deals.values()} == {
        "appointmentscheduled",
        "qualifiedtobuy",
        "closedwon",
        "closedlost",
    }
    assert {c["lifecyclestage"] for c in companies.values()} == {
        "lead",
        "customer",
        "other",
    }


def test_some_contacts_are_archived_and_some_were_merged(today):
    contacts = today.portal.records["contacts"]

    assert (len(contacts.archived.ids), len(contacts.merged)) == (17, 10)
    assert any("hs_merged_object_ids" in c for c in today.records("contacts").values())


def test_a_number_may_say_that_there_is_none(today):
    numbers = {c["numberofemployees"] for c in today.records("companies").values()}

    assert "N/A" in numbers


@pytest.mark.slow
def test_a_week_more_is_the_same_whichever_way_one_goes(today):
    slow = HubSpot()
    for _ in range(7 * 4):
        slow.clock.advance(timedelta(hours=6))
        slow.catch_up()
    fast = HubSpot(clock=Clock(today.clock.now() + timedelta(days=7)))

    for kind in KINDS:
        assert slow.records(kind) == fast.records(kind)
    assert len(fast.records("companies")) > len(today.records("companies"))
    assert slow.portal.around.email_events == fast.portal.around.email_events


@pytest.mark.slow
def test_months_more_go_beyond_what_was_made_at_once(today):
    later = HubSpot()
    later.clock.advance(timedelta(days=100))
    later.catch_up()
    at_once = HubSpot(clock=Clock(today.clock.now() + timedelta(days=100)))

    assert later.records("tickets") == at_once.records("tickets")
    assert later.records("companies") == at_once.records("companies")


def test_what_changes_in_a_week_is_found_by_its_cursor(today):
    later = HubSpot(clock=Clock(today.clock.now() + timedelta(days=7)))
    before, after = today.records("companies"), later.records("companies")

    changed = {i for i, c in after.items() if before.get(i) != c}

    assert changed == {
        i for i, c in after.items() if c["hs_lastmodifieddate"] > "2025-06-01T12:00:00"
    }
    assert changed & before.keys()
    assert changed - before.keys()


def test_the_health_of_an_account_is_written_back(ask, serve):
    hubspot = serve(HubSpot())
    inputs = [
        {
            "id": a.id,
            "idProperty": "account_id",
            "properties": {"health_score": a.number, "health_grade": "A"},
            "objectWriteTraceId": a.id,
        }
        for a in list(accounts(7, TODAY))[:100]
    ]

    answer = ask(hubspot).post(
        "/crm/v3/objects/companies/batch/upsert", json={"inputs": inputs}
    )

    assert answer.status_code == 200
    assert not any(r["new"] for r in answer.json()["results"])
    scores = [c.get("health_score") for c in hubspot.api.records("companies").values()]
    assert scores[:2] == ["1", "2"]
    assert scores[100] is None


def test_email_events_are_in_milliseconds_and_come_page_by_page(company, ask):
    client = ask(company)
    path = "/email/public/v1/events"
    begin = 1748131200000  # a week before

    first = client.get(path, params={"startTimestamp": begin, "limit": 5}).json()
    params = {"startTimestamp": begin, "limit": 1000, "offset": first["offset"]}
    rest = client.get(path, params=params).json()

    events = first["events"] + rest["events"]
    created = [event["created"] for event in events]
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    assert created == sorted(created, reverse=True)
    assert min(created) >= begin
    assert len({event["id"] for event in events}) == len(events) > 5
