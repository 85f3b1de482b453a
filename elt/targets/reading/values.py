"""SQL that turns the text of a value into a column's type, and says when it cannot.

Every road (JSON, CSV) reads values as text and casts here, because DuckDB's own
readers round 1.7 into 2, take true for 1 and cut decimals to the scale, silently.
There are two strengths: `fast` refuses anything unusual, in a few nanoseconds a
value; `careful` takes every spelling of a value that the type can hold exactly.
"""

from __future__ import annotations

from elt.project.column_types import decimal_of
from elt.targets.columns import type_for
from elt.targets.nested import built, checked, is_nested, parse, texts_in
from elt.warehouse.dialect import literal

_INTEGERS = ("BIGINT", "HUGEINT")


def fast_value(text: str, type_: str) -> str:
    """Give the value of a text; of an object or list, its shape with texts inside."""
    if is_nested(type_):
        return built(parse(type_), text, fast_value)
    held = _by_way_of(type_)
    if held:
        return f"TRY_CAST({fast_value(text, held)} AS {type_})"
    if type_ in ("VARCHAR", "JSON"):
        return text
    return f"TRY_CAST({text} AS {type_})"


def digest(text: str, salt: str) -> str:
    """Give the SHA-256 of a salt and a text, in hexadecimal digits; NULL stays NULL."""
    return f"sha256({literal(salt)} || {text})"


def fast_check(text: str, type_: str) -> str | None:
    """Say in SQL that the fast value is exact; None where it always is.

    Assumes that the text is not NULL.
    """
    if is_nested(type_):
        return checked(parse(type_), text, fast_check)
    held = _by_way_of(type_)
    if held:
        same = f"{fast_value(text, type_)}::{held} = {fast_value(text, held)}"
        return f"({fast_check(text, held) or 'true'} AND {same})"
    return _check_of_ours(text, type_)


def _check_of_ours(text: str, type_: str) -> str | None:
    value = fast_value(text, type_)
    if type_ in _INTEGERS:
        return f"{value}::VARCHAR = {text}"
    if type_ == "DATE":  # the word `infinity` reads back as itself, too
        return f"({value}::VARCHAR = {text} AND {text} < ':')"
    if type_ == "DOUBLE":
        return _keeps_digits(text, value)
    scale = _scale(type_)
    if scale is not None:
        return f"({value} IS NOT NULL AND {_fits_scale(text, scale)})"
    if type_ == "BOOLEAN":
        return f"{text} IN ('true', 'false')"
    plain = _PLAIN.get(type_)
    return plain and f"({value} IS NOT NULL AND {_like(text, plain)})"


_OFFSET = "[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?(:[0-5][0-9])?"
_DIGITS_OF_MICROSECONDS = "[.][0-9]{1,6}0*"
# DuckDB knows more spellings, and some it guesses (` IST`), or takes only a part of:
# nanoseconds are cut off without a word.
_PLAIN = {
    "TIMESTAMPTZ": (
        "[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}"
        f"(:[0-9]{{2}}({_DIGITS_OF_MICROSECONDS})?)?(Z|{_OFFSET})?)?"
    ),
    "TIME": f"[0-9]{{1,2}}:[0-9]{{1,2}}(:[0-9]{{1,2}}({_DIGITS_OF_MICROSECONDS})?)?",
}


def _like(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


# Up to here every integer is a double.
_FIRST_LARGE = 2**53


def _keeps_digits(text: str, value: str) -> str:
    """Say that a DOUBLE is what the text says, where the text is an integer.

    Fractions and powers are what a double makes of them; NaN is larger than all.
    """
    of_doubles = rf"regexp_matches({text}, '[.eE]')"
    same = f"TRY_CAST({value} AS HUGEINT) = TRY_CAST({text} AS HUGEINT)"
    large = f"isfinite({value}) AND ({of_doubles} OR coalesce({same}, false))"
    return f"((abs({value}) < {_FIRST_LARGE} OR {large}) AND NOT contains({text}, '_'))"


def careful_value(text: str, type_: str) -> str:
    """Give the exact value, or NULL where the type cannot hold it.

    An object or list is told as JSON, and its leaves are NULL where theirs cannot.
    """
    if is_nested(type_):
        value = built(parse(type_), "v", careful_value)
        return f"list_transform([{texts_in(text, type_)}], lambda v: {value})[1]"
    held = _by_way_of(type_)
    if held:
        value = careful_value(text, held)
        cast = f"TRY_CAST({value} AS {type_})"
        return f"CASE WHEN {cast}::{held} = ({value}) THEN {cast} END"
    if type_ in _INTEGERS:
        return _careful_integer(text, type_)
    careful = _CAREFUL.get(type_)
    if careful:
        return careful(text)
    scale = _scale(type_)
    return text if scale is None else _careful_decimal(text, type_, scale)


def reason(type_: str) -> str:
    """Say why a text is no value of a type, for the reject."""
    if _by_way_of(type_):
        return f"not a value that {type_} holds exactly"
    scale = _scale(type_)
    if scale is not None:
        return f"not a number that {type_} holds without rounding"
    return {
        "BIGINT": "not an integer",
        "HUGEINT": "not an integer",
        "DOUBLE": "not a number, or one that DOUBLE does not hold",
        "BOOLEAN": "not true or false",
        "TIMESTAMPTZ": "not a date and time, or finer than microseconds",
        "DATE": "not a date",
        "TIME": "not a time of day without an offset",
    }.get(type_, "not storable")


def right_but_for_size(text: str, type_: str) -> str | None:
    """Say in SQL that a text has the form of the type, however many digits it has.

    None for types that are not outgrown.
    """
    if type_ in _INTEGERS:
        return _whole_number(text)
    if type_ == "DOUBLE":
        return _like(text, "-?[0-9]+")
    scale = _scale(type_)
    return None if scale is None else _fits_scale(text, scale)


def wider_types(type_: str) -> list[str]:
    """Give a type and the ones to try, in order, when its numbers outgrow it."""
    if type_ in _INTEGERS:
        return [*_INTEGERS[_INTEGERS.index(type_) :], "VARCHAR"]
    if type_ == "DOUBLE":
        return ["DOUBLE", "VARCHAR"]
    scale = _scale(type_)
    if scale is None:
        return [type_]
    widest = f"DECIMAL(38,{scale})"
    return [*dict.fromkeys([type_, widest]), "VARCHAR"]


def _by_way_of(type_: str) -> str | None:
    """Give our type for one that only tables of somebody else's have."""
    ours = type_for(type_)
    return None if ours == type_ else ours


def _whole_number(text: str) -> str:
    return _like(text, r"-?[0-9]+(\.0*)?")


def _careful_integer(text: str, type_: str) -> str:
    whole = rf"regexp_replace({text}, '\..*$', '')"
    return (
        f"CASE WHEN {_whole_number(text)} THEN TRY_CAST({whole} AS {type_})"
        f" WHEN {_power_fits(text, 0)}"
        f" THEN TRY_CAST(TRY_CAST({text} AS DECIMAL(38,0)) AS {type_}) END"
    )


def _careful_boolean(text: str) -> str:
    return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"


def _careful_double(text: str) -> str:
    value = f"TRY_CAST({text} AS DOUBLE)"
    word = f"regexp_full_match(lower({text}), '[+-]?(nan|inf|infinity)')"
    return (
        f"CASE WHEN {word} THEN {value}"
        f" WHEN {_keeps_digits(text, value)} THEN {value} END"
    )


# Year first, so that it means one day only.
_DAY = "-?[0-9]{4,6}[-/][0-9]{1,2}[-/][0-9]{1,2}"


def _careful_moment(text: str) -> str:
    """Take ISO 8601 as most programs write it: any case, `,5`, ` UTC`, ` +0200`."""
    upper = f"replace(upper({text}), ',', '.')"
    plain = f"regexp_replace({upper}, ' ?(UTC|GMT|Z)$', 'Z')"
    plain = rf"regexp_replace({plain}, '^(.*:.*) ([+-][0-9:]+)$', '\1\2')"
    offset = f"(Z|{_OFFSET})?"
    pattern = f" *{_DAY}([T ]{_PLAIN['TIME']}{offset})? *"
    value = f"TRY_CAST({plain} AS TIMESTAMPTZ)"
    return f"CASE WHEN {_like(plain, pattern)} THEN {value} END"


def _careful_date(text: str) -> str:
    """Take a day, also with a midnight behind it: nothing is cut off then."""
    midnight = "[Tt ]00:00(:00([.,]0+)?)?([Zz]|[+-]00:?00)?"
    return (
        f"CASE WHEN {_like(text, f' *{_DAY}({midnight})? *')}"
        f" THEN TRY_CAST(regexp_extract({text}, {literal(_DAY)}) AS DATE) END"
    )


def _careful_time(text: str) -> str:
    plain = f"regexp_replace({text}, '([Zz]|[+-]00:?00)$', '')"
    return f"CASE WHEN {fast_check(plain, 'TIME')} THEN {plain}::TIME END"


_CAREFUL = {
    "BOOLEAN": _careful_boolean,
    "DOUBLE": _careful_double,
    "TIMESTAMPTZ": _careful_moment,
    "DATE": _careful_date,
    "TIME": _careful_time,
}


def _careful_decimal(text: str, type_: str, scale: int) -> str:
    value, power = f"TRY_CAST({text} AS {type_})", _without_power(text)
    return (
        f"CASE WHEN {_fits_scale(text, scale)} THEN {value}"
        f" WHEN {_power_fits(text, scale)} THEN TRY_CAST({power} AS {type_}) END"
    )


def _fits_scale(text: str, scale: int) -> str:
    return _like(text, rf"-?[0-9]+(\.[0-9]{{0,{scale}}}0*)?")


_POWER = r"-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+"


def _parts_of_power(text: str) -> tuple[str, str, str]:
    """Give the SQL of a number's digits, how many are decimals, and its exponent."""
    digits = rf"regexp_replace(regexp_extract({text}, '[0-9.]+'), '\.', '')"
    decimals = rf"length(regexp_extract({text}, '\.([0-9]+)', 1))"
    power = f"TRY_CAST(regexp_extract({text}, '[eE]([+-]?[0-9]+)', 1) AS INTEGER)"
    return digits, decimals, power


def _without_power(text: str) -> str:
    """Write a number without its exponent: DuckDB rounds some powers, of 17 digits on.

    For one whose decimals fit; more zeros than any DECIMAL holds are not written.
    """
    digits, decimals, power = _parts_of_power(text)
    zeros = f"least({power} - {decimals}, {_TOO_MANY_DIGITS})"
    places = f"({decimals} - {power})::BIGINT"
    padded = f"lpad({digits}, greatest(length({digits}), {places} + 1)::INTEGER, '0')"
    whole = f"left({padded}, length({padded}) - {places})"
    return (
        f"CASE WHEN rtrim({digits}, '0') = '' THEN '0'"
        f" ELSE CASE WHEN {text}[1] = '-' THEN '-' ELSE '' END ||"
        f" CASE WHEN {power} >= {decimals} THEN {digits} || repeat('0', {zeros})"
        f" ELSE {whole} || '.' || right({padded}, {places}) END END"
    )


_TOO_MANY_DIGITS = 50


def _power_fits(text: str, scale: int) -> str:
    """Say that a number with an exponent has no more decimals than the scale."""
    digits, decimals, power = _parts_of_power(text)
    zeros = f"(length({digits}) - length(rtrim({digits}, '0')))"
    return (
        f"({_like(text, _POWER)}"
        f" AND (rtrim({digits}, '0') = ''"
        f" OR coalesce({decimals} - {power} - {zeros} <= {scale}, false)))"
    )


def _scale(type_: str) -> int | None:
    size = decimal_of(type_)
    return size[1] if size else None
