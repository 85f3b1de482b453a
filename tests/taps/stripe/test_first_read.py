"""The first read of a stream: its list, in windows of creation time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from taps.stripe.kettle import DAY, NOW, SECOND, Reads, kettle, with_all

from elt.errors import Unavailable
from elt.testing.apis.clock import Clock
from elt.testing.apis.stripe.versions import NEWEST
from elt.testing.apis.troubles import Says

# Streams, and what the simulation calls their objects.
KINDS = {
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "coupons": "coupon",
    "credit_notes": "credit_note",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "invoice_items": "invoiceitem",
    "invoice_line_items": "line_item",
    "invoices": "invoice",
    "payment_intents": "payment_intent",
    "payouts": "payout",
    "plans": "plan",
    "prices": "price",
    "products": "product",
    "promotion_codes": "promotion_code",
    "refunds": "refund",
    "subscription_items": "subscription_item",
    "subscriptions": "subscription",
    "transfers": "transfer",
}


def test_every_stream_has_the_rows_that_stripe_has(capsysbinary):
    early = Clock(datetime(2024, 9, 10, 12, tzinfo=UTC))
    with kettle(company=True, clock=early) as stripe:
        api = stripe.api
        with_all(api)
        told = Reads(stripe, capsysbinary)()

        tables = api.space().store.tables
        for stream, kind in KINDS.items():
            there = sorted(row["id"] for row in tables[kind])
            assert sorted(told.ids(stream)) == there, stream
            assert there, stream
        payouts = {row["_payout"]: row["id"] for row in tables["balance_transaction"]}
        paid = {row["payout"] for row in told.rows("payout_transactions")}
        assert paid == {payout for payout in payouts if payout}
        assert sorted(told.ids("accounts")) == ["acct_kettle", "acct_shop"]
        assert {end["end"] for end in told.ends.values()} == {"complete"}
        assert not [end for end in told.ends.values() if "why" in end]


def test_lists_are_newest_first_so_a_window_counts_only_when_it_is_finished(
    stripe, read
):
    stripe.api.add("customer", 250, created=SECOND - 400 * DAY)
    stripe.api.add("customer", 350, created=SECOND - 10)
    further = r"/v1/customers\?.*created%5Blt.*starting_after"
    stripe.api.front.troubles.add(Says(500), path=further, after=2, times=9)

    killed = read("customers", fails=Unavailable, tries=1, rows_per_window=100)

    state = killed.state["bookmarks"]["customers"]
    assert "replication_key_value" not in state
    assert state["memory"]["listing_began"] == SECOND
    done = state["memory"]["listed_until"]
    seen = [row["created"] for row in killed.rows("customers")]
    assert len({at for at in seen if at < done}) == 250


def test_an_interrupted_first_read_goes_on_behind_its_last_whole_window(stripe, read):
    stripe.api.add("customer", 250, created=SECOND - 400 * DAY)
    stripe.api.add("customer", 350, created=SECOND - 10)
    further = r"/v1/customers\?.*created%5Blt.*starting_after"
    stripe.api.front.troubles.add(Says(500), path=further, after=2, times=9)
    killed = read("customers", fails=Unavailable, tries=1, rows_per_window=100)
    stripe.api.front.troubles.clear()

    again = read(
        "customers", state=killed.state, rows_per_window=100, lookback_seconds=0
    )

    done = killed.state["bookmarks"]["customers"]["memory"]["listed_until"]
    assert min(row["created"] for row in again.rows("customers")) >= done
    table = again.table("customers", before=killed.table("customers"))
    assert len(table) == 600
    assert again.mark("customers") == SECOND
    assert "memory" not in again.state["bookmarks"]["customers"]


@pytest.mark.parametrize("rows_per_window", [1, 90, 5000])
def test_windows_of_any_size_bring_every_row(stripe, read, rows_per_window):
    ids = stripe.api.add("customer", 220, created=SECOND - 3)
    ids += stripe.api.add("customer", 3, created=SECOND - 400 * DAY)

    told = read("customers", rows_per_window=rows_per_window)

    assert set(told.ids("customers")) == set(ids)
    assert len(told.ids("customers")) <= 2 * len(ids)


def test_many_rows_of_one_second_are_one_window(stripe, read):
    for _ in range(150):
        stripe.api.add("coupon", created=SECOND - DAY)

    told = read("coupons", rows_per_window=1)

    assert len(set(told.ids("coupons"))) == 150


def test_a_stream_of_few_rows_costs_one_request(stripe, read):
    stripe.api.add("coupon", 99)

    read("coupons")

    assert len(read.asked()) == 1


def test_canceled_subscriptions_are_there(stripe, read):
    stripe.api.add("subscription", id="sub_old", status="canceled")
    stripe.api.add("subscription", id="sub_new", status="active")

    told = read("subscriptions")

    assert sorted(told.ids("subscriptions")) == ["sub_new", "sub_old"]


def test_the_bookmark_is_the_runs_start_also_where_nothing_is_new(stripe, read):
    stripe.api.add("coupon", created=SECOND - 300 * DAY)

    told = read("coupons", "plans")

    assert told.mark("coupons") == SECOND
    assert told.mark("plans") == SECOND


def test_a_start_date_bounds_the_list(stripe, read):
    stripe.api.add("charge", id="ch_old", created=SECOND - 30 * DAY)
    stripe.api.add("charge", id="ch_new", created=SECOND - 2 * DAY)

    told = read("charges", start_date="2025-05-20")

    assert told.ids("charges") == ["ch_new"]


def test_what_newer_rows_are_of_is_read_whatever_the_start_date_says(stripe, read):
    stripe.api.add("customer", id="cus_old", created=SECOND - 30 * DAY)
    stripe.api.add("customer", id="cus_new", created=SECOND - 2 * DAY)

    told = read("customers", start_date="2025-05-20")
    window = read("customers", start_date="2025-05-20", end_date="2025-06-30")

    assert sorted(told.ids("customers")) == ["cus_new", "cus_old"]
    assert window.ids("customers") == ["cus_new"]


def test_rows_that_are_added_between_pages_move_none(stripe, read):
    ids = stripe.api.add("customer", 250)
    stripe.api.between_pages = lambda: stripe.api.add("customer", created=SECOND + 1)

    told = read("customers")

    assert set(ids) <= set(told.ids("customers"))


def test_a_list_goes_on_where_the_last_row_of_a_page_was_deleted(stripe, read):
    ids = stripe.api.add("coupon", 250)
    gone = ids[150]  # the last of the first page, as the newest come first

    def delete_once():
        stripe.api.between_pages = None
        stripe.api.delete("coupon", gone)

    stripe.api.between_pages = delete_once

    told = read("coupons")

    assert set(told.ids("coupons")) == set(ids)


def test_an_empty_account_has_no_rows_and_a_bookmark(read):
    told = read()

    assert [m for m in told.messages if m["type"] == "RECORD"][1:] == []
    assert told.ids("accounts") == ["acct_kettle"]
    assert told.mark("customers") == SECOND


def test_money_and_ids_are_as_stripe_wrote_them(stripe, read):
    stripe.api.add(
        "price", currency="jpy", unit_amount=None, unit_amount_decimal="0.10"
    )
    stripe.api.add("charge", id="ch_1", amount=12_345_678_901_234_567, currency="kwd")

    told = read("prices", "charges")

    assert b'"unit_amount_decimal":"0.10"' in told.text
    assert b'"amount":12345678901234567' in told.text
    assert told.rows("charges")[0]["currency"] == "kwd"


def test_the_pinned_version_is_asked_for(stripe, read):
    stripe.api.add("subscription_item", subscription="sub_1")
    stripe.api.add("subscription", id="sub_1")

    told = read("subscriptions", "subscription_items")

    versions = {asked.headers["stripe-version"] for asked in read.asked()}
    assert versions == {NEWEST}
    assert "current_period_end" in told.rows("subscription_items")[0]
    assert "current_period_end" not in told.rows("subscriptions")[0]


def test_version_drift_a_column_that_an_older_version_lacks_is_not_there(stripe, read):
    stripe.api.add("subscription_item", subscription="sub_1")
    stripe.api.add("subscription", id="sub_1")

    told = read("subscriptions", "subscription_items", api_version="2024-06-20")

    assert "current_period_end" in told.rows("subscriptions")[0]
    assert "current_period_end" not in told.rows("subscription_items")[0]


def test_a_full_table_stream_has_all_rows_and_no_memory(stripe, read):
    stripe.api.add("customer", 3)
    first = read("customers")
    read.later(days=1)

    told = read("customers", state=first.state, full=("customers",))

    assert len(told.ids("customers")) == 3


def test_a_window_has_what_was_created_or_changed_in_it(stripe, read):
    stripe.api.add("customer", id="cus_in", created=SECOND - 5 * DAY)
    stripe.api.add("customer", id="cus_changed", created=SECOND - 90 * DAY)
    stripe.api.add("customer", id="cus_later", created=SECOND - DAY)
    stripe.api.space().change(
        "customer", "cus_changed", {"name": "New"}, at=SECOND - 4 * DAY
    )

    told = read("customers", start_date="2025-05-26", end_date="2025-05-30")

    assert told.ids("customers") == ["cus_in", "cus_changed"]


def test_a_window_that_is_older_than_events_is_listed(stripe, read):
    stripe.api.add("customer", id="cus_in", created=SECOND - 90 * DAY)

    told = read("customers", start_date="2025-03-01", end_date="2025-03-10")

    assert told.ids("customers") == ["cus_in"]
    assert [asked.path for asked in read.asked()] == ["/v1/customers"]


def test_a_window_over_the_edge_of_events_has_each_side(stripe, read):
    for days in (60, 3):
        stripe.api.add("customer", id=f"cus_{days}", created=SECOND - days * DAY)

    told = read("customers", start_date="2025-03-01", end_date="2025-06-01")

    assert told.ids("customers") == ["cus_60", "cus_3"]
    assert datetime.fromtimestamp(told.mark("customers"), UTC) <= NOW


def test_the_secret_of_a_payment_stays_at_stripe(stripe, read):
    stripe.api.add("payment_intent", client_secret="pi_1_secret_2")  # noqa: S106

    told = read("payment_intents")

    assert len(told.ids("payment_intents")) == 1
    assert b"pi_1_secret_2" not in told.text
