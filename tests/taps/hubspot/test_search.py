from __future__ import annotations

import json
from datetime import timedelta

import pytest

from elt.errors import Unavailable
from elt.testing.apis.troubles import Says

HOUR = timedelta(hours=1)
MARK = "2025-06-01T11:00:00Z"


def since(kind="deals", mark=MARK):
    """Give a state from before everything."""
    key = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
    entry = {"replication_key": key, "replication_key_value": mark}
    return {"bookmarks": {kind: entry}}


def searches(hubspot):
    return [r.json for r in hubspot.api.front.requests if r.path.endswith("/search")]


@pytest.mark.slow
def test_more_than_ten_thousand_with_one_timestamp_are_read_by_id(hubspot, read):
    ids = hubspot.api.add("deals", n=10_450)  # an import: all of the same moment
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "deals", state=since())

    assert sorted(set(told.ids("deals"))) == [str(one) for one in ids]
    assert told.ends["deals"] == {"end": "complete"}
    assert not [body for body in searches(hubspot) if "after" in body]


def test_a_window_with_too_many_is_halved_so_that_the_mark_moves_between(hubspot, read):
    for _ in range(4):
        hubspot.api.add("deals", n=3000)
        hubspot.api.clock.advance(HOUR)
    hubspot.api.front.troubles.add(
        Says(500), path="/crm/v3/objects/deals/search", after=42, times=99
    )

    told = read(hubspot, "deals", state=since(), fails=Unavailable)

    assert told.mark("deals") == "2025-06-01T13:00:00Z"
    assert len(set(told.ids("deals"))) >= 6000


def test_the_window_is_the_same_for_all_pages(hubspot, read):
    hubspot.api.add("deals", n=650)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.between_pages = lambda: hubspot.api.clock.advance(timedelta(seconds=9))

    read(hubspot, "deals", state=since())

    windows = {
        json.dumps(body["filterGroups"][0]["filters"][:2]) for body in searches(hubspot)
    }
    assert len(searches(hubspot)) == 4
    assert len(windows) == 1


def test_filters_of_times_are_milliseconds_as_texts(hubspot, read):
    hubspot.api.add("deals")
    hubspot.api.clock.advance(HOUR)

    read(hubspot, "deals", state=since(), index_lag_seconds=30)

    (body,) = searches(hubspot)
    assert body["filterGroups"][0]["filters"] == [
        {
            "propertyName": "hs_lastmodifieddate",
            "operator": "GTE",
            "value": "1748775600000",
        },
        {
            "propertyName": "hs_lastmodifieddate",
            "operator": "LT",
            "value": "1748782770000",
        },
    ]


def test_what_changes_while_it_is_read_is_not_lost(hubspot, read):
    ids = hubspot.api.add("deals", n=700)
    hubspot.api.clock.advance(HOUR)
    changed = iter(ids[::7])

    def change():
        hubspot.api.clock.advance(timedelta(seconds=1))
        hubspot.api.update("deals", next(changed), {"dealname": "changed"})

    hubspot.api.between_pages = change
    first = read(hubspot, "deals", state=since())
    hubspot.api.between_pages = None
    hubspot.api.clock.advance(HOUR)
    second = read(hubspot, "deals", state=first.state)

    rows = {**first.live("deals"), **second.live("deals")}
    now = hubspot.api.records("deals")
    assert set(rows) == {str(one) for one in ids}
    assert all(rows[str(i)]["dealname"] == now[i].get("dealname") for i in ids)


def test_what_search_hears_of_late_is_read_with_the_next_run(hubspot, read):
    hubspot.api.add("deals")
    hubspot.api.clock.advance(HOUR)
    (late,) = hubspot.api.add("deals")
    hubspot.api.clock.advance(timedelta(seconds=5))  # the index hears after ten
    (known,) = hubspot.api.add("deals")
    first = read(hubspot, "deals", state=since())
    hubspot.api.clock.advance(HOUR)
    second = read(hubspot, "deals", state=first.state)

    assert str(late) not in first.ids("deals")
    assert {str(late), str(known)} <= set(second.ids("deals"))


def test_a_bookmark_never_passes_what_search_may_not_know(hubspot, read):
    hubspot.api.add("deals")

    told = read(hubspot, "deals")

    assert told.ids("deals") != []
    assert told.mark("deals") == "2025-06-01T11:59:00.000Z"


def test_a_run_right_after_another_asks_search_for_nothing(hubspot, read):
    hubspot.api.add("deals")
    first = read(hubspot, "deals")

    told = read(hubspot, "deals", state=first.state)

    assert told.ids("deals") == []
    assert searches(hubspot) == []
    assert told.mark("deals") == first.mark("deals")


def test_searches_have_their_own_pace(hubspot, read):
    hubspot.api.add("deals", n=450)
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "deals", state=since(), searches_per_second=50)

    assert told.portal.searches._interval == 1 / 50
    assert told.portal.api.pace is not told.portal.searches
    assert len(searches(hubspot)) == 3


def test_a_search_that_gives_the_same_page_again_ends_with_an_error(hubspot, read):
    hubspot.api.add("deals", n=450)
    hubspot.api.clock.advance(HOUR)
    page = {
        "total": 450,
        "results": [{"id": "5", "properties": {}}],
        "paging": {"next": {"after": "200"}},
    }
    path = "/crm/v3/objects/deals/search"
    hubspot.api.front.troubles.add(Says(200, json.dumps(page)), path=path, times=99)

    told = read(hubspot, "deals", state=since(), fails=Exception)

    assert "would never end" in told.error.what
    assert "stream `deals`" in told.error.what
    assert told.error.where == "POST /crm/v3/objects/deals/search"
