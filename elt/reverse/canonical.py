r"""Canonical text: how a value is written so that it hashes the same everywhere.

The rules are ours, not DuckDB's, so that no upgrade and no other engine changes a
hash. tests/reverse/test_canonical.py keeps the bytes. Version 1:

    payload    a JSON object, fields in the order of their names, no white space
    NULL       null
    boolean    true, false
    integer    its digits
    decimal    its digits without trailing zeros: 1.10 is 1.1, 1.00 is 1
    double     the shortest digits that read back as the same double, in the form of
               RFC 8785: 1, 0.1, 1e+21, 1.5e-7; minus zero is 0
    text       a JSON string; only quotes, backslashes and control characters are
               escaped, the latter as \b \t \n \f \r or \u00XX in capitals
    date       "2025-01-31"
    time       "13:05:00.000000"
    timestamp  "2025-01-31T13:05:00.000000"; with a zone in UTC, ending in Z;
               nanoseconds where the type has them
    bytes      base64
    uuid, enum as text
    list       [a,b]; struct and map: as an object, names in order
    JSON       as it stands, without white space between its parts

NaN, infinities, times such as 24:00 and years outside 1 to 9999 have no such text;
a row with one cannot be sent. Types without an agreed text must be cast.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from elt.errors import ConfigError
from elt.warehouse.dialect import literal

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

ENCODING = 1

INTEGERS = frozenset(
    {
        *("tinyint", "smallint", "integer", "bigint", "hugeint"),
        *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint", "bignum"),
    }
)
STAMP = "%Y-%m-%dT%H:%M:%S"


def json_sql(type_: DuckDBPyType, sql: str) -> str:
    """Write SQL for a value's canonical JSON; NULL where it has none."""
    return f"CASE WHEN {sql} IS NULL THEN 'null' ELSE {_present(type_, sql)} END"


def text_sql(type_: DuckDBPyType, sql: str) -> str:
    """Write SQL for a single value as bare text: a key, or a part of a template.

    Raises ConfigError for nested types.
    """
    if _is_json(type_) or type_.id in {"list", "array", "struct", "map"}:
        raise ConfigError(f"a {type_} is not a single value")
    if type_.id in {"varchar", "enum"}:
        return f"{sql}::VARCHAR"
    bare = f"trim({_present(type_, sql)}, '\"')"
    return f"CASE WHEN {sql} IS NOT NULL THEN {bare} END"


def _present(type_: DuckDBPyType, sql: str) -> str:
    """Write SQL for the canonical JSON of a value that is not NULL."""
    if _is_json(type_):
        return _json(sql)
    if type_.id in INTEGERS:
        return f"{sql}::VARCHAR"
    write = WRITERS.get(type_.id)
    if write is None:
        raise ConfigError(
            f"a {type_} has no agreed text", hint="Cast it in the model or with `sql`"
        )
    return write(type_, sql)


def _is_json(type_: DuckDBPyType) -> bool:
    # DuckDB's JSON is an alias of VARCHAR, told apart by its name only.
    return str(type_) == "JSON"


def _string(_: object, sql: str) -> str:
    return f"to_json({sql}::VARCHAR)::VARCHAR"


def _boolean(_: object, sql: str) -> str:
    return f"CASE WHEN {sql} THEN 'true' ELSE 'false' END"


def _decimal(type_: DuckDBPyType, sql: str) -> str:
    precision, scale = (int(str(value)) for _, value in type_.children)
    if scale == 0:
        return f"{sql}::VARCHAR"
    shortest = f"rtrim(rtrim({sql}::VARCHAR, '0'), '.')"
    if precision > scale:
        return shortest
    # DECIMAL(2,2) is written without the zero before its point.
    padded = f"regexp_replace({shortest}, '^(-?)\\.', '\\10.')"
    return f"CASE WHEN {sql} = 0 THEN '0' ELSE {padded} END"


def _double(_: object, sql: str) -> str:
    # The first two branches take nearly all numbers, and cost a third of the others.
    text = f"{sql}::VARCHAR"
    plain = f"CASE WHEN ends_with({text}, '.0') THEN left({text}, -2) ELSE {text} END"
    return f"""CASE
        WHEN {sql} = trunc({sql}) AND abs({sql}) < 1e15
        THEN TRY_CAST({sql} AS BIGINT)::VARCHAR
        WHEN abs({sql}) >= 1e-4 AND abs({sql}) < 1e15 THEN {text}
        WHEN NOT isfinite({sql}) THEN NULL
        WHEN NOT contains({text}, 'e') THEN {plain}
        ELSE {_scientific(sql)}
    END"""


def _scientific(sql: str) -> str:
    """Rewrite an engine's notation of very large and very small doubles."""
    text = f"{sql}::VARCHAR"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    mantissa = f"regexp_extract({text}, '^-?([0-9.]+)', 1)"
    digits = f"rtrim(replace({mantissa}, '.', ''), '0')"
    # TRY_CAST, because an engine may look at a branch that it does not take.
    exponent = f"TRY_CAST(regexp_extract({text}, 'e([+-][0-9]+)$', 1) AS INTEGER)"
    point = f"CASE WHEN length({digits}) > 1 THEN '.' ELSE '' END"
    return f"""CASE
        WHEN abs({sql}) >= 1e-6 AND abs({sql}) < 1
        THEN {sign} || '0.' || repeat('0', -({exponent}) - 1) || {digits}
        WHEN abs({sql}) >= 1 AND abs({sql}) < 1e21
        THEN {sign} || rpad({digits}, {exponent} + 1, '0')
        ELSE {sign} || left({digits}, 1) || {point} || substr({digits}, 2)
            || 'e' || CASE WHEN abs({sql}) < 1 THEN '' ELSE '+' END || {exponent}
    END"""


def _date(_: object, sql: str) -> str:
    return _dated(sql, f"""'"' || strftime({sql}, '%Y-%m-%d') || '"'""")


def _time(_: object, sql: str) -> str:
    written = f"strftime(DATE '2000-01-01' + {sql}, '%H:%M:%S.%f')"
    return f"""CASE WHEN {sql} < TIME '24:00:00' THEN '"' || {written} || '"' END"""


def _timestamp(_: object, sql: str) -> str:
    return _dated(sql, f"""'"' || strftime({sql}, '{STAMP}.%f') || '"'""")


def _timestamp_ns(_: object, sql: str) -> str:
    return _dated(sql, f"""'"' || strftime({sql}, '{STAMP}.%n') || '"'""")


def _timestamptz(_: object, sql: str) -> str:
    # By way of microseconds since 1970, so that no session's zone has a say.
    utc = f"make_timestamp(epoch_us({sql}))"
    written = f"""'"' || strftime({utc}, '{STAMP}.%fZ') || '"'"""
    in_range = f"year({utc}) BETWEEN 1 AND 9999"
    return f"CASE WHEN isfinite({sql}) THEN CASE WHEN {in_range} THEN {written} END END"


def _dated(sql: str, written: str) -> str:
    in_range = f"year({sql}) BETWEEN 1 AND 9999"
    return f"CASE WHEN isfinite({sql}) THEN CASE WHEN {in_range} THEN {written} END END"


def _bytes(_: object, sql: str) -> str:
    return f"""'"' || base64({sql}) || '"'"""


def _null(_: object, sql: str) -> str:
    del sql
    return "'null'"


def _json(sql: str) -> str:
    text = f"{sql}::VARCHAR"
    # Not with json(): that rewrites numbers by way of a double.
    tight = f"""regexp_replace(
        {text}, '("(?:[^"\\\\]|\\\\.)*")|[ \\t\\r\\n]+', '\\1', 'g')"""
    loose = f"regexp_matches({text}, '[ \\t\\r\\n]')"
    return f"CASE WHEN {loose} THEN {tight} ELSE {text} END"


def _list(type_: DuckDBPyType, sql: str) -> str:
    child = _children(type_)["child"]
    element = f"element{sql.count('element')}"
    written = json_sql(child, element)
    parts = f"list_transform({sql}::{child}[], lambda {element}: {written})"
    return _joined(parts, "[", "]")


def _struct(type_: DuckDBPyType, sql: str) -> str:
    members = " || ',' || ".join(
        literal(json_name(name) + ":")
        + " || "
        + json_sql(child, f"struct_extract({sql}, {literal(name)})")
        for name, child in sorted(_children(type_).items())
    )
    return f"'{{' || {members} || '}}'"


def _map(type_: DuckDBPyType, sql: str) -> str:
    key, value = _children(type_).values()
    entry = f"entry{sql.count('entry')}"
    name = f"to_json({text_sql(key, f'{entry}.key')})::VARCHAR"
    member = f"{name} || ':' || {json_sql(value, f'{entry}.value')}"
    entries = f"list_sort(map_entries({sql}))"
    return _joined(f"list_transform({entries}, lambda {entry}: {member})", "{", "}")


def _children(type_: DuckDBPyType) -> dict[str, DuckDBPyType]:
    # An array's size and an enum's values are children too; those are not types.
    return {
        name: child
        for name, child in type_.children
        if not isinstance(child, int | list)
    }


def _joined(parts: str, start: str, end: str) -> str:
    """Join a list of texts; NULL where one of them is NULL."""
    complete = f"list_count({parts}) = len({parts})"
    # To DuckDB 1.4 the text of an empty list is NULL.
    inside = f"COALESCE(array_to_string({parts}, ','), '')"
    joined = f"'{start}' || {inside} || '{end}'"
    return f"CASE WHEN {complete} THEN {joined} END"


def json_name(name: str) -> str:
    """Write a field's name as a JSON string, as the SQL does for values."""
    return json.dumps(name, ensure_ascii=False)


WRITERS: dict[str, Callable[[DuckDBPyType, str], str]] = {
    "varchar": _string,
    "enum": _string,
    "uuid": _string,
    "boolean": _boolean,
    "decimal": _decimal,
    "float": _double,
    "double": _double,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamp_s": _timestamp,
    "timestamp_ms": _timestamp,
    "timestamp_ns": _timestamp_ns,
    "timestamp with time zone": _timestamptz,
    "blob": _bytes,
    "null": _null,
    "list": _list,
    "array": _list,
    "struct": _struct,
    "map": _map,
}
