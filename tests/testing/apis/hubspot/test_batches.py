from __future__ import annotations

from datetime import timedelta

import pytest

CONTACTS = "/crm/v3/objects/contacts"
COMPANIES = "/crm/v3/objects/companies"


def upsert(client, *rows, path=COMPANIES, by="account_id", traced=True):
    inputs = [
        {"id": key, "idProperty": by, "properties": properties}
        | ({"objectWriteTraceId": f"row {number}"} if traced else {})
        for number, (key, properties) in enumerate(rows)
    ]
    return client.post(f"{path}/batch/upsert", json={"inputs": inputs})


def codes(answer):
    return [error["code"] for error in answer.json()["errors"]]


def test_an_upsert_makes_what_is_missing_and_changes_what_is_there(empty, ask):
    (there,) = empty.api.add("companies", {"account_id": "acc_1", "name": "Fig"})

    answer = upsert(
        ask(empty), ("acc_2", {"health_score": 9}), ("ACC_1", {"health_score": 73.5})
    )

    assert answer.status_code == 200
    assert [(r["new"], r["objectWriteTraceId"]) for r in answer.json()["results"]] == [
        (False, "row 1"),
        (True, "row 0"),
    ]
    records = empty.api.records("companies")
    assert records[there]["name"] == "Fig"
    assert records[there]["health_score"] == "73.5"
    assert {r["account_id"] for r in records.values()} == {"acc_1", "acc_2"}


def test_101_inputs_are_refused_as_a_whole(empty, ask):
    rows = [(f"acc_{n}", {"name": "A"}) for n in range(101)]

    assert upsert(ask(empty), *rows[:100]).status_code == 200
    assert upsert(ask(empty), *rows).status_code == 400
    assert len(empty.api.records("companies")) == 100


def test_the_same_id_twice_refuses_the_batch(empty, ask):
    answer = upsert(ask(empty), ("acc_1", {"name": "A"}), ("acc_1", {"name": "B"}))

    assert answer.status_code == 400
    assert "IDs must be unique" in answer.json()["message"]
    assert answer.json()["context"] == {"ids": ["acc_1"]}
    assert empty.api.records("companies") == {}


def test_a_property_that_is_not_unique_cannot_be_the_key(empty, ask):
    answer = upsert(ask(empty), ("a.example", {"name": "A"}), by="domain")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(
        "Unable to perform update/upsert by non-unique 0-2 property domain"
    )


def test_unknown_and_read_only_properties_refuse_the_batch_and_are_all_listed(
    empty, ask
):
    answer = upsert(
        ask(empty),
        ("acc_1", {"name": "A"}),
        ("acc_2", {"shoe_size": "9", "num_associated_contacts": 3}),
        ("acc_3", {"hs_object_id": "1"}),
    )

    assert answer.status_code == 400
    assert codes(answer) == [
        "PROPERTY_DOESNT_EXIST",
        "READ_ONLY_VALUE",
        "READ_ONLY_VALUE",
    ]
    assert answer.json()["message"].startswith('Property values were not valid: [{"is')
    assert empty.api.records("companies") == {}


def test_a_bad_value_is_one_rows_error_where_rows_are_traced(empty, ask):
    answer = upsert(
        ask(empty), ("acc_1", {"plan": "palace"}), ("acc_2", {"plan": "house"})
    )

    body = answer.json()
    assert answer.status_code == 207
    assert body["numErrors"] == 1
    assert body["errors"][0]["category"] == "VALIDATION_ERROR"
    assert '"error":"INVALID_OPTION"' in body["errors"][0]["message"]
    assert body["errors"][0]["context"] == {"objectWriteTraceId": ["row 0"]}
    assert [r["properties"]["account_id"] for r in body["results"]] == ["acc_2"]


def test_a_bad_value_refuses_the_batch_where_rows_are_not_traced(empty, ask):
    answer = upsert(
        ask(empty), ("acc_1", {"plan": "palace"}), ("acc_2", {}), traced=False
    )

    assert answer.status_code == 400
    assert codes(answer) == ["INVALID_OPTION"]
    assert empty.api.records("companies") == {}


def test_contacts_by_email_are_never_upserted_in_part(empty, ask):
    rows = ("a@example.org", {}), ("b@example.org", {"date_of_birth": "soon"})

    answer = upsert(ask(empty), *rows, path=CONTACTS, by="email")

    assert answer.status_code == 400
    assert empty.api.records("contacts") == {}


def test_a_unique_value_of_another_record_is_a_conflict_of_the_whole_batch(empty, ask):
    empty.api.add("contacts", {"email": "{n}@example.org", "person_id": "p{n}"}, n=2)
    rows = ("p0", {"email": "1@example.org"}), ("p7", {"firstname": "Ada"})

    answer = upsert(ask(empty), *rows, path=CONTACTS, by="person_id")

    assert answer.status_code == 409
    assert answer.json()["category"] == "CONFLICT"
    assert len(empty.api.records("contacts")) == 2


def test_an_update_answers_for_who_is_missing(empty, ask):
    (one,) = empty.api.add("contacts", {"firstname": "A"})
    inputs = [
        {"id": str(one), "properties": {"firstname": "B"}, "objectWriteTraceId": "1"},
        {"id": "888", "properties": {"firstname": "C"}, "objectWriteTraceId": "2"},
    ]

    answer = ask(empty).post(f"{CONTACTS}/batch/update", json={"inputs": inputs})

    assert answer.status_code == 207
    assert answer.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert answer.json()["errors"][0]["context"] == {
        "ids": ["888"],
        "objectWriteTraceId": ["2"],
    }
    assert empty.api.records("contacts")[one]["firstname"] == "B"


def test_an_update_says_nothing_of_who_was_merged_away(empty, ask):
    winner, loser = empty.api.add("contacts", {"firstname": "A"}, n=2)
    empty.api.merge("contacts", winner, loser)
    inputs = [{"id": str(loser), "properties": {"firstname": "B"}}]

    answer = ask(empty).post(f"{CONTACTS}/batch/update", json={"inputs": inputs})

    assert answer.status_code == 200
    assert answer.json()["results"] == []


def test_a_create_with_trace_ids_answers_for_each_input(empty, ask):
    empty.api.add("contacts", {"email": "ada@example.org"})
    inputs = [
        {"properties": {"email": "ada@example.org"}, "objectWriteTraceId": "0"},
        {"properties": {"missing": "1"}, "objectWriteTraceId": "1"},
        {"properties": {"email": "bob@example.org"}, "objectWriteTraceId": "2"},
    ]

    answer = ask(empty).post(f"{CONTACTS}/batch/create", json={"inputs": inputs})

    assert answer.status_code == 207
    assert [
        (e["category"], e["context"]["objectWriteTraceId"])
        for e in answer.json()["errors"]
    ] == [("CONFLICT", ["0"]), ("VALIDATION_ERROR", ["1"])]
    assert len(answer.json()["results"]) == 1


def test_a_create_without_trace_ids_is_whole_or_nothing(empty, ask):
    client = ask(empty)
    good, same = {"email": "bob@example.org"}, {"email": "BOB@example.org"}

    def create(*rows):
        inputs = [{"properties": row} for row in rows]
        return client.post(f"{CONTACTS}/batch/create", json={"inputs": inputs})

    assert create(good, same).status_code == 409
    assert create(good, {"missing": "1"}).status_code == 400
    assert empty.api.records("contacts") == {}
    assert create(good).status_code == 201


def test_a_ticket_needs_its_stage(empty, ask):
    answer = ask(empty).post(
        "/crm/v3/objects/tickets", json={"properties": {"subject": "Help"}}
    )

    assert answer.status_code == 400
    assert answer.json()["context"] == {"properties": ["hs_pipeline_stage"]}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("health_score", 73.5, "73.5"),
        ("health_score", "1e3", "1e3"),
        ("customer_since", "2025-06-01", "2025-06-01"),
        ("customer_since", 1748736000000, "2025-06-01"),
        ("channels", "web;ios", "web;ios"),
        ("has_churned", True, "true"),
        ("has_churned", "FALSE", "false"),
        ("name", "Zoë's Café", "Zoë's Café"),
        ("plan", "", None),
        ("plan", None, None),
    ],
)
def test_values_are_kept_as_their_type_has_them(empty, ask, name, value, kept):
    (one,) = empty.api.add("companies", {"account_id": "acc_1", "plan": "house"})

    answer = upsert(ask(empty), ("acc_1", {name: value}))

    assert answer.status_code == 200
    assert empty.api.records("companies")[one].get(name) == kept


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("health_score", "N/A", "INVALID_NUMBER"),
        ("health_score", "NaN", "INVALID_NUMBER"),
        ("customer_since", "1/1/1", "INVALID_LONG"),
        ("customer_since", 1748736000001, "INVALID_DATE"),
        ("channels", "web;fax", "INVALID_OPTION"),
        ("has_churned", "maybe", "INVALID_OPTION"),
        ("plan", "House", "INVALID_OPTION"),
        ("hubspot_owner_id", "1", "INVALID_OWNER_ID"),
        ("hs_lastmodifieddate", "2025-06-01", "READ_ONLY_VALUE"),
    ],
)
def test_values_that_a_type_does_not_take_are_named(empty, ask, name, value, code):
    answer = upsert(ask(empty), ("acc_1", {name: value}), traced=False)

    assert answer.status_code == 400
    assert codes(answer) == [code]
    assert answer.json()["errors"][0]["context"] == {"propertyName": [name]}


def test_a_change_moves_the_cursor_also_where_the_value_was_the_same(empty, ask):
    (one,) = empty.api.add("companies", {"account_id": "acc_1", "health_score": "1"})
    empty.api.clock.advance(timedelta(hours=1))

    upsert(ask(empty), ("acc_1", {"health_score": "1"}))

    found = empty.api.records("companies")[one]
    assert found["hs_lastmodifieddate"] == "2025-06-01T13:00:00Z"


def test_an_archive_answers_nothing_and_asks_nobody(empty, ask):
    ids = empty.api.add("companies", {"account_id": "acc_{n}"}, n=2)
    client = ask(empty)
    inputs = [{"id": str(ids[0])}, {"id": "999"}]

    answer = client.post(f"{COMPANIES}/batch/archive", json={"inputs": inputs})
    again = upsert(client, ("acc_0", {"name": "Back"}))

    assert (answer.status_code, answer.content) == (204, b"")
    assert again.json()["results"][0]["new"] is True


def test_a_body_that_cannot_be_read_is_refused(empty, ask):
    client = ask(empty)
    path = f"{COMPANIES}/batch/upsert"

    broken = client.post(
        path, content="{", headers={"content-type": "application/json"}
    )
    no_json = client.post(path, content="{}")
    misspelt = client.post(path, json={"input": []})
    nested = upsert(client, ("acc_1", {"name": {"first": "A"}}))
    keyless = client.post(path, json={"inputs": [{"id": "1", "properties": {}}]})

    answers = [broken, no_json, misspelt, nested, keyless]
    assert [a.status_code for a in answers] == [400, 415, 400, 400, 400]
    assert "Some required fields were not set" in keyless.json()["message"]


def test_a_day_is_midnight_and_the_refusal_says_what_it_is(empty, ask):
    row = ("acc_1", {"customer_since": 1496643178000})

    answer = upsert(ask(empty), row, traced=False)

    (error,) = answer.json()["errors"]
    assert error["message"] == "1496643178000 is at 6:12:58.0 UTC, not midnight!"
