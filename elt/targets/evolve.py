"""A loaded table's columns over time: made, added, widened, never narrowed.

Old values are always kept: a column whose type changes gets the narrowest type that
holds both, and text where no number type holds every old digit.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elt.targets.columns import LOADED_AT, RUN_ID, Column, named, widened
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LONG_NAMES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
_KNOWN = (
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


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a column, as a sentence."""

    column: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A table as it is now: the columns to write to, and what was changed for it.

    `generation` names this incarnation of the table: dropped and made again, it has
    another one, and a bookmark that was written for the old one no longer counts.
    """

    columns: tuple[Column, ...]
    changes: tuple[Change, ...]
    generation: str


def bring_up_to_date(
    cursor: DuckDBPyConnection, schema: str, table: str, wanted: Sequence[Column]
) -> Shape:
    """Make the table hold the wanted columns, inside the caller's transaction."""
    existing = column_types(cursor, schema, table)
    if not existing:
        return _make(cursor, schema, table, named(wanted, ()))
    columns, changes = [], []
    if RUN_ID not in existing:
        changes += _adopt(cursor, schema, table, existing)
    for column in named(wanted, list(existing)):
        actual = existing.get(column.name)
        if actual is None:
            changes.append(_add(cursor, schema, table, column))
            columns.append(column)
            continue
        kept = _widen(cursor, (schema, table), column, actual)
        if kept != actual:
            changes.append(Change(column.name, f"{actual} widened to {kept}"))
        columns.append(replace(column, type=kept))
    generation = generation_of(cursor, schema, table) or _stamp(cursor, schema, table)
    return Shape(tuple(columns), tuple(changes), generation)


def column_types(cursor: DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    """Give the columns of a table and their types, in order; empty without a table."""
    rows = cursor.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE database_name = current_database()"
        " AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [schema, table],
    ).fetchall()
    return {name: _LONG_NAMES.get(type_, type_) for name, type_ in rows}


def generation_of(cursor: DuckDBPyConnection, schema: str, table: str) -> str | None:
    """Give the mark that elt left on a table which it made, None without one."""
    row = cursor.execute(
        "SELECT comment FROM duckdb_columns()"
        " WHERE database_name = current_database()"
        " AND schema_name = ? AND table_name = ? AND column_name = ?",
        [schema, table, RUN_ID],
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def _make(
    cursor: DuckDBPyConnection, schema: str, table: str, columns: tuple[Column, ...]
) -> Shape:
    body = [f"{quote(column.name)} {column.type}" for column in columns]
    body += [f"{LOADED_AT} TIMESTAMPTZ", f"{RUN_ID} VARCHAR"]
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
    cursor.execute(f"CREATE TABLE {relation(schema, table)} ({', '.join(body)})")
    return Shape(columns, (), _stamp(cursor, schema, table))


def _stamp(cursor: DuckDBPyConnection, schema: str, table: str) -> str:
    generation = f"elt generation {uuid.uuid4().hex[:12]}"
    cursor.execute(
        f"COMMENT ON COLUMN {relation(schema, table)}.{RUN_ID} IS {literal(generation)}"
    )
    return generation


def _adopt(
    cursor: DuckDBPyConnection, schema: str, table: str, existing: dict[str, str]
) -> list[Change]:
    """Add the columns that every loaded table has to one that somebody else made."""
    added = []
    for column in (Column("", LOADED_AT, "TIMESTAMPTZ"), Column("", RUN_ID, "VARCHAR")):
        if column.name not in existing:
            added.append(_add(cursor, schema, table, column))
            existing[column.name] = column.type
    return added


def _add(cursor: DuckDBPyConnection, schema: str, table: str, column: Column) -> Change:
    cursor.execute(
        f"ALTER TABLE {relation(schema, table)}"
        f" ADD COLUMN {quote(column.name)} {column.type}"
    )
    return Change(column.name, f"new column {column.type}")


def _widen(
    cursor: DuckDBPyConnection, at: tuple[str, str], column: Column, actual: str
) -> str:
    """Widen the column where the wanted type asks for it; give the type it has then."""
    if not _is_ours(actual):
        return actual
    wide = widened(actual, column.type)
    if wide == "DOUBLE" and actual != "DOUBLE" and _loses(cursor, at, column, actual):
        wide = "VARCHAR"
    if wide == actual:
        return actual
    name = quote(column.name)
    value = f"to_json({name})" if wide == "JSON" else f"{name}::{wide}"
    cursor.execute(
        f"ALTER TABLE {relation(*at)} ALTER COLUMN {name} TYPE {wide} USING {value}"
    )
    return wide


def _is_ours(type_: str) -> bool:
    return type_ in _KNOWN or type_.startswith("DECIMAL(")


def _loses(
    cursor: DuckDBPyConnection, at: tuple[str, str], column: Column, actual: str
) -> bool:
    name = quote(column.name)
    row = cursor.execute(
        f"SELECT count(*) FROM {relation(*at)}"
        f" WHERE TRY_CAST({name}::DOUBLE AS {actual}) IS DISTINCT FROM {name}"
    ).fetchone()
    return bool(row and row[0])
