"""Values that a column would change without a word: they are refused before that.

Databases round decimals to a column's scale, cut seconds and drop a time from a date,
all in silence. What a database refuses by itself is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal

from elt.reverse.sql.columns import INTEGERS, TEXTS, Field
from elt.reverse.sql.rows import Row

# Takes a value's JSON text, and says what is wrong with it, if anything is.
Check = Callable[[str], str | None]
WHOLE = re.compile(r'"?-?(0|[1-9][0-9]*)"?')
NUMBER = re.compile(r'"?-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"?')
FRACTION = re.compile(r"\.([0-9]+)Z?\"$")
MIDNIGHT = re.compile(r'"[0-9-]+T00:00:00(\.0+)?Z?"')
MEASURED = ("DECIMAL", "DOUBLE", "FLOAT")


def checks(
    fields: Iterable[Field],
    *more: Callable[[Field], Check | None],
    row_bytes: int = 2**30,
) -> Checks:
    """Collect what has to be looked at; most pairs of types need no look at all."""
    kinds = (_whole, _digits, _double, _seconds, _date, _padding, *more)
    found = [(field, kind(field)) for field in fields for kind in kinds]
    return Checks([(f, check) for f, check in found if check is not None], row_bytes)


class Checks:
    """What has to be looked at in each row."""

    def __init__(self, found: list[tuple[Field, Check]], row_bytes: int) -> None:
        self._found = found
        self._row_bytes = row_bytes

    def flaw(self, row: Row) -> str | None:
        """Say which value the table would not keep as it is."""
        # A character has four bytes at most.
        if len(row.text) * 4 > self._row_bytes < len(row.text.encode()):
            return f"a row of {len(row.text):,} characters is more than one call holds"
        for field, check in self._found:
            value = row.members.get(field.name, "null")
            flaw = None if value == "null" else check(value)
            if flaw is not None:
                return f"`{field.name}`: {flaw}"
        return None


def _whole(field: Field) -> Check | None:
    if field.column.kind != "integer" or field.source in INTEGERS | {"BOOLEAN"}:
        return None

    def check(value: str) -> str | None:
        if WHOLE.fullmatch(value):
            return None
        return f"{value} is not a whole number, as {field.column.type} wants"

    return check


def _digits(field: Field) -> Check | None:
    digits = field.column.digits
    if field.column.kind != "decimal" or digits is None:
        return None
    if field.source not in {*MEASURED, *TEXTS} or (
        field.source == "DECIMAL" and field.scale <= digits
    ):
        return None

    def check(value: str) -> str | None:
        if not NUMBER.fullmatch(value) or _places(value) <= digits:
            return None
        return (
            f"{field.column.type} would round {value}; round it in the model or"
            " with `sql`"
        )

    return check


def _places(value: str) -> int:
    exponent = Decimal(value.strip('"')).normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _double(field: Field) -> Check | None:
    exact = {"DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "BOOLEAN"}
    if field.column.kind != "double" or field.source in exact:
        return None

    def check(value: str) -> str | None:
        if not NUMBER.fullmatch(value) or is_exact_double(value.strip('"')):
            return None
        return f"{field.column.type} cannot hold {value} exactly"

    return check


def is_exact_double(text: str) -> bool:
    """Say whether a double reads back as this number."""
    near = float(text)
    return Decimal(repr(near)) == Decimal(text)


def _seconds(field: Field) -> Check | None:
    digits = field.column.digits
    if field.column.kind not in {"time", "timestamp"} or digits is None:
        return None
    if field.scale <= digits:
        return None

    def check(value: str) -> str | None:
        found = FRACTION.search(value)
        if found is None or not found.group(1)[digits:].strip("0"):
            return None
        return (
            f"{field.column.type} would round the seconds of {value}; use"
            " `date_trunc` in the model or with `sql`"
        )

    return check


def _date(field: Field) -> Check | None:
    """Keep a time from getting lost in a date, and a date in a time."""
    if not field.source.startswith("TIMESTAMP"):
        return None
    if field.column.kind == "time":
        return lambda value: f"{field.column.type} would drop the date of {value}"
    if field.column.kind != "date":
        return None

    def check(value: str) -> str | None:
        if MIDNIGHT.fullmatch(value):
            return None
        return f"{field.column.type} would drop the time of {value}"

    return check


def _padding(field: Field) -> Check | None:
    """Refuse spaces at the end that do not fit: servers cut those off in silence."""
    length = field.column.length
    if field.column.kind != "text" or length is None or field.source != "VARCHAR":
        return None

    def check(value: str) -> str | None:
        if not value.endswith(' "') or len(value) - 2 <= length:
            return None
        return f"longer than {field.column.type}, which would cut off its spaces"

    return check
