"""What the simulation says has the keys and types of recorded answers."""

from __future__ import annotations

from datetime import timedelta
from types import NoneType

from tests.api_data import api_data

FOLDER = "hubspot/ampersand/test"
ONE_SECOND = timedelta(seconds=1)


def kinds(value):
    """Give a value's type in JSON; whole numbers and others are one."""
    return "number" if type(value) in {int, float} else type(value).__name__


def check(said, recorded, *, open_keys=()):
    """Check that each key is in the recorded object, and its value of the same type.

    Below `open_keys` any key may stand: names of properties, for one.
    """
    for name, value in said.items():
        assert name in recorded, f"{name} is in no recorded answer"
        other = recorded[name]
        if NoneType in {type(value), type(other)}:
            continue
        assert kinds(value) == kinds(other), name
        if name in open_keys:
            assert {kinds(v) for v in value.values()} <= {"str", "NoneType"}
        elif isinstance(value, dict):
            check(value, other, open_keys=open_keys)
        elif isinstance(value, list) and value and other:
            every = merged(other)
            for one in value:
                if isinstance(one, dict):
                    check(one, every, open_keys=open_keys)
                else:
                    assert kinds(one) == kinds(other[0])


def merged(rows):
    """Give one object with all keys of several."""
    found = {}
    for row in rows:
        found |= row if isinstance(row, dict) else {}
    return found


def get(ask, company, path):
    answer = ask(company).get(path)
    assert answer.status_code == 200
    return answer.json()


def test_a_page_of_contacts_is_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/read/objects-api/contacts-response.json")

    said = get(ask, company, "/crm/v3/objects/contacts?limit=3")

    check(said, recorded, open_keys=["properties"])
    assert set(said) == set(recorded)
    assert set(said["results"][0]) == set(recorded["results"][0])


def test_a_search_is_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/search/contacts/1-first-page.json")
    company.api.clock.advance(ONE_SECOND)

    said = (
        ask(company).post("/crm/v3/objects/contacts/search", json={"limit": 2}).json()
    )

    check(said, recorded, open_keys=["properties"])
    assert set(said) == set(recorded)
    assert set(said["results"][0]) == set(recorded["results"][0])


def test_a_batch_that_is_read_is_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/read/objects-api/contacts-batch.json")
    ids = list(company.api.records("contacts"))[:2]

    said = (
        ask(company)
        .post(
            "/crm/v3/objects/contacts/batch/read",
            json={"inputs": [{"id": str(i)} for i in ids]},
        )
        .json()
    )

    check(said, recorded, open_keys=["properties"])
    assert set(said) == set(recorded)


def test_properties_are_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/metadata-contacts-properties-sampled.json")
    of_deals = api_data(f"{FOLDER}/metadata-deals-properties-sampled.json")
    every = merged(recorded["results"] + of_deals["results"])
    made = api_data(f"{FOLDER}/custom/update/7-response-update-property-interests.json")

    for one in get(ask, company, "/crm/v3/properties/contacts")["results"]:
        check(one, {**every, "options": made["options"]})


def test_pipelines_are_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/metadata-deals-external-pipelines.json")

    assert get(ask, company, "/crm/v3/pipelines/deals") == recorded


def test_lists_are_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/read-lists-1-first-page.json")

    said = ask(company).post("/crm/v3/lists/search", json={"count": 2}).json()

    check(said, recorded, open_keys=["additionalProperties"])
    assert set(said) == set(recorded)
    assert (said["offset"], said["hasMore"], said["total"]) == (2, True, 4)


def test_forms_are_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/read/marketing-forms.json")

    said = get(ask, company, "/marketing/v3/forms?limit=1")

    check(said, recorded)
    assert said["paging"]["next"]["after"] == "MQ%3D%3D"


def test_the_account_is_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/post-auth/account-info.json")

    said = get(ask, company, "/account-info/v3/details")

    check(said, recorded)
    assert set(said) == set(recorded)


def test_a_schema_is_as_recorded(company, ask):
    folder = "hubspot/ampersand/internal/associations/test"
    recorded = api_data(f"{folder}/contacts-schema-resp.json")

    said = get(ask, company, "/crm-object-schemas/v3/schemas/contacts")

    check(said, {**recorded, "description": None})
    assert set(said) == set(recorded)
    there = {(a["name"], a["id"]) for a in said["associations"]}
    assert ("CONTACT_TO_COMPANY_UNLABELED", "279") in there
    assert ("CONTACT_TO_DEAL", "4") in there


def test_associations_are_as_recorded(company, ask):
    recorded = api_data(f"{FOLDER}/search/contacts/contacts-to-companies.json")
    (first, *_) = company.api.records("contacts")
    inputs = [{"id": str(first)}, {"id": "999"}]

    said = (
        ask(company)
        .post(
            "/crm/v4/associations/contacts/companies/batch/read",
            json={"inputs": inputs},
        )
        .json()
    )

    check(said, recorded)
    assert set(said) == set(recorded)
    types = recorded["results"][0]["to"][0]["associationTypes"]
    assert said["results"][0]["to"][0]["associationTypes"] == types
    assert said["errors"][0]["message"] == "No company is associated with contact 999."


def write(ask, empty, what, inputs):
    path = f"/crm/v3/objects/contacts/batch/{what}"
    return ask(empty).post(path, json={"inputs": inputs})


def test_batches_that_succeed_in_part_are_as_recorded(empty, ask):
    folder = f"{FOLDER}/batch"
    update = api_data(f"{folder}/update/contacts/err-partial-success.json")
    create = api_data(f"{folder}/create/contacts/err-partial-success.json")
    (there,) = empty.api.add("contacts", {"email": "a@example.org"})
    names = {"firstname": "A"}

    updated = write(
        ask,
        empty,
        "update",
        [{"id": str(there), "properties": names}, {"id": "888", "properties": names}],
    )
    made = write(
        ask,
        empty,
        "create",
        [
            {"properties": {"email": "a@example.org"}, "objectWriteTraceId": "0"},
            {"properties": {"email": "b@example.org"}, "objectWriteTraceId": "1"},
        ],
    )

    assert (updated.status_code, made.status_code) == (207, 207)
    check(updated.json(), update, open_keys=["properties"])
    traced = {**create["results"][0], "objectWriteTraceId": "0"}
    check(made.json(), {**create, "results": [traced]}, open_keys=["properties"])
    assert updated.json()["errors"][0]["message"] == update["errors"][0]["message"]
    assert made.json()["errors"][0]["context"].keys() == (
        create["errors"][0]["context"].keys()
    )


def test_refused_batches_are_as_recorded(empty, ask):
    folder = f"{FOLDER}/batch"
    doubled = api_data(f"{folder}/update/contacts/err-duplicate-ids.json")
    unknown = api_data(f"{folder}/update/contacts/err-many-invalid-properties.json")
    conflict = api_data(f"{folder}/create/contacts/err-conflict.json")
    bad = {"first000name": "A", "last000name": "B"}
    same = {"id": "123456", "properties": {}}
    mail = {"properties": {"email": "a@example.org"}}

    said = [
        (write(ask, empty, "update", [same, same]), 400, doubled),
        (
            write(
                ask,
                empty,
                "update",
                [{"id": "1", "properties": bad}, {"id": "2", "properties": bad}],
            ),
            400,
            unknown,
        ),
        (write(ask, empty, "create", [mail, mail]), 409, conflict),
    ]

    for answer, status, recorded in said:
        assert answer.status_code == status
        check(answer.json(), recorded)
        assert set(answer.json()) == set(recorded)
    assert said[0][0].json()["message"] == doubled["message"]
    assert said[1][0].json()["errors"][:3] == unknown["errors"]
    assert said[2][0].json()["message"] == conflict["message"]


def test_refusals_of_types_and_scopes_are_as_recorded(empty, ask):
    unknown = api_data(f"{FOLDER}/search/error-invalid-object.json")
    scopes = api_data(f"{FOLDER}/metadata-err-schemas-scope.json")
    empty.api.let_in("narrow", ["crm.objects.contacts.read"])

    no_type = ask(empty).get("/crm/v3/objects/butterflies").json()
    no_scope = ask(empty, "narrow").get("/crm/v3/schemas").json()

    assert {**no_type, "correlationId": 0} == {**unknown, "correlationId": 0}
    check(no_scope, scopes)
    assert set(no_scope) == set(scopes)


def test_a_property_that_is_made_is_as_recorded(empty, ask):
    given = api_data(f"{FOLDER}/custom/update/2-payload-batch-create-properties.json")
    recorded = api_data(
        f"{FOLDER}/custom/update/3-response-batch-create-properties.json"
    )
    one = api_data(f"{FOLDER}/custom/update/7-response-update-property-interests.json")
    client, path = ask(empty), "/crm/v3/properties/contacts/batch/create"

    first = client.post(path, json=given)
    second = client.post(path, json=given)

    assert (first.status_code, second.status_code) == (201, 207)
    check(first.json(), {**recorded, "results": [one]})
    check(second.json(), recorded)
    assert second.json()["errors"][1] == recorded["errors"][0]
