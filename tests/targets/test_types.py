"""For all schemas and all values: loaded exactly as sent, or a reject."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.warehouse.duckdb import Warehouse
from tests.targets.conftest import Loader, schema
from tests.targets.kept import (
    Number,
    WatchedWarehouse,
    read,
    same,
    with_texts,
    written,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-(2**63), 2**63 - 1).map(Number)
ANY_NUMBER = st.one_of(
    st.integers(-(10**45), 10**45).map(Number),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda n: Number(repr(n))),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(
        lambda n: Number(f"{n:f}")
    ),
    st.from_regex(
        r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}", fullmatch=True
    ).map(Number),
    st.sampled_from(
        ["9007199254740993", "1e400", "1e-20", "-0", "-0.0", "1.0", "1.7"]
    ).map(Number),
)
DAYS = st.dates().map(str)
CLOCKS = st.one_of(
    st.times().map(str),
    st.from_regex("[01][0-9]:[0-5][0-9]:[0-5][0-9][.,][0-9]{1,9}", fullmatch=True),
)
OFFSETS = st.sampled_from(
    ["", "Z", "z", "+00:00", "-00:00", "+05:30", "-1200", "+14", " UTC", " +0200"]
)
MOMENTS = st.builds(
    "{}{}{}{}".format, DAYS, st.sampled_from(["T", " ", "t"]), CLOCKS, OFFSETS
)
SCALARS = st.one_of(st.none(), st.booleans(), ANY_NUMBER, TEXTS, DAYS, CLOCKS, MOMENTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=6,
)
PLAIN = [
    {},
    True,
    {"type": "null"},
    {"type": "boolean"},
    {"type": "integer"},
    {"type": ["null", "integer"], "minimum": 0, "maximum": 2**70},
    {"type": "number"},
    {"type": "number", "multipleOf": 0.01},
    {"type": "number", "multipleOf": 0.25},
    {"type": ["integer", "number"]},
    {"type": "string"},
    {"type": "string", "maxLength": 3, "pattern": "^a"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "time"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "singer.decimal", "precision": 20, "scale": 4},
    {"type": ["null", "string", "integer"]},
    {"type": ["boolean", "number"]},
    {"type": "object"},
    {"type": "array"},
    {"type": "array", "items": {}},
    {"type": "array", "items": [{"type": "integer"}]},
    {"enum": ["a", 1, None]},
    {"const": 5},
    {"type": "integer", "enum": [1, 2]},
    {"$ref": "#/definitions/thing"},
    {"type": "number", "x-sql-datatype": "DECIMAL(50, 2)"},
    {"type": "number", "x-sql-datatype": "DECIMAL(38, 9)"},
]
SCHEMAS = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: st.one_of(
        st.builds(
            lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3)
        ),
        st.builds(
            lambda some: {"oneOf": some}, st.lists(inner, min_size=1, max_size=2)
        ),
        st.builds(
            lambda some: {"allOf": some}, st.lists(inner, min_size=1, max_size=2)
        ),
        st.builds(
            lambda fields: {"type": ["null", "object"], "properties": fields},
            st.dictionaries(TEXTS, inner, max_size=3),
        ),
        st.builds(lambda each: {"type": "array", "items": each}, inner),
    ),
    max_leaves=5,
)


def fitting(declared):  # noqa: C901, PLR0911, PLR0912  one case for each kind
    """Give values as a well-behaved tap writes them for a schema."""
    match declared:
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "integer"}:
            return WHOLE
        case {"type": "number", "multipleOf": 0.01}:
            return st.integers(-(10**16), 10**16).map(lambda n: Number(n / 100))
        case {"type": "number"}:
            return st.floats(-1e15, 1e15).map(lambda n: Number(repr(n)))
        case {"type": "string", "format": "date-time"}:
            return st.datetimes().map(lambda at: at.isoformat() + "Z")
        case {"type": "string", "format": "date"}:
            return DAYS
        case {"type": "string", "format": "time"}:
            return st.times().map(str)
        case {"type": "string"}:
            return TEXTS
        case {"type": ["null", "object"], "properties": fields}:
            return st.none() | st.fixed_dictionaries(
                {}, optional={key: fitting(one) for key, one in fields.items()}
            )
        case {"type": "array", "items": items} if items:
            return st.lists(fitting(items), max_size=3)
        case _:
            return VALUES


USUAL = st.recursive(
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "integer"},
            {"type": "number", "multipleOf": 0.01},
            {"type": "number"},
            {"type": "string"},
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
            {"type": "string", "format": "time"},
            {},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda fields: {"type": ["null", "object"], "properties": fields},
            st.dictionaries(TEXTS, inner, min_size=1, max_size=3),
        ),
        st.builds(lambda each: {"type": "array", "items": each}, inner),
    ),
    max_leaves=5,
)


@st.composite
def streams(draw, schemas, values):
    properties = draw(st.dictionaries(TEXTS, schemas, min_size=1, max_size=5))
    records = st.fixed_dictionaries(
        {}, optional={key: values(one) for key, one in properties.items()}
    )
    return properties, draw(st.lists(records, min_size=1, max_size=8))


WILD = streams(SCHEMAS, lambda declared: fitting(declared) | VALUES)
TAME = streams(USUAL, fitting)
# Written so, an integer makes its row be read value by value; with a key that the
# schema lacks all rows of its part are.
ODD = {"one": [b'{"_n": -1.0}'], "all": [b'{"_n": -1.0, "_odd": 1}'], "none": []}


def for_all(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )


@pytest.fixture
def watched(tmp_path):
    return Loader(tmp_path, WatchedWarehouse(Warehouse(tmp_path / "w.duckdb")))


def load(loader, properties, lines, *, by_file=False, **about):
    """Load records into a new table; give each one's text and the table's columns."""
    if loader.warehouse.exists():
        loader.sql("DROP TABLE IF EXISTS raw.s")
        loader.sql("DELETE FROM _elt.rejects")
    loader.warehouse.statements.clear()
    told = {"_n": {"type": "integer"}, **properties}
    messages = lines
    if by_file:
        path = loader.folder / "records.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        messages = [
            {
                "type": "BATCH",
                "stream": "s",
                "encoding": {"format": "jsonl", "compression": "none"},
                "manifest": [path.as_uri()],
            }
        ]
    declared = {**schema(), "schema": {"properties": told}}
    loader.load(declared, *messages, percent=100, **about)


def lines_of(records):
    """Write records with numbers, since their order is not the table's."""
    return [
        written({"_n": Number(number), **record}).encode()
        for number, record in enumerate(records)
    ]


def expect_all_kept(loader, properties, records):
    columns = [
        (f'"{name.replace(chr(34), chr(34) * 2)}"', type_)
        for name, type_ in loader.types().items()
    ][: 1 + len(properties)]
    shown = ", ".join(
        f"to_json({name}::{with_texts(type_)})::VARCHAR"
        if type_.endswith("]") or type_.startswith("STRUCT")
        else f"{name}::VARCHAR"
        for name, type_ in columns
    )
    kept = {int(row[0]): row[1:] for row in loader.sql(f"SELECT {shown} FROM raw.s")}
    rejected = [read(record) for *_, record in loader.rejects()]
    for number, record in enumerate(records):
        if number not in kept:
            assert {"_n": Number(number), **record} in rejected
            continue
        for key, (_, type_), text in zip(
            properties, columns[1:], kept[number], strict=True
        ):
            plain = type_.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
            assert same(plain, record.get(key), text), (key, type_, text)
    return len(kept)


ROADS = pytest.mark.parametrize("by_file", [False, True], ids=["record", "batch"])
NESTED = pytest.mark.parametrize("nested", ["json", "struct"])


def check_wild(loader, stream, *, by_file, nested, careful):
    properties, records = stream

    load(
        loader,
        properties,
        [*lines_of(records), *ODD[careful]],
        by_file=by_file,
        nested=nested,
    )

    assert loader.warehouse.carefully or careful == "none"
    expect_all_kept(loader, properties, records)


def check_tame(loader, stream, *, by_file, nested):
    properties, records = stream

    load(loader, properties, lines_of(records), by_file=by_file, nested=nested)

    assert not loader.warehouse.carefully
    assert expect_all_kept(loader, properties, records) == len(records)


@ROADS
@NESTED
@for_all(5)
@given(stream=TAME)
def test_for_all_usual_values_the_fast_road_keeps_them(
    watched, stream, by_file, nested
):
    check_tame(watched, stream, by_file=by_file, nested=nested)


@ROADS
@NESTED
@for_all(5)
@given(stream=WILD)
def test_for_all_values_and_schemas_each_is_kept_or_a_reject(
    watched, stream, by_file, nested
):
    careful = "one" if by_file else "all"
    check_wild(watched, stream, by_file=by_file, nested=nested, careful=careful)


@pytest.mark.slow
@NESTED
@for_all(100)
@given(stream=WILD)
def test_for_very_many_values_each_is_kept_or_a_reject(watched, stream, nested):
    check_wild(watched, stream, by_file=False, nested=nested, careful="none")


@pytest.mark.slow
@NESTED
@for_all(100)
@given(stream=TAME)
def test_for_very_many_usual_values_the_fast_road_keeps_them(watched, stream, nested):
    check_tame(watched, stream, by_file=True, nested=nested)
