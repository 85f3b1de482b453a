"""A value's JSON text as what the driver writes into a statement, without loss.

Whole numbers go as numbers, and others as texts: the server reads a text by the
column's own type, while a number with a point may pass through a double.
"""

from __future__ import annotations

import base64
from decimal import Decimal

from elt.reverse.sql.columns import NESTED, Field, Shape, bare
from elt.reverse.sql.rows import Row

CALENDAR = frozenset(("date", "time", "timestamp"))


def values(shape: Shape, row: Row) -> list[object]:
    return [value(field, row.members[field.name]) for field in shape.fields]


def value(field: Field, text: str) -> object:
    kind, source = field.column.kind, field.source
    if text == "null":
        return None
    if source in NESTED:
        return text
    if text in {"true", "false"}:
        return text if kind == "text" else int(text == "true")
    if not text.startswith('"'):
        return text if kind == "text" or not _is_whole(text) else int(text)
    given = bare(text)
    if kind == "bytes" and source == "BLOB":
        return base64.b64decode(given)
    if kind in CALENDAR and source == "TIMESTAMP WITH TIME ZONE":
        return given.removesuffix("Z")  # the session's zone is UTC
    return given


def key_value(field: Field, text: str) -> object:
    """Give a key as a literal of its column's type, to be found by its index."""
    given = value(field, text)
    if isinstance(given, str) and field.column.kind == "integer":
        return int(given) if _is_whole(given) else given
    if isinstance(given, str) and field.column.kind == "decimal":
        return Decimal(given)
    return given


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdigit()
