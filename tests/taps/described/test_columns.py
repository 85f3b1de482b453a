from __future__ import annotations

import json

from taps.described.anything import Listed

from elt.singer.catalog import select

ROWS = [
    {
        "id": n,
        "at": f"2025-05-0{n}T10:00:00Z",
        "day": "2025-05-01",
        "name": "Ann",
        "price": 9.5,
        "paid": True,
        "tags": ["a"],
        "shop": {"id": 1},
        "note": None,
    }
    for n in range(1, 4)
]
STREAM = {"path": "orders", "records": "data", "key": "id"}


def test_columns_are_found_in_the_first_records(api, read):
    api.lists["orders"] = Listed(ROWS)

    found = read.columns({"orders": {**STREAM, "cursor": "at"}})["orders"]

    assert found == {
        "id": {"type": ["integer"]},
        "at": {"type": ["null", "string"], "format": "date-time"},
        "day": {"type": ["null", "string"], "format": "date"},
        "name": {"type": ["null", "string"]},
        "price": {"type": ["null", "number"]},
        "paid": {"type": ["null", "boolean"]},
        "tags": {"type": ["null", "array"]},
        "shop": {"type": ["null", "object"]},
    }


def test_declared_types_stand_over_those_found(api, read):
    api.lists["orders"] = Listed(ROWS)
    columns = {"price": "decimal(18,2)", "name": "json", "later": "timestamp"}

    found = read.columns({"orders": {**STREAM, "columns": columns}})["orders"]

    assert found["price"] == {"type": ["null", "number"], "multipleOf": 0.01}
    assert "object" in found["name"]["type"]
    assert found["later"] == {"type": ["null", "string"], "format": "date-time"}


def test_a_declared_decimal_of_many_digits_is_still_one_behind_a_catalog(api, read):
    api.lists["orders"] = Listed(ROWS)
    table = {**STREAM, "columns": {"price": "decimal(20,4)"}}
    tap = read.tap({"orders": table})
    catalog = json.loads(tap.catalog_json_text)
    tap.api.close()

    read.tap({"orders": table}, catalog=catalog).sync_all()

    first = json.loads(read.capsysbinary.readouterr().out.splitlines()[0])
    price = first["schema"]["properties"]["price"]
    assert price["x-sql-datatype"] == "DECIMAL(20,4)"


def test_a_stream_without_records_has_its_key_and_its_cursor(api, read):
    api.lists["orders"] = Listed([])
    cursor = {"field": "seen", "kind": "unix_seconds"}

    found = read.columns({"orders": {**STREAM, "cursor": cursor}})["orders"]

    assert found == {
        "id": {"type": ["string", "integer"]},
        "seen": {"type": ["null", "integer"]},
    }


def test_dropped_fields_are_neither_columns_nor_in_the_records(api, read):
    api.lists["orders"] = Listed(ROWS)
    table = {**STREAM, "drop": ["note", "shop", "tags"]}

    found = read.columns({"orders": table})["orders"]
    told = read(orders=table)

    assert set(found) == {"id", "at", "day", "name", "price", "paid"}
    assert set(told.rows()[0]) == {"id", "at", "day", "name", "price", "paid"}


def test_a_sample_is_a_hundred_records_and_two_pages_at_least(api, read):
    many = [{"id": n} for n in range(1000)]
    api.lists["orders"] = Listed(many, style="page", cap=100)
    paging = {"type": "page", "param": "page"}

    read.columns({"orders": {**STREAM, "paging": paging}})

    assert {"1", "2"} <= {query["page"] for _, query in api.asked} <= {"1", "2", "3"}


def test_a_child_is_looked_for_with_the_first_parents(api, read):
    api.lists["orders"] = Listed([{"id": n} for n in range(50)])
    for n in range(50):
        api.lists[f"orders/{n}/lines"] = Listed([{"sku": "a"}] if n == 4 else [])
    lines = {
        "path": "orders/{id}/lines",
        "records": "data",
        "parent": "orders",
        "parent_fields": {"order_id": "id"},
        "key": ["order_id", "sku"],
    }

    found = read.columns({"orders": STREAM, "lines": lines})["lines"]

    assert found == {"order_id": {"type": ["integer"]}, "sku": {"type": ["string"]}}
    assert len([path for path, _ in api.asked if path.endswith("lines")]) == 10


def test_a_window_shows_its_newest_range_first(api, read):
    rows = [{"id": 1, "updated_at": "2025-05-20T10:00:00Z", "new": 1}]
    api.lists["orders"] = Listed(rows)
    table = {
        **STREAM,
        "cursor": {"field": "updated_at", "param": "updated_since"},
        "window": {"until": "updated_before", "days": 1},
    }

    found = read.columns(
        {"orders": table}, start_date="2025-01-01", end_date="2025-05-21"
    )["orders"]

    assert set(found) == {"id", "updated_at", "new"}
    assert len(api.asked) == 4


def test_a_column_that_turns_out_wider_is_described_again_before_its_records(api, read):
    rows = [{"id": n, "total": 10, "at": "2025-05-01"} for n in range(250)]
    rows[230] |= {"total": 10.5}
    rows[240] |= {"at": "soon"}
    api.lists["orders"] = Listed(rows, style="page", cap=100)
    paging = {"type": "page", "param": "page"}

    told = read(orders={**STREAM, "paging": paging}, looks=True)

    schemas = [
        (n, message["schema"]["properties"])
        for n, message in enumerate(told.messages)
        if message["type"] == "SCHEMA" and "elt" not in message
    ]
    (at_first, narrow), (later, wide) = schemas
    assert (narrow["total"], narrow["at"]) == (
        {"type": ["null", "integer"]},
        {"type": ["null", "string"], "format": "date"},
    )
    assert (wide["total"], wide["at"]) == (
        {"type": ["null", "number"]},
        {"type": ["null", "string"]},
    )
    before = [m for m in told.messages[at_first:later] if m["type"] == "RECORD"]
    assert len(before) == 200
    assert told.ids() == list(range(250))


def test_a_declared_type_is_never_made_wider(api, read):
    rows = [{"id": n, "total": 10} for n in range(120)]
    rows[110]["total"] = "many"
    api.lists["orders"] = Listed(rows, style="page", cap=100)
    table = {**STREAM, "paging": {"type": "page", "param": "page"}}

    told = read(orders={**table, "columns": {"total": "integer"}}, looks=True)

    described = [m for m in told.messages if m["type"] == "SCHEMA" and "elt" not in m]
    assert len(described) == 1


def test_columns_that_the_sample_did_not_show_are_described_before_they_come(api, read):
    api.lists["orders"] = Listed([])
    tap = read.tap({"orders": STREAM})
    catalog = json.loads(tap.catalog_json_text)
    tap.api.close()
    api.lists["orders"] = Listed([{"id": 1, "at": "2025-05-01T10:00:00Z", "n": None}])

    again = read.tap({"orders": STREAM}, catalog=catalog)
    again.sync_all()

    lines = read.capsysbinary.readouterr().out.splitlines()
    first = json.loads(lines[0])
    assert first["schema"]["properties"] == {
        "id": {"type": ["string", "integer"]},
        "at": {"type": ["null", "string"], "format": "date-time"},
    }


def test_a_pattern_for_columns_decides_about_new_ones_too(api, read):
    api.lists["orders"] = Listed([{"id": 1}])
    tap = read.tap({"orders": STREAM})
    catalog = select(json.loads(tap.catalog_json_text), ["orders", "!orders.ss*"], {})
    tap.api.close()
    api.lists["orders"] = Listed([{"id": 1, "ssn": "x", "name": "Ann"}])

    again = read.tap({"orders": STREAM}, catalog=catalog)
    again.sync_all()

    lines = read.capsysbinary.readouterr().out.splitlines()
    told = [json.loads(line) for line in lines]
    assert [m["record"] for m in told if m["type"] == "RECORD"] == [
        {"id": 1, "name": "Ann"}
    ]
    assert all("ssn" not in m["schema"]["properties"] for m in told if "schema" in m)
