"""Values of files that know their types: SQL that needs no detour by text.

Parquet and Arrow files say what a column holds. Where that type and the table's agree,
or the table's holds every value of it, a plain cast is exact and there is nothing to
check. Everything else goes through text, as values of JSON and CSV do.
"""

from __future__ import annotations

from dataclasses import dataclass

from elt.project.column_types import decimal_of

# What the types hold beside their sign: decimal digits of the largest value.
_DIGITS = {
    "TINYINT": 3,
    "UTINYINT": 3,
    "SMALLINT": 5,
    "USMALLINT": 5,
    "INTEGER": 10,
    "UINTEGER": 10,
    "BIGINT": 19,
    "UBIGINT": 20,
}
_IN_BIGINT = frozenset(_DIGITS) - {"UBIGINT"}
_IN_HUGEINT = frozenset(_DIGITS) | {"HUGEINT"}
_EXACT_IN_DOUBLE = _IN_BIGINT - {"BIGINT"} | {"FLOAT", "DOUBLE"}
_MICROSECONDS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMPTZ")
_LONG_NAMES = {
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    "TIME WITH TIME ZONE": "TIMETZ",
}
_TOO_FINE = "has more digits than microseconds"


@dataclass(frozen=True, slots=True)
class Typed:
    """A value in the table's type; where `check` is false, it would not be exact."""

    value: str
    check: str | None = None
    reason: str = ""  # why the check fails, for the reject


def short_name(type_: str) -> str:
    """Give a type of DuckDB's as elt writes it."""
    return _LONG_NAMES.get(type_, type_)


def typed(value: str, of: str, to: str) -> Typed | None:
    """Turn a value `of` one type `to` a column's type; None where only text can tell.

    A naive TIMESTAMP counts as UTC, as the zone of every session that loads is.
    """
    if to == "JSON":
        return Typed(as_json(value, of))
    if of == to:
        return Typed(value)
    if to in ("TIMESTAMPTZ", "TIME"):
        return _typed_time(value, of, to)
    if to == "DOUBLE" and of == "BIGINT":
        cast = f"{value}::DOUBLE"
        return Typed(cast, f"{cast}::HUGEINT = {value}", _NOT_IN_DOUBLE)
    return Typed(f"{value}::{to}") if _holds(to, of) else None


_NOT_IN_DOUBLE = "not a number that DOUBLE holds without rounding"


def as_json(value: str, of: str) -> str:
    """Give a value as JSON.

    JSON stays as it was written. A text that holds an object or an array is taken for
    one, because Parquet and Arrow have no other way to hold JSON; any other text is a
    string. NaN and Infinity, which JSON has no words for, become strings.
    """
    if of == "JSON":
        return value
    if of == "VARCHAR":
        looks = f"{value}[1] IN ('{{', '[') AND json_valid({value})"
        return f"CASE WHEN {looks} THEN {value}::JSON ELSE to_json({value}) END"
    if "FLOAT" in of or "DOUBLE" in of:
        return strict_json(value)
    return f"to_json({value})"


def strict_json(value: str) -> str:
    """Give a value that may have NaN somewhere inside as JSON."""
    text = f"to_json({value})::VARCHAR"
    quoted = (
        f"array_to_string(list_transform(regexp_extract_all({text}, '{_TOKENS}'),"
        " lambda t: CASE WHEN ltrim(t, '-') IN ('NaN', 'Infinity')"
        " THEN '\"' || t || '\"' ELSE t END), '')"
    )
    odd = f"contains({text}, 'NaN') OR contains({text}, 'Infinity')"
    return f"CASE WHEN {odd} THEN {quoted}::JSON ELSE to_json({value}) END"


# Strings as a whole, so that what they say is not taken for a number.
_TOKENS = r'"(?:[^"\\]|\\.)*"|-?NaN|-?Infinity|[^"NI-]+|.'


def _typed_time(value: str, of: str, to: str) -> Typed | None:
    if to == "TIME":
        exact = f"{value}::TIME::TIME_NS = {value}"
        return Typed(f"{value}::TIME", exact, _TOO_FINE) if of == "TIME_NS" else None
    if of in _MICROSECONDS:
        return Typed(f"{value}::TIMESTAMPTZ")
    if of in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        # DuckDB rounds nanoseconds on the way.
        exact = f"epoch_ns({value}) % 1000 = 0"
        return Typed(f"{value}::TIMESTAMPTZ", exact, _TOO_FINE)
    return None


def _holds(to: str, of: str) -> bool:
    """Say whether a type has a place for every value of another one."""
    if to == "BIGINT":
        return of in _IN_BIGINT
    if to == "HUGEINT":
        return of in _IN_HUGEINT
    if to == "DOUBLE":
        return of in _EXACT_IN_DOUBLE
    decimal, narrower = decimal_of(to), decimal_of(of)
    if decimal is None:
        return False
    whole, scale = decimal[0] - decimal[1], decimal[1]
    if narrower is None:
        return of in _DIGITS and _DIGITS[of] <= whole
    return narrower[0] - narrower[1] <= whole and narrower[1] <= scale
