from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.hubspot.portal import Limits

LAG = timedelta(seconds=10)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def free(serve):
    """Serve an account without a limit on how often one searches."""
    limits = Limits(searches_per_second=10**6)
    return serve(HubSpot(company=False, limits=limits))


def look(client, kind="contacts", *filters, **body):
    if filters:
        keys = ("propertyName", "operator", "value")
        group = [dict(zip(keys, one, strict=False)) for one in filters]
        body["filterGroups"] = [{"filters": group}]
    return client.post(f"/crm/v3/objects/{kind}/search", json=body)


def ids(answer):
    return [int(one["id"]) for one in answer.json()["results"]]


def test_search_hears_of_a_change_some_seconds_late(free, ask):
    (one,) = free.api.add("contacts", {"firstname": "Ada"})
    client = ask(free)

    at_once = look(client)
    free.api.clock.advance(LAG)
    later = look(client)
    free.api.update("contacts", one, {"firstname": "Byron"})
    stale = look(client, "contacts", ("firstname", "EQ", "ada"))

    assert at_once.json()["total"] == 0
    assert ids(later) == ids(stale) == [one]
    assert stale.json()["results"][0]["properties"]["firstname"] == "Ada"


def test_archived_records_are_not_found(free, ask):
    one, two = free.api.add("deals", {"dealname": "D{n}"}, at=LONG_AGO, n=2)
    free.api.archive("deals", one)
    free.api.clock.advance(LAG)

    assert ids(look(ask(free), "deals")) == [two]


def test_beyond_10_000_results_is_400(free, ask):
    free.api.add("notes", {}, at=LONG_AGO, n=10_050)
    client = ask(free)

    last = look(client, "notes", limit=200, after="9800")
    behind = look(
        client, "notes", limit=200, after=last.json()["paging"]["next"]["after"]
    )
    one_behind = look(client, "notes", limit=10, after=9991)

    assert last.json()["total"] == 10_050
    assert len(ids(last)) == 200
    assert (behind.status_code, one_behind.status_code) == (400, 400)


def test_ten_thousand_and_more_at_one_time_are_read_by_id_in_a_window(free, ask):
    made = free.api.add("notes", {}, at=LONG_AGO, n=10_050)
    client = ask(free)
    window = ("hs_lastmodifieddate", "LT", "1748779200000")
    found, last = [], 0
    while True:
        page = ids(
            look(
                client,
                "notes",
                window,
                ("hs_object_id", "GTE", str(last + 1)),
                limit=200,
                sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            )
        )
        if not page:
            break
        found += page
        last = page[-1]

    assert found == made


def test_a_page_has_no_more_than_200(free, ask):
    client = ask(free)

    assert look(client, limit=200).status_code == 200
    assert look(client, limit="200").status_code == 200
    assert look(client, limit=201).status_code == 400


@pytest.mark.parametrize(
    ("groups", "filters", "status"),
    [(5, 5, 200), (6, 1, 400), (1, 10, 200), (1, 11, 400), (5, 6, 400)],
)
def test_there_are_no_more_than_5_groups_10_filters_in_one_25_in_all(
    free, ask, groups, filters, status
):
    one = {"propertyName": "email", "operator": "HAS_PROPERTY"}
    body = {"filterGroups": [{"filters": [one] * filters}] * groups}

    assert look(ask(free), **body).status_code == status


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (("name", "EQ", "FIG oven"), {"Fig Oven"}),
        (("name", "NEQ", "fig oven"), {"Plum", "Grain"}),
        (("name", "CONTAINS_TOKEN", "oven"), {"Fig Oven"}),
        (("name", "CONTAINS_TOKEN", "*lu*"), {"Plum"}),
        (("name", "NOT_CONTAINS_TOKEN", "oven"), {"Plum", "Grain"}),
        (("health_score", "GT", "9"), {"Plum"}),
        (("health_score", "LTE", "9"), {"Fig Oven"}),
        (("plan", "EQ", "house"), {"Plum"}),
        (("plan", "EQ", "HOUSE"), set()),
        (("plan", "HAS_PROPERTY"), {"Plum"}),
        (("plan", "NOT_HAS_PROPERTY"), {"Fig Oven", "Grain"}),
        (("customer_since", "LT", "1740787200000"), {"Fig Oven"}),
        (("customer_since", "GTE", "2025-03-01"), {"Plum"}),
    ],
)
def test_operators_compare_as_the_property_is(free, ask, one, found):
    rows = (
        {"name": "Fig Oven", "health_score": "9", "customer_since": "2025-02-28"},
        {
            "name": "Plum",
            "health_score": "10.5",
            "plan": "house",
            "customer_since": "2025-03-01",
        },
        {"name": "Grain", "health_score": "N/A"},
    )
    for row in rows:
        free.api.add("companies", row, at=LONG_AGO)

    answer = look(ask(free), "companies", one, properties=["name"])

    names = {row["properties"]["name"] for row in answer.json()["results"]}
    assert names == found


def test_values_of_in_and_between_are_their_own_keys(free, ask):
    made = free.api.add(
        "companies", {"name": "Fig{n}", "seats": "{n}"}, at=LONG_AGO, n=5
    )
    client = ask(free)
    inside = {"propertyName": "name", "operator": "IN", "values": ["fig1", "Fig2"]}
    between = {"propertyName": "seats", "operator": "BETWEEN", "value": "2"}
    between |= {"highValue": "3"}

    by_name = look(client, "companies", filterGroups=[{"filters": [inside]}])
    by_seats = look(client, "companies", filterGroups=[{"filters": [between]}])
    either = look(
        client,
        "companies",
        filterGroups=[{"filters": [inside]}, {"filters": [between]}],
    )

    assert ids(by_name) == [made[1]]  # the values must be in lower case
    assert ids(by_seats) == made[2:4]
    assert ids(either) == made[1:4]


def test_results_are_sorted_by_one_property(free, ask):
    made = [
        free.api.add("companies", {"seats": seats}, at=LONG_AGO)[0]
        for seats in ("10", "9", "100")
    ]
    by_seats = {"propertyName": "seats", "direction": "DESCENDING"}

    sorted_ids = ids(look(ask(free), "companies", sorts=[by_seats]))
    two = look(ask(free), "companies", sorts=["seats", "name"])

    assert sorted_ids == [made[2], made[0], made[1]]
    assert two.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "IS"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "IN"}]}]},
        {"filterGroups": {"filters": []}},
        {"filters": []},
        {"sorts": ["nope"]},
        {"limit": 0},
        {"after": "next"},
        {"properties": "email"},
    ],
)
def test_a_search_that_cannot_be_read_is_refused(free, ask, body):
    answer = look(ask(free), **body)

    assert answer.status_code == 400
    assert answer.json()["status"] == "error"


def test_a_moment_that_is_none_is_refused(free, ask):
    one = ("lastmodifieddate", "GTE", "yesterday")

    assert look(ask(free), "contacts", one).status_code == 400


def test_contacts_have_another_cursor_than_all_others(free, ask):
    one = "lastmodifieddate", "GTE", "0"

    assert look(ask(free), "contacts", one).status_code == 200
    assert look(ask(free), "companies", one).status_code == 400
    assert look(ask(free), "companies", ("hs_lastmodifieddate", "GTE", "0")).is_success


def test_search_hears_of_a_change_as_late_as_it_is_told_to(serve, ask):
    hubspot = serve(HubSpot(company=False, index_lag=timedelta(0)))

    made = hubspot.api.add("contacts", n=1)

    assert ids(look(ask(hubspot))) == made


def test_words_are_looked_for_in_a_few_properties(free, ask):
    made = free.api.add("contacts", {"email": "ada{n}@example.org"}, at=LONG_AGO, n=2)

    assert ids(look(ask(free), query="ADA1")) == made[1:]


def test_rows_that_change_between_pages_move_in_the_results(free, ask):
    made = free.api.add("contacts", {"firstname": "A"}, at=LONG_AGO, n=4)
    client = ask(free)
    by_time = ["lastmodifieddate"]

    def touch():
        free.api.update("contacts", made[0], {"firstname": "B"})
        free.api.clock.advance(LAG)

    free.api.between_pages = touch
    first = ids(look(client, sorts=by_time, limit=2))
    free.api.between_pages = None
    second = ids(look(client, sorts=by_time, limit=2, after=2))

    assert first == made[:2]
    assert second == [made[3], made[0]]  # the third one was never given


def test_searches_have_a_limit_of_their_own(empty, ask):
    client = ask(empty)

    answers = [look(client) for _ in range(6)]
    other = client.get("/crm/v3/objects/contacts")
    empty.api.clock.advance(timedelta(seconds=1))
    again = look(client)

    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert answers[-1].json()["policyName"] == "SECONDLY"
    assert not any("ratelimit" in name for name in answers[0].headers)
    assert other.headers["x-hubspot-ratelimit-remaining"] == "189"
    assert again.status_code == 200
