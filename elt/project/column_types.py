"""Types that a person may give to a column of a loaded table."""

from __future__ import annotations

import re

COLUMN_TYPES = (
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
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WIDEST_DECIMAL = 38


def column_type(told: str) -> str | None:
    """Read a type, in any case and with any spaces; None where there is none such.

    The types are those of COLUMN_TYPES and `DECIMAL(p,s)`, of at most 38 digits.
    """
    plain = told.upper().replace(" ", "")
    return plain if plain in COLUMN_TYPES or is_decimal(plain) else None


def decimal_of(type_: str) -> tuple[int, int] | None:
    """Give the precision and the scale of a decimal type, None for any other."""
    match = _DECIMAL.fullmatch(type_)
    return (int(match[1]), int(match[2])) if match else None


def is_decimal(type_: str) -> bool:
    """Say whether DuckDB has such a decimal."""
    precision, scale = decimal_of(type_) or (0, 0)
    return 1 <= precision <= _WIDEST_DECIMAL and scale <= precision
