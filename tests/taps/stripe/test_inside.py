"""What is inside of other objects: lines, items, and what a payout consists of."""

from __future__ import annotations

import json

import pytest
from taps.stripe.kettle import DAY, SECOND

from elt.errors import EltError
from elt.testing.apis.troubles import Says


def add_invoice(stripe, lines, key="in_1", created=SECOND - 50 * DAY):
    stripe.api.add("invoice", id=key, created=created)
    return stripe.api.add("line_item", lines, invoice=key)


def test_an_invoice_with_up_to_ten_lines_costs_no_request_of_its_own(stripe, read):
    ids = add_invoice(stripe, 10)

    told = read("invoice_line_items")

    assert set(told.ids("invoice_line_items")) == set(ids)
    assert {row["invoice"] for row in told.rows("invoice_line_items")} == {"in_1"}
    assert [each.path for each in read.asked()] == ["/v1/invoices"]


@pytest.mark.parametrize("lines", [11, 100, 101, 230])
def test_lines_beyond_the_ten_that_are_embedded_are_read(stripe, read, lines):
    ids = add_invoice(stripe, lines)

    told = read("invoice_line_items")

    assert sorted(told.ids("invoice_line_items")) == sorted(ids)


def test_legacy_lines_that_share_an_id_are_no_endless_loop(stripe, read):
    """singer-io/tap-stripe#39, stripe/stripe-python#567."""
    stripe.api.add("invoice", id="in_1", created=SECOND - 50 * DAY)
    details = {"subscription_item_details": {"subscription": "sub_1"}}
    parent = {"type": "subscription_item_details", **details}
    stripe.api.add("line_item", 250, invoice="in_1", parent=parent)

    told = read("invoice_line_items", api_version="2019-11-05", fails=EltError)

    assert "would never end" in told.error.what
    assert len(read.asked()) < 9


def test_lines_of_a_changed_invoice_come_again_with_its_time(stripe, read):
    add_invoice(stripe, 2)
    add_invoice(stripe, 2, key="in_2")
    first = read("invoice_line_items")
    read.later(hours=1)
    stripe.api.update("invoice", "in_2", {"description": "new"})

    told = read("invoice_line_items", state=first.state)

    rows = told.rows("invoice_line_items")
    assert {row["invoice"] for row in rows} == {"in_2"}
    assert {row["updated"] for row in rows} == {SECOND + 3600}


def test_a_line_that_was_taken_out_of_an_invoice_is_deleted(stripe, read):
    ids = add_invoice(stripe, 3)
    first = read("invoice_line_items")
    read.later(hours=1)
    space = stripe.api.space()
    with space.watching("invoice", "in_1"):
        space.store.tables["line_item"].delete(ids[1])

    told = read("invoice_line_items", state=first.state)

    table = told.by_id("invoice_line_items")
    assert table[ids[1]] == {
        "updated": SECOND + 3600,
        "_sdc_deleted_at": "2025-06-01T13:00:00Z",
        "id": ids[1],
        "invoice": "in_1",
    }
    assert "_sdc_deleted_at" not in table[ids[0]]


def test_lines_of_a_deleted_invoice_are_deleted(stripe, read):
    ids = add_invoice(stripe, 2)
    first = read("invoice_line_items")
    read.later(hours=1)
    stripe.api.delete("invoice", "in_1")

    told = read("invoice_line_items", state=first.state)

    rows = told.rows("invoice_line_items")
    assert {row["id"] for row in rows} == set(ids)
    assert all("_sdc_deleted_at" in row for row in rows)


def test_an_item_that_left_its_subscription_is_deleted(stripe, read):
    stripe.api.add("subscription", id="sub_1", created=SECOND - 50 * DAY)
    ids = stripe.api.add("subscription_item", 2, subscription="sub_1")
    first = read("subscription_items")
    read.later(hours=1)
    space = stripe.api.space()
    with space.watching("subscription", "sub_1"):
        space.store.tables["subscription_item"].delete(ids[0])

    told = read("subscription_items", state=first.state)

    table = told.by_id("subscription_items")
    assert "_sdc_deleted_at" in table[ids[0]]
    assert "_sdc_deleted_at" not in table[ids[1]]


def test_items_beyond_ten_are_read_from_their_own_list(stripe, read):
    stripe.api.add("subscription", id="sub_1", created=SECOND - 50 * DAY)
    ids = stripe.api.add("subscription_item", 14, subscription="sub_1")

    told = read("subscription_items")

    assert set(told.ids("subscription_items")) == set(ids)


def test_only_automatic_payouts_are_asked_for_what_they_consist_of(stripe, read):
    for name, automatic in (("po_auto", True), ("po_hand", False)):
        stripe.api.add("payout", id=name, automatic=automatic, created=SECOND - DAY)
    ids = stripe.api.add("balance_transaction", 120, _payout="po_auto")

    told = read("payout_transactions")

    rows = told.rows("payout_transactions")
    assert {row["id"] for row in rows} == set(ids)
    assert {row["payout"] for row in rows} == {"po_auto"}
    queries = [dict(each.query) for each in read.asked("/v1/balance_transactions")]
    assert {query["payout"] for query in queries} == {"po_auto"}


def test_an_invoice_that_is_deleted_while_its_lines_are_read_stops_nothing(
    stripe, read
):
    add_invoice(stripe, 11)
    others = add_invoice(stripe, 11, key="in_2")
    error = {"code": "resource_missing", "message": "No such invoice: 'in_1'"}
    gone = Says(404, json.dumps({"error": error}))
    stripe.api.front.troubles.add(gone, path="/v1/invoices/in_1/lines")

    told = read("invoice_line_items")

    assert sorted(told.ids("invoice_line_items")) == sorted(others)
    assert told.ends["invoice_line_items"] == {"end": "complete"}


def test_an_upcoming_invoice_which_has_no_id_is_passed_over(stripe, read):
    add_invoice(stripe, 1)
    first = read("invoices", "invoice_line_items")
    read.later(hours=1)
    space = stripe.api.space()
    space.tell("invoice", "in_1", "invoice.upcoming", at=SECOND + 60)
    event = next(iter(space.store.tables["event"]))
    shown = event["data"]["object"]
    event["data"] = {"object": {n: v for n, v in shown.items() if n != "id"}}

    told = read("invoices", "invoice_line_items", state=first.state)

    assert told.ids("invoices") == []
