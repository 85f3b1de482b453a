from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.hubspot.portal import Limits
from elt.testing.apis.troubles import BreaksOff, Says

OPENS = datetime(2025, 6, 1, 12, tzinfo=UTC)
CONTACTS = "/crm/v3/objects/contacts"
GRANT = {
    "grant_type": "refresh_token",
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}


@pytest.mark.parametrize("token", ["", "another"])
def test_nobody_is_told_so(empty, ask, token):
    answer = ask(empty, token).get(CONTACTS)

    assert answer.status_code == 401
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"


def test_a_malformed_token_is_530_and_no_json(empty, ask):
    answer = ask(empty, "a b").get(CONTACTS)

    assert answer.status_code == 530
    assert answer.text == "error code: 1016"


def test_an_access_token_lives_for_30_minutes(empty, ask):
    given = ask(empty, "").post("/oauth/v1/token", data=GRANT).json()
    client = ask(empty, given["access_token"])

    fresh = client.get(CONTACTS)
    empty.api.clock.advance(timedelta(minutes=30, seconds=5))
    stale = client.get(CONTACTS)
    again = ask(empty, "").post("/oauth/2026-03/token", data=GRANT).json()

    assert given["expires_in"] == 1800
    assert fresh.status_code == 200
    assert stale.status_code == 401
    assert stale.json()["category"] == "EXPIRED_AUTHENTICATION"
    assert stale.json()["message"].endswith("expired 5 second(s) ago.")
    assert ask(empty, again["access_token"]).get(CONTACTS).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
        ({"grant_type": "x"}, "BAD_GRANT_TYPE"),
    ],
)
def test_a_token_is_refused_in_a_shape_of_its_own(empty, ask, wrong, status):
    answer = ask(empty, "").post("/oauth/v1/token", data={**GRANT, **wrong})

    assert answer.status_code == 400
    assert answer.json()["status"] == status


def test_what_a_token_may_not_read_is_403_with_the_scopes(empty, ask):
    empty.api.let_in("narrow", ["crm.objects.contacts.read"])
    client = ask(empty, "narrow")

    deals = client.get("/crm/v3/objects/deals")
    schemas = client.get("/crm/v3/schemas")
    write = client.post(CONTACTS, json={"properties": {}})

    assert [a.status_code for a in (deals, schemas, write)] == [403] * 3
    assert {a.json()["category"] for a in (deals, schemas, write)} == {"MISSING_SCOPES"}
    assert deals.json()["errors"][0]["context"] == {
        "requiredGranularScopes": ["crm.objects.deals.read"]
    }
    assert schemas.json()["context"]["requiredGranularScopes"] == [
        "crm.schemas.custom.read"
    ]
    assert client.get(CONTACTS).status_code == 200
    assert client.get("/crm/v3/properties/contacts").status_code == 200


def test_a_scope_may_be_taken_away(empty, ask):
    client = ask(empty, "narrow")
    empty.api.let_in("narrow", ["crm.objects.contacts.read"])
    before = client.get(CONTACTS)
    empty.api.access.revoke("narrow")

    assert (before.status_code, client.get(CONTACTS).status_code) == (200, 401)


def test_the_191st_request_in_ten_seconds_is_429(empty, ask):
    client = ask(empty)
    answers = [client.get(CONTACTS) for _ in range(191)]
    empty.api.clock.advance(timedelta(seconds=10))
    again = client.get(CONTACTS)

    headers, last = answers[0].headers, answers[-1]
    assert headers["x-hubspot-ratelimit-max"] == "190"
    assert headers["x-hubspot-ratelimit-remaining"] == "189"
    assert headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert headers["x-hubspot-ratelimit-daily-remaining"] == "624999"
    assert {a.status_code for a in answers[:-1]} == {200}
    assert last.status_code == 429
    assert last.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert last.json()["errorType"] == "RATE_LIMIT"
    assert "retry-after" not in last.headers
    assert again.status_code == 200


def test_retry_after_is_there_where_it_is_asked_for(serve, ask):
    limits = Limits(per_ten_seconds=1, has_retry_after=True)
    clock = Clock(OPENS, elapsed=lambda: 0.0)
    client = ask(serve(HubSpot(company=False, clock=clock, limits=limits)))

    client.get(CONTACTS)

    assert client.get(CONTACTS).headers["retry-after"] == "11"


def test_who_waits_until_the_next_day_is_let_in_also_by_a_clock_that_stands(serve, ask):
    waited = [0.0]
    clock = Clock(OPENS, elapsed=lambda: waited[0])
    hubspot = serve(HubSpot(company=False, clock=clock, limits=Limits(per_day=1)))
    client = ask(hubspot)

    first, refused = client.get(CONTACTS), client.get(CONTACTS)
    waited[0] = 12 * 3600.0

    assert (first.status_code, refused.status_code) == (200, 429)
    assert client.get(CONTACTS).status_code == 200


def test_the_days_requests_end_and_begin_again_at_midnight(serve, ask):
    hubspot = serve(HubSpot(company=False, limits=Limits(per_day=2)))
    client = ask(hubspot)

    statuses = [client.get(CONTACTS).status_code for _ in range(2)]
    last = client.get(CONTACTS)
    hubspot.api.clock.advance(timedelta(hours=11, minutes=59))
    late = client.get(CONTACTS)
    hubspot.api.clock.advance(timedelta(minutes=1))

    assert statuses == [200, 200]
    assert (last.status_code, last.json()["policyName"]) == (429, "DAILY")
    assert late.status_code == 429
    assert client.get(CONTACTS).status_code == 200


def test_oauth_apps_have_a_smaller_limit_and_are_told_nothing_of_the_day(empty, ask):
    given = ask(empty, "").post("/oauth/v1/token", data=GRANT).json()

    headers = ask(empty, given["access_token"]).get(CONTACTS).headers

    assert headers["x-hubspot-ratelimit-max"] == "110"
    assert "x-hubspot-ratelimit-daily" not in headers


def test_errors_count_and_carry_the_headers_too(empty, ask):
    answer = ask(empty).get(f"{CONTACTS}/1")

    assert answer.status_code == 404
    assert answer.headers["x-hubspot-ratelimit-remaining"] == "189"


@pytest.mark.slow
def test_a_second_account_goes_on_where_the_first_one_was(tmp_path, serve, ask):
    writes = tmp_path / "writes.jsonl"
    first = serve(HubSpot(writes=writes))
    body = {
        "inputs": [
            {
                "id": account,
                "idProperty": "account_id",
                "properties": {"health_score": 7},
            }
            for account in ("acc_0001", "acc_9999")
        ]
    }
    client = ask(first)
    client.post("/crm/v3/objects/companies/batch/upsert", json=body)
    first.api.clock.advance(timedelta(days=50))
    client.post(CONTACTS, json={"properties": {"email": "ada@example.org"}})

    second = HubSpot(writes=writes)

    for kind in ("companies", "contacts", "deals", "tickets"):
        assert second.records(kind) == first.api.records(kind)


def test_troubles_come_before_the_account(empty, ask):
    client = ask(empty)
    empty.api.front.troubles.add(Says(502), path=CONTACTS)
    empty.api.front.troubles.add(BreaksOff(), path="/crm/v3/owners")

    assert client.get(CONTACTS).status_code == 502
    assert client.get(CONTACTS).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/crm/v3/owners")
