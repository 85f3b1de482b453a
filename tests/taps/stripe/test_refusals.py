"""What Stripe refuses, and what is broken: the message says what to do."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from taps.stripe.kettle import DAY, SECOND

from elt.errors import ConfigError, EltError, Unavailable
from elt.testing.apis.stripe.api import TOKEN
from elt.testing.apis.stripe.keys import Limits
from elt.testing.apis.troubles import BreaksOff, CutJson, HangsUp, Packs, Says

WRONG = "sk_live_this_is_wrong_1234"


def test_a_wrong_key_stops_the_tap_and_is_not_shown(stripe, read):
    told = read(fails=ConfigError, api_key=WRONG)

    assert "Stripe refused our credentials: HTTP 401 Invalid API Key" in str(told.error)
    assert told.error.where.startswith("GET /v1/")
    assert "`api_key`" in told.error.hint
    assert "Invalid API Key provided: sk_live_***" in told.error.what
    assert "1234" not in str(told.error)
    assert len(stripe.api.front.requests) == 1


def test_an_expired_key_says_so(stripe, read):
    stripe.api.keys.expire(TOKEN)

    told = read("customers", fails=ConfigError)

    assert "Expired API Key" in told.error.what
    assert TOKEN[-4:] not in str(told.error)


def test_a_publishable_key_is_refused_before_any_request(stripe, read):
    with pytest.raises(ConfigError, match="publishable key") as caught:
        read("customers", api_key="pk_live_1234567")

    assert "pk_live_1234567" not in str(caught.value)
    assert stripe.api.front.requests == []


def test_a_restricted_key_skips_streams_and_names_the_permission(stripe, read, caplog):
    stripe.api.add("customer", id="cus_1")
    key = "rk_live_only_customers_9876"
    stripe.api.restrict(key, ["customer_read", "event_read"])

    told = read("customers", "charges", "invoice_line_items", api_key=key)

    assert told.ids("customers") == ["cus_1"]
    assert told.ends["customers"] == {"end": "complete"}
    for stream, permission in (
        ("charges", "rak_charge_read"),
        ("invoice_line_items", "rak_invoice_read"),
    ):
        end = told.ends[stream]
        assert end["end"] == "skipped"
        assert f"'{permission}'" in end["why"]
        assert "9876" not in end["why"]
    assert "Give the scope `rak_charge_read` to the `api_key`" in caplog.text


def test_a_permission_that_was_revoked_skips_and_keeps_the_bookmark(stripe, read):
    stripe.api.add("customer", 2)
    first = read("customers")
    key = "rk_live_nothing"
    stripe.api.restrict(key, ["event_read"])
    read.later(hours=1)

    told = read("customers", api_key=key, state=first.state)

    assert told.ends["customers"]["end"] == "skipped"
    later = told.state or first.state
    assert later["bookmarks"] == first.state["bookmarks"]


def test_without_the_right_to_read_events_new_rows_come_and_the_bookmark_stays(
    stripe, read
):
    (old,) = stripe.api.add("customer", created=SECOND - 50 * DAY)
    key = "rk_live_no_events"
    stripe.api.restrict(key, ["customer_read"])
    first = read("customers", api_key=key)
    read.later(days=2)
    stripe.api.update("customer", old, {"name": "Anna"})
    (new,) = stripe.api.add("customer")

    blind = read("customers", api_key=key, state=first.state)
    told = read("customers", state=blind.state)

    assert blind.ids("customers") == [new]
    assert "changes are not read: HTTP 403" in blind.ends["customers"]["why"]
    assert "rak_event_read" in blind.ends["customers"]["why"]
    assert blind.mark("customers") == SECOND
    assert set(told.ids("customers")) == {old, new}


@pytest.mark.parametrize("trouble", [Says(503), HangsUp(), BreaksOff(), CutJson()])
@pytest.mark.parametrize("path", ["/v1/customers", "/v1/events", "/v1/customers/"])
def test_a_passing_trouble_is_tried_again(stripe, read, trouble, path):
    ids = stripe.api.add("customer", 2, created=SECOND - 50 * DAY)
    first = read("customers")
    read.later(hours=1)
    stripe.api.update("customer", ids[0], {"name": "Anna"})
    stripe.api.front.troubles.add(trouble, path=path, times=2)

    told = read("customers", state=first.state)

    assert told.ids("customers") == [ids[0]]


def test_an_answer_that_is_packed_is_read(stripe, read):
    stripe.api.add("customer", id="cus_1")
    stripe.api.front.troubles.add(Packs())

    assert read("customers").ids("customers") == ["cus_1"]


def test_a_rate_that_was_passed_is_waited_for_whatever_its_header_says(stripe, read):
    """`Stripe-Should-Retry: false` is there for clients that do not pace themselves."""
    stripe.api.add("customer", id="cus_1")
    stripe.api.pace.limits = Limits(live=1)
    read("customers")

    clock = stripe.api.clock
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    told = read("customers", "coupons", sleep=sleep)

    assert told.ids("customers") == ["cus_1"]
    assert waits


def test_an_object_that_is_locked_is_asked_for_again(stripe, read):
    (key,) = stripe.api.add("customer", created=SECOND - 50 * DAY)
    first = read("customers")
    read.later(hours=1)
    stripe.api.update("customer", key, {"name": "Anna"})
    stripe.api.lock(key, times=2)

    told = read("customers", state=first.state)

    assert told.ids("customers") == [key]


def test_stripe_should_retry_is_taken_at_its_word(stripe, read):
    stripe.api.add("customer", id="cus_1")
    final = {"Stripe-Should-Retry": "false"}
    stripe.api.front.troubles.add(Says(500, headers=final))

    read("customers", fails=Unavailable)

    assert len(read.asked()) == 1
    again = {"Stripe-Should-Retry": "true"}
    stripe.api.front.troubles.add(Says(400, '{"error": {}}', headers=again))
    assert read("customers").ids("customers") == ["cus_1"]


def test_a_500_in_the_middle_names_the_stream_the_request_and_its_id(stripe, read):
    stripe.api.add("customer", 150)
    body = json.dumps({"error": {"message": "An unknown error occurred"}})
    broken = Says(500, body, headers={"Request-Id": "req_abc"})
    stripe.api.front.troubles.add(broken, path="/v1/customers", after=1, times=99)

    told = read("customers", fails=Unavailable)

    assert told.error.what.startswith("stream `customers`: Stripe: HTTP 500 An unknown")
    assert "[request req_abc]" in told.error.what
    assert told.error.where == "GET /v1/customers"
    assert len(told.ids("customers")) == 100


def test_a_version_that_stripe_does_not_have_is_named(stripe, read):
    del stripe

    told = read("customers", api_version="2031-01-01", fails=EltError)

    assert "Invalid Stripe API version: 2031-01-01" in told.error.what


def test_a_page_that_repeats_is_no_endless_loop(stripe, read):
    stripe.api.add("customer", 250)
    row = {"id": "cus_1", "object": "customer", "created": SECOND}
    same = json.dumps({"object": "list", "data": [row], "has_more": True})
    stripe.api.front.troubles.add(Says(200, same), path="/v1/customers", times=99)

    told = read("customers", fails=EltError)

    assert "would never end" in told.error.what
    assert len(read.asked()) < 5


def test_pages_that_say_more_and_have_nothing_end(stripe, read):
    none = json.dumps({"object": "list", "data": [], "has_more": True})
    stripe.api.front.troubles.add(Says(200, none), path="/v1/customers", times=99)

    told = read("customers")

    assert told.ids("customers") == []


def test_a_field_of_another_type_goes_through_as_it_is(stripe, read):
    stripe.api.add("charge", id="ch_1", amount="N/A", metadata=[1], created=SECOND)

    told = read("charges")

    (row,) = told.rows("charges")
    assert (row["amount"], row["metadata"]) == ("N/A", [1])


def test_a_row_without_a_time_moves_nothing(stripe, read):
    """estuary/connectors: some legacy rows have no `created`."""
    row = {"id": "cus_1", "object": "customer", "created": None}
    page = json.dumps({"object": "list", "data": [row], "has_more": False})
    stripe.api.front.troubles.add(Says(200, page), path="/v1/customers", times=1)

    told = read("customers")

    assert told.rows("customers")[0]["updated"] is None
    assert told.mark("customers") == SECOND


@pytest.mark.parametrize("data", ['{"data": [7], "has_more": false}', '{"x": 1}', "[]"])
def test_an_answer_of_another_shape_fails_the_stream_and_says_so(stripe, read, data):
    stripe.api.add("coupon", id="SALE")
    stripe.api.front.troubles.add(Says(200, data), path="/v1/customers", times=99)

    told = read("customers", "coupons", fails=EltError)

    assert "stream `customers`" in told.error.what
    assert told.ids("coupons") == ["SALE"]


def test_an_event_of_another_shape_fails_the_stream_and_keeps_the_bookmark(
    stripe, read
):
    first = read("customers")
    read.later(hours=1)
    event = {"id": "evt_1", "type": "customer.updated", "created": "noon", "data": {}}
    page = json.dumps({"object": "list", "data": [event], "has_more": False})
    stripe.api.front.troubles.add(Says(200, page), path="/v1/events", times=99)

    told = read("customers", state=first.state, fails=EltError)

    assert "an event of Stripe has another shape" in told.error.what
    assert "api_version" in told.error.hint


def test_an_expired_cursor_of_events_is_the_end_of_their_list(stripe, read):
    """estuary/connectors: an event to go on from may be forgotten meanwhile."""
    stripe.api.add("customer", 150, created=SECOND - 29 * DAY, tells=True)
    said = "evt_1 is no longer available because it's aged out of our retention policy"
    aged = Says(400, json.dumps({"error": {"message": said}}))
    stripe.api.front.troubles.add(aged, path=r"/v1/events\?.*starting_after")

    told = read("events")

    assert len(told.ids("events")) == 100
    assert told.ends["events"] == {"end": "complete"}


def test_a_renamed_path_skips_the_stream(stripe, read):
    gone = json.dumps({"error": {"message": "Unrecognized request URL"}})
    stripe.api.front.troubles.add(Says(404, gone), path="/v1/plans", times=9)

    told = read("plans", "coupons")

    assert told.ends["plans"]["end"] == "skipped"
    assert "Unrecognized request URL" in told.ends["plans"]["why"]
    assert told.ends["coupons"]["end"] == "complete"


def test_moments_around_a_leap_second_and_a_change_of_clocks_are_seconds(stripe, read):
    # 2016-12-31T23:59:60Z is second 1483228800, too; and clocks went back in 2024.
    moments = (1483228799, 1483228800, 1729990800, 1729994400)
    for at in moments:
        stripe.api.add("coupon", created=at)

    told = read("coupons", rows_per_window=1)

    assert {row["created"] for row in told.rows("coupons")} == set(moments)
