"""For all requests at which a run may end: the next one has what was missing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from taps.hubspot.account import account

from elt.errors import ConfigError
from elt.testing.apis.hubspot.values import iso
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import Says

HOUR = timedelta(hours=1)
STREAMS = ("deals", "deals_history")
GIVEN = {"most_results": 25, "history": {"deals": ["dealname"]}}
OBJECTS = "/crm/v3/objects/"


def a_company():
    """Make deals of some hours, and tell what happens to them afterwards."""
    made = account()
    ids = []
    for _ in range(5):
        ids += made.add("deals", {"dealname": "deal {n}"}, n=60)
        made.clock.advance(HOUR)

    def goes_on():
        for number, deal in enumerate(ids[::3]):
            made.clock.advance(timedelta(minutes=3))
            made.update("deals", deal, {"dealname": f"changed {number}"})
        for deal in ids[1:30:5]:
            made.archive("deals", deal)
        made.merge("deals", ids[2], ids[5])
        made.clock.advance(HOUR)
        made.add("deals", {"dealname": "new {n}"}, n=40)
        made.clock.advance(HOUR)

    def goes_on_further():
        for deal in ids[100:140:7]:
            made.archive("deals", deal)
        made.merge("deals", ids[203], ids[206])
        made.clock.advance(HOUR)
        made.archive("deals", ids[203])
        made.update("deals", ids[8], {"dealname": "changed at last"})
        made.clock.advance(HOUR)

    return made, goes_on, goes_on_further


def table_of(*tolds):
    """Give the table as a target makes it: the last row of a key, no deleted ones."""
    last = {row["id"]: row for told in tolds for row in told.rows("deals")}
    return {
        key: row["dealname"]
        for key, row in last.items()
        if not row.get("_sdc_deleted_at")
    }


def history_of(*tolds):
    rows = [row for told in tolds for row in told.rows("deals_history")]
    return {(row["id"], row["timestamp"]): row["value"] for row in rows}


@pytest.mark.parametrize("requests", [1, 3, 4])
def test_a_first_run_that_ends_at_any_request_has_all_deletions_later(read, requests):
    made, goes_on, goes_on_further = a_company()
    goes_on()
    with served(made) as hubspot:
        broken = _breaks_off(read, hubspot, requests, None)
        goes_on_further()

        told = read(hubspot, *STREAMS, state=broken.state, **GIVEN)

    assert table_of(broken, told) == names_of(made)


@pytest.mark.parametrize("requests", [0, 1, 3, 6, 10])
def test_a_run_that_ends_at_any_request_loses_nothing(read, requests):
    _ends_at(read, requests)


@pytest.mark.slow
def test_a_run_that_ends_at_each_request_in_turn_loses_nothing(read):
    made, goes_on, _ = a_company()
    with served(made) as hubspot:
        first = read(hubspot, *STREAMS, **GIVEN)
        goes_on()
        before = len(made.front.requests)
        read(hubspot, *STREAMS, state=first.state, **GIVEN)
        asked = [r.path for r in made.front.requests[before:]]
    needed = sum(path.startswith(OBJECTS) for path in asked)

    # A third of them each day; all of them take more than a minute.
    for requests in range(date.today().toordinal() % 3, needed, 3):  # noqa: DTZ011
        _ends_at(read, requests)


def _ends_at(read, requests):
    made, goes_on, goes_on_further = a_company()
    with served(made) as hubspot:
        first = read(hubspot, *STREAMS, **GIVEN)
        goes_on()
        broken = _breaks_off(read, hubspot, requests, first.state)
        goes_on_further()

        told = read(hubspot, *STREAMS, state=broken.state or first.state, **GIVEN)

    assert table_of(first, broken, told) == names_of(made)
    records = made.portal.records["deals"]
    histories = history_of(first, broken, told)
    for deal in made.records("deals"):
        for change, value in records.history(deal, "dealname"):
            assert histories[str(deal), iso(change.at)] == value


def _breaks_off(read, hubspot, requests, state):
    """End a run as a kill does: all at once, and without another STATE."""
    troubles = hubspot.api.front.troubles
    troubles.add(Says(401), path=OBJECTS, after=requests, times=999)
    broken = read(hubspot, *STREAMS, state=state, fails=ConfigError, **GIVEN)
    troubles.clear()
    return broken


def names_of(made):
    return {str(i): one["dealname"] for i, one in made.records("deals").items()}
