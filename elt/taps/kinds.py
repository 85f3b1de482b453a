"""The kinds of values that columns hold: found from values, widened, written as schema.

The rules, for records that say nothing about themselves:

- integers, floats and booleans are what they are; integers beyond 64 bits are wide;
- `Decimal` is an exact decimal with as many places as were seen;
- `datetime`, `date` and `time`, and text that is a whole ISO date (`2026-01-31`) or
  date and time with seconds (`2026-01-31T09:30:00Z`; without an offset it is read as
  UTC); text of any other form is text;
- dictionaries are objects, lists and tuples arrays, both kept as JSON;
- `UUID` and `bytes` (base64) are text;
- kinds that meet in one column widen: date to date-time, integer to decimal or number,
  an object or array with anything else to JSON, everything else to text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from elt.errors import ConfigError

Name = Literal[
    "null",
    "boolean",
    "integer",
    "wide integer",
    "number",
    "decimal",
    "date",
    "date-time",
    "time",
    "string",
    "object",
    "array",
    "json",
]
# DuckDB's DECIMAL has at most 38 digits; up to 18 of them need no word about precision.
MOST_DIGITS = 38
PLAIN_DIGITS = 18
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
_WIDE_MAX = 2**127 - 1
_NESTED = ("object", "array", "json")
# Told apart from a real moment by its form only; `2026-02-30T...` still passes.
looks_like_date_time = re.compile(
    r"\d{4}-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,6})?"
    r"(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
).fullmatch
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column holds; digits before and after the point for decimals only."""

    name: Name
    whole: int = 0
    scale: int = 0


NULL = Kind("null")
INTEGER = Kind("integer")
NUMBER = Kind("number")
STRING = Kind("string")
DATE = Kind("date")
DATE_TIME = Kind("date-time")


def kind_of(value: object) -> Kind:
    """Find the kind of one Python value. Raises TypeError for what has none."""
    match value:
        case None:
            return NULL
        case bool():
            return Kind("boolean")
        case Enum():
            return kind_of(value.value)
        case int():
            return _integer(value)
        case float():
            return NUMBER
        case str():
            return text_kind(value)
        case _:
            return _rarer_kind(value)


def _rarer_kind(value: object) -> Kind:
    if isinstance(value, Decimal):
        return _decimal(value)
    for types, kind in _RARER:
        if isinstance(value, types):
            return kind
    if is_dataclass(value):
        return Kind("object")
    single = getattr(value, "item", None)  # numpy's scalars
    if callable(single):
        return kind_of(single())
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_RARER: tuple[tuple[tuple[type, ...], Kind], ...] = (
    ((datetime,), DATE_TIME),  # before date, which it is too
    ((date,), DATE),
    ((time,), Kind("time")),
    ((UUID, bytes, bytearray, timedelta), STRING),
    ((Mapping, Struct), Kind("object")),
    ((list, tuple, set, frozenset), Kind("array")),
)


def text_kind(text: str) -> Kind:
    """Tell a whole ISO date or date and time from other text."""
    if len(text) == len("2026-01-31"):
        return DATE if _DATE.fullmatch(text) and _is_date_time(text) else STRING
    return DATE_TIME if looks_like_date_time(text) and _is_date_time(text) else STRING


def widest(one: Kind, other: Kind) -> Kind:
    """Find the narrowest kind that holds the values of both."""
    if one == other or other is NULL:
        return one
    if one is NULL:
        return other
    names = {one.name, other.name}
    if names & set(_NESTED):
        return Kind("json")
    if names == {"date", "date-time"}:
        return DATE_TIME
    if names == {"integer", "wide integer"}:
        return Kind("wide integer")
    if names <= {"integer", "wide integer", "decimal"}:
        return _wider_decimal(_digits(one), _digits(other))
    if names <= {"integer", "wide integer", "number", "decimal"}:
        return NUMBER
    return STRING


def schema_of(kind: Kind) -> dict[str, Any]:
    """Write a kind as the JSON Schema of a nullable column."""
    match kind.name:
        case "boolean" | "integer" | "number" | "string" | "object" | "array":
            return {"type": ["null", kind.name]}
        case "wide integer":
            bounds = {"minimum": -_WIDE_MAX - 1, "maximum": _WIDE_MAX}
            return {"type": ["null", "integer"], **bounds}
        case "decimal":
            return _decimal_schema(kind)
        case "date" | "date-time" | "time":
            return {"type": ["null", "string"], "format": kind.name}
        case "json":
            every = ["object", "array", "string", "number", "integer", "boolean"]
            return {"type": ["null", *every]}
        case "null":
            return {"type": ["null", "string"]}


def schema_from_words(words: str) -> dict[str, Any]:
    """Read a declared type: `integer`, `decimal(18,2)`, `timestamp`, ...

    Raises ConfigError that lists the words when it is none of them.
    """
    plain = words.strip().lower()
    exact = re.fullmatch(r"(?:decimal|numeric)\((\d+),\s*(\d+)\)", plain)
    if exact:
        precision, scale = int(exact[1]), int(exact[2])
        if precision > MOST_DIGITS or scale > precision:
            raise ConfigError(
                f"`{words}` is more than a decimal can hold",
                hint=f"It has at most {MOST_DIGITS} digits, as in decimal(38,9)",
            )
        return _decimal_schema(Kind("decimal", precision - scale, scale))
    name = _WORDS.get(plain)
    if name is None:
        known = ", ".join([*_WORDS, "decimal(18,2)"])
        raise ConfigError(f"`{words}` is no type of a column", hint=f"Use {known}")
    return schema_of(Kind(name))


_WORDS: dict[str, Name] = {
    "text": "string",
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "date-time": "date-time",
    "timestamp": "date-time",
    "time": "time",
    "object": "object",
    "array": "array",
    "json": "json",
}


def _integer(value: int) -> Kind:
    if INTEGER_MIN <= value <= INTEGER_MAX:
        return INTEGER
    return Kind("wide integer") if -_WIDE_MAX - 1 <= value <= _WIDE_MAX else STRING


def _decimal(value: Decimal) -> Kind:
    sign_digits_exponent = value.as_tuple()
    exponent = sign_digits_exponent.exponent
    if not isinstance(exponent, int):  # NaN and infinity
        return NULL
    scale = max(0, -exponent)
    return _wider_decimal(
        Kind("decimal", max(1, len(sign_digits_exponent.digits) + exponent), scale),
        Kind("decimal"),
    )


def _digits(kind: Kind) -> Kind:
    whole = {"integer": 19, "wide integer": 38}.get(kind.name)
    return kind if whole is None else Kind("decimal", whole)


def _wider_decimal(one: Kind, other: Kind) -> Kind:
    whole, scale = max(one.whole, other.whole), max(one.scale, other.scale)
    return Kind("decimal", whole, scale) if whole + scale <= MOST_DIGITS else STRING


def _decimal_schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["null", "number"]}
    if kind.scale:
        schema["multipleOf"] = float(f"1e-{kind.scale}")
    if kind.whole + kind.scale > PLAIN_DIGITS or not 0 < kind.scale < PLAIN_DIGITS:
        precision = max(PLAIN_DIGITS, kind.whole + kind.scale)
        # Of all words about precision, singer-sdk keeps this one of a catalog.
        schema["x-sql-datatype"] = f"DECIMAL({precision},{kind.scale})"
    return schema


def _is_date_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
