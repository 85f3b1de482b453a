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
    type_held,
    widened,
)
from elt.targets.nested import converted, joined, parse, render, renewed
from elt.targets.reading.typed import short_name
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What every loaded table has beside the stream's own columns.
_STAMPED = (Column("", LOADED_AT, "TIMESTAMPTZ"), Column("", RUN_ID, "VARCHAR"))


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a column, as a sentence; `look`: a person should see to it.

    `before_text` is the type of a column that became text.
    """

    column: str
    sentence: str
    look: bool = False
    before_text: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was found: its columns' types, in order, and its generation.

    The generation is the mark that elt leaves on a table which it made or took over.
    The key is what the last load knew its rows by; None where nobody has noted it.
    """

    types: Mapping[str, str]
    generation: str | None
    key: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A table as it is now: the columns to write to, and what was changed for it.

    `generation` names this incarnation of the table: dropped and made again, it has
    another one, and a bookmark that was written for the old one no longer counts.
    `closed` are columns that were wanted and are not in the table.
    """

    columns: tuple[Column, ...]
    changes: tuple[Change, ...]
    generation: str
    closed: tuple[Column, ...] = ()


def bring_up_to_date(
    cursor: DuckDBPyConnection,
    place: tuple[str, str],
    wanted: Sequence[Column],
    *,
    found: Table | None,
    own: Sequence[Column] = (),
    anew: bool = False,
) -> Shape:
    """Make a table hold the wanted columns, inside the caller's transaction.

    `place` is its schema and name, `found` the table as it is, None without one. `own`
    columns are kept by elt itself, beside those of the stream. With `anew` none of its
    rows will stay, and its columns get just the wanted types.
    """
    schema, table = place
    own = (*_STAMPED, *own)
    reserved = [column.name for column in own]
    if found is None:
        return _make(cursor, schema, table, (named(wanted, (), reserved), own))
    changes = _add_own(cursor, place, own, found)
    existing, columns = _with_own(found, own), []
    for column in named(wanted, list(existing), reserved):
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
            sentence = f"{actual} widened to {kept}"
            before_text = actual if kept == "VARCHAR" else ""
            changes.append(
                Change(column.name, sentence, look=True, before_text=before_text)
            )
        columns.append(replace(column, type=kept))
    generation = found.generation or _stamp(cursor, schema, table)
    return Shape(tuple(columns), tuple(changes), generation)


def leave_as_it_is(
    cursor: DuckDBPyConnection,
    place: tuple[str, str],
    wanted: Sequence[Column],
    *,
    found: Table,
    own: Sequence[Column] = (),
) -> tuple[Shape, list[Change]]:
    """Fit the wanted columns into a table whose own do not change.

    Every column has the table's type then, and those that it lacks are `closed`. Gives
    also what would have to change. Columns that elt keeps itself are added all the
    same: no source has asked for them.
    """
    own = (*_STAMPED, *own)
    changes = _add_own(cursor, place, own, found)
    existing = _with_own(found, own)
    columns, closed, lacking = [], [], []
    for column in named(wanted, list(existing), [one.name for one in own]):
        actual = existing.get(column.name)
        if actual is None:
            closed.append(column)
            lacking.append(Change(column.name, f"new column {column.type}"))
            continue
        columns.append(replace(column, type=actual))
        wide = _wide_enough(cursor, place, column, actual)
        if wide != type_held(actual):
            lacking.append(Change(column.name, f"{actual} widened to {wide}"))
    generation = found.generation or _stamp(cursor, *place)
    shape = Shape(tuple(columns), tuple(changes), generation, tuple(closed))
    return shape, lacking


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
            {name: _own_name(type_) for name, type_ in zip(names, types, strict=True)},
            generation,
        )
        for schema, table, names, types, generation in rows
    }


def _own_name(type_: str) -> str:
    """Write a type of DuckDB's as elt does, so that equal ones compare as equal."""
    return render(renewed(parse(type_), short_name))


def place_of(schema: str, table: str) -> tuple[str, str]:
    """Give the name of a table as `tables_in` does: DuckDB has no regard for case."""
    return schema.lower(), table.lower()


def _make(
    cursor: DuckDBPyConnection,
    schema: str,
    table: str,
    columns: tuple[tuple[Column, ...], Sequence[Column]],
) -> Shape:
    streams, own = columns
    body = [f"{quote(column.name)} {column.type}" for column in (*streams, *own)]
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
    cursor.execute(f"CREATE TABLE {relation(schema, table)} ({', '.join(body)})")
    return Shape(streams, (), _stamp(cursor, schema, table))


def _stamp(cursor: DuckDBPyConnection, schema: str, table: str) -> str:
    generation = f"elt generation {uuid.uuid4().hex[:12]}"
    cursor.execute(
        f"COMMENT ON COLUMN {relation(schema, table)}.{RUN_ID} IS {literal(generation)}"
    )
    return generation


def _add(cursor: DuckDBPyConnection, schema: str, table: str, column: Column) -> Change:
    cursor.execute(
        f"ALTER TABLE {relation(schema, table)}"
        f" ADD COLUMN {quote(column.name)} {column.type}"
    )
    return Change(column.name, f"new column {column.type}")


def _add_own(
    cursor: DuckDBPyConnection,
    place: tuple[str, str],
    own: Sequence[Column],
    found: Table,
) -> list[Change]:
    return [
        _add(cursor, *place, column) for column in own if column.name not in found.types
    ]


def _with_own(found: Table, own: Sequence[Column]) -> dict[str, str]:
    return {column.name: column.type for column in own} | dict(found.types)


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
    wide = _wide_enough(cursor, at, column, actual)
    if wide == actual:
        return actual
    name = quote(column.name)
    value = converted(parse(actual), parse(wide), name)
    cursor.execute(
        f"ALTER TABLE {relation(*at)} ALTER COLUMN {name} TYPE {wide} USING {value}"
    )
    return wide


def _wide_enough(
    cursor: DuckDBPyConnection, at: tuple[str, str], column: Column, actual: str
) -> str:
    """Give the narrowest type that holds the old values and the wanted ones."""
    held = type_held(actual)
    wide = widened(held, column.type)
    exact = render(joined(parse(held), parse(column.type), _exactly_widened))
    if exact != wide and _loses(cursor, at, column, (actual, wide)):
        return exact
    return wide


def _exactly_widened(old: str, new: str) -> str:
    wide = widened(old, new)
    return "VARCHAR" if wide == "DOUBLE" != old else wide


def _loses(
    cursor: DuckDBPyConnection,
    at: tuple[str, str],
    column: Column,
    types: tuple[str, str],
) -> bool:
    """Say whether an old value is not the same after a way there and back."""
    name = quote(column.name)
    actual, wide = map(parse, types)
    there = converted(actual, wide, name)
    back = f"TRY({converted(wide, actual, there)})"
    row = cursor.execute(
        f"SELECT count(*) FROM {relation(*at)} WHERE {back} IS DISTINCT FROM {name}"
    ).fetchone()
    return bool(row and row[0])
