from __future__ import annotations

from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.hubspot.portal import Limits

V4 = "/crm/v4/associations/companies/contacts/batch/read"
V3 = "/crm/v3/associations/companies/contacts/batch/read"


def company_with(hubspot, number):
    (company,) = hubspot.api.add("companies", {"name": "Fig"})
    people = hubspot.api.add("contacts", {"firstname": "{n}"}, n=number)
    for person in people:
        hubspot.api.link("contacts", person, "companies", company)
    return company, people


def test_each_record_of_a_batch_has_pages_of_its_own(serve, ask):
    limits = Limits(associations_of_one=2)
    hubspot = serve(HubSpot(company=False, limits=limits))
    company, people = company_with(hubspot, 3)
    client = ask(hubspot)

    first = client.post(V4, json={"inputs": [{"id": str(company)}]}).json()["results"]
    after = first[0]["paging"]["next"]["after"]
    second = client.post(V4, json={"inputs": [{"id": str(company), "after": after}]})

    assert [end["toObjectId"] for end in first[0]["to"]] == people[:2]
    assert [e["toObjectId"] for e in second.json()["results"][0]["to"]] == people[2:]
    assert "paging" not in second.json()["results"][0]


def test_records_without_any_are_errors_of_a_207(empty, ask):
    company, _ = company_with(empty, 1)
    inputs = [{"id": str(company)}, {"id": "999"}, {"id": "x"}]

    answer = ask(empty).post(V4, json={"inputs": inputs})

    body = answer.json()
    assert answer.status_code == 207
    assert len(body["results"]) == 1
    assert [e["subCategory"] for e in body["errors"]] == [
        "crm.associations.NO_ASSOCIATIONS_FOUND",
        "crm.associations.INVALID_IDENTIFIER",
    ]
    assert body["errors"][0]["context"]["fromObjectId"] == ["999"]


def test_a_batch_is_of_no_more_than_1000_records(empty, ask):
    inputs = [{"id": str(n)} for n in range(1001)]
    client = ask(empty)

    assert client.post(V4, json={"inputs": inputs[:1000]}).status_code == 207
    assert client.post(V4, json={"inputs": inputs}).status_code == 400


def test_v3_gives_the_first_100_and_ignores_the_cursor(empty, ask):
    company, _ = company_with(empty, 60)  # two lines each: a type more for the first
    client = ask(empty)

    first = client.post(V3, json={"inputs": [{"id": str(company)}]}).json()
    after = first["results"][0]["paging"]["next"]["after"]
    again = client.post(V3, json={"inputs": [{"id": str(company), "after": after}]})

    assert len(first["results"][0]["to"]) == 100
    assert again.json()["results"] == first["results"]


def test_links_are_made_and_taken_away_from_both_ends(empty, ask):
    (company,) = empty.api.add("companies", {})
    (person,) = empty.api.add("contacts", {})
    client = ask(empty)
    path = "/crm/v4/objects"
    one = {"from": {"id": str(person)}, "to": {"id": str(company)}}

    client.post(
        "/crm/v4/associations/contacts/companies/batch/associate/default",
        json={"inputs": [one]},
    )
    there = client.get(f"{path}/companies/{company}/associations/contacts").json()
    client.delete(f"{path}/contacts/{person}/associations/companies/{company}")
    gone = client.get(f"{path}/companies/{company}/associations/contacts").json()

    assert there["results"][0]["toObjectId"] == person
    assert [t["typeId"] for t in there["results"][0]["associationTypes"]] == [2, 280]
    assert gone["results"] == []


def test_a_record_is_made_with_its_links(empty, ask):
    (person,) = empty.api.add("contacts", {})
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    client = ask(empty)

    def note(to):
        body = {"properties": {}, "associations": [{"to": {"id": to}, "types": types}]}
        return client.post("/crm/v3/objects/notes", json=body)

    made = note(str(person)).json()
    path = f"/crm/v3/objects/notes/{made['id']}?associations=contacts,companies"

    assert client.get(path).json()["associations"] == {
        "contacts": {"results": [{"id": str(person), "type": "note_to_contact"}]}
    }
    assert note("999").status_code == 400


def test_a_merge_moves_links_to_the_winner(empty, ask):
    company, (winner, loser) = company_with(empty, 2)
    (deal,) = empty.api.add("deals", {})
    empty.api.link("deals", deal, "contacts", loser)
    empty.api.merge("contacts", winner, loser)

    path = "/crm/v4/associations/contacts/deals/batch/read"
    answer = ask(empty).post(path, json={"inputs": [{"id": str(winner)}]})

    assert answer.json()["results"][0]["to"][0]["toObjectId"] == deal
    back = ask(empty).post(V4, json={"inputs": [{"id": str(company)}]}).json()
    assert [end["toObjectId"] for end in back["results"][0]["to"]] == [winner]


def test_types_are_listed(empty, ask):
    answer = ask(empty).get("/crm/v4/associations/contacts/companies/labels")

    assert [(t["typeId"], t["label"]) for t in answer.json()["results"]] == [
        (279, None),
        (1, "Primary"),
    ]


def test_a_listed_record_has_its_first_100_and_a_link_to_the_rest(empty, ask):
    _, people = company_with(empty, 60)
    client = ask(empty)

    listed = client.get("/crm/v3/objects/companies?associations=contacts").json()
    found = listed["results"][0]["associations"]["contacts"]
    rest = client.get(found["paging"]["next"]["link"]).json()["results"]

    assert len(found["results"]) == 100
    assert [end["toObjectId"] for end in rest] == people[50:]
    assert found["paging"]["next"]["link"].startswith(empty.origin)
