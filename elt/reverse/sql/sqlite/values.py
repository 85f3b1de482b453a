"""Values as SQLite keeps them: by a column's affinity (sqlite.org/datatype3.html)."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Literal

from elt.reverse.sql.columns import NESTED, Field, Shape, bare
from elt.reverse.sql.flaws import NUMBER, Check, is_exact_double
from elt.reverse.sql.rows import Row

Affinity = Literal["integer", "text", "blob", "real", "numeric"]
NUMBERS = ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC")
SMALLEST, LARGEST = -(2**63), 2**63 - 1


@lru_cache
def affinity(type_: str) -> Affinity:
    """Read a declared type as SQLite does: by what stands in it, in this order."""
    name = type_.upper()
    if "INT" in name:
        return "integer"
    if any(part in name for part in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if not name or "BLOB" in name:
        return "blob"
    return "real" if any(p in name for p in ("REAL", "FLOA", "DOUB")) else "numeric"


def values(shape: Shape, row: Row) -> list[object]:
    return [value(field, row.members[field.name]) for field in shape.fields]


def value(field: Field, text: str) -> object:
    kind = affinity(field.column.type)
    is_text = kind == "text"
    if text == "null":
        return None
    if field.source in NESTED:
        return text
    if text in {"true", "false"}:
        return text if is_text else int(text == "true")
    if text.startswith('"'):
        is_bytes = field.source == "BLOB" and not is_text
        return base64.b64decode(bare(text)) if is_bytes else bare(text)
    if is_text:
        return text
    # A double of more than 64 bits is written as a whole number, too.
    return int(text) if _is_whole(text) and kind != "real" else float(text)


def exactness(field: Field) -> Check | None:
    """Look for what a column would change: SQLite has 64 bits for a number."""
    kind = affinity(field.column.type)
    if kind == "text" or field.source in NESTED:
        return None
    is_number = any(part in field.column.type.upper() for part in NUMBERS)

    def check(text: str) -> str | None:
        if not text.startswith('"'):
            return None if _fits(text, kind) else f"{_named(field)} cannot hold {text}"
        if kind == "blob" or field.source not in {"VARCHAR", "ENUM", "UUID"}:
            return None
        if not NUMBER.fullmatch(text):
            return f"{text} is not a number" if is_number else None
        number = bare(text)
        if _fits(number, kind) and _reads_back(number, kind):
            return None
        return f"{_named(field)} would write {text} in another way"

    return check


def _fits(number: str, kind: Affinity) -> bool:
    if number in {"true", "false"}:
        return True
    if _is_whole(number) and kind != "real":
        return SMALLEST <= int(number) <= LARGEST
    return is_exact_double(number)


def _reads_back(text: str, kind: Affinity) -> bool:
    """Say whether a number given as text, a postcode say, keeps its look."""
    if _is_whole(text):
        return kind != "real" and str(int(text)) == text
    return repr(float(text)) == text


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def _named(field: Field) -> str:
    return field.column.type or "the column"
