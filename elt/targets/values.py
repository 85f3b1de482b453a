"""SQL that turns the text of a value into a column's type, and says when it cannot.

Every road (JSON, CSV) reads values as text and casts here, because DuckDB's own
readers round 1.7 into 2, take true for 1 and cut decimals to the scale, silently.
There are two strengths: `fast` refuses anything unusual, in a few nanoseconds a
value; `careful` takes every spelling of a value that the type can hold exactly.
"""

from __future__ import annotations

import re

_INTEGERS = ("BIGINT", "HUGEINT")
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def fast_value(text: str, type_: str) -> str:
    if type_ in ("VARCHAR", "JSON"):
        return text
    return f"TRY_CAST({text} AS {type_})"


def fast_check(text: str, type_: str) -> str | None:
    """Say in SQL that the fast value is exact; None where it always is.

    Assumes that the text is not NULL.
    """
    value = fast_value(text, type_)
    if type_ in _INTEGERS:
        return f"{value}::VARCHAR = {text}"
    if type_ == "BOOLEAN":
        return f"{text} IN ('true', 'false')"
    if type_ == "DOUBLE":
        return f"(isfinite({value}) AND NOT contains({text}, '_'))"
    if type_ == "TIMESTAMPTZ":
        # Digits sort before ':', words such as `infinity` and `epoch` after it.
        return f"({value} IS NOT NULL AND {text} < ':')"
    if type_ == "DATE":
        return f"({value} IS NOT NULL AND length({text}) = 10 AND {text} < ':')"
    if type_ == "TIME":
        return f"({value} IS NOT NULL AND regexp_full_match({text}, '{_TIME}'))"
    scale = _scale(type_)
    if scale is not None:
        return f"({value} IS NOT NULL AND {_fits_scale(text, scale)})"
    return None


_TIME = r"[0-9:]+(\.[0-9]{1,6})?"


def careful_value(text: str, type_: str) -> str:
    """Give the exact value, or NULL where the type cannot hold it."""
    if type_ in _INTEGERS:
        return _careful_integer(text, type_)
    if type_ == "BOOLEAN":
        return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if type_ == "DOUBLE":
        return _careful_double(text)
    if type_ == "DATE":
        return _careful_date(text)
    if type_ == "TIME":
        plain = f"regexp_replace({text}, 'Z$', '')"
        return f"CASE WHEN {fast_check(plain, type_)} THEN {plain}::TIME END"
    if type_ == "TIMESTAMPTZ":
        return f"CASE WHEN {fast_check(text, type_)} THEN {text}::TIMESTAMPTZ END"
    scale = _scale(type_)
    if scale is not None:
        return _careful_decimal(text, type_, scale)
    return text


def reason(type_: str) -> str:
    """Say why a text is no value of a type, for the reject."""
    scale = _scale(type_)
    if scale is not None:
        return f"not a number that {type_} holds without rounding"
    return {
        "BIGINT": "not an integer",
        "HUGEINT": "not an integer",
        "DOUBLE": "not a number",
        "BOOLEAN": "not true or false",
        "TIMESTAMPTZ": "not a date and time",
        "DATE": "not a date",
        "TIME": "not a time of day without an offset",
    }.get(type_, "not storable")


def right_but_for_size(text: str, type_: str) -> str | None:
    """Say in SQL that a text has the form of the type, however many digits it has.

    None for types that are not outgrown.
    """
    if type_ in _INTEGERS:
        return _whole_number(text)
    scale = _scale(type_)
    return None if scale is None else _fits_scale(text, scale)


def wider_types(type_: str) -> list[str]:
    """Give a type and the ones to try, in order, when its numbers outgrow it."""
    if type_ in _INTEGERS:
        return [*_INTEGERS[_INTEGERS.index(type_) :], "VARCHAR"]
    scale = _scale(type_)
    return [type_] if scale is None else [type_, f"DECIMAL(38,{scale})", "VARCHAR"]


def _whole_number(text: str) -> str:
    return rf"regexp_full_match({text}, '-?[0-9]+(\.0*)?')"


def _careful_integer(text: str, type_: str) -> str:
    whole = rf"regexp_replace({text}, '\..*$', '')"
    wide = f"TRY_CAST({text} AS DECIMAL(38,9))"
    exponent = rf"regexp_full_match({text}, '-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+')"
    return (
        f"CASE WHEN {_whole_number(text)} THEN TRY_CAST({whole} AS {type_})"
        f" WHEN {exponent} AND {wide} = trunc({wide})"
        f" THEN TRY_CAST({wide} AS {type_}) END"
    )


def _careful_double(text: str) -> str:
    value = f"TRY_CAST({text} AS DOUBLE)"
    word = f"regexp_full_match(lower({text}), '[+-]?(nan|inf|infinity)')"
    return (
        f"CASE WHEN {word} THEN {value}"
        f" WHEN isfinite({value}) AND NOT contains({text}, '_') THEN {value} END"
    )


def _careful_date(text: str) -> str:
    moment = f"TRY_CAST({text} AS TIMESTAMP)"
    return (
        f"CASE WHEN {fast_check(text, 'DATE')} THEN TRY_CAST({text} AS DATE)"
        f" WHEN {text} < ':' AND {moment} = date_trunc('day', {moment})"
        rf" AND regexp_full_match({text}, '[0-9-]+[T ][0-9:.]+Z?')"
        f" THEN TRY_CAST({text} AS DATE) END"
    )


def _careful_decimal(text: str, type_: str, scale: int) -> str:
    value = f"TRY_CAST({text} AS {type_})"
    wide = f"TRY_CAST({text} AS DECIMAL(38,{min(37, scale + 12)}))"
    exponent = rf"regexp_full_match({text}, '-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+')"
    return (
        f"CASE WHEN {_fits_scale(text, scale)} THEN {value}"
        f" WHEN {exponent} AND {wide} = {value} THEN {value} END"
    )


def _fits_scale(text: str, scale: int) -> str:
    return rf"regexp_full_match({text}, '-?[0-9]+(\.[0-9]{{0,{scale}}}0*)?')"


def _scale(type_: str) -> int | None:
    match = _DECIMAL.fullmatch(type_)
    return int(match[2]) if match else None
