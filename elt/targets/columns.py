"""Which columns a JSON Schema asks for, and what becomes of them over time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

LOADED_AT = "_elt_loaded_at"
RUN_ID = "_elt_run_id"

BIGINT_MAX = 2**63 - 1
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a stream and the column that holds it.

    `type` is one of BIGINT, HUGEINT, DOUBLE, DECIMAL(p,s), BOOLEAN, TIMESTAMPTZ,
    DATE, TIME, VARCHAR and JSON.
    """

    property: str
    name: str
    type: str


def table_name(stream: str) -> str:
    """Name a stream's table: lower case, everything but letters and digits is `_`."""
    return re.sub(r"[\W_]+", "_", stream.lower()).strip("_") or "stream"


def columns_of(schema: Mapping[str, Any]) -> tuple[Column, ...]:
    """Give the columns for a stream's schema, each still under its property's name."""
    properties = schema.get("properties") or {}
    return tuple(
        Column(name, name, column_type(declared))
        for name, declared in properties.items()
    )


def column_type(declared: Any) -> str:
    """Give the narrowest column type that holds every value that a schema allows."""
    if not isinstance(declared, Mapping):
        return "JSON"
    types = {_scalar_type(one) for one in _alternatives(declared)} - {""}
    if not types:
        return "JSON"
    joined = types.pop()
    for other in types:
        joined = widened(joined, other)
    return joined


def _alternatives(declared: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for word in ("anyOf", "oneOf", "allOf"):
        nested = declared.get(word)
        if nested and "type" not in declared:
            for one in nested:
                yield from _alternatives({**one})
            return
    listed = declared.get("type")
    for name in listed if isinstance(listed, list) else [listed]:
        yield {**declared, "type": name}


def _scalar_type(declared: Mapping[str, Any]) -> str:
    match declared.get("type"):
        case "null":
            return ""
        case "boolean":
            return "BOOLEAN"
        case "integer":
            return _integer_type(declared)
        case "number":
            return _number_type(declared)
        case "string":
            return _string_type(declared)
        case _:
            return "JSON"


def _integer_type(declared: Mapping[str, Any]) -> str:
    maximum, minimum = declared.get("maximum"), declared.get("minimum")
    large = isinstance(maximum, int) and maximum > BIGINT_MAX
    small = isinstance(minimum, int) and minimum < -BIGINT_MAX - 1
    # Bounds that only repeat an unsigned 64-bit type still need the wider column.
    return "HUGEINT" if large or small else "BIGINT"


def _number_type(declared: Mapping[str, Any]) -> str:
    exact = _declared_decimal(declared)
    if exact:
        return exact
    scale = _scale_of(declared.get("multipleOf"))
    if scale is None:
        return "DOUBLE"
    return "BIGINT" if scale == 0 else f"DECIMAL({max(18, scale)},{scale})"


def _string_type(declared: Mapping[str, Any]) -> str:
    exact = _declared_decimal(declared)
    if exact:
        return exact
    return {"date-time": "TIMESTAMPTZ", "date": "DATE", "time": "TIME"}.get(
        str(declared.get("format")), "VARCHAR"
    )


def _declared_decimal(declared: Mapping[str, Any]) -> str | None:
    """Read the decimal marks of singer-sdk and of singer-python's older taps."""
    told = str(declared.get("x-sql-datatype", "")).upper().replace(" ", "")
    if _DECIMAL.fullmatch(told):
        return told
    if "decimal" not in str(declared.get("format")):
        return None
    precision, scale = declared.get("precision"), declared.get("scale")
    if not isinstance(precision, int) or not isinstance(scale, int):
        return "DECIMAL(38,9)"
    if precision > 38 or scale > precision:  # noqa: PLR2004  DuckDB's widest decimal
        return "VARCHAR"
    return f"DECIMAL({precision},{scale})"


def _scale_of(multiple: Any) -> int | None:
    """Give the decimals that `multipleOf` allows, None where it is no power of ten."""
    if not isinstance(multiple, int | float) or multiple <= 0:
        return None
    if multiple == int(multiple):
        return 0
    for scale in range(1, 19):
        if multiple == float(f"1e-{scale}"):
            return scale
    return None


def widened(old: str, new: str) -> str:
    """Give the narrowest type that holds the values of both without loss."""
    if old == new:
        return old
    pair = {old, new}
    if "JSON" in pair:
        return "JSON"
    if pair == {"BIGINT", "HUGEINT"}:
        return "HUGEINT"
    if pair == {"DATE", "TIMESTAMPTZ"}:
        return "TIMESTAMPTZ"
    if pair <= {"BIGINT", "DOUBLE"} or (pair & {"DOUBLE"} and _decimal(pair)):
        return "DOUBLE"
    if _decimal(pair):
        return _widened_decimal(old, new)
    return "VARCHAR"


def _decimal(types: Iterable[str]) -> bool:
    return any(_DECIMAL.fullmatch(one) for one in types)


def _widened_decimal(old: str, new: str) -> str:
    whole, scale = 0, 0
    for one in (old, new):
        match = _DECIMAL.fullmatch(one)
        if match:
            precision_, scale_ = int(match[1]), int(match[2])
        elif one == "BIGINT":
            precision_, scale_ = 19, 0
        else:
            return "VARCHAR"
        whole, scale = max(whole, precision_ - scale_), max(scale, scale_)
    precision = max(18, whole + scale)
    return f"DECIMAL({precision},{scale})" if precision <= 38 else "VARCHAR"  # noqa: PLR2004


def type_for(duckdb_type: str) -> str:
    """Give our type that holds all values of any DuckDB type."""
    if duckdb_type in _OURS or _DECIMAL.fullmatch(duckdb_type):
        return duckdb_type
    if duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT(", "MAP(")):
        return "JSON"
    return _HELD_BY.get(duckdb_type, "VARCHAR")


_OURS = (
    "BIGINT",
    "HUGEINT",
    "DOUBLE",
    "BOOLEAN",
    "TIMESTAMPTZ",
    "DATE",
    "TIME",
    "VARCHAR",
    "JSON",
)
_HELD_BY = {
    "TINYINT": "BIGINT",
    "SMALLINT": "BIGINT",
    "INTEGER": "BIGINT",
    "UTINYINT": "BIGINT",
    "USMALLINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "UBIGINT": "HUGEINT",
    "FLOAT": "DOUBLE",
    "TIMESTAMP": "TIMESTAMPTZ",
    "TIMESTAMP_S": "TIMESTAMPTZ",
    "TIMESTAMP_MS": "TIMESTAMPTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
}


def named(columns: Sequence[Column], existing: Sequence[str]) -> tuple[Column, ...]:
    """Give every property a column name of its own, in a table that ignores case.

    A property keeps the column that bears exactly its name, else one that differs in
    case only; where two properties differ in case only, the later gets `_2`. Names of
    their own go first, so that a table gives the same ones when it is loaded again.
    """
    by_lower = {name.lower(): name for name in existing}
    taken = {LOADED_AT, RUN_ID}
    names: dict[str, str] = {}
    for wishes in (set(existing), {column.property for column in columns} - {""}):
        for column in columns:
            wish = column.property
            if wish in wishes and wish not in names and wish.lower() not in taken:
                names[wish] = by_lower.get(wish.lower(), wish)
                taken.add(wish.lower())
    for column in columns:
        if column.property not in names:
            name = _free_name(column.property, by_lower, taken)
            names[column.property] = name
            taken.add(name.lower())
    return tuple(replace(column, name=names[column.property]) for column in columns)


def _free_name(name: str, by_lower: Mapping[str, str], taken: set[str]) -> str:
    wish = name or "_"
    candidate, number = wish, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{wish}_{number}"
    return by_lower.get(candidate.lower(), candidate)
