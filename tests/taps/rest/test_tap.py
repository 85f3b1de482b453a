from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from taps.rest.shop import PROPERTIES, TOKEN, VENDOR, Shop, ShopTap
from taps.told import Told

from elt.errors import ConfigError, EltError, Unavailable
from elt.singer.catalog import select
from elt.taps.rest.ahead import read_at
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Call
from elt.taps.rest.marks import Cursor
from elt.taps.rest.reading import Chunk, Shape
from elt.taps.rest.vendor import Fixed, Reach
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import BreaksOff, CutJson, HangsUp, Says


@pytest.fixture
def shop():
    with served(Shop()) as served_shop:
        yield served_shop


@pytest.fixture
def read(shop, capsysbinary):
    """Run the tap against the shop; give its messages, and its state."""

    def run(*, state=None, fails=None, catalog=None, tap=ShopTap, **config):
        given = {"base_url": shop.origin, "token": TOKEN, **config}
        tap = tap(config=given, state=state, catalog=catalog, parse_env_config=False)
        if fails is None:
            tap.sync_all()
        else:
            with pytest.raises(fails) as caught:
                tap.sync_all()
        error = caught.value if fails else None
        return OrdersTold(capsysbinary.readouterr().out, error)

    return run


class OrdersTold(Told):
    usual = "orders"


def days(count, first=1):
    return [f"2025-05-{day:02}T10:00:00Z" for day in range(first, first + count)]


def test_all_pages_come_in_order_and_the_bookmark_is_the_newest(shop, read):
    shop.api.add("orders", *days(8))

    told = read()

    assert told.ids("orders") == [0, 1, 2, 3, 4, 5, 6, 7]
    assert told.mark() == "2025-05-08T10:00:00Z"
    assert [m["type"] for m in told.messages[:2]] == ["SCHEMA", "RECORD"]


def test_records_are_the_bytes_that_came_on_one_line(shop, read):
    shop.api.add("orders", *days(1))

    told = read()

    (line,) = [row for row in told.text.splitlines() if b'"RECORD"' in row]
    assert b'"amount": 1.10' in line


def test_the_next_run_begins_at_the_bookmark_and_reads_its_rows_again(shop, read):
    shop.api.add("orders", *days(3))
    first = read()
    shop.api.add("orders", "2025-05-03T10:00:00Z", "2025-05-04T10:00:00Z")

    told = read(state=first.state)

    assert told.ids("orders") == [2, 3, 4]


def test_a_bookmark_never_passes_the_runs_start_by_the_apis_own_clock(shop, read):
    shop.api.add("orders", "2025-05-31T23:00:00Z", "2025-06-01T00:30:00Z")

    told = read()

    assert told.ids("orders") == [0, 1]
    assert told.mark() == "2025-06-01T00:00:00.000Z"


def test_a_clock_of_ours_that_is_ahead_is_told_and_loses_nothing(shop, read, caplog):
    shop.api.add("orders", "2025-05-31T23:00:00Z")
    first = read()
    shop.api.clock.advance(timedelta(hours=1))
    shop.api.add("orders", "2025-06-01T00:30:00Z")

    told = read(state=first.state)

    assert told.ids("orders") == [0, 1]
    assert "ahead of that of Shop, which counts" in caplog.text


def test_a_clock_of_ours_that_is_behind_does_not_hold_the_bookmark_back(shop, read):
    shop.api.clock.move_to(datetime.now(UTC) + timedelta(days=1))
    late = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shop.api.add("orders", late)

    assert read().mark() == late


def test_an_api_that_gives_none_of_the_streams_is_no_good_end(shop, read):
    gone = Says(404, '{"error": "no such place"}')
    shop.api.front.troubles.add(gone, path="/v1", times=99)

    told = read(fails=ConfigError)

    assert "Shop gives us none of the streams: HTTP 404" in told.error.what
    assert "`base_url`" in told.error.hint
    assert {end["end"] for end in told.ends.values()} == {"skipped"}


def test_a_page_for_people_is_told_at_once(shop, read):
    page = Says(200, "<!doctype html><title>Log in</title>")
    shop.api.front.troubles.add(page, path="/v1/orders", times=99)

    told = read(fails=EltError)

    assert "a page for people (HTML), not JSON" in told.error.what
    asked = [r for r in shop.api.front.requests if r.path == "/v1/orders"]
    assert len(asked) == 1


def test_a_bookmark_never_goes_back(shop, read):
    shop.api.add("orders", *days(2))
    state = {
        "bookmarks": {
            "orders": {
                "replication_key": "at",
                "replication_key_value": "2025-05-20T00:00:00Z",
            }
        }
    }

    told = read(state=state)

    assert told.ids("orders") == []
    assert told.mark() == "2025-05-20T00:00:00Z"


def test_a_window_reads_from_its_start(shop, read):
    shop.api.add("orders", *days(5))

    assert read(start_date="2025-05-04").ids("orders") == [3, 4]


def test_fractions_in_a_config_are_decimals_and_do_no_harm(shop, read):
    shop.api.add("orders", *days(2))

    assert read(timeout_seconds=Decimal("30.5")).ids("orders") == [0, 1]


def test_a_stream_that_is_not_for_us_is_left_out_and_the_others_come(shop, read):
    shop.api.add("stock", *days(2))
    shop.api.forbidden = {"orders"}

    told = read()

    assert told.ids("stock") == [0, 1]
    assert told.ends["orders"]["end"] == "skipped"
    assert "HTTP 403" in told.ends["orders"]["why"]
    assert told.ends["stock"] == {"end": "complete"}
    plain = [m["stream"] for m in told.messages if "elt" not in m and "stream" in m]
    assert "orders" not in plain  # no SCHEMA of its own, so no table


def test_one_stream_fails_and_the_others_are_read_to_their_end(shop, read):
    shop.api.add("orders", *days(2))
    shop.api.add("stock", *days(2))
    shop.api.front.troubles.add(Says(400, '{"error": "no"}'), path="/v1/orders")

    told = read(fails=EltError)

    assert told.ids("stock") == [0, 1]
    assert told.ends["orders"]["end"] == "failed"
    assert not told.ends["orders"].get("temporary", False)
    assert "stream `orders`" in told.error.what
    assert told.error.where == "GET /v1/orders"


def test_what_came_before_a_failure_is_covered_by_a_state(shop, read):
    shop.api.add("orders", *days(8))
    trouble = Says(500)
    shop.api.front.troubles.add(trouble, path="/v1/orders", after=2, times=99)

    told = read(fails=Unavailable)

    assert told.ids("orders") == [0, 1, 2, 3, 4, 5]
    assert told.ends["orders"]["temporary"]
    assert told.state["bookmarks"]["orders"]["replication_key_value"] in {
        "2025-05-03T10:00:00Z",
        "2025-05-06T10:00:00Z",
    }


@pytest.mark.parametrize(
    "trouble", [Says(503), Says(429), HangsUp(), BreaksOff(), CutJson()]
)
def test_a_passing_trouble_is_tried_again(shop, read, trouble):
    shop.api.add("orders", *days(5))
    shop.api.front.troubles.add(trouble, path="/v1/orders", after=1, times=2)

    assert read().ids("orders") == [0, 1, 2, 3, 4]


def test_wrong_credentials_stop_the_tap_and_are_not_shown(shop, read):
    wrong = "not-the-token-99"

    told = read(token=wrong, fails=ConfigError)

    assert "refused our credentials: HTTP 401" in told.error.what
    assert "`token`" in told.error.hint
    assert wrong not in str(told.error)
    assert len(shop.api.front.requests) == 1


def test_a_wait_of_hours_ends_the_run_at_once(shop, read):
    says = Says(429, headers={"Retry-After": "36000"})
    shop.api.front.troubles.add(says)

    told = read(fails=Unavailable)

    assert "no more requests for another 10.0 hours" in told.error.what
    assert "longest_wait_seconds" in told.error.hint


def test_a_page_that_comes_again_is_an_error_and_no_endless_loop(shop, read):
    shop.api.add("orders", *days(8))
    same = json.dumps({"data": [{"id": 9}], "next": "3"})
    shop.api.front.troubles.add(Says(200, same), path="/v1/orders", after=1, times=9)

    told = read(fails=EltError)

    assert "would never end" in told.error.what
    assert told.ids("orders") == [0, 1, 2, 9]


def test_parameters_that_go_with_every_request_are_added_to_any_address(shop):
    reach = Reach(base_url=shop.origin, params={"key": "a b", "cursor": "0"})
    api = Api(VENDOR, reach, Fixed({"Authorization": f"Bearer {TOKEN}"}))

    api.ask(Call(path="/v1/stock"), read_at("data"))
    api.ask(Call(path=f"{shop.origin}/v1/stock?cursor=1&x=%2F"), read_at("data"))
    api.ask(Call(path="/v1/stock", params={"since": "2025"}), read_at("data"))
    api.close()

    assert [asked.query for asked in shop.api.front.requests] == [
        (("key", "a b"), ("cursor", "0")),
        (("cursor", "1"), ("x", "/"), ("key", "a b")),
        (("since", "2025"), ("key", "a b"), ("cursor", "0")),
    ]


def test_a_request_may_be_named_with_its_query_but_not_with_secrets():
    reach = Reach(base_url="https://ann:word@api.example.com/v1", params={"key": "k"})
    vendor = replace(VENDOR, names_queries=True)
    api = Api(vendor, reach, Fixed({}, ("hush/hush 1",)))

    call = Call(path="a", params={"x": "1", "my_token": "t", "y": "hush/hush 1"})

    named = "GET https://***@api.example.com/v1/a?x=1&my_token=***&y=***"
    assert api.name(call) == named
    api.close()


def test_patterns_for_columns_decide_about_those_that_nobody_knew(shop, read):
    shop.api.add("orders", *days(1))
    shop.api.lists["orders"][0] |= {"secret_name": "x", "city": "y"}
    config = {"base_url": shop.origin, "token": TOKEN}
    looking = ShopTap(config=config, parse_env_config=False)
    catalog = select(json.loads(looking.catalog_json_text), ["*", "!*.secret*"], {})

    told = read(catalog=catalog)

    assert sorted(told.messages[1]["record"]) == ["amount", "at", "city", "id"]


def test_a_source_may_tell_itself_how_far_it_has_read(shop, read):
    shop.api.add("orders", *days(8))

    told = read(tap=TellingTap)

    assert told.ids("orders") == [0, 1, 2, 3, 4, 5, 6, 7]
    assert told.mark() == "2025-05-02T00:00:00Z"


class TellingTap(ShopTap):
    """Knows no more of its order than that one chunk is whole."""

    def rest_streams(self):
        shape = Shape(
            name="orders",
            key=("id",),
            properties=PROPERTIES,
            cursor=Cursor("at"),
            tells_reached=True,
        )
        return [self.stream(shape, self._telling)]

    def _telling(self, reading):
        for chunk in self._read("orders", reading):
            yield Chunk(records=chunk.records, ends=True)
        yield Chunk(reached="2025-05-02T00:00:00Z")


def test_of_many_parts_that_were_not_read_some_are_told_and_all_counted(read):
    told = read(tap=LackingTap)

    end = told.ends["orders"]
    assert end["end"] == "partial"
    assert end["why"].startswith("shop 0 is closed; shop 1 is closed; ")
    assert end["why"].endswith("shop 9 is closed; and 990 more")
    assert len(end["stay"]) == 1000


class LackingTap(ShopTap):
    """Reads what is in a thousand shops, of which none lets it in."""

    def rest_streams(self):
        shape = Shape(name="orders", key=("id",), properties=PROPERTIES)
        return [self.stream(shape, self._lacking)]

    def _lacking(self, reading):
        for number in range(1000):
            reading.leave_out(f"shop {number} is closed", {"shop": str(number)})
        yield Chunk()


def test_rows_with_a_version_are_all_there_are_once_the_stream_was_read(shop, read):
    shop.api.add("orders", *days(4))

    told = read(version=7)

    rows = [m for m in told.messages if m["type"] == "RECORD"]
    assert {row["version"] for row in rows} == {7}
    kinds = [m["type"] for m in told.messages if m.get("stream") == "orders"]
    assert kinds == ["SCHEMA", *["RECORD"] * 4, "ACTIVATE_VERSION", "SCHEMA"]


def test_a_stream_that_failed_does_not_say_that_other_rows_are_gone(shop, read):
    shop.api.add("orders", *days(8))
    shop.api.front.troubles.add(Says(500), path="/v1/orders", after=1, times=99)

    told = read(version=7, fails=Unavailable)

    gone = [m["stream"] for m in told.messages if m["type"] == "ACTIVATE_VERSION"]
    assert gone == ["stock"]


@pytest.mark.usefixtures("capsysbinary")
@pytest.mark.parametrize("selected", [True, False])
def test_a_source_knows_which_columns_are_selected(shop, selected):
    given = {"base_url": shop.origin, "token": TOKEN}
    catalog = ShopTap(config=given, parse_env_config=False).catalog_dict
    for entry in catalog["streams"]:
        for about in entry["metadata"]:
            if about["breadcrumb"] == ["properties", "amount"]:
                about["metadata"]["selected"] = selected
    tap = ShopTap(config=given, catalog=catalog, parse_env_config=False)

    tap.sync_all()

    assert tap.wanted is selected
