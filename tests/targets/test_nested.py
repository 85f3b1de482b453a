"""`nested = "struct"`: objects and lists as columns of their own types."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from elt.targets.nested import covers, parse, render
from elt.warehouse.duckdb import Warehouse
from tests.targets.conftest import Loader, schema
from tests.targets.kept import WatchedWarehouse

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
ADDRESS = {
    "type": ["null", "object"],
    "properties": {
        "city": TEXT,
        "zip": INTEGER,
        "geo": {"type": "object", "properties": {"lat": {"type": "number"}}},
    },
}
LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"price": {"type": "number", "multipleOf": 0.01}, "n": INTEGER},
    },
}


@pytest.fixture
def loader(tmp_path):
    return Loader(tmp_path, WatchedWarehouse(Warehouse(tmp_path / "w.duckdb")))


def load(loader, told, *records, **about):
    lines = [
        one if isinstance(one, bytes) else json.dumps(one).encode() for one in records
    ]
    loader.load(told, *lines, nested="struct", percent=100, **about)


def test_objects_and_lists_have_types_and_digits_are_kept(loader):
    load(
        loader,
        schema(a=ADDRESS, l=LINES, i={"type": "array", "items": INTEGER}),
        b'{"a": {"city": "Oslo", "geo": {"lat": 1.5}}, "l": [{"price": 1.10}, null],'
        b' "i": [1, null]}',
    )

    types = loader.types()
    assert types["a"] == "STRUCT(city VARCHAR, zip BIGINT, geo STRUCT(lat DOUBLE))"
    assert types["l"] == "STRUCT(price DECIMAL(18,2), n BIGINT)[]"
    assert types["i"] == "BIGINT[]"
    assert loader.sql("SELECT a, l, i FROM raw.s") == [
        (
            {"city": "Oslo", "zip": None, "geo": {"lat": 1.5}},
            [{"price": Decimal("1.10"), "n": None}, None],
            [1, None],
        )
    ]
    assert not loader.warehouse.carefully


def test_a_null_an_empty_object_and_an_empty_list_stay_apart(loader):
    load(loader, schema(a=ADDRESS, l=LINES), {"a": None}, {"a": {}, "l": []})

    assert loader.sql("SELECT a IS NULL, l IS NULL FROM raw.s ORDER BY rowid") == [
        (True, True),
        (False, False),
    ]


def test_what_nothing_declares_stays_json(loader):
    load(
        loader,
        schema(
            a={"type": "object", "properties": {"any": {}, "free": {"type": "object"}}},
            l={"type": "array"},
            m={"type": "array", "items": {"type": "object"}},
        ),
        b'{"a": {"any": [1.10], "free": {"x": 1}}, "l": [1, "x"], "m": [{"y": 1.10}]}',
    )

    types = loader.types()
    assert types["a"] == 'STRUCT("any" JSON, free JSON)'
    assert (types["l"], types["m"]) == ("JSON", "JSON[]")
    shown = loader.sql(
        'SELECT a."any"::VARCHAR, a.free::VARCHAR, m[1]::VARCHAR FROM raw.s'
    )
    assert shown == [("[1.10]", '{"x":1}', '{"y":1.10}')]


def test_a_key_inside_that_the_schema_lacks_becomes_a_field(loader):
    told = schema(a=ADDRESS, l=LINES)
    load(loader, told, {"a": {"city": "Oslo"}, "l": [{"price": 1}]})

    load(
        loader,
        told,
        {"a": {"geo": {"lat": 1, "lon": 2.5}, "land": "no"}, "l": [{"gift": True}]},
    )

    assert loader.sql("SELECT a.geo.lon, a.land, l[1].gift, a.city FROM raw.s") == [
        (None, None, None, "Oslo"),
        (2.5, "no", True, None),
    ]
    assert not loader.warehouse.carefully


def test_a_field_that_changes_its_type_widens_and_keeps_old_values(loader):
    load(loader, schema(a=ADDRESS), {"a": {"zip": 12}})

    changed = {"type": "object", "properties": {"zip": TEXT, "city": ADDRESS}}
    load(loader, schema(a=changed), {"a": {"zip": "N-1", "city": {"zip": 1}}})

    kept = loader.sql("SELECT a.zip, a.city::VARCHAR FROM raw.s ORDER BY rowid")
    assert kept == [("12", None), ("N-1", '{"zip":1}')]


def test_an_integer_inside_grows_as_it_does_outside(loader):
    load(loader, schema(l=LINES), {"l": [{"n": 1}, {"n": 2**80}]})

    assert loader.sql("SELECT l[2].n FROM raw.s") == [(2**80,)]


@pytest.mark.parametrize(
    ("record", "column", "value", "reason"),
    [
        (b'{"a": 5}', "a", "5", "not an object"),
        (b'{"a": {"geo": []}}', "a.geo", "[]", "not an object"),
        (b'{"a": {"zip": 1.7}}', "a.zip", "1.7", "not an integer"),
        (b'{"a": {"zip": 1, "zip": 2}}', "a", None, "the same key twice"),
        (b'{"l": {"price": 1}}', "l", '{"price":1}', "not a list"),
        (b'{"l": [{"price": 1}, 5]}', "l[]", None, "not an object"),
        (b'{"l": [{"n": 1}, {"n": true}]}', "l[].n", "true", "not an integer"),
        (b'{"l": [{"n": 1, "n": 1}]}', "l[]", None, "the same key twice"),
    ],
)
def test_what_does_not_fit_is_a_reject_with_its_path(
    loader, record, column, value, reason
):
    load(loader, schema(a=ADDRESS, l=LINES), record, {"a": {"city": "Oslo"}})

    assert loader.sql("SELECT a.city FROM raw.s") == [("Oslo",)]
    (reject,) = loader.rejects()
    assert (reject[0], reject[2], reject[3]) == (column, reason, record.decode())
    assert value in (None, reject[1])


def test_names_that_a_struct_cannot_have_make_json(loader):
    odd = {"type": "object", "properties": {'a"b': INTEGER}}
    twice = {"type": "object", "properties": {"a": INTEGER, "A": INTEGER}}
    load(
        loader,
        schema(o=odd, t=twice, a=ADDRESS),
        {"o": {'a"b': 1}, "t": {"a": 1, "A": 2}, "a": {"City": "x", "city": "y"}},
    )

    assert loader.sql("SELECT o, t, a FROM raw.s") == [
        ('{"a\\"b":1}', '{"a":1,"A":2}', '{"City":"x","city":"y"}')
    ]


def test_odd_names_are_fields_like_any_other(loader):
    names = ["select", "a.b", "Ünï", "x" * 300, "$ref", "a'b", "[0]", "\N{CAT}"]
    declared = {"type": "object", "properties": dict.fromkeys(names, INTEGER)}
    record = {name: number for number, name in enumerate(names)}

    load(loader, schema(o=declared), {"o": record}, {"o": {**record, "new": 1}})

    assert loader.column("o") == [{**record, "new": None}, {**record, "new": 1}]


def test_a_struct_becomes_json_when_the_setting_goes_and_stays_it(loader):
    load(loader, schema(a=ADDRESS), {"a": {"zip": 1}})
    loader.load(schema(a=ADDRESS), b'{"a": {"zip": 2}}')
    load(loader, schema(a=ADDRESS), b'{"a": {"zip": 3.0}}')

    assert loader.sql("SELECT a ->> 'zip' FROM raw.s") == [("1",), ("2",), ("3.0",)]


def test_json_inside_keeps_its_digits_when_the_whole_becomes_json(loader):
    anything = {"type": "object", "properties": {"any": {}}}
    declared = {"type": "array", "items": anything}
    record = b'{"a": [{"any": 12345678901234567890.10}, null, {"any": {"b": 0.0}}]}'
    load(loader, schema(a=declared), record)

    loader.load(schema(a=declared), b'{"a": "none"}')

    assert loader.sql("SELECT a::VARCHAR FROM raw.s") == [
        ('[{"any":12345678901234567890.10},null,{"any":{"b":0.0}}]',),
        ('"none"',),
    ]


def test_a_column_with_the_tables_own_name_keeps_its_fields_when_it_grows(loader):
    inner = {"id": INTEGER, "name": TEXT}
    declared = {"id": INTEGER, "name": TEXT, "s": {"type": "object"}}
    declared["s"]["properties"] = inner
    record = {"id": 1, "name": "outer", "s": {"id": 77, "name": "inner"}}
    load(loader, schema(**declared), record)

    declared["s"]["properties"] = {**inner, "more": INTEGER}
    load(loader, schema(**declared), {"id": 2, "s": {"more": 3}})

    assert loader.column("s", order="id") == [
        {"id": 77, "name": "inner", "more": None},
        {"id": None, "name": None, "more": 3},
    ]


@pytest.mark.parametrize("broken", [b"{bad", b'{"a": {"city": "\xff"}}'])
def test_a_broken_line_beside_objects_is_a_reject_like_any_other(loader, broken):
    path = loader.folder / "f.jsonl"
    path.write_bytes(b'{"a": {"zip": 1}}\n' + broken + b'\n{"a": {"zip": 2}}\n')
    batch = {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [path.as_uri()],
    }

    loader.load(schema(a=ADDRESS), batch, nested="struct", percent=100)

    assert loader.sql("SELECT a.zip FROM raw.s ORDER BY 1") == [(1,), (2,)]
    assert [reject[2] for reject in loader.rejects()] == ["not JSON"]


def test_a_frozen_type_has_no_place_for_new_fields(loader):
    load(loader, schema(a=ADDRESS), {"a": {"zip": 1}})

    load(
        loader,
        schema(a=ADDRESS),
        {"a": {"zip": 2, "land": "no"}},
        {"a": {"zip": 3, "land": None}},
        policy="quarantine",
    )

    assert loader.sql("SELECT a.zip FROM raw.s") == [(1,), (3,)]
    assert loader.rejects()[0][::2] == ("a", "a key that it cannot have")


@pytest.mark.parametrize(
    ("told", "ours"),
    [
        ("BIGINT[]", "BIGINT[]"),
        ("STRUCT(a BIGINT, b VARCHAR[])[]", 'STRUCT("a" BIGINT, "b" VARCHAR[])[]'),
        ('STRUCT("x, y" DECIMAL(18,2))', 'STRUCT("x, y" DECIMAL(18,2))'),
        ('STRUCT("a""b" STRUCT(")" DATE))', 'STRUCT("a""b" STRUCT(")" DATE))'),
        ("STRUCT(e ENUM('a)', 'b'), f INTEGER[3])",
         "STRUCT(\"e\" ENUM('a)', 'b'), \"f\" INTEGER[])"),
    ],
)  # fmt: skip
def test_a_type_is_read_as_duckdb_writes_it(told, ours):
    assert render(parse(told)) == ours
    assert parse(ours) == parse(told)


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        ("JSON", "STRUCT(a BIGINT)", True),
        ("STRUCT(a JSON)", "STRUCT(a BIGINT[])", True),
        ("STRUCT(a BIGINT, b DATE)", "STRUCT(b VARCHAR)", True),
        ("STRUCT(a BIGINT)", "STRUCT(b BIGINT)", False),
        ("STRUCT(a BIGINT)", "JSON", False),
        ("BIGINT[]", "STRUCT(a BIGINT)[]", False),
    ],
)
def test_a_type_covers_another_that_has_no_more_parts(held, wanted, expected):
    assert covers(parse(held), parse(wanted)) is expected
