"""Later reads: events tell what has changed, and the objects are asked for."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from taps.stripe.kettle import DAY, SECOND, Reads, kettle

from elt.errors import EltError
from elt.testing.apis.troubles import Says


def fetched(asked):
    """Count the requests for one object, by path."""
    paths = [each.path for each in asked if each.path.count("/") == 3]
    return Counter(paths)


def test_an_update_is_read_though_lists_have_no_filter_for_it(stripe, read):
    ids = stripe.api.add("customer", 3, created=SECOND - 100 * DAY)
    first = read("customers")
    read.later(hours=1)
    stripe.api.update("customer", ids[1], {"name": "Anna"})

    told = read("customers", state=first.state)

    assert told.ids("customers") == [ids[1]]
    assert told.rows("customers")[0]["name"] == "Anna"


def test_updated_is_the_time_of_the_change_and_not_of_the_creation(stripe, read):
    """airbytehq/airbyte#30677: it was always that of the creation."""
    (key,) = stripe.api.add("customer", created=SECOND - 100 * DAY)
    first = read("customers")
    read.later(hours=1)
    stripe.api.update("customer", key, {"name": "Anna"})

    told = read("customers", state=first.state)

    assert first.rows("customers")[0]["updated"] == SECOND - 100 * DAY
    assert told.rows("customers")[0]["updated"] == SECOND + 3600


def test_a_new_object_that_changed_at_once_has_the_time_of_its_change(stripe, read):
    first = read("customers")
    read.later(hours=1)
    (key,) = stripe.api.add("customer", created=SECOND + 60, tells=True)
    stripe.api.space().change("customer", key, {"name": "Anna"}, at=SECOND + 90)

    told = read("customers", state=first.state)

    assert [row["updated"] for row in told.rows("customers")] == [SECOND + 90]
    assert not fetched(read.asked())


def test_what_an_event_shows_is_of_an_old_version_so_the_object_is_fetched(
    stripe, read
):
    """airbytehq/airbyte#77625: fields that moved were silently empty."""
    stripe.api.add("subscription_item", id="si_1", subscription="sub_1", created=SECOND)
    stripe.api.add("subscription", id="sub_1", created=SECOND - 50 * DAY)
    first = read("subscriptions", "subscription_items")
    read.later(hours=1)
    stripe.api.update("subscription", "sub_1", {"description": "changed"})

    told = read("subscriptions", "subscription_items", state=first.state)

    (row,) = told.rows("subscriptions")
    assert row["description"] == "changed"
    assert "current_period_end" not in row  # the account's version has it here
    (item,) = told.rows("subscription_items")
    assert "current_period_end" in item


def test_several_events_of_one_object_are_one_fetch(stripe, read):
    ids = stripe.api.add("customer", 2, created=SECOND - 50 * DAY)
    first = read("customers")
    read.later(hours=1)
    for number in range(4):
        for key in ids:
            stripe.api.update("customer", key, {"name": f"Name {number}"})
    read.asked()

    told = read("customers", state=first.state)

    assert fetched(read.asked()) == {f"/v1/customers/{key}": 1 for key in ids}
    assert {row["name"] for row in told.rows("customers")} == {"Name 3"}


def test_changes_beyond_a_page_of_events_are_all_read(stripe, read):
    """airbytehq/airbyte#32976: rows went missing between pages."""
    ids = stripe.api.add("charge", 250, created=SECOND - 50 * DAY)
    first = read("charges")
    read.later(hours=1)
    for key in ids:
        stripe.api.update("charge", key, {"description": "changed"})
    stripe.api.between_pages = lambda: stripe.api.add("charge", tells=True)

    told = read("charges", state=first.state)

    changed = {row["id"] for row in told.rows("charges") if row["description"]}
    assert changed == set(ids)


def test_what_is_new_comes_from_its_list_and_is_not_fetched(stripe, read):
    first = read("charges")
    read.later(hours=1)
    ids = stripe.api.add("charge", 150, tells=True)
    read.asked()

    told = read("charges", state=first.state)

    assert set(told.ids("charges")) == set(ids)
    assert not fetched(read.asked())


def test_new_rows_without_any_event_are_read(stripe, read):
    """airbytehq/airbyte#31917: refunds of which no `refund.created` told."""
    first = read("refunds")
    read.later(hours=1)
    ids = stripe.api.add("refund", 2, tells=False)

    told = read("refunds", state=first.state)

    assert set(told.ids("refunds")) == set(ids)


def test_events_of_tax_ids_and_subscriptions_are_not_of_their_customer(stripe, read):
    (customer,) = stripe.api.add("customer", created=SECOND - 50 * DAY)
    stripe.api.add("subscription", id="sub_1", customer=customer)
    first = read("customers")
    read.later(hours=1)
    stripe.api.space().create("tax_id", {"customer": customer})
    stripe.api.update("subscription", "sub_1", {"description": "new"})

    told = read("customers", state=first.state)

    assert told.ids("customers") == []


def test_an_events_object_counts_and_not_its_type(stripe, read):
    (charge,) = stripe.api.add("charge", created=SECOND - 50 * DAY)
    first = read("charges", "disputes")
    read.later(hours=1)
    dispute = stripe.api.dispute(charge)

    told = read("charges", "disputes", state=first.state)

    assert told.ids("disputes") == [dispute]
    # `charge.dispute.created` is told of the dispute, and its charge has changed.
    assert told.ids("charges") == [charge]
    assert told.rows("charges")[0]["disputed"] is True


def test_the_next_run_begins_at_the_last_ones_start_less_the_lookback(stripe, read):
    (key,) = stripe.api.add("customer", created=SECOND - 50 * DAY)
    first = read("customers")
    late = SECOND - 300
    stripe.api.space().change("customer", key, {"name": "Late"}, at=late)
    read.later(hours=1)

    told = read("customers", state=first.state)
    none = read("customers", state=first.state, lookback_seconds=0)

    assert told.ids("customers") == [key]
    assert none.ids("customers") == []


def test_balance_transactions_that_are_visible_late_are_read(capsysbinary):
    with kettle(balance_lag=timedelta(minutes=9)) as stripe:
        read = Reads(stripe, capsysbinary)
        stripe.api.add("balance_transaction", id="txn_1", created=SECOND - 60)
        first = read("balance_transactions")
        read.later(hours=1)
        told = read("balance_transactions", state=first.state)

    assert first.ids("balance_transactions") == []
    assert told.ids("balance_transactions") == ["txn_1"]


def test_a_stream_without_changes_is_no_row_and_two_requests(stripe, read):
    stripe.api.add("coupon", 3, created=SECOND - 50 * DAY)
    first = read("coupons")
    read.later(hours=1)
    read.asked()

    told = read("coupons", state=first.state)

    assert told.ids("coupons") == []
    assert [each.path for each in read.asked()] == ["/v1/events", "/v1/coupons"]
    assert told.mark("coupons") == SECOND + 3600


def test_a_quiet_stream_is_not_read_in_full_after_thirty_days(stripe, read):
    stripe.api.add("coupon", 3, created=SECOND - 300 * DAY)
    told = read("coupons")
    for _ in range(5):
        read.later(days=20)
        told = read("coupons", state=told.state)

    assert told.ids("coupons") == []
    assert told.ends["coupons"] == {"end": "complete"}


def test_a_bookmark_older_than_thirty_days_is_a_full_read_and_loud(
    stripe, read, caplog
):
    """airbytehq/airbyte#33678: what lay between was silently left out."""
    (key,) = stripe.api.add("customer", created=SECOND - 300 * DAY)
    first = read("customers")
    read.later(days=1)
    stripe.api.update("customer", key, {"name": "Anna"})
    read.later(days=35)
    (new,) = stripe.api.add("customer")

    told = read("customers", state=first.state)

    assert set(told.ids("customers")) == {key, new}
    assert told.by_id("customers")[key]["name"] == "Anna"
    why = told.ends["customers"]["why"]
    assert "all is listed again, because the changes since 2025-06-01" in why
    assert why in caplog.text
    assert told.mark("customers") == SECOND + 36 * DAY


def test_a_full_read_again_tells_of_deletions_that_events_still_know(stripe, read):
    ids = stripe.api.add("coupon", 3, created=SECOND - 300 * DAY)
    first = read("coupons")
    read.later(days=30)
    stripe.api.delete("coupon", ids[0])
    read.later(days=5)

    told = read("coupons", state=first.state)

    table = told.by_id("coupons")
    assert set(table) == set(ids)
    assert table[ids[0]]["_sdc_deleted_at"] == "2025-07-01T12:00:00Z"


def test_an_interrupted_full_read_goes_on_without_another_note(stripe, read):
    stripe.api.add("customer", 350, created=SECOND - 300 * DAY)
    first = read("customers")
    read.later(days=40)
    further = r"/v1/customers\?.*created%5Blt.*starting_after"
    stripe.api.front.troubles.add(Says(500), path=further, after=1, times=9)
    killed = read(
        "customers", state=first.state, fails=EltError, tries=1, rows_per_window=100
    )
    stripe.api.front.troubles.clear()
    read.later(days=1)

    told = read("customers", state=killed.state, rows_per_window=100)

    assert killed.mark("customers") == first.mark("customers")
    assert told.ends["customers"] == {"end": "complete"}
    assert told.mark("customers") == SECOND + 41 * DAY


def test_big_windows_of_events_are_read_a_day_at_a_time(stripe, read):
    """singer-io/tap-stripe#120: one long window never finished."""
    ids = stripe.api.add("customer", 300, created=SECOND - 50 * DAY)
    first = read("customers")
    space = stripe.api.space()
    for day in range(3):
        for key in ids[day * 100 : day * 100 + 100]:
            at = SECOND + day * DAY + 3600
            space.change("customer", key, {"name": f"Day {day}"}, at=at)
    read.later(days=3)
    stripe.api.front.troubles.add(
        Says(500), path=r"/v1/customers/", after=150, times=99
    )

    killed = read("customers", state=first.state, fails=EltError, tries=1)
    day_two = killed.mark("customers")
    stripe.api.front.troubles.clear()
    told = read("customers", state=killed.state)

    assert day_two == SECOND - 600 + DAY
    assert set(ids[:100]).isdisjoint(told.ids("customers"))
    assert set(ids[100:]) <= set(told.ids("customers"))


def test_products_keep_their_own_time_of_change(stripe, read):
    stripe.api.add("product", id="prod_1", updated=SECOND - 5, created=SECOND - 50)
    first = read("products")

    (line,) = [row for row in first.text.splitlines() if b'"RECORD"' in row]
    assert line.count(b'"updated":') == 1
    assert first.rows("products")[0]["updated"] == SECOND - 5
    assert first.mark("products") == SECOND


def test_events_that_were_forgotten_are_told(stripe, read):
    first = read("events")
    stripe.api.add("customer", tells=True)
    read.later(days=40)

    told = read("events", state=first.state)

    assert "Stripe keeps them for 30 days" in told.ends["events"]["why"]
