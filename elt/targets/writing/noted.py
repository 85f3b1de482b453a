"""What the warehouse has noted of earlier loads of a stream, and notes of this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from elt.targets.writing.evolve import Table, place_of, tables_in
from elt.targets.writing.plans import Stamp, StreamPlan, Written
from elt.warehouse.bookmarks import (
    LoadedStream,
    loaded_streams,
    write_load,
    write_loaded_stream,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def tables_of(
    cursor: DuckDBPyConnection, stamp: Stamp, plans: Mapping[str, StreamPlan]
) -> dict[str, Table]:
    """Find the tables of the streams, and the key that each was loaded by."""
    tables = tables_in(cursor, {plan.schema for plan in plans.values()})
    loaded = loaded_streams(cursor, stamp.environment, stamp.tap)
    found = {}
    for name, plan in plans.items():
        table = tables.get(place_of(plan.schema, plan.table))
        before = loaded.get(plan.stream)
        if table and before and table.generation == before.made_as:
            table = replace(table, key=before.key)
        if table:
            found[name] = table
    return found


def begun_anew(
    cursor: DuckDBPyConnection,
    stamp: Stamp,
    plans: Mapping[str, StreamPlan],
    found: Mapping[str, Table],
) -> frozenset[str]:
    """Find the streams whose bookmark counts no more, which their rows are to leave so.

    Else a table that somebody dropped would count as whole, though only some of its
    rows came back.
    """
    loaded = loaded_streams(cursor, stamp.environment, stamp.tap)
    anew = set()
    for name, plan in plans.items():
        before, table = loaded.get(plan.stream), found.get(name)
        generation = table.generation if table else None
        if before and (before.is_reset or generation != before.made_as):
            anew.add(name)
    return frozenset(anew)


def note_stream(
    cursor: DuckDBPyConnection, stamp: Stamp, plan: StreamPlan, written: Written
) -> None:
    write_loaded_stream(
        cursor,
        stamp.environment,
        LoadedStream(
            stamp.tap,
            plan.stream,
            plan.schema,
            plan.table,
            written.generation,
            plan.key,
        ),
    )
    note_load(cursor, stamp, plan, written)


def note_load(
    cursor: DuckDBPyConnection, stamp: Stamp, plan: StreamPlan, written: Written
) -> None:
    """Write down what a load did, for a person who asks later."""
    write_load(
        cursor,
        {
            "run_id": stamp.run_id,
            "environment": stamp.environment,
            "tap": stamp.tap,
            "stream": plan.stream,
            "table_schema": plan.schema,
            "table_name": plan.table,
            "mode": plan.mode.name,
            "rows": written.rows,
            "rejects": written.rejects,
            "committed_at": stamp.at,
        },
    )
    for change in written.changes:
        cursor.execute(
            "INSERT INTO _elt.schema_changes VALUES (?, ?, ?, ?, ?, ?)",
            [
                stamp.run_id,
                plan.schema,
                plan.table,
                change.column,
                change.sentence,
                stamp.at,
            ],
        )
