from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from taps.described.anything import Listed

from elt.errors import EltError
from elt.testing.apis.troubles import Says

ORDERS = {
    "path": "orders",
    "records": "data",
    "key": "id",
    "cursor": {"field": "updated_at", "param": "updated_since"},
    "paging": {"type": "page", "param": "page"},
    "sorted": True,
}
LINES = {
    "path": "orders/{id}/lines",
    "records": "data",
    "parent": "orders",
    "parent_fields": {"order_id": "id"},
    "key": ["order_id", "line"],
}


def listed(api, count=5):
    found = [
        {
            "id": n,
            "updated_at": f"2025-05-{n + 1:02}T10:00:00Z",
            "shop": {"code": "a/b"},
        }
        for n in range(count)
    ]
    api.lists["orders"] = Listed(found, style="page", cap=2, order="updated_at")
    for n in range(count):
        lines = [{"line": k, "price": 1.10} for k in range(n)]
        api.lists[f"orders/{n}/lines"] = Listed(lines)


def pairs(told):
    return [(row["order_id"], row["line"]) for row in told.rows("lines")]


def test_children_of_all_parents_come_with_the_parents_fields(api, read):
    listed(api)

    told = read(orders=ORDERS, lines=LINES)

    assert told.ids("orders") == [0, 1, 2, 3, 4]
    assert pairs(told) == [(n, k) for n in range(5) for k in range(n)]


def test_parents_fields_keep_their_digits_and_the_child_its_own(api, read):
    listed(api, 0)
    text = '{"data": [{"id": 12345678901234567890.10, "x": {"y": 1.0}}]}'
    api.extra_answers["orders"] = text
    api.extra_answers["lines"] = '{"data": [{"line": 1, "price": 1.10}]}'
    orders = {"path": "orders", "records": "data", "key": "id"}
    lines = {
        **LINES,
        "path": "lines",
        "params": {"order": "{id}"},
        "parent_fields": {"order_id": "id", "y": "x.y", "none": "gone"},
    }

    told = read(orders=orders, lines=lines)

    assert b'{"order_id":12345678901234567890.10,"y":1.0,"none":null,' in told.text
    assert b'"price": 1.10' in told.text
    assert ("/v1/lines", {"order": "12345678901234567890.10"}) in api.asked


def test_a_parents_value_in_a_path_leads_nowhere_else(api, read):
    listed(api, 1)
    api.lists["shops/a/b"] = Listed([{"line": 7}])

    read(orders=ORDERS, lines={**LINES, "path": "shops/{parent.shop.code}"})

    raw = [asked for asked in api.front.requests if "shops" in asked.path]
    assert len(raw) == 1
    assert raw[0].path == "/v1/shops/a/b"  # decoded; %2F on the wire


def test_a_child_is_read_for_changed_parents_alone_where_it_has_their_cursor(api, read):
    listed(api)
    fields = {"order_id": "id", "order_updated_at": "updated_at"}
    lines = {**LINES, "parent_fields": fields, "cursor": "order_updated_at"}

    first = read(orders=ORDERS, lines=lines)
    api.front.requests.clear()
    told = read(orders=ORDERS, lines=lines, state=first.state)

    assert first.mark("lines") == "2025-05-05T10:00:00Z"
    assert pairs(told) == [(4, 0), (4, 1), (4, 2), (4, 3)]
    asked = [path for path, _ in api.asked if path.endswith("/lines")]
    assert asked == ["/v1/orders/4/lines"]


def test_a_child_without_a_key_is_read_for_no_parent_before_its_bookmark(api, read):
    listed(api)
    fields = {"order_id": "id", "order_updated_at": "updated_at"}
    lines = {**LINES, "parent_fields": fields, "cursor": "order_updated_at", "key": []}
    of_day = {"field": "updated_at", "param": "updated_since", "format": "%Y-%m"}
    kept = {
        "replication_key": "order_updated_at",
        "replication_key_value": "2025-05-04T10:00:00Z",
    }
    mark = {"bookmarks": {"lines": kept}}

    told = read(orders={**ORDERS, "cursor": of_day}, lines=lines, state=mark)

    assert {order for order, _ in pairs(told)} == {3, 4}


@pytest.mark.parametrize("status", [404, 410])
def test_a_parent_that_is_gone_meanwhile_is_left_out_and_told(api, read, status):
    listed(api)
    api.front.troubles.add(Says(status), path="/v1/orders/3/lines", times=9)

    told = read(orders=ORDERS, lines=LINES)

    assert {order for order, _ in pairs(told)} == {1, 2, 4}
    end = told.ends["lines"]
    assert end["end"] == "complete"
    assert "1 of 5 records of `orders` gave nothing" in end["why"]
    assert "/v1/orders/3/lines" in end["why"]


@pytest.mark.parametrize(
    ("fields", "stay"),
    [
        ({"order_id": "id", "at": "updated_at"}, [{"order_id": "3"}]),
        ({"at": "updated_at"}, None),
    ],
)
def test_rows_of_a_parent_whose_list_is_not_for_us_stay(api, read, fields, stay):
    listed(api)
    api.front.troubles.add(Says(403), path="/v1/orders/3/lines")

    key = [next(iter(fields)), "line"]
    told = read(orders=ORDERS, lines={**LINES, "parent_fields": fields, "key": key})

    end = told.ends["lines"]
    assert end["end"] == "partial"
    assert end.get("stay") == stay


FOLLOWS = {
    **LINES,
    "parent_fields": {"order_id": "id", "order_updated_at": "updated_at"},
    "cursor": "order_updated_at",
}


@pytest.mark.parametrize("key", [LINES["key"], []])
def test_a_list_that_was_not_for_us_is_read_when_it_is_though_its_parent_is_old(
    api, read, key
):
    listed(api)
    lines = {**FOLLOWS, "key": key}
    api.front.troubles.add(Says(403), path="/v1/orders/2/lines", times=2)
    api.front.troubles.add(Says(403), path="/v1/orders/3/lines", times=1)

    first = read(orders=ORDERS, lines=lines)
    second = read(orders=ORDERS, lines=lines, state=first.state)
    third = read(orders=ORDERS, lines=lines, state=second.state)
    api.front.requests.clear()
    fourth = read(orders=ORDERS, lines=lines, state=third.state)

    assert first.mark("lines") == second.mark("lines") == "2025-05-05T10:00:00Z"
    assert {order for order, _ in pairs(first)} == {1, 4}
    assert {order for order, _ in pairs(second)} == {3, 4}
    assert second.ends["lines"]["stay"] == [{"order_id": "2"}]
    assert {order for order, _ in pairs(third)} == {2, 4}
    assert third.ends["lines"] == {"end": "complete"}
    asked = [path for path, _ in api.asked if path.endswith("/lines")]
    assert asked == ["/v1/orders/4/lines"]
    assert {order for order, _ in pairs(fourth)} == {4}
    assert not third.bookmark("lines").get("memory")


def test_a_list_that_is_not_for_us_is_asked_for_once_in_a_run(api, read):
    listed(api, 9)
    api.front.troubles.add(Says(403), path="/v1/orders/0/lines", times=9)

    first = read(orders=ORDERS, lines=FOLLOWS, config={"concurrency": 1})
    read(orders=ORDERS, lines=FOLLOWS, state=first.state)

    assert [path for path, _ in api.asked].count("/v1/orders/0/lines") == 2
    assert first.ends["lines"]["why"].startswith("1 of 9 records of `orders`")


def test_a_parent_that_was_left_out_and_changes_is_asked_for_once(api, read):
    listed(api)
    api.front.troubles.add(Says(403), path="/v1/orders/2/lines", times=1)
    first = read(orders=ORDERS, lines=FOLLOWS)
    api.lists["orders"].rows[2]["updated_at"] = "2025-05-20T10:00:00Z"

    told = read(orders=ORDERS, lines=FOLLOWS, state=first.state)

    assert pairs(told) == [(4, 0), (4, 1), (4, 2), (4, 3), (2, 0), (2, 1)]
    assert told.rows("lines")[-1]["order_updated_at"] == "2025-05-20T10:00:00Z"
    assert (
        "memory" not in told.bookmark("lines") or not told.bookmark("lines")["memory"]
    )


def test_a_parent_that_was_left_out_and_is_gone_is_forgotten(api, read):
    listed(api)
    api.front.troubles.add(Says(403), path="/v1/orders/2/lines", times=1)
    first = read(orders=ORDERS, lines=FOLLOWS)
    api.front.troubles.add(Says(404), path="/v1/orders/2/lines", times=1)

    told = read(orders=ORDERS, lines=FOLLOWS, state=first.state)

    assert {order for order, _ in pairs(told)} == {4}
    assert told.ends["lines"]["end"] == "complete"
    assert not told.bookmark("lines").get("memory")


def test_a_list_with_a_cursor_of_its_own_is_read_from_where_it_was_not_for_us(
    api, read
):
    listed(api, 3)
    for n in range(3):
        rows = [{"line": k, "at": f"2025-05-0{k + 1}T10:00:00Z"} for k in range(n + 1)]
        api.lists[f"orders/{n}/lines"] = Listed(rows, field="at")
    lines = {**LINES, "cursor": {"field": "at", "param": "updated_since"}}
    api.front.troubles.add(Says(403), path="/v1/orders/1/lines", times=2)

    first = read(orders=ORDERS, lines=lines)
    second = read(orders=ORDERS, lines=lines, state=first.state)
    third = read(orders=ORDERS, lines=lines, state=second.state)

    assert pairs(first) == [(0, 0), (2, 0), (2, 1), (2, 2)]
    assert pairs(second) == [(2, 2)]
    assert pairs(third) == [(1, 0), (1, 1), (2, 2)]


def test_a_run_that_ends_in_between_forgets_no_list_that_was_not_for_us(api, read):
    listed(api)
    api.front.troubles.add(Says(403), path="/v1/orders/1/lines", times=1)
    api.front.troubles.add(Says(500), path="/v1/orders/4/lines", times=1)

    failed = read(orders=ORDERS, lines=FOLLOWS, fails=EltError)
    told = read(orders=ORDERS, lines=FOLLOWS, state=failed.state)

    assert failed.mark("lines") == "2025-05-04T10:00:00Z"
    both = {*pairs(failed), *pairs(told)}
    assert both == {(n, k) for n in range(5) for k in range(n)}


def test_a_path_that_no_parent_has_is_an_error(api, read):
    listed(api)

    told = read(
        orders=ORDERS, lines={**LINES, "path": "orders/{id}/items"}, fails=EltError
    )

    assert "stream `lines`" in told.error.what
    assert "HTTP 404" in told.error.what
    assert "`path`" in told.error.hint


def test_a_field_that_no_parent_has_is_an_error(api, read):
    listed(api)

    told = read(
        orders=ORDERS, lines={**LINES, "path": "orders/{ident}/lines"}, fails=EltError
    )

    assert "a record of `orders` has no `ident`" in told.error.what
    assert "`path` of the stream `lines`" in told.error.hint


def test_a_field_that_the_first_parents_lack_is_warned_of(api, read, caplog):
    listed(api)
    caplog.set_level("WARNING")
    lines = {
        **LINES,
        "params": {"shop": "{parent.shopp}"},
        "parent_fields": {"order_id": "id", "at": "updated"},
    }

    read.columns({"orders": ORDERS, "lines": lines})

    first, second = [record.getMessage() for record in caplog.records]
    said = "stream lines: no record of the first answer of `orders` has"
    assert first == f"{said} `shopp`. Did you mean `shop`?"
    assert second == f"{said} `updated`. Did you mean `updated_at`?"


def test_a_name_that_the_records_have_already_is_an_error(api, read):
    listed(api)
    lines = {**LINES, "parent_fields": {"order_id": "id", "price": "id"}}

    told = read(orders=ORDERS, lines=lines, fails=EltError)
    dropped = read(orders=ORDERS, lines={**lines, "drop": "price"})

    assert "records have a field `price` already" in told.error.what
    assert "`parent_fields`" in told.error.hint
    assert [row["price"] for row in dropped.rows("lines")][:1] == [1]


def test_a_failing_child_moves_no_bookmark_behind_it(api, read):
    listed(api)
    fields = {"order_id": "id", "order_updated_at": "updated_at"}
    lines = {**LINES, "parent_fields": fields, "cursor": "order_updated_at"}
    api.front.troubles.add(Says(500), path="/v1/orders/3/lines", times=1)

    failed = read(orders=ORDERS, lines=lines, fails=EltError)
    told = read(orders=ORDERS, lines=lines, state=failed.state)

    both = {*pairs(failed), *pairs(told)}
    assert both == {(n, k) for n in range(5) for k in range(n)}


def test_a_child_ends_where_the_run_began_however_busy_its_parents_are(api, read):
    listed(api)
    parents = api.lists["orders"].rows

    def make(request):
        number = len(parents)
        if request.url.path.endswith("/lines") and number < 60:
            now = datetime.now(UTC).isoformat()
            api.lists[f"orders/{number}/lines"] = Listed([{"line": 0}])
            parents.append({"id": number, "updated_at": now})

    api.guard = make
    cursor = {**ORDERS["cursor"], "format": "%Y-%m-%dT%H:%M:%S"}
    orders = {**ORDERS, "cursor": cursor}

    first = read(lines=FOLLOWS, orders=orders, config={"concurrency": 1})
    asked = [path for path, _ in api.asked if path.endswith("/lines")]
    second = read(lines=FOLLOWS, orders=orders, state=first.state)

    assert len(asked) < 15
    both = {order for order, _ in [*pairs(first), *pairs(second)]}
    assert both >= set(range(1, 5 + len(asked)))


def test_grandchildren_know_the_fields_that_their_parents_got(api, read):
    listed(api, 2)
    api.lists["orders/1/lines/0/notes"] = Listed([{"id": 5, "text": "hello"}])
    notes = {
        "path": "orders/{order_id}/lines/{line}/notes",
        "records": "data",
        "parent": "lines",
        "parent_fields": {"line": "line"},
        "key": "id",
    }

    told = read(orders=ORDERS, lines=LINES, notes=notes)

    assert told.rows("notes") == [{"line": 0, "id": 5, "text": "hello"}]


def test_a_child_may_be_read_without_its_parent(api, read):
    listed(api)
    looking = read.tap({"orders": ORDERS, "lines": LINES})
    catalog = json.loads(looking.catalog_json_text)
    looking.api.close()
    of_lines = [entry for entry in catalog["streams"] if entry["stream"] == "lines"]
    tap = read.tap({"orders": ORDERS, "lines": LINES}, catalog={"streams": of_lines})

    tap.sync_all()

    written = read.capsysbinary.readouterr().out
    assert b'"stream":"orders"' not in written
    assert written.count(b'"RECORD"') == 10
