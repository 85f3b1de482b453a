from __future__ import annotations

import json

import pytest

from elt.errors import EltError
from elt.taps.hubspot.settings import PAIRS
from elt.testing.apis.troubles import Says

BATCH = "/crm/v4/associations/deals/contacts/batch/read"


def bonds(told, start, end):
    return {
        (row["from_id"], row["to_id"], row["type_id"])
        for row in told.rows(f"associations_{start}_{end}")
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_every_bond_of_a_pair_is_a_row_for_each_of_its_types(company, read, pair):
    start, end = pair
    told = read(company, f"associations_{start}_{end}")

    portal = company.api.portal
    kinds = portal.kind(start), portal.kind(end)
    expected = {
        (str(one), str(other), kind.id)
        for one in company.api.records(start)
        for other, types in portal.links.of(kinds[0], one, kinds[1])
        for kind in types
    }
    assert bonds(told, start, end) == expected
    assert expected


def test_a_record_with_more_bonds_than_a_page_is_read_to_its_end(hubspot, read):
    (deal,) = hubspot.api.add("deals")
    contacts = hubspot.api.add("contacts", n=1203)
    for contact in contacts:
        hubspot.api.link("deals", deal, "contacts", contact)

    told = read(hubspot, "associations_deals_contacts")

    found = {to for _, to, _ in bonds(told, "deals", "contacts")}
    assert found == {str(contact) for contact in contacts}


def test_a_thousand_records_are_asked_for_at_a_time(hubspot, read):
    hubspot.api.add("deals", n=2300)

    read(hubspot, "associations_deals_contacts")

    asked = [r for r in hubspot.api.front.requests if r.path == BATCH]
    assert sorted(len(r.json["inputs"]) for r in asked) == [300, 1000, 1000]


def test_records_without_any_bond_are_no_failure(hubspot, read):
    hubspot.api.add("deals", n=3)

    told = read(hubspot, "associations_deals_contacts")

    statuses = [r.status for r in hubspot.api.front.requests if r.path == BATCH]
    assert statuses == [207]
    assert told.ends["associations_deals_contacts"] == {"end": "complete"}


def test_other_errors_of_a_batch_are_told(hubspot, read):
    hubspot.api.add("deals")
    error = {"category": "VALIDATION_ERROR", "message": "1 is not a valid ID"}
    body = json.dumps({"results": [], "errors": [error], "numErrors": 1})
    hubspot.api.front.troubles.add(Says(207, body), path=BATCH)

    told = read(hubspot, "associations_deals_contacts")

    end = told.ends["associations_deals_contacts"]
    assert end["why"] == "1 records: 1 is not a valid ID"


def test_a_bond_that_was_broken_is_in_no_later_reading(hubspot, read):
    (deal,) = hubspot.api.add("deals")
    (contact,) = hubspot.api.add("contacts")
    hubspot.api.link("deals", deal, "contacts", contact)
    first = read(hubspot, "associations_deals_contacts")
    portal = hubspot.api.portal
    portal.links.remove(portal.kind("deals"), deal, portal.kind("contacts"), contact)

    told = read(hubspot, "associations_deals_contacts", state=first.state)

    assert len(bonds(first, "deals", "contacts")) == 1
    assert bonds(told, "deals", "contacts") == set()


def test_pairs_are_a_setting_and_may_name_custom_objects(company, read):
    told = read(company, "associations_*", associations=["site:companies"])

    assert set(told.ends) == {"associations_site_companies"}
    assert len(bonds(told, "site", "companies")) > 100


def test_a_pair_of_objects_that_there_are_not_is_left_out(hubspot, read):
    told = read(hubspot, "associations_*", associations=["boats:companies"])

    end = told.ends["associations_boats_companies"]
    assert end["end"] == "skipped"
    assert "`boats`" in end["why"]


def test_the_ids_of_a_type_are_listed_once_for_all_pairs(hubspot, read):
    hubspot.api.add("deals", n=120)

    read(hubspot, "associations_deals_*")

    path = "/crm/v3/objects/deals"
    asked = [r for r in hubspot.api.front.requests if r.path == path]
    assert len(asked) == 2


def test_a_page_of_bonds_that_comes_again_ends_with_an_error(hubspot, read):
    (deal,) = hubspot.api.add("deals")
    result = {
        "from": {"id": str(deal)},
        "to": [],
        "paging": {"next": {"after": "MA=="}},
    }
    hubspot.api.front.troubles.add(
        Says(200, json.dumps({"results": [result]})), path=BATCH, times=99
    )

    told = read(hubspot, "associations_deals_contacts", fails=EltError)

    assert "would never end" in told.error.what
