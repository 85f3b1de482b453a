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
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WIDEST_DECIMAL = 38


def column_type(told: str) -> str | None:
    """Read a type, in any case and with any spaces; None where there is none such.

    The types are those of COLUMN_TYPES and `DECIMAL(p,s)`, of at most 38 digits.
    """
    plain = told.upper().replace(" ", "")
    return plain if plain in COLUMN_TYPES or is_decimal(plain) else None


def is_decimal(type_: str) -> bool:
    """Say whether DuckDB has such a decimal."""
    match = DECIMAL.fullmatch(type_)
    if match is None:
        return False
    precision, scale = int(match[1]), int(match[2])
    return 1 <= precision <= _WIDEST_DECIMAL and scale <= precision
