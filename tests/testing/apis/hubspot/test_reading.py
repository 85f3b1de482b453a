from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def tasks(empty):
    """Serve an account with 83 tasks."""
    empty.api.add("tasks", {}, n=83)
    return empty


def pages(client, path, **params):
    """Give the ids of each page."""
    found = []
    while True:
        answer = client.get(path, params=params).json()
        found.append([int(record["id"]) for record in answer["results"]])
        if "paging" not in answer:
            return found
        params["after"] = answer["paging"]["next"]["after"]


def test_a_page_has_10_records_unless_asked_and_no_more_than_100(empty, ask):
    empty.api.add("contacts", {"firstname": "A"}, n=101)
    client = ask(empty)

    usual = client.get("/crm/v3/objects/contacts").json()
    most = client.get("/crm/v3/objects/contacts?limit=100").json()
    more = client.get("/crm/v3/objects/contacts?limit=101")

    assert (len(usual["results"]), len(most["results"])) == (10, 100)
    assert more.status_code == 400
    assert more.json()["category"] == "VALIDATION_ERROR"


def test_a_page_with_history_has_no_more_than_50(empty, ask):
    client = ask(empty)
    path = "/crm/v3/objects/contacts?propertiesWithHistory=firstname"

    assert client.get(f"{path}&limit=50").status_code == 200
    assert client.get(f"{path}&limit=51").status_code == 400


def test_only_what_was_asked_for_comes_back_and_every_value_is_a_string(empty, ask):
    values = {"firstname": "Ada", "lastname": "Byron", "associatedcompanyid": 7}
    (one,) = empty.api.add("contacts", values)
    path = f"/crm/v3/objects/contacts/{one}"

    usual = ask(empty).get(path).json()["properties"]
    asked = (
        ask(empty)
        .get(f"{path}?properties=associatedcompanyid,phone&properties=shoe_size")
        .json()["properties"]
    )

    assert usual["firstname"] == "Ada"
    assert usual["email"] is None
    assert "associatedcompanyid" not in usual
    assert asked == {
        "associatedcompanyid": "7",
        "createdate": "2025-06-01T12:00:00Z",
        "hs_object_id": str(one),
        "lastmodifieddate": "2025-06-01T12:00:00Z",
        "phone": None,
    }


def test_times_have_milliseconds_only_where_there_are_some(empty, ask):
    empty.api.clock.advance(timedelta(milliseconds=250))
    (one,) = empty.api.add("companies", {})

    found = ask(empty).get(f"/crm/v3/objects/companies/{one}").json()

    assert found["createdAt"] == "2025-06-01T12:00:00.250Z"
    assert found["properties"]["hs_lastmodifieddate"] == "2025-06-01T12:00:00.250Z"


def test_archived_records_are_listed_apart(empty, ask):
    kept, gone = empty.api.add("deals", {"dealname": "D{n}"}, n=2)
    empty.api.clock.advance(timedelta(days=1))
    empty.api.archive("deals", gone)
    client = ask(empty)

    live = client.get("/crm/v3/objects/deals").json()["results"]
    archived = client.get("/crm/v3/objects/deals?archived=true").json()["results"]

    assert [one["id"] for one in live] == [str(kept)]
    assert [one["id"] for one in archived] == [str(gone)]
    assert archived[0]["archived"] is True
    assert archived[0]["archivedAt"] == "2025-06-02T12:00:00Z"
    assert archived[0]["updatedAt"] == "2025-06-01T12:00:00Z"
    assert client.get(f"/crm/v3/objects/deals/{gone}").status_code == 404
    assert client.get(f"/crm/v3/objects/deals/{gone}?archived=true").is_success


def test_the_loser_of_a_merge_vanishes_from_every_list(empty, ask):
    winner, loser = empty.api.add("contacts", {"firstname": "A", "phone": "1"}, n=2)
    empty.api.merge("contacts", winner, loser)
    client = ask(empty)
    path = "/crm/v3/objects/contacts"

    live = client.get(f"{path}?properties=hs_merged_object_ids").json()["results"]

    assert [one["id"] for one in live] == [str(winner)]
    assert live[0]["properties"]["hs_merged_object_ids"] == str(loser)
    assert client.get(f"{path}?archived=true").json()["results"] == []
    assert client.get(f"{path}/{loser}").status_code == 404


def test_the_history_of_a_property_is_the_newest_first(empty, ask):
    (one,) = empty.api.add("deals", {"dealstage": "contractsent"})
    empty.api.clock.advance(timedelta(hours=1))
    ask(empty).patch(
        f"/crm/v3/objects/deals/{one}", json={"properties": {"dealstage": "closedwon"}}
    )

    found = ask(empty).get(
        f"/crm/v3/objects/deals/{one}?propertiesWithHistory=dealstage,hs_is_closed"
    )

    history = found.json()["propertiesWithHistory"]
    assert [
        (one["value"], one["timestamp"], one["sourceType"])
        for one in history["dealstage"]
    ] == [
        ("closedwon", "2025-06-01T13:00:00Z", "INTEGRATION"),
        ("contractsent", "2025-06-01T12:00:00Z", "CRM_UI"),
    ]
    assert [one["value"] for one in history["hs_is_closed"]] == ["true", "false"]


def test_both_forms_of_a_path_answer_alike(empty, ask):
    empty.api.add("contacts", {"firstname": "Ada"})
    client = ask(empty)

    answers = [
        client.get(f"{path}/contacts?limit=1").json()
        for path in (
            "/crm/v3/objects",
            "/crm/objects/2025-09",
            "/crm/objects/2026-03",
            "/crm/objects/2026-09",
            "/crm/objects/2026-09-beta",
        )
    ]

    assert all(answer == answers[0] for answer in answers)
    assert client.get("/crm/objects/2019-01/contacts").status_code == 404


def test_a_query_that_is_too_long_is_414_and_no_json(empty, ask):
    names = ",".join(f"a_property_with_a_long_name_{n:04}" for n in range(600))

    answer = ask(empty).get(f"/crm/v3/objects/contacts?properties={names}")

    assert len(names) > 16_000
    assert answer.status_code == 414
    assert "json" not in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "status", "category"),
    [
        ("/crm/v3/objects/contacts/1", 404, None),
        ("/crm/v3/objects/contacts/ada@example.org", 404, "OBJECT_NOT_FOUND"),
        ("/crm/v3/objects/contacts/1?idProperty=firstname", 400, "VALIDATION_ERROR"),
        ("/crm/v3/objects/butterflies", 400, None),
        ("/crm/v3/objects/contacts?limit=ten", 400, "VALIDATION_ERROR"),
        ("/crm/v3/objects/contacts?after=x", 400, "VALIDATION_ERROR"),
        ("/crm/v3/objects/contacts?property=email", 400, "VALIDATION_ERROR"),
        ("/crm/v3/objects/contacts/²", 404, "OBJECT_NOT_FOUND"),
    ],
)
def test_what_is_not_there_or_not_known_is_refused(empty, ask, path, status, category):
    answer = ask(empty).get(path)

    assert answer.status_code == status
    assert answer.json()["status"] == "error"
    assert answer.json().get("category") == category
    assert answer.json()["correlationId"]


def test_a_batch_is_read_by_id_and_says_what_is_missing(empty, ask):
    one, two = empty.api.add("contacts", {"email": "{n}@example.org"}, n=2)
    inputs = [{"id": "1@example.org"}, {"id": "0@example.org"}, {"id": "9@example.org"}]
    body = {"inputs": inputs, "idProperty": "email", "properties": ["email"]}

    answer = ask(empty).post("/crm/v3/objects/contacts/batch/read", json=body)

    assert answer.status_code == 207
    assert [r["id"] for r in answer.json()["results"]] == [str(one), str(two)]
    assert answer.json()["numErrors"] == 1
    assert answer.json()["errors"][0]["context"] == {"ids": ["9@example.org"]}


def test_a_batch_has_no_more_than_100_inputs(empty, ask):
    path = "/crm/v3/objects/contacts/batch/read"
    inputs = [{"id": str(n)} for n in range(101)]

    assert ask(empty).post(path, json={"inputs": inputs[:100]}).status_code == 207
    assert ask(empty).post(path, json={"inputs": inputs}).status_code == 400


def test_a_batch_with_history_has_no_more_than_50_inputs(empty, ask):
    path = "/crm/v3/objects/contacts/batch/read"
    inputs = [{"id": str(n)} for n in range(51)]
    body = {"inputs": inputs, "propertiesWithHistory": ["email"]}

    answer = ask(empty).post(path, json=body)

    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "The maximum number of inputs supported in a batch request for property "
        "histories is 50"
    )


def test_rows_that_change_between_pages_are_listed_as_they_are(empty, ask):
    ids = empty.api.add("contacts", {"firstname": "A"}, n=5)
    empty.api.between_pages = lambda: empty.api.add("contacts", {"firstname": "B"})

    first = ask(empty).get("/crm/v3/objects/contacts?limit=5").json()
    empty.api.between_pages = None
    empty.api.archive("contacts", ids[0])
    second = pages(ask(empty), "/crm/v3/objects/contacts", limit=4)

    assert "paging" not in first
    assert second[0] == ids[1:]
    assert len(second[1]) == 1


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(limit=st.integers(1, 100))
def test_for_all_sizes_paging_gives_each_id_once(tasks, ask, limit):
    tasks.api.clock.advance(timedelta(seconds=10))

    found = pages(ask(tasks), "/crm/v3/objects/tasks", limit=limit)

    assert [i for page in found for i in page] == list(tasks.api.records("tasks"))
    assert {len(page) for page in found[:-1]} <= {limit}
