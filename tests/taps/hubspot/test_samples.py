"""The tap reads what HubSpot itself was recorded to say."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qsl

from api_data import api_data

from elt.testing.apis.troubles import Says

FOLDER = "hubspot/ampersand/test"
DAYS = timedelta(days=800)
SEARCH = "/crm/v3/objects/contacts/search"


def says(sample, status=200):
    return Says(status, json.dumps(sample))


def test_a_recorded_list_of_contacts_becomes_rows(hubspot, read):
    sample = api_data(f"{FOLDER}/read/objects-api/contacts-response.json")
    sample.pop("paging", None)
    hubspot.api.clock.advance(DAYS)
    hubspot.api.front.troubles.add(says(sample), path="/crm/v3/objects/contacts")

    told = read(hubspot, "contacts")

    rows = {row["id"]: row for row in told.rows("contacts")}
    for record in sample["results"]:
        own = {"id": record["id"], "updatedAt": record["updatedAt"]}
        assert {**record["properties"], **own}.items() <= rows[record["id"]].items()
    newest = max(one["properties"]["lastmodifieddate"] for one in sample["results"])
    assert told.mark() == newest


def test_recorded_pages_of_a_search_are_read_behind_the_highest_id(hubspot, read):
    first = api_data(f"{FOLDER}/search/contacts/1-first-page.json")
    second = api_data(f"{FOLDER}/search/contacts/2-second-page.json")
    second.pop("paging", None)
    hubspot.api.clock.advance(DAYS)
    for page in (first, second):
        hubspot.api.front.troubles.add(says(page), path=SEARCH)

    told = read(hubspot, "contacts", start_date="2020-01-01")

    ids = [record["id"] for page in (first, second) for record in page["results"]]
    assert told.ids() == ids
    asked = [r.json for r in hubspot.api.front.requests if r.path == SEARCH]
    (behind,) = asked[1]["filterGroups"][0]["filters"][2:]
    assert int(behind["value"]) == max(int(r["id"]) for r in first["results"]) + 1


def test_a_recorded_refusal_of_schemas_names_the_scope(hubspot, read):
    sample = api_data(f"{FOLDER}/metadata-err-schemas-scope.json")
    path = "/crm-object-schemas/v3/schemas"
    hubspot.api.front.troubles.add(says(sample, 403), path=path, times=9)

    told = read(hubspot, "schemas")

    end = told.ends["schemas"]
    assert end["end"] == "skipped"
    assert "MISSING_SCOPES" in end["why"]
    assert "custom-object-read" in end["why"]


def test_recorded_pages_of_lists_are_read_to_their_end(hubspot, read):
    pages = [
        api_data(f"{FOLDER}/read-lists-{page}-page.json")
        for page in ("1-first", "2-second")
    ]
    for page in pages:
        path = "/crm/v3/lists/search"
        hubspot.api.front.troubles.add(says(page), path=path)

    told = read(hubspot, "lists")

    ids = [one["listId"] for page in pages for one in page["lists"]]
    assert [row["listId"] for row in told.rows("lists")] == ids


def test_recorded_forms_become_rows_with_their_columns(hubspot, read):
    sample = api_data(f"{FOLDER}/read/marketing-forms.json")
    path = "/marketing/v3/forms.*archived=false"
    hubspot.api.front.troubles.add(says(sample), path=path)

    told = read(hubspot, "forms")

    assert told.rows("forms") == sample["results"]
    _, link = sample["paging"]["next"]["link"].split("?")
    last = dict(hubspot.api.front.requests[-1].query)
    assert last["after"] == dict(parse_qsl(link))["after"]


def test_recorded_bonds_are_rows_and_errors_without_any_are_none(hubspot, read):
    sample = api_data(f"{FOLDER}/search/contacts/contacts-to-companies.json")
    hubspot.api.add("contacts")
    path = "/crm/v4/associations/contacts/companies/batch/read"
    hubspot.api.front.troubles.add(says(sample, 207), path=path)

    told = read(hubspot, "associations_contacts_companies")

    (result,) = sample["results"]
    assert [
        (r["from_id"], r["to_id"], r["label"])
        for r in told.rows("associations_contacts_companies")
    ] == [
        (result["from"]["id"], str(to["toObjectId"]), kind["label"])
        for to in result["to"]
        for kind in to["associationTypes"]
    ]
    assert told.ends["associations_contacts_companies"] == {"end": "complete"}


def test_a_recorded_batch_of_contacts_is_read_where_there_are_many_properties(
    hubspot, read
):
    sample = api_data(f"{FOLDER}/read/objects-api/contacts-batch.json")
    listed = {"results": [{"id": one["id"]} for one in sample["results"]]}
    hubspot.api.clock.advance(DAYS)
    troubles = hubspot.api.front.troubles
    troubles.add(says(sample), path="/crm/v3/objects/contacts/batch/read")
    troubles.add(says(listed), path="/crm/v3/objects/contacts")

    told = read(hubspot, "contacts", longest_query=100)

    expected = [one["properties"]["email"] for one in sample["results"]]
    assert [row["email"] for row in told.rows("contacts")] == expected


def test_definitions_as_recorded_are_columns(hubspot, read):
    sample = api_data(f"{FOLDER}/metadata-contacts-properties-sampled.json")
    hubspot.api.front.troubles.add(
        says(sample), path="/crm/v3/properties/contacts", times=9
    )

    told = read(hubspot, "contacts")

    columns = told.messages[0]["schema"]["properties"]
    assert {one["name"] for one in sample["results"]} <= set(columns)
