from __future__ import annotations

import json
from datetime import timedelta

import pytest

from elt.errors import EltError, Unavailable
from elt.testing.apis.troubles import Says

HOUR = timedelta(hours=1)
LIST = "/crm/v3/objects/deals"


def a_page(*records, after=None):
    page = {"results": list(records)}
    if after:
        page["paging"] = {"next": {"after": after}}
    return Says(200, json.dumps(page))


def a_deal(number, **properties):
    return {
        "id": str(number),
        "properties": {"hs_lastmodifieddate": "2025-06-01T10:00:00Z", **properties},
        "updatedAt": "2025-06-01T10:00:00Z",
    }


def test_a_500_in_the_middle_keeps_what_came_and_names_stream_and_request(
    hubspot, read
):
    hubspot.api.add("deals", n=250)
    hubspot.api.add("contacts", n=3)
    hubspot.api.front.troubles.add(Says(500), path=LIST, after=1, times=99)

    told = read(hubspot, "deals", "contacts", fails=Unavailable)

    assert len(told.ids("deals")) == 100
    assert len(told.ids("contacts")) == 3
    assert "stream `deals`" in told.error.what
    assert told.error.where == "GET /crm/v3/objects/deals"
    assert hubspot.api.token not in str(told.error)
    assert told.ends["deals"] == {
        "end": "failed",
        "why": "HubSpot: HTTP 500 (GET /crm/v3/objects/deals)",
        "temporary": True,
    }


def test_a_list_that_never_ends_is_found_out(hubspot, read):
    hubspot.api.front.troubles.add(a_page(a_deal(1), after="200"), path=LIST, times=99)

    told = read(hubspot, "deals", fails=EltError)

    assert "would never end" in told.error.what
    assert told.ids("deals") == ["1", "1"]


def test_a_page_of_another_shape_names_what_is_there(hubspot, read):
    hubspot.api.front.troubles.add(Says(200, '{"items": []}'), path=LIST)

    told = read(hubspot, "deals", fails=EltError)

    assert "there is no `results`; the answer has items" in told.error.what


def test_a_value_that_is_no_text_is_handed_on_as_it_came(hubspot, read):
    strange = a_deal(1, amount=1.10, dealname={"a": [1]})
    hubspot.api.front.troubles.add(a_page(strange), path=LIST)

    told = read(hubspot, "deals")

    (row,) = told.rows("deals")
    assert row["amount"] == 1.10
    assert row["dealname"] == {"a": [1]}


@pytest.mark.parametrize(
    "moment", ["2016-12-31T23:59:60Z", "2025-13-01", "", None, "1748775600000"]
)
def test_a_timestamp_that_is_none_moves_nothing_and_stops_nothing(
    hubspot, read, moment
):
    deals = [a_deal(1), a_deal(2, hs_lastmodifieddate=moment)]
    hubspot.api.front.troubles.add(a_page(*deals), path=LIST)

    told = read(hubspot, "deals")

    assert told.ids("deals") == ["1", "2"]
    assert told.mark("deals") == "2025-06-01T10:00:00Z"


def test_the_hour_that_clocks_repeat_is_an_hour_as_any_other(hubspot, read):
    summer, winter = "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00"
    hubspot.api.clock.advance(timedelta(days=200))
    deals = [
        a_deal(1, hs_lastmodifieddate=winter),
        a_deal(2, hs_lastmodifieddate=summer),
    ]
    hubspot.api.front.troubles.add(a_page(*deals), path=LIST)

    told = read(hubspot, "deals")

    assert told.mark("deals") == winter


def test_a_custom_object_that_was_renamed_says_so(hubspot, read):
    hubspot.api.portal.add_site()
    hubspot.api.add("sites")
    read(hubspot, "site")
    hubspot.api.front.troubles.add(
        Says(200, json.dumps({"results": [{"name": "plant", "objectTypeId": "2-9"}]})),
        path="/crm-object-schemas/v3/schemas",
    )

    told = read(hubspot, "site")

    end = told.ends["site"]
    assert end["end"] == "skipped"
    assert "no type of objects named `site`" in end["why"]


def test_a_type_that_hubspot_does_not_know_is_left_out(hubspot, read):
    read(hubspot, "quotes")
    body = {"status": "error", "message": "Unable to infer object type from: quotes"}
    hubspot.api.front.troubles.add(
        Says(400, json.dumps(body)), path="/crm/v3/properties/quotes", times=9
    )

    told = read(hubspot, "quotes")

    end = told.ends["quotes"]
    assert end["end"] == "skipped"
    assert "Unable to infer object type" in end["why"]


def test_an_archive_that_cannot_be_read_is_left_out_and_tried_again_later(
    hubspot, read
):
    gone, _ = hubspot.api.add("deals", n=2)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "deals")
    hubspot.api.archive("deals", gone)
    hubspot.api.clock.advance(HOUR)
    refused = json.dumps({"message": "archived is not supported"})
    hubspot.api.front.troubles.add(Says(400, refused), path=f"{LIST}.*archived=true")

    second = read(hubspot, "deals", state=first.state)
    third = read(hubspot, "deals", state=second.state)

    assert second.ends["deals"]["end"] == "partial"
    assert second.ends["deals"]["stay"] == [{"archived": "true"}]
    assert "archived records: HubSpot refused" in second.ends["deals"]["why"]
    assert third.deleted("deals") == {str(gone)}


def test_a_search_that_is_refused_names_the_vendors_words(hubspot, read):
    hubspot.api.add("deals")
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "deals")
    hubspot.api.clock.advance(HOUR)
    refused = json.dumps({"message": "There was a problem with the request."})
    hubspot.api.front.troubles.add(Says(400, refused), path=f"{LIST}/search")

    told = read(hubspot, "deals", state=first.state, fails=EltError)

    assert "HTTP 400 There was a problem with the request." in told.error.what
    assert told.error.where == "POST /crm/v3/objects/deals/search"
    assert told.ends["deals"].get("temporary", False) is False


def test_a_cursor_that_has_ended_is_refused_and_the_next_run_begins_anew(hubspot, read):
    hubspot.api.add("deals", n=250)
    refused = json.dumps({"message": "Unable to parse value for parameter: after"})
    hubspot.api.front.troubles.add(Says(400, refused), path=f"{LIST}.*after=")

    broken = read(hubspot, "deals", fails=EltError)
    told = read(hubspot, "deals", state=broken.state)

    assert len(broken.ids("deals")) == 100
    assert len(told.ids("deals")) == 250


def test_an_address_of_another_host_is_not_followed(hubspot, read):
    page = json.loads(a_page(a_deal(1), after="2").body)
    page["paging"]["next"]["link"] = "https://evil.example/crm?after=2"
    hubspot.api.front.troubles.add(Says(200, json.dumps(page)), path=LIST)

    told = read(hubspot, "deals")

    assert told.ids("deals") == ["1"]
    assert told.error is None


def test_ids_that_are_numbers_are_read_as_the_ids_that_they_are(hubspot, read):
    deals = [
        {
            **a_deal(0),
            "id": 9007199254740993,
            "properties": {
                "hs_merged_object_ids": 12,
                "hs_lastmodifieddate": "2025-06-01T10:00:00Z",
            },
        }
    ]
    hubspot.api.front.troubles.add(a_page(*deals), path=LIST)

    told = read(hubspot, "deals")

    assert told.rows("deals")[0]["id"] == 9007199254740993
    assert told.deleted("deals") == {"12"}


def test_a_record_of_another_shape_fails_its_stream_and_no_other(hubspot, read):
    hubspot.api.add("contacts", n=3)
    page = Says(200, json.dumps({"results": [{"id": {"of": "what"}}, "text"]}))
    hubspot.api.front.troubles.add(page, path=LIST)

    told = read(hubspot, "deals", "contacts", fails=EltError)

    assert "stream `deals`" in told.error.what
    assert "has another shape than was expected" in told.error.what
    assert len(told.ids("contacts")) == 3
