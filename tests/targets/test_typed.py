"""Values of Parquet and Arrow files: exact in their column, or rejects."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from math import inf, isnan

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from elt.targets.reading.typed import typed
from tests.targets.conftest import schema, state

UTC = dt.UTC
INTEGER = {"type": ["null", "integer"]}
WIDE = {"type": ["null", "integer"], "maximum": 2**64}
NUMBER = {"type": ["null", "number"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}
TEXT = {"type": ["null", "string"]}
TIMESTAMP = {"type": ["null", "string"], "format": "date-time"}
DATE = {"type": ["null", "string"], "format": "date"}
TIME = {"type": ["null", "string"], "format": "time"}
BOOLEAN = {"type": ["null", "boolean"]}
ANYTHING = {"type": ["null", "object", "array"]}

# The value in the file as SQL, what the schema asks for, and what is loaded.
EXACT = {
    "tinyint": ("(-7)::TINYINT", INTEGER, -7),
    "unsigned": ("4294967295::UINTEGER", INTEGER, 4294967295),
    "unsigned-64": ("18446744073709551615::UBIGINT", WIDE, 18446744073709551615),
    "unsigned-64-small": ("7::UBIGINT", INTEGER, 7),
    "whole-double": ("7.0::DOUBLE", INTEGER, 7),
    "text-integer": ("'12'", INTEGER, 12),
    "double": ("0.1::DOUBLE", NUMBER, 0.1),
    "minus-infinity": ("'-inf'::DOUBLE", NUMBER, -inf),
    "float": ("0.1::FLOAT", NUMBER, 0.10000000149011612),
    "integer-as-number": ("9007199254740992::BIGINT", NUMBER, 9007199254740992.0),
    "decimal-as-number": ("1.1::DECIMAL(9,2)", NUMBER, 1.1),
    "decimal": ("1.10::DECIMAL(9,2)", MONEY, Decimal("1.10")),
    "narrow-decimal": ("1.5::DECIMAL(4,1)", MONEY, Decimal("1.50")),
    "zeros-behind-the-scale": ("1.5000::DECIMAL(9,4)", MONEY, Decimal("1.50")),
    "integer-as-decimal": ("2147483647::INTEGER", MONEY, Decimal("2147483647.00")),
    "double-as-decimal": ("1.25::DOUBLE", MONEY, Decimal("1.25")),
    "boolean": ("true", BOOLEAN, True),
    "text": ("'ä' || chr(10)", TEXT, "ä\n"),
    "number-as-text": ("1.10::DECIMAL(9,2)", TEXT, "1.10"),
    "uuid": (
        "'6974ac1f-b395-4991-8bce-083d8a9fde01'::UUID",
        TEXT,
        "6974ac1f-b395-4991-8bce-083d8a9fde01",
    ),
    "interval": ("INTERVAL 3 DAYS", TEXT, "3 days"),
    "blob": (r"'ab\x00\xC3'::BLOB", TEXT, r"ab\x00\xC3"),
    "date": ("DATE '0099-12-31'", DATE, dt.date(99, 12, 31)),
    "midnight-as-date": ("TIMESTAMP '2020-01-02'", DATE, dt.date(2020, 1, 2)),
    "time": ("TIME '23:59:59.999999'", TIME, dt.time(23, 59, 59, 999999)),
    "naive": (
        "TIMESTAMP '2020-01-02 03:04:05.123456'",
        TIMESTAMP,
        dt.datetime(2020, 1, 2, 3, 4, 5, 123456, UTC),
    ),
    "with-zone": (
        "TIMESTAMPTZ '2020-01-02 03:04:05+02'",
        TIMESTAMP,
        dt.datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC),
    ),
    "whole-microseconds": (
        "TIMESTAMP_NS '1919-01-02 03:04:05.123456'",
        TIMESTAMP,
        dt.datetime(1919, 1, 2, 3, 4, 5, 123456, UTC),
    ),
    "date-as-timestamp": (
        "DATE '2020-01-02'",
        TIMESTAMP,
        dt.datetime(2020, 1, 2, tzinfo=UTC),
    ),
    "nanoseconds-as-text": (
        "TIMESTAMP_NS '2020-01-02 03:04:05.123456789'",
        TEXT,
        "2020-01-02 03:04:05.123456789",
    ),
    "struct": (
        "{'a': 12345678901234567890.10::DECIMAL(38,2), 'b': [1, NULL]}",
        ANYTHING,
        '{"a":12345678901234567890.10,"b":[1,null]}',
    ),
    "list": (
        "[1.5, 'nan'::DOUBLE, '-inf'::DOUBLE]",
        ANYTHING,
        '[1.5,"NaN","-Infinity"]',
    ),
    "odd-list": (
        "{'x': 'nan'::DOUBLE, 's': 'NaN, \"-'}",
        ANYTHING,
        r'{"x":"NaN","s":"NaN, \"-"}',
    ),
    "map": (
        "MAP {'k': 12345678901234567890.125::DECIMAL(38,3)}",
        ANYTHING,
        '{"k":12345678901234567890.125}',
    ),
    "json": ("""'{"a": 1.10}'::JSON""", ANYTHING, '{"a": 1.10}'),
    "json-in-text": ("""'[1.10, 2]'""", ANYTHING, "[1.10, 2]"),
    "text-in-json": ("'[not json'", ANYTHING, '"[not json"'),
}
REFUSED = {
    "fraction": ("1.7::DOUBLE", INTEGER, "1.7", "not an integer"),
    "boolean": ("true", INTEGER, "true", "not an integer"),
    "decimals-behind-the-scale": (
        "1.234::DECIMAL(9,3)",
        MONEY,
        "1.234",
        "not a number that DECIMAL(18,2) holds without rounding",
    ),
    "nanoseconds": (
        "TIMESTAMP_NS '2020-01-02 03:04:05.123456789'",
        TIMESTAMP,
        "2020-01-02 03:04:05.123456789",
        "has more digits than microseconds",
    ),
    "time-of-nanoseconds": (
        "TIME_NS '03:04:05.123456789'",
        TIME,
        "03:04:05.123456789",
        "has more digits than microseconds",
    ),
    "time-of-a-day": (
        "TIMESTAMP '2020-01-02 03:04:05'",
        DATE,
        "2020-01-02 03:04:05",
        "not a date",
    ),
    "text": ("'x'", NUMBER, "x", "not a number, or one that DOUBLE does not hold"),
}


def batch(path, form="parquet"):
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": form},
        "manifest": [path.as_uri()],
    }


def write(path, names, *rows):
    """Write rows of SQL values; the last column is `id`."""
    listed = [
        ", ".join(
            f'{one} AS "{name}"' for one, name in zip(row, [*names, "id"], strict=True)
        )
        for row in rows
    ]
    selects = " UNION ALL ".join(f"SELECT {row}" for row in listed)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({selects}) TO '{path}' (FORMAT parquet)")


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("second", ["'2'", "'bad'"])
def test_values_are_exact_alone_and_beside_a_bad_row(loader, tmp_path, form, second):
    file = tmp_path / "f"
    names = list(EXACT)
    values = [EXACT[name][0] for name in names]
    write(file, names, (*values, "'1'"), (*values, second))
    if form == "arrow":
        _as_arrow(file)
    asked = {name: declared for name, (_, declared, _) in EXACT.items()}

    loader.load(schema(**asked, id=INTEGER), batch(file, form))

    expected = {name: wanted for name, (*_, wanted) in EXACT.items()}
    assert row(loader, names, "id = 1") == expected
    if second == "'2'":
        assert row(loader, names, "id = 2") == expected
        assert loader.rejects() == []
    else:
        assert [r[:3] for r in loader.rejects()] == [("id", "bad", "not an integer")]


def row(loader, names, where):
    listed = ", ".join(f'"{name}"' for name in names)
    (found,) = loader.sql(f"SELECT {listed} FROM raw.s WHERE {where}")
    return dict(zip(names, found, strict=True))


def _as_arrow(path):
    """Write a Parquet file anew as DuckDB gives its values to Arrow."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        table = connection.sql(f"FROM read_parquet('{path}')").to_arrow_table()
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def test_values_that_their_columns_cannot_hold_are_rejects(loader, tmp_path):
    file = tmp_path / "f"
    names = list(REFUSED)
    rows = [["NULL"] * len(names) + [str(n)] for n in range(len(names) + 1)]
    for n, name in enumerate(names):
        rows[n][n] = REFUSED[name][0]
    write(file, names, *rows)
    asked = {name: declared for name, (_, declared, *_) in REFUSED.items()}

    loader.load(schema(**asked, id=INTEGER), batch(file), state({"at": 1}))

    assert loader.column("id") == [len(names)]
    assert {reject[0]: reject[1:3] for reject in loader.rejects()} == {
        name: (text, reason) for name, (_, _, text, reason) in REFUSED.items()
    }
    assert loader.state() == {"at": 1}


def test_not_a_number_stays_one(loader, tmp_path):
    file = tmp_path / "f"
    write(file, ["v"], ("'nan'::DOUBLE", "1"), ("'nan'::FLOAT", "'x'"))

    loader.load(schema(v=NUMBER, id=INTEGER), batch(file))

    assert [isnan(value) for value in loader.column("v")] == [True]
    assert loader.rejects()[0][3] == '{"v":"NaN","id":"x"}'


def test_an_integer_that_outgrows_its_column_widens_it(loader, tmp_path):
    file = tmp_path / "f"
    write(file, ["v"], ("1::UBIGINT", "1"), ("18446744073709551615::UBIGINT", "2"))

    loader.load(schema(v=INTEGER, id=INTEGER), batch(file))

    assert loader.column("v") == [1, 18446744073709551615]
    assert loader.types()["v"] == "HUGEINT"


def test_an_integer_that_a_double_would_round_widens_its_column(loader, tmp_path):
    file = tmp_path / "f"
    write(file, ["v"], ("9007199254740993", "1"), ("2", "2"))

    loader.load(schema(v=NUMBER, id=INTEGER), batch(file))

    assert loader.column("v") == ["9007199254740993", "2"]


def test_decimals_beyond_those_of_the_warehouse_are_not_read_as_floats(
    loader, tmp_path
):
    file = tmp_path / "f"
    table = pa.table({"v": pa.array([Decimal("1.5")], pa.decimal256(50, 4))})
    pa.parquet.write_table(table, file)

    streams = loader.load(schema(v=MONEY), batch(file), state({"at": 1}))

    assert "decimals of 50 digits" in str(streams["s"].error)
    assert loader.state() is None


def test_arrow_types_that_duckdb_lacks_are_widened_with_all_digits(loader, tmp_path):
    file = tmp_path / "f"
    long = "1234567890123456789012345678901234567890123456.7891"
    table = pa.table(
        {
            "half": pa.array([1.5], pa.float16()),
            "d30": pa.array([Decimal("1.5")], pa.decimal256(30, 2)),
            "d50": pa.array([Decimal(long)], pa.decimal256(50, 4)),
            "none": pa.nulls(1),
            "word": pa.array(["a"]).dictionary_encode(),
        }
    )
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)

    loader.load(schema(half=NUMBER), batch(file, "arrow"))

    assert loader.sql("SELECT half, d30, d50, word FROM raw.s") == [
        (1.5, Decimal("1.50"), long, "a")
    ]
    assert "none" not in loader.types()


def test_a_file_that_agrees_with_its_schema_needs_no_text():
    assert typed("v", "INTEGER", "BIGINT").value == "v::BIGINT"
    assert typed("v", "DECIMAL(9,2)", "DECIMAL(18,2)").check is None
    assert typed("v", "TIMESTAMP", "TIMESTAMPTZ").check is None
    assert typed("v", "VARCHAR", "VARCHAR").value == "v"
    assert typed("v", "DOUBLE", "BIGINT") is None
