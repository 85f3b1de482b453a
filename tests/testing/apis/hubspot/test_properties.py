from __future__ import annotations

import pytest

PATH = "/crm/v3/properties/companies"
NEW = {
    "name": "region",
    "label": "Region",
    "type": "enumeration",
    "fieldType": "checkbox",
    "groupName": "companyinformation",
    "options": [
        {"label": "North", "value": "north"},
        {"label": "South", "value": "south"},
    ],
}


def test_a_property_is_made_and_then_written_and_read(empty, ask):
    client = ask(empty)
    made = client.post(PATH, json=NEW)
    one = client.post(
        "/crm/v3/objects/companies", json={"properties": {"region": "north;south"}}
    )

    found = client.get(
        f"/crm/v3/objects/companies/{one.json()['id']}?properties=region"
    )

    assert made.status_code == 201
    assert made.json()["options"][1]["value"] == "south"
    assert found.json()["properties"]["region"] == "north;south"


def test_a_property_of_the_accounts_own_can_be_the_key_of_an_upsert(empty, ask):
    client = ask(empty)
    own = {"name": "crm_id", "label": "Id", "type": "string", "fieldType": "text"}
    group = {"groupName": "dealinformation", "hasUniqueValue": True}
    client.post("/crm/v3/properties/deals", json={**own, **group})
    row = {"id": "d1", "idProperty": "crm_id", "properties": {"dealname": "D"}}

    answers = [
        client.post("/crm/objects/2026-03/deals/batch/upsert", json={"inputs": [row]})
        for _ in range(2)
    ]

    assert [a.json()["results"][0]["new"] for a in answers] == [True, False]
    assert client.get("/crm/v3/objects/deals/d1?idProperty=crm_id").status_code == 200


def test_archived_properties_are_listed_apart_and_cannot_be_written(empty, ask):
    client = ask(empty)
    client.post(PATH, json=NEW)
    gone = client.delete(f"{PATH}/region")
    write = client.post(
        "/crm/v3/objects/companies", json={"properties": {"region": "north"}}
    )

    live = {p["name"] for p in client.get(PATH).json()["results"]}
    archived = client.get(f"{PATH}?archived=true").json()["results"]

    assert gone.status_code == 204
    assert "region" not in live
    assert [p["name"] for p in archived] == ["region"]
    assert write.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


def test_properties_that_are_there_make_a_batch_207(empty, ask):
    client = ask(empty)
    client.post(PATH, json=NEW)
    inputs = [NEW, {**NEW, "name": "area"}]

    answer = client.post(f"{PATH}/batch/create", json={"inputs": inputs})

    assert answer.status_code == 207
    assert [p["name"] for p in answer.json()["results"]] == ["area"]
    assert answer.json()["errors"][0]["context"] == {"name": ["region"]}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "name"}, 409),
        ({"type": "text"}, 400),
        ({"fieldType": "date"}, 400),
        ({"options": []}, 400),
        ({"label": ""}, 400),
        ({"colour": "red"}, 400),
    ],
)
def test_a_property_that_cannot_be_made_is_refused(empty, ask, change, status):
    answer = ask(empty).post(PATH, json={**NEW, **change})

    assert answer.status_code == status


def test_calculated_and_read_only_properties_say_so(company, ask):
    found = ask(company).get("/crm/v3/properties/contacts").json()["results"]
    by_name = {p["name"]: p for p in found}

    assert by_name["hubspotscore"]["calculated"] is True
    assert by_name["hs_object_id"]["modificationMetadata"]["readOnlyValue"] is True
    assert by_name["email"]["hasUniqueValue"] is True
    assert {p["type"] for p in found} == {
        *("bool", "date", "datetime", "enumeration", "number", "phone_number"),
        *("string", "object_coordinates"),
    }


def test_schemas_are_the_accounts_own_types_and_any_is_read_by_name(company, ask):
    client = ask(company)

    own = client.get("/crm/v3/schemas").json()["results"]
    same = client.get("/crm-object-schemas/v3/schemas").json()["results"]
    dated = client.get("/crm-object-schemas/2026-03/schemas").json()["results"]
    contact = client.get("/crm/v3/schemas/contacts").json()

    assert [s["objectTypeId"] for s in own] == ["2-1001"]
    assert own == same == dated
    assert contact["objectTypeId"] == "0-1"


def test_an_empty_account_has_no_types_of_its_own(empty, ask):
    client = ask(empty)

    assert client.get("/crm/v3/schemas").json() == {"results": []}
    assert client.get("/crm/v3/objects/p_site").status_code == 400
