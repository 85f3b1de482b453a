"""What a table has, what a model sends into it, and the columns of one statement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

Number = Literal["integer", "decimal", "double", "boolean"]
Calendar = Literal["date", "time", "timestamp"]
ColumnKind = Number | Calendar | Literal["text", "bytes", "json", "other"]
INTEGERS = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM"),
    }
)
TEXTS = frozenset(("VARCHAR", "UUID", "ENUM"))
NESTED = frozenset(("JSON", "STRUCT", "MAP", "LIST"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column as the database has it."""

    name: str
    type: str  # in the database's own words
    kind: ColumnKind
    # After the point of a number or of a second; None where as many fit as come.
    digits: int | None = None
    length: int | None = None  # characters of a text; None where it may be any
    charset: str = ""
    collation: str = ""
    is_generated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    schema: str
    name: str
    columns: tuple[TableColumn, ...]
    # Columns that have a unique index, or the primary key, to themselves.
    unique: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the payload and the column that it goes into."""

    name: str
    source: str  # DuckDB's name for the model's type, without its parameters
    scale: int  # digits after the point that the source may have
    column: TableColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a statement writes: some of a table's columns, the key among them."""

    table: Table
    key: Field
    fields: tuple[Field, ...]

    @property
    def others(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field != self.key)

    def only(self, names: frozenset[str]) -> Shape:
        """Leave out the fields that these rows do not have."""
        fields = tuple(field for field in self.fields if field.name in names)
        return Shape(table=self.table, key=self.key, fields=fields)

    @property
    def only_key(self) -> Shape:
        return Shape(table=self.table, key=self.key, fields=(self.key,))


def bare(text: str) -> str:
    """Take a JSON string out of its quotes. Most have nothing to be unescaped."""
    return text[1:-1] if "\\" not in text else str(json.loads(text))


def base_type(type_: str) -> str:
    """Name a model's type without parameters; lists and arrays are a LIST."""
    if type_.endswith("]"):
        return "LIST"
    return type_.split("(", 1)[0].strip('"').upper()


def parameters(type_: str) -> tuple[int, int]:
    """Give precision and scale of a DECIMAL(p,s)."""
    precision, scale = type_.partition("(")[2].rstrip(")").split(",")
    return int(precision), int(scale)


def scale_of(type_: str) -> int:
    """Say how many digits may stand after the point of a number or of a second."""
    base = base_type(type_)
    if base == "DECIMAL":
        return parameters(type_)[1]
    if base in {"DOUBLE", "FLOAT"}:
        return 400  # a double has up to 324 of them
    if base.startswith("TIME"):
        return 9 if base == "TIMESTAMP_NS" else 6
    return 0
