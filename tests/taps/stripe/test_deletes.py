"""What is deleted at Stripe: lists hide it, events tell it."""

from __future__ import annotations

import pytest
from taps.stripe.kettle import DAY, SECOND

KINDS = {
    "customers": "customer",
    "coupons": "coupon",
    "products": "product",
    "prices": "price",
    "plans": "plan",
    "invoices": "invoice",
    "invoice_items": "invoiceitem",
}


@pytest.mark.parametrize(("stream", "kind"), KINDS.items())
def test_a_deletion_is_told_with_its_time(stripe, read, stream, kind):
    """airbytehq/airbyte#10153, singer-io/tap-stripe#35: it looked like an update."""
    ids = stripe.api.add(kind, 2, created=SECOND - 50 * DAY)
    first = read(stream)
    read.later(hours=1)
    stripe.api.delete(kind, ids[0])

    told = read(stream, state=first.state)

    (row,) = told.rows(stream)
    assert row["id"] == ids[0]
    assert row["_sdc_deleted_at"] == "2025-06-01T13:00:00Z"
    assert "_sdc_deleted_at" not in first.rows(stream)[0]


def test_what_is_created_and_deleted_between_runs_is_told_once(stripe, read):
    first = read("coupons")
    read.later(hours=1)
    (key,) = stripe.api.add("coupon", tells=True)
    stripe.api.delete("coupon", key)

    told = read("coupons", state=first.state)

    assert [row["id"] for row in told.rows("coupons")] == [key]
    assert "_sdc_deleted_at" in told.rows("coupons")[0]


def test_a_name_that_is_used_again_in_the_same_second_lives(stripe, read):
    stripe.api.add("coupon", id="SALE 10%", created=SECOND - 50 * DAY, name="Old")
    first = read("coupons")
    read.later(hours=1)
    stripe.api.delete("coupon", "SALE 10%")
    table = stripe.api.space().store.tables["coupon"]
    table._deleted.clear()
    stripe.api.add("coupon", id="SALE 10%", name="New", tells=True)

    told = read("coupons", state=first.state)

    assert told.table("coupons")[("SALE 10%",)]["name"] == "New"
    assert "_sdc_deleted_at" not in told.table("coupons")[("SALE 10%",)]


def test_same_second_events_newest_first_tell_the_last_word(stripe, read):
    (key,) = stripe.api.add("customer", created=SECOND - 50 * DAY)
    first = read("customers")
    read.later(hours=1)
    stripe.api.update("customer", key, {"name": "One"})
    stripe.api.update("customer", key, {"name": "Two"})
    stripe.api.delete("customer", key)

    told = read("customers", state=first.state)

    (row,) = told.rows("customers")
    assert "_sdc_deleted_at" in row
    assert row["name"] == "Two"


def test_a_canceled_subscription_is_no_deleted_one(stripe, read):
    stripe.api.add("subscription", id="sub_1", created=SECOND - 50 * DAY)
    first = read("subscriptions")
    read.later(hours=1)
    stripe.api.space().change(
        "subscription", "sub_1", {"status": "canceled"}, "deleted"
    )

    told = read("subscriptions", state=first.state)

    (row,) = told.rows("subscriptions")
    assert row["status"] == "canceled"
    assert "_sdc_deleted_at" not in row


def test_an_object_that_is_not_there_any_more_is_deleted(stripe, read):
    (key,) = stripe.api.add("invoiceitem", created=SECOND - 50 * DAY)
    first = read("invoice_items")
    read.later(hours=1)
    space = stripe.api.space()
    space.tell("invoiceitem", key, "created", at=SECOND + 60)
    space.store.tables["invoiceitem"].delete(key)

    told = read("invoice_items", state=first.state)

    (row,) = told.rows("invoice_items")
    assert row == {
        "id": key,
        "object": "invoiceitem",
        "updated": SECOND + 60,
        "_sdc_deleted_at": "2025-06-01T12:01:00Z",
    }
