"""The bytes that we promise: these hashes are stored in people's warehouses."""

from __future__ import annotations

import hashlib
import json
import math
import re
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.reverse.canonical import ENCODING, json_sql, text_sql

GOLDEN = [
    ("NULL", "null"),
    ("TRUE", "true"),
    ("FALSE", "false"),
    ("1::TINYINT", "1"),
    ("'-9223372036854775808'::BIGINT", "-9223372036854775808"),
    ("'170141183460469231731687303715884105727'::HUGEINT", f"{2**127 - 1}"),
    ("18446744073709551615::UBIGINT", "18446744073709551615"),
    ("1.10::DECIMAL(18, 2)", "1.1"),
    ("1.00::DECIMAL(18, 2)", "1"),
    ("100::DECIMAL(18, 0)", "100"),
    ("-0.50::DECIMAL(2, 2)", "-0.5"),
    ("0.00::DECIMAL(2, 2)", "0"),
    ("0.01::DECIMAL(2, 2)", "0.01"),
    (
        "'12345678901234567890123456789.123456789'::DECIMAL(38, 9)",
        "12345678901234567890123456789.123456789",
    ),
    ("1.0::DOUBLE", "1"),
    ("'-0.0'::DOUBLE", "0"),
    ("0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004"),
    ("1e15::DOUBLE", "1000000000000000"),
    ("1e16::DOUBLE", "10000000000000000"),
    ("1.2345678901234567e20::DOUBLE", "123456789012345670000"),
    ("1e21::DOUBLE", "1e+21"),
    ("-1.5e300::DOUBLE", "-1.5e+300"),
    ("0.00001::DOUBLE", "0.00001"),
    ("0.000001::DOUBLE", "0.000001"),
    ("1.5e-7::DOUBLE", "1.5e-7"),
    ("5e-324::DOUBLE", "5e-324"),
    ("0.1::FLOAT", "0.1"),
    ("16777216::FLOAT", "16777216"),
    ("'é \"x\" / \\ ' || chr(10) || chr(1)", '"é \\"x\\" / \\\\ \\n\\u0001"'),
    ("''", '""'),
    ("'2025-01-31'::DATE", '"2025-01-31"'),
    ("'0033-01-01'::DATE", '"0033-01-01"'),
    ("'13:05:00'::TIME", '"13:05:00.000000"'),
    ("'2025-01-31 13:05:00.5'::TIMESTAMP", '"2025-01-31T13:05:00.500000"'),
    ("'2025-01-31 13:05:00'::TIMESTAMP_S", '"2025-01-31T13:05:00.000000"'),
    ("'2025-01-31 13:05:00.5'::TIMESTAMP_MS", '"2025-01-31T13:05:00.500000"'),
    (
        "'2025-01-31 13:05:00.000000001'::TIMESTAMP_NS",
        '"2025-01-31T13:05:00.000000001"',
    ),
    ("'2025-01-31 13:05:00+02'::TIMESTAMPTZ", '"2025-01-31T11:05:00.000000Z"'),
    ("'1969-12-31 23:59:59.25+00'::TIMESTAMPTZ", '"1969-12-31T23:59:59.250000Z"'),
    ("'ab'::BLOB", '"YWI="'),
    (
        "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::UUID",
        '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"',
    ),
    ("'a'::ENUM('a', 'b')", '"a"'),
    ("[1.5, NULL, 2.0]::DOUBLE[]", "[1.5,null,2]"),
    ("[]::INTEGER[]", "[]"),
    ("[[1], [], NULL]", "[[1],[],null]"),
    ("[1, 2]::INTEGER[2]", "[1,2]"),
    ("{'b': 1.10::DECIMAL(4, 2), 'a': 'x'}", '{"a":"x","b":1.1}'),
    ("[{'b': [1], 'a': DATE '2025-01-31'}]", '[{"a":"2025-01-31","b":[1]}]'),
    ("MAP {'b': 1, 'a': NULL}", '{"a":null,"b":1}'),
    ("MAP {2: 'x', 1: 'y'}", '{"1":"y","2":"x"}'),
    (
        """'{ "b" : 1.10, "a": [1, " x\\" y "],\n "n": 12345678901234567.50 }'::JSON""",
        '{"b":1.10,"a":[1," x\\" y "],"n":12345678901234567.50}',
    ),
]
UNSENDABLE = [
    "'NaN'::DOUBLE",
    "'-Infinity'::FLOAT",
    "'infinity'::TIMESTAMP",
    "'-infinity'::TIMESTAMPTZ",
    "'infinity'::DATE",
    "'0044-01-01 (BC)'::DATE",
    "'24:00:00'::TIME",
    "[1.0::DOUBLE, 'NaN'::DOUBLE]",
    "{'a': 'NaN'::DOUBLE}",
    "MAP {'a': 'NaN'::DOUBLE}",
]


def written(sql: str, *, write=json_sql) -> str | None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    connection.execute(f"CREATE TABLE one AS SELECT {sql} AS x")
    type_ = connection.sql("SELECT x FROM one").types[0]
    row = connection.execute(f"SELECT {write(type_, 'x')} FROM one").fetchone()
    connection.close()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(("sql", "text"), GOLDEN)
def test_every_type_has_its_text(sql, text):
    assert written(sql) == text


def test_the_hash_of_all_texts_is_that_of_encoding_1():
    texts = "\n".join(written(sql) or "" for sql, _ in GOLDEN)

    assert ENCODING == 1
    assert hashlib.sha256(texts.encode()).hexdigest() == (
        "f2aca60a99208ecd5c8a16286dd4e6d162d77dad4c5ebf1398b5ebcd3e804537"
    )


@pytest.mark.parametrize("sql", UNSENDABLE)
def test_a_value_without_a_text_makes_the_whole_payload_null(sql):
    assert written(sql) is None


@pytest.mark.parametrize("sql", UNSENDABLE)
def test_a_value_without_a_text_does_not_disturb_its_neighbours(sql):
    connection = duckdb.connect()
    rows = ", ".join([f"({sql})", "(NULL)"] * 3)
    connection.execute(f"CREATE TABLE mixed AS FROM (VALUES {rows}) AS t(x)")
    type_ = connection.sql("SELECT x FROM mixed").types[0]
    found = connection.execute(f"SELECT {json_sql(type_, 'x')} FROM mixed").fetchall()
    connection.close()

    assert found == [(None,), ("null",)] * 3


@pytest.mark.parametrize(
    "sql", ["INTERVAL 1 DAY", "'101'::BIT", "TIMETZ '03:04:00+01'"]
)
def test_a_type_without_an_agreed_text_is_refused(sql):
    with pytest.raises(ConfigError, match="has no agreed text"):
        written(sql)


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("'Ann \"A\"'", 'Ann "A"'),
        ("7", "7"),
        ("7.50::DECIMAL(5, 2)", "7.5"),
        ("DATE '2025-01-31'", "2025-01-31"),
        ("'2025-01-31 13:05:00+02'::TIMESTAMPTZ", "2025-01-31T11:05:00.000000Z"),
        ("NULL::BOOLEAN", None),
        ("NULL", None),
    ],
)
def test_a_key_is_the_same_text_without_quotes(sql, text):
    assert written(sql, write=text_sql) == text


def test_a_nested_value_cannot_be_a_key():
    with pytest.raises(ConfigError, match="not a single value"):
        written("[1]", write=text_sql)


def ecmascript(number: float) -> str:
    """Write a double as RFC 8785 says, from Python's own shortest digits."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent
    minus = "-" if sign and number else ""
    if number == 0:
        return "0"
    if len(text) <= point <= 21:
        return minus + text.ljust(point, "0")
    if 0 < point <= 21:
        return f"{minus}{text[:point]}.{text[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{text.rjust(len(text) - point, '0')}"
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{minus}{mantissa}e{'+' if point > 0 else ''}{point - 1}"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=50))
def test_any_double_is_written_as_rfc_8785_says(numbers):
    connection = duckdb.connect()
    type_ = connection.sql("SELECT 1::DOUBLE").types[0]
    rows = connection.execute(
        f"SELECT {json_sql(type_, 'x')} FROM (SELECT unnest(?::DOUBLE[]) AS x)",
        [numbers],
    ).fetchall()
    connection.close()

    texts = [text for (text,) in rows]

    assert texts == [ecmascript(number) for number in numbers]
    assert all(math.isclose(float(t), n) for t, n in zip(texts, numbers, strict=True))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_any_text_is_written_as_json_without_needless_escapes(texts):
    connection = duckdb.connect()
    type_ = connection.sql("SELECT 'x'").types[0]
    rows = connection.execute(
        f"SELECT {json_sql(type_, 'x')} FROM (SELECT unnest(?::VARCHAR[]) AS x)",
        [texts],
    ).fetchall()
    connection.close()

    expected = [json.dumps(text, ensure_ascii=False) for text in texts]
    assert [text for (text,) in rows] == [
        re.sub(r"(?<=\\u00)1[a-f]|(?<=\\u00)0[a-f]", lambda m: m[0].upper(), text)
        for text in expected
    ]
