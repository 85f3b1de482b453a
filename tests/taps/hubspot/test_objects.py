from __future__ import annotations

import json
from datetime import timedelta

import pytest
from taps.hubspot.account import account

from elt.taps.hubspot.kinds import STANDARD
from elt.testing.apis.hubspot.portal import Limits
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import Says

HOUR = timedelta(hours=1)


def paths(hubspot):
    return [(r.method, r.path) for r in hubspot.api.front.requests]


@pytest.mark.parametrize("kind", [kind.name for kind in STANDARD])
def test_the_first_reading_lists_every_record_with_all_properties(company, read, kind):
    told = read(company, kind)

    expected = company.api.records(kind)
    assert set(told.live(kind)) == {str(record_id) for record_id in expected}
    for record_id, row in told.live(kind).items():
        values = expected[int(record_id)]
        assert {name: row[name] for name in values} == values
    assert told.ends[kind] == {"end": "complete"}


def test_custom_objects_are_discovered_and_read(company, read):
    told = read(company, "site")

    sites = company.api.records("sites")
    assert set(told.live("site")) == {str(site) for site in sites}
    first = told.rows("site")[0]
    assert first["site_code"] == sites[int(first["id"])]["site_code"]


def test_properties_stand_beside_the_frame_as_the_bytes_that_came(hubspot, read):
    name = "Zoë “Z” \\ \U0001f680"
    hubspot.api.define("contacts", "size", type="number")
    hubspot.api.add("contacts", {"firstname": name, "size": "1.10"})

    told = read(hubspot, "contacts")

    (row,) = told.rows("contacts")
    assert row["firstname"] == name
    assert row["size"] == "1.10"
    assert row["archived"] is False
    assert "properties" not in row
    assert "_sdc_deleted_at" not in row


def test_a_property_called_like_a_part_of_the_frame_gets_a_prefix(hubspot, read):
    hubspot.api.define("contacts", "id")
    hubspot.api.define("contacts", "createdat")
    (contact,) = hubspot.api.add("contacts", {"id": "of mine", "createdat": "1999"})

    told = read(hubspot, "contacts")

    (row,) = told.rows("contacts")
    assert row["id"] == str(contact)
    assert row["property_id"] == "of mine"
    assert row["property_createdat"] == "1999"
    (schema, *_) = (m for m in told.messages if m["type"] == "SCHEMA")
    assert schema["schema"]["properties"]["property_id"]["type"] == ["string", "null"]


def test_a_number_that_says_na_is_a_text_as_all_properties_are(company, read):
    told = read(company, "companies")

    declared = told.messages[0]["schema"]["properties"]["numberofemployees"]
    assert declared == {"type": ["string", "null"]}
    assert "N/A" in {row["numberofemployees"] for row in told.rows("companies")}


def test_a_property_that_came_after_discovery_is_read_and_found_by_search(
    hubspot, read
):
    (contact,) = hubspot.api.add("contacts", {"email": "a@example.com"})
    first = read(hubspot, "contacts")
    hubspot.api.define("contacts", "shoe_size")
    hubspot.api.clock.advance(HOUR)
    hubspot.api.update("contacts", contact, {"shoe_size": "38"})
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", state=first.state)

    assert [row["shoe_size"] for row in told.rows("contacts")] == ["38"]


def test_a_deselected_property_is_not_even_asked_for(hubspot, read):
    hubspot.api.add("contacts", {"email": "a@example.com", "jobtitle": "Cook"})

    told = read(hubspot, "contacts", "!contacts.jobtitle")

    assert "jobtitle" not in told.rows("contacts")[0]
    asked = [dict(r.query) for r in hubspot.api.front.requests]
    lists = [q["properties"].split(",") for q in asked if "properties" in q]
    assert "jobtitle" not in lists[-1]
    assert "email" in lists[-1]


def test_a_pattern_keeps_out_properties_that_came_after_discovery(hubspot, read):
    read(hubspot, "contacts", "!contacts.hr_*")
    hubspot.api.define("contacts", "hr_salary")
    hubspot.api.define("contacts", "shoe_size")
    hubspot.api.add("contacts", {"hr_salary": "1", "shoe_size": "38"})

    told = read(hubspot, "contacts", "!contacts.hr_*")

    (row,) = told.rows("contacts")
    assert row["shoe_size"] == "38"
    assert "hr_salary" not in row
    assert "hr_salary" not in str(hubspot.api.front.requests[-1].query)


def test_the_cursor_is_asked_for_though_it_is_deselected(hubspot, read):
    hubspot.api.add("contacts", {"email": "a@example.com"})
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", "!contacts.lastmodifieddate")

    assert told.mark() == "2025-06-01T12:00:00Z"


@pytest.mark.parametrize("kind", ["contacts", "companies", "tasks"])
def test_the_next_run_searches_for_what_changed_and_what_is_at_the_mark(
    hubspot, read, kind
):
    hubspot.api.add(kind, n=3)
    hubspot.api.clock.advance(HOUR)
    second, third = hubspot.api.add(kind, n=2)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, kind)
    hubspot.api.update(kind, second, {"hs_object_source": "API"})
    (new,) = hubspot.api.add(kind)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, kind, state=first.state)

    assert told.ids(kind) == [str(second), str(third), str(new)]
    assert ("POST", f"/crm/v3/objects/{kind}/search") in paths(hubspot)
    assert told.mark(kind) == "2025-06-01T14:00:00Z"


def test_contacts_alone_have_the_old_name_of_the_cursor(hubspot, read):
    hubspot.api.add("contacts")
    hubspot.api.add("deals")
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", "deals")

    bookmarks = told.state["bookmarks"]
    assert bookmarks["contacts"]["replication_key"] == "lastmodifieddate"
    assert bookmarks["deals"]["replication_key"] == "hs_lastmodifieddate"


def test_nothing_is_read_again_where_nothing_has_changed(hubspot, read):
    hubspot.api.add("deals", n=3)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.add("deals")
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "deals")
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "deals", state=first.state)

    assert len(told.ids("deals")) == 1  # the one at the mark


def test_an_archived_record_comes_as_deleted(hubspot, read):
    old, gone, kept = hubspot.api.add("contacts", {"email": "{n}@example.com"}, n=3)
    hubspot.api.archive("contacts", old)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts")
    hubspot.api.archive("contacts", gone)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", state=first.state)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.archive("contacts", kept)
    hubspot.api.clock.advance(HOUR)
    later = read(hubspot, "contacts", state=told.state)

    (row,) = (row for row in told.rows("contacts") if row["id"] == str(gone))
    assert row["_sdc_deleted_at"] == row["archivedAt"] == "2025-06-01T13:00:00Z"
    assert row["archived"] is True
    assert row["email"] == "1@example.com"
    assert first.deleted() == {str(old)}
    assert told.deleted() == {str(old), str(gone)}  # the newest comes again
    assert later.deleted() == {str(gone), str(kept)}


def test_what_was_archived_before_the_newest_change_comes(hubspot, read):
    gone, kept = hubspot.api.add("contacts", n=2)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts")
    hubspot.api.archive("contacts", gone)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.update("contacts", kept, {"email": "new@example.com"})
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", state=first.state)

    assert told.deleted() == {str(gone)}


def test_what_was_merged_into_a_record_that_was_archived_then_is_gone_too(
    hubspot, read
):
    winner, loser, _ = hubspot.api.add("contacts", n=3)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts")
    hubspot.api.merge("contacts", winner, loser)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.archive("contacts", winner)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", state=first.state)

    assert told.deleted() == {str(winner), str(loser)}


def test_what_was_archived_during_a_run_comes_with_the_next(hubspot, read):
    gone, _ = hubspot.api.add("contacts", n=2)
    hubspot.api.clock.advance(HOUR)

    def archive():
        hubspot.api.between_pages = None
        hubspot.api.archive("contacts", gone)

    first = read(hubspot, "contacts")
    hubspot.api.between_pages = archive
    hubspot.api.add("contacts")
    second = read(hubspot, "contacts", state=first.state)
    hubspot.api.clock.advance(HOUR)
    third = read(hubspot, "contacts", state=second.state)

    assert str(gone) in second.deleted() | third.deleted()


def test_what_is_archived_while_archived_records_may_not_be_read_is_told_later(
    hubspot, read
):
    gone, other = hubspot.api.add("contacts", n=2)
    hubspot.api.clock.advance(HOUR)
    refuses = Says(403, '{"message": "not yours", "category": "MISSING_SCOPES"}')

    def is_refused(**given):
        hubspot.api.front.troubles.add(refuses, path=".*archived=true", times=2)
        told = read(hubspot, "contacts", **given)
        hubspot.api.front.troubles.clear()
        return told

    first = is_refused()
    hubspot.api.archive("contacts", gone)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.update("contacts", other, {"email": "new@example.com"})
    hubspot.api.clock.advance(HOUR)
    second = is_refused(state=first.state)
    hubspot.api.clock.advance(HOUR)
    third = read(hubspot, "contacts", state=second.state)

    assert second.mark() > "2025-06-01T13:30"
    assert "archived records" in second.ends["contacts"]["why"]
    assert third.deleted() == {str(gone)}


def test_the_loser_of_a_merge_is_deleted_by_its_winner(hubspot, read):
    winner, loser = hubspot.api.add("companies", {"name": "{n}"}, n=2)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "companies")
    hubspot.api.merge("companies", winner, loser)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "companies", state=first.state)

    assert told.deleted("companies") == {str(loser)}
    assert set(told.live("companies")) == {str(winner)}


def test_both_sides_of_a_merge_are_deleted_where_the_winner_is_new(hubspot, read):
    old = hubspot.api.add("contacts", n=2)
    ids = ";".join(map(str, old))
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts")
    for contact in old:
        hubspot.api.erase("contacts", contact)
    (new,) = hubspot.api.add("contacts")
    hubspot.api.update("contacts", new, {"hs_merged_object_ids": f"{ids};{new}"})
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", state=first.state)

    assert told.deleted() == {str(contact) for contact in old}
    assert set(told.live()) == {str(new)}


def test_what_is_gone_is_told_though_only_some_columns_are_selected(hubspot, read):
    gone, _ = hubspot.api.add("contacts", {"email": "{n}@example.com"}, n=2)
    hubspot.api.archive("contacts", gone)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts.email")

    assert told.deleted() == {str(gone)}
    declared = told.messages[0]["schema"]["properties"]
    names = {"id", "email", "lastmodifieddate", "_sdc_deleted_at"}
    assert set(declared) == names
    assert set().union(*told.rows("contacts")) == names


def test_merges_are_found_though_their_property_is_deselected(hubspot, read):
    winner, loser = hubspot.api.add("deals", n=2)
    hubspot.api.merge("deals", winner, loser)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "deals", "!deals.hs_merged_object_ids")

    assert told.deleted("deals") == {str(loser)}


def test_a_start_date_reads_by_search_from_then_on(hubspot, read):
    hubspot.api.add("deals", n=3)
    hubspot.api.clock.advance(HOUR)
    (late,) = hubspot.api.add("deals")
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "deals", start_date="2025-06-01T12:30:00Z")

    assert told.ids("deals") == [str(late)]


def test_a_window_bounds_both_what_changed_and_what_was_archived(hubspot, read):
    ids = []
    for _ in range(4):
        ids += hubspot.api.add("deals", n=2)
        hubspot.api.clock.advance(HOUR)
    hubspot.api.archive("deals", ids[0])

    told = read(
        hubspot,
        "deals",
        start_date="2025-06-01T13:00:00Z",
        end_date="2025-06-01T15:00:00Z",
    )

    assert told.ids("deals") == [str(deal) for deal in ids[2:6]]


def test_a_full_table_reading_lists_everything_whatever_the_mark(hubspot, read):
    hubspot.api.add("deals", n=3)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "deals")
    hubspot.api.clock.advance(HOUR)
    later = "2030-01-01T00:00:00Z"
    first.state["bookmarks"]["deals"]["replication_key_value"] = later

    told = read(hubspot, "deals", state=first.state, full_table={"deals"})

    assert len(told.ids("deals")) == 3


def test_many_properties_do_not_make_an_address_that_is_too_long(hubspot, read):
    for number in range(700):
        hubspot.api.define("deals", f"a_property_with_a_rather_long_name_{number:03}")
    last = "a_property_with_a_rather_long_name_699"
    hubspot.api.add("deals", {last: "{n}"}, n=250)
    gone = hubspot.api.add("deals", {last: "gone"})[0]
    hubspot.api.archive("deals", gone)

    told = read(hubspot, "deals")

    expected = {str(n) for n in range(250)}
    assert {row[last] for row in told.live("deals").values()} == expected
    assert told.deleted("deals") == {str(gone)}
    assert max(len(str(r.query)) for r in hubspot.api.front.requests) < 16_000
    assert told.ends["deals"] == {"end": "complete"}


def test_an_address_that_is_refused_as_too_long_is_written_shorter(read):
    limits = Limits(per_ten_seconds=10**9, query_characters=120)
    with served(account(limits=limits)) as hubspot:
        hubspot.api.add("deals", {"dealname": "{n}"}, n=120)

        told = read(hubspot, "deals")

        refused = [r for r in hubspot.api.front.requests if r.status == 414]
    assert len(refused) == 2  # live ones, and archived ones
    assert len(told.live("deals")) == 120
    assert told.rows("deals")[7]["dealname"] == "7"


def test_records_that_come_and_go_between_pages_are_not_passed_over(hubspot, read):
    ids = hubspot.api.add("contacts", {"email": "{n}@example.com"}, n=350)

    def change():
        if ids[0] in hubspot.api.records("contacts"):
            hubspot.api.archive("contacts", ids[0])
        hubspot.api.add("contacts", {"lastname": "New"})

    hubspot.api.between_pages = change
    told = read(hubspot, "contacts")

    assert {str(one) for one in ids[1:]} <= set(told.live())


def test_a_dated_version_has_its_own_paths(company, read):
    before = len(company.api.front.requests)

    told = read(company, api_version="2026-03")

    assert set(told.live("site")) == {str(i) for i in company.api.records("sites")}
    assert all(end == {"end": "complete"} for end in told.ends.values())
    asked = {r.path for r in company.api.front.requests[before:]}
    classic = {path for path in asked if "/v3" in path or "/v4" in path}
    assert classic == set()


def test_an_empty_account_gives_streams_without_rows(hubspot, read):
    told = read(hubspot)

    ends = told.ends
    assert len(ends) == 27
    assert all(end == {"end": "complete"} for end in ends.values())
    assert told.rows("contacts") == []


def test_ids_and_rows_have_the_same_text_in_the_output(hubspot, read):
    (contact,) = hubspot.api.add("contacts")

    told = read(hubspot, "contacts")

    (line,) = [row for row in told.text.splitlines() if b'"RECORD"' in row]
    assert json.dumps(str(contact)).encode() in line
