"""Killed at any request, and run again: the tables are as if nothing had happened."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taps.stripe.kettle import DAY, SECOND, Reads, company_less

from elt.errors import Unavailable
from elt.testing.apis.serving import Served
from elt.testing.apis.troubles import Says

STREAMS = ("coupons", "invoice_line_items", "balance_transactions")
KEYS = {"invoice_line_items": ("invoice", "id")}


def tables(told, before=None):
    before = before or {}
    return {
        name: told.table(name, KEYS.get(name, ("id",)), before.get(name))
        for name in STREAMS
    }


def living(found):
    return {
        name: {key for key, row in table.items() if "_sdc_deleted_at" not in row}
        for name, table in found.items()
    }


def fill(api):
    """Give each stream rows of years ago and of yesterday."""
    for days in (700, 30, 1):
        at = SECOND - days * DAY
        api.add("coupon", 130, created=at)
        api.add("balance_transaction", 50, created=at)
        key = f"in_{days}"
        api.add("invoice", id=key, created=at)
        api.add("line_item", 12, invoice=key)


def live_on(api, coupons):
    """Change some of it, over two days."""
    space = api.space()
    for number, key in enumerate(coupons[::9]):
        at = SECOND + number * 3600
        space.change("coupon", key, {"name": "Changed"}, at=at)
    space.change("invoice", "in_30", {"description": "x"}, at=SECOND + 4000)
    space.delete("coupon", coupons[0], at=SECOND + DAY)
    api.add("coupon", 20, created=SECOND + DAY + 50, tells=True)
    api.add("balance_transaction", 20, created=SECOND + DAY)


def there(api):
    store = api.space().store.tables
    return {
        "coupons": {(row["id"],) for row in store["coupon"]},
        "balance_transactions": {(row["id"],) for row in store["balance_transaction"]},
        "invoice_line_items": {(r["invoice"], r["id"]) for r in store["line_item"]},
    }


CHECKS = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
KILLS = given(first=st.integers(0, 45), second=st.integers(0, 30))


@settings(CHECKS, max_examples=4)
@KILLS
def test_for_all_requests_at_which_it_is_killed_nothing_is_lost(
    first, second, stage, capsysbinary
):
    check_that_nothing_is_lost(first, second, stage, capsysbinary)


@pytest.mark.slow
@settings(CHECKS, max_examples=50)
@KILLS
def test_nothing_is_lost_at_many_more_requests(first, second, stage, capsysbinary):
    check_that_nothing_is_lost(first, second, stage, capsysbinary)


def check_that_nothing_is_lost(first, second, stage, capsysbinary):
    small = {"rows_per_window": 100, "tries": 1, "event_window_days": 0.5}
    stage.api.stripe = company_less()
    stripe = Served(stage.api.stripe, stage.origin)
    read, troubles = Reads(stripe, capsysbinary), stripe.api.front.troubles
    fill(stripe.api)
    coupons = [row["id"] for row in stripe.api.space().store.tables["coupon"]]
    loaded, state = {}, None
    for kill, change in ((first, False), (second, True)):
        if change:
            live_on(stripe.api, coupons)
            read.later(days=2)
        troubles.add(Says(500), after=kill, times=999)
        killed = read(*STREAMS, state=state, fails=Unavailable, may_end=True, **small)
        troubles.clear()
        loaded = tables(killed, loaded)
        told = read(*STREAMS, state=killed.state or state, **small)
        loaded, state = tables(told, loaded), told.state

    assert living(loaded) == there(stripe.api)
    changed = [row for row in loaded["coupons"].values() if row.get("name")]
    assert {row["name"] for row in changed} == {"Changed"}
    assert len(changed) == len(coupons[::9])
