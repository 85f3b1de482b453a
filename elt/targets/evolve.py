"""A loaded table's columns over time: made, added, widened, never narrowed.

Old values are always kept: a column whose type changes gets the narrowest type that
holds both, and text where no number type holds every old digit.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elt.targets.columns import (
    LOADED_AT,
    RUN_ID,
    Column,
    named,
    type_for,
    widened,
)
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LONG_NAMES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a column, as a sentence."""

    column: str
    sentence: str
    widens: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was found: its columns' types, in order, and its generation.

    The generation is the mark that elt leaves on a table which it made or took over.
    """

    types: Mapping[str, str]
    generation: str | None


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
    cursor: DuckDBPyConnection,
    place: tuple[str, str],
    wanted: Sequence[Column],
    *,
    found: Table | None,
    anew: bool = False,
) -> Shape:
    """Make a table hold the wanted columns, inside the caller's transaction.

    `place` is its schema and name, `found` the table as it is, None without one. With
    `anew` none of its rows will stay, and its columns get just the wanted types.
    """
    schema, table = place
    if found is None:
        return _make(cursor, schema, table, named(wanted, ()))
    existing = dict(found.types)
    columns, changes = [], []
    if RUN_ID not in existing:
        changes += _adopt(cursor, schema, table, existing)
    for column in named(wanted, list(existing)):
        actual = existing.get(column.name)
        if actual is None:
            changes.append(_add(cursor, schema, table, column))
            columns.append(column)
            continue
        if anew:
            changes += _retype(cursor, (schema, table), column, actual)
            columns.append(column)
            continue
        kept = _widen(cursor, (schema, table), column, actual)
        if kept != actual:
            changes.append(
                Change(column.name, f"{actual} widened to {kept}", widens=True)
            )
        columns.append(replace(column, type=kept))
    generation = found.generation or _stamp(cursor, schema, table)
    return Shape(tuple(columns), tuple(changes), generation)


def tables_in(
    cursor: DuckDBPyConnection, schemas: Collection[str]
) -> dict[tuple[str, str], Table]:
    """Find the tables of some schemas, by their places.

    All in one query: it goes through the columns of the whole warehouse, which for
    each of many streams would cost more than their rows.
    """
    rows = cursor.execute(
        "SELECT lower(schema_name), lower(table_name),"
        " list(column_name ORDER BY column_index),"
        " list(data_type ORDER BY column_index),"
        " any_value(comment) FILTER (column_name = ?)"
        " FROM duckdb_columns()"
        " WHERE database_name = current_database()"
        " AND lower(schema_name) IN (SELECT unnest(?))"
        " GROUP BY ALL",
        [RUN_ID, [schema.lower() for schema in schemas]],
    ).fetchall()
    return {
        (schema, table): Table(
            {
                name: _LONG_NAMES.get(type_, type_)
                for name, type_ in zip(names, types, strict=True)
            },
            generation,
        )
        for schema, table, names, types, generation in rows
    }


def place_of(schema: str, table: str) -> tuple[str, str]:
    """Give the name of a table as `tables_in` does: DuckDB has no regard for case."""
    return schema.lower(), table.lower()


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


def _retype(
    cursor: DuckDBPyConnection, at: tuple[str, str], column: Column, actual: str
) -> list[Change]:
    """Give a column the wanted type; its values go with their rows."""
    if column.type == actual:
        return []
    cursor.execute(
        f"ALTER TABLE {relation(*at)} ALTER COLUMN {quote(column.name)}"
        f" TYPE {column.type} USING NULL::{column.type}"
    )
    return [Change(column.name, f"{actual} made anew as {column.type}")]


def _widen(
    cursor: DuckDBPyConnection, at: tuple[str, str], column: Column, actual: str
) -> str:
    """Widen the column where the wanted type asks for it; give the type it has then.

    A type that elt does not load into, in a table of somebody else's, is widened too.
    """
    wide = widened(type_for(actual), column.type)
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


def _loses(
    cursor: DuckDBPyConnection, at: tuple[str, str], column: Column, actual: str
) -> bool:
    name = quote(column.name)
    row = cursor.execute(
        f"SELECT count(*) FROM {relation(*at)}"
        f" WHERE TRY_CAST({name}::DOUBLE AS {actual}) IS DISTINCT FROM {name}"
    ).fetchone()
    return bool(row and row[0])
