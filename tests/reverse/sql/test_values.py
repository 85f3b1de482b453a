"""For all values: what comes back from a table is what the model had."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import msgspec
import pytest
from far_tables import KINDS, FarSide, route_to
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.project.sync_settings import SyncTable
from elt.reverse.destination import Added
from elt.reverse.mapping import compile_mapping

TYPES = {
    "id": "INTEGER",
    "small": "SMALLINT",
    "big": "BIGINT",
    "huge": "HUGEINT",
    "price": "DECIMAL(38,9)",
    "ratio": "DOUBLE",
    "ok": "BOOLEAN",
    "words": "VARCHAR",
    "day": "DATE",
    "at": "TIMESTAMP",
    "seen": "TIMESTAMPTZ",
    "clock": "TIME",
    "raw": "BLOB",
    "doc": "JSON",
    "tags": "VARCHAR[]",
}
FIRST, LAST = datetime(1000, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text("aé😀\"\\' \n", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner)
    ),
    max_leaves=4,
)


def numbers(places: int, digits: int) -> st.SearchStrategy[Decimal]:
    limit = 10**digits - 1
    return st.integers(-limit, limit).map(lambda n: Decimal(f"{n}e-{places}"))


def rows(kind: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Make rows that this database has room for; NULLs among them."""
    bits = 63 if kind == "sqlite" else 126
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    values = {
        "small": st.integers(-(2**15), 2**15 - 1),
        "big": st.integers(-(2**63), 2**63 - 1),
        "huge": st.integers(-(2**bits), 2**bits - 1),
        "price": numbers(9, 15 if kind == "sqlite" else 38),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "ok": st.booleans(),
        "words": st.text(letters, max_size=30),
        "day": st.dates(FIRST.date(), LAST.date()),
        "at": st.datetimes(FIRST, LAST),
        "seen": st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
        "clock": st.times(),
        "raw": st.binary(max_size=20),
        "doc": st.dictionaries(st.text("ab", max_size=2), documents).map(json.dumps),
        "tags": st.lists(st.text("aé😀,\"'", max_size=4), max_size=3),
    }
    row = st.fixed_dictionaries({k: st.none() | v for k, v in values.items()})
    return st.lists(row, min_size=1, max_size=6)


def model(cursor: duckdb.DuckDBPyConnection, given_rows: list[dict[str, Any]]) -> Any:
    """Put rows into a model, and give it as a sync sees it: values and changes."""
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in TYPES.items())
    cursor.execute(f"CREATE OR REPLACE TABLE m ({columns})")
    cursor.execute("SET TimeZone = 'UTC'")
    for number, row in enumerate(given_rows):
        names = ", ".join(f'"{name}"' for name in ["id", *row])
        marks = ", ".join("?" * (len(row) + 1))
        cursor.execute(
            f"INSERT INTO m ({names}) VALUES ({marks})", [number, *row.values()]
        )
    table = {"model": "m", "destination": "d", "object": "people", "key": "id"}
    mapping = compile_mapping(
        cursor, "s", msgspec.convert(table, SyncTable), relation="m"
    )
    found = cursor.execute(
        f"SELECT {mapping.key_sql}, {mapping.payload_sql}"
        f" FROM ({mapping.select}) ORDER BY id"
    ).fetchall()
    values = cursor.execute("SELECT * FROM m ORDER BY id").fetchall()
    return values, [Added(key, text) for key, text in found], mapping.columns


def read_back(text_or_value: Any, read: Any) -> Any:
    return read(text_or_value) if isinstance(text_or_value, str) else text_or_value


def stamp(value: Any) -> datetime:
    read: datetime = read_back(value, datetime.fromisoformat)
    return read.replace(tzinfo=UTC)


def clock(value: Any) -> time:
    if isinstance(value, timedelta):  # pymysql's notion of a time
        return (datetime(2000, 1, 1, tzinfo=UTC) + value).time()
    read: time = read_back(value, time.fromisoformat)
    return read


PLAIN: dict[str, Any] = {
    **dict.fromkeys(("INTEGER", "SMALLINT", "BIGINT", "HUGEINT"), int),
    "DECIMAL(38,9)": lambda v: Decimal(repr(v) if isinstance(v, float) else v),
    "BOOLEAN": bool,
    "DATE": lambda v: read_back(v, date.fromisoformat),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ"), stamp),
    "TIME": clock,
    **dict.fromkeys(("JSON", "VARCHAR[]"), lambda v: read_back(v, json.loads)),
}


def plain(name: str, value: Any) -> Any:
    """Read a value that came back, whatever the driver makes of its type."""
    read = PLAIN.get(TYPES[name])
    return value if value is None or read is None else read(value)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_every_value_comes_back_as_it_was(far, data):
    given_rows = data.draw(rows(far.kind))
    cursor = duckdb.connect()
    values, changes, columns = model(cursor, given_rows)
    route = route_to(columns={c.name: c.type for c in columns}, key="id")
    far.run("DROP TABLE IF EXISTS people")

    answers = far.send(*changes, route=route, create_table=True)
    names = ", ".join(far.quote(name) for name in TYPES)
    inserted = far.rows(columns=names)
    again = far.send(*changes, route=route)

    assert {status for status, _ in answers.values()} == {"accepted"}, answers
    for expected, found, updated in zip(
        values, inserted, far.rows(columns=names), strict=True
    ):
        for name, ours, theirs, later in zip(
            TYPES, expected, found, updated, strict=True
        ):
            assert plain(name, theirs) == plain(name, ours), name
            assert plain(name, later) == plain(name, ours), name
    assert again == answers


EXAMPLES = [
    # the model's type, a value, a column's type by database, what is there or said
    (
        "DECIMAL(10,3)",
        "1.255",
        ("numeric(10, 2)", "decimal(10, 2)", None),
        "would round",
    ),
    ("DECIMAL(10,3)", "1.25", ("numeric(10, 2)", "decimal(10, 2)", "numeric"), "1.25"),
    ("DOUBLE", "0.1", ("numeric(10, 2)", "decimal(10, 2)", "numeric"), "0.1"),
    (
        "DOUBLE",
        "1e+30",
        ("numeric(10, 2)", "decimal(10, 2)", None),
        "ut of range|overflow",
    ),
    # no integer of 64 bits, though it is written as a whole number
    (
        "DOUBLE",
        "9223372036854776000",
        ("double precision", "double", "real"),
        r"9\.223372036854776e\+18",
    ),
    ("DOUBLE", "1.5", ("bigint", "bigint", None), "not a whole number"),
    ("VARCHAR", '"1.5"', ("integer", "integer", None), "not a whole number"),
    ("VARCHAR", '"abc"', ("integer", "integer", "integer"), "not a"),
    ("VARCHAR", '"007"', ("integer", "integer", "integer"), "whole|another way"),
    (
        "HUGEINT",
        "9223372036854775808",
        ("bigint", "bigint", "integer"),
        "out of range|Out of range|cannot hold",
    ),
    (
        "DECIMAL(38,2)",
        "12345678901234567890.25",
        ("double precision", "double", "numeric"),
        "cannot hold",
    ),
    (
        "BIGINT",
        "9007199254740993",
        ("double precision", "double", "real"),
        "cannot hold",
    ),
    (
        "BIGINT",
        "9007199254740992",
        ("double precision", "double", "real"),
        "9007199254740992",
    ),
    (
        "TIMESTAMP",
        '"2025-01-31T13:05:00.123456"',
        ("timestamp(3)", "datetime", None),
        "round the seconds",
    ),
    (
        "TIMESTAMP",
        '"2025-01-31T13:05:00.000000"',
        ("timestamp(0)", "datetime", None),
        "2025-01-31 13:05:00",
    ),
    (
        "TIMESTAMP_NS",
        '"2025-01-31T13:05:00.123456789"',
        ("timestamp", "datetime(6)", None),
        "round the seconds",
    ),
    (
        "TIMESTAMP",
        '"2025-01-31T13:05:00.000000"',
        ("date", "date", None),
        "drop the time",
    ),
    ("TIMESTAMP", '"2025-01-31T00:00:00.000000"', ("date", "date", None), "2025-01-31"),
    (
        "TIMESTAMP",
        '"2025-01-31T13:05:00.000000"',
        ("time", "time", None),
        "drop the date",
    ),
    ("VARCHAR", '"too long"', ("varchar(5)", "varchar(5)", None), "too long"),
    ("VARCHAR", '"right  "', ("varchar(5)", "varchar(5)", None), "cut off its spaces"),
    ("VARCHAR", '"not json"', ("jsonb", "json", None), "json|CONSTRAINT"),
    ("VARCHAR", r'"{\"a\": 1}"', ("jsonb", "json", "text"), '{"a": 1}'),
    ("VARCHAR", '"2025-02-30"', ("date", "date", None), "out of range|Incorrect date"),
    ("VARCHAR", '"x"', ("uuid", "uuid", None), "uuid"),
    ("BOOLEAN", "true", ("boolean", "boolean", "boolean"), "True|1"),
    ("BOOLEAN", "true", ("text", "text", "text"), "true"),
    ("BIGINT", "7", ("text", "text", "text"), "7"),
    ("DOUBLE", "1e+21", ("text", "text", "text"), r"1e\+21"),
    ("JSON", '{"b":1.10,"a":[1]}', ("text", "text", "text"), r'\{"b":1.10,"a":\[1\]\}'),
    ("JSON", '"word"', ("text", "text", "text"), '"word"'),
    (
        "TIMESTAMP WITH TIME ZONE",
        '"2025-01-31T13:05:00.000000Z"',
        ("text", "text", "text"),
        "2025-01-31T13:05:00.000000Z",
    ),
    ("BLOB", '"AAFh"', ("text", "text", "text"), "AAFh"),
    ("VARCHAR", r'"a\u0000b"', ("text", None, None), "u0000"),
    (
        "VARCHAR",
        '"😀"',
        (None, "text character set utf8mb3", None),
        "Incorrect string value",
    ),
    ("VARCHAR", '"😀"', ("text", "text", "text"), "😀"),
    ("INTEGER", "0", (None, "timestamp", None), "Incorrect datetime"),
]
CASES = [
    pytest.param(
        kind, column, source, value, expected, id=f"{kind} {source} {value} {column}"
    )
    for source, value, columns, expected in EXAMPLES
    for kind, column in zip(KINDS, columns, strict=True)
    if column is not None
]


@pytest.mark.parametrize(("kind", "column", "source", "value", "expected"), CASES)
def test_a_value_is_kept_as_it_is_or_refused(  # noqa: PLR0917
    request, tmp_path, kind, column, source, value, expected
):
    far = FarSide(request.getfixturevalue(kind), tmp_path)
    far.run(f"CREATE TABLE people (id integer PRIMARY KEY, v {column})")
    route = route_to(columns={"id": "INTEGER", "v": source}, key="id")

    answers = far.send(
        Added("1", f'{{"id":1,"v":{value}}}'),
        Added("2", '{"id":2,"v":null}'),
        route=route,
    )

    status, said = answers["1"]
    kept = dict(far.rows())
    assert answers["2"] == ("accepted", "")
    assert kept[2] is None
    assert (status == "accepted") is (1 in kept)
    if status == "accepted":
        said = json.dumps(kept[1]) if isinstance(kept[1], dict) else str(kept[1])
    assert re.search(expected, said), (status, said)
