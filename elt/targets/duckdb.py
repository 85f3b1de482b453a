"""Parts become rows of a DuckDB table, inside a transaction that the caller holds.

The fast road reads, checks and inserts in one statement (1.1 times what DuckDB's own
typed insert costs; `benchmarks/ratios.py`). It refuses a part with anything
unusual in it; `careful.py` then reads that part again, value by value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from elt.errors import ConfigError, Guarded
from elt.targets import careful
from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.evolve import Change, Shape, Table, bring_up_to_date
from elt.targets.modes import Mode
from elt.targets.parts import Part, check_unchanged
from elt.targets.readings import (
    UNKNOWN_KEYS,
    UNUSUAL_VALUES,
    Caution,
    Reading,
    prepare,
    run,
    union,
)
from elt.targets.roads import Road, from_sql, roads, texts
from elt.targets.values import fast_check, fast_value
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_STAGE = "_elt_stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """Where and how a stream's rows are written."""

    stream: str  # the tap's id of it
    schema: str
    table: str
    mode: Mode
    key: tuple[str, ...] = ()
    learns_key: bool = False  # nobody has named a key yet: the SCHEMA may
    replication_key: str | None = None
    replace_from: str | None = None  # rows from this bookmark on are read again
    allow_shrink: bool = False
    # Nothing says whether the rows come again: no key, no method, and no bookmark.
    doubtful: bool = False

    @property
    def keyed(self) -> bool:
        """Whether the table has a key's row once."""
        return bool(self.key) and self.mode.name != "append"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every row of a commit is marked with, and when its tap was started."""

    run_id: str
    environment: str
    tap: str
    started_at: datetime
    at: datetime


@dataclass(slots=True, kw_only=True)
class Written:
    """What one stream's part of a commit did."""

    rows: int = 0
    rejects: int = 0
    changes: list[Change] = field(default_factory=list)
    generation: str = ""


def write_stream(  # noqa: PLR0913  one stream and what is known of it
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    parts: Sequence[Part],
    *,
    columns: Sequence[Column],
    found: Table | None,
    stamp: Stamp,
    caution: Caution,
) -> Written:
    """Write a stream's parts, in order, as its mode says.

    `found` is the table as it is, None before there is one. Raises UnknownKeys or
    UnusualValues when the attempt must be repeated with more caution, Guarded when an
    overwrite would shrink the table, Unavailable when a named file changed meanwhile.
    """
    readings = [
        prepare(cursor, road, number, caution=caution)
        for number, road in enumerate(road for part in parts for road in roads(part))
    ]
    wanted = union(
        [*columns, *(column for part in parts for column in part.columns)],
        [column for reading in readings for column in reading.extra],
    )
    _check_key(plan, wanted)
    shape = bring_up_to_date(
        cursor,
        (plan.schema, plan.table),
        wanted,
        found=found,
        anew=plan.mode.makes_anew,
    )
    written = Written(changes=list(shape.changes), generation=shape.generation)
    rows_before = _clear(cursor, plan)
    for reading in readings:
        _write(cursor, plan, shape, reading, stamp=stamp, written=written)
    _settle(cursor, plan, shape, stamp)
    _refuse_to_shrink(cursor, plan, rows_before)
    return written


def _check_key(plan: StreamPlan, columns: Sequence[Column]) -> None:
    missing = set(plan.key) - {column.property for column in columns}
    if missing and plan.keyed:
        raise ConfigError(
            f"stream `{plan.stream}` has no column `{min(missing)}` to be its key",
            hint=f"Set `key` in [taps.<name>.streams.{plan.stream}]",
        )


def _clear(cursor: DuckDBPyConnection, plan: StreamPlan) -> int:
    """Make room as the mode says; give how many rows an overwrite replaces."""
    table = relation(plan.schema, plan.table)
    if plan.mode.name == "upsert":
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {_STAGE} AS FROM {table} LIMIT 0")
    if plan.mode.name != "overwrite":
        return 0
    rows = _count(cursor, table)
    cursor.execute(f"DELETE FROM {table}")
    return rows


def _write(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    *,
    stamp: Stamp,
    written: Written,
) -> None:
    table = relation(plan.schema, plan.table)
    if reading.road.replace:
        _clear_file(cursor, table, shape, reading.road)
    target = _STAGE if plan.mode.name == "upsert" else table
    columns = _columns_of(reading, shape)
    if reading.texts is None:
        sql = _insert_sql(target, plan, columns, reading, stamp)
        written.rows += int(run(cursor, reading.road, sql)[0][0])
    else:
        keys = [c for c in columns if plan.keyed and c.property in plan.key]
        good, bad = careful.insert(
            cursor,
            reading.texts,
            target,
            columns=columns,
            keys=keys,
            stamp=(stamp.run_id, stamp.environment, stamp.tap, plan.stream, stamp.at),
        )
        written.rows += good
        written.rejects += bad
    if reading.road.named:
        check_unchanged(reading.road.named)


def _columns_of(reading: Reading, shape: Shape) -> list[Column]:
    known = {c.property for c in (*reading.road.columns, *reading.extra)}
    return [column for column in shape.columns if column.property in known]


def _clear_file(
    cursor: DuckDBPyConnection, table: str, shape: Shape, road: Road
) -> None:
    """Delete what an earlier version of the same file left."""
    same = [
        (column.name, road.constants[column.property])
        for column in shape.columns
        if column.property in road.constants
    ]
    where = " AND ".join(f"{quote(name)} = ?" for name, _ in same)
    cursor.execute(f"DELETE FROM {table} WHERE {where}", [value for _, value in same])


def _insert_sql(
    target: str,
    plan: StreamPlan,
    columns: Sequence[Column],
    reading: Reading,
    stamp: Stamp,
) -> str:
    found = texts(reading.road, columns)
    names = [quote(column.name) for column in columns] + [LOADED_AT, RUN_ID]
    values = [
        fast_value(text, column.type)
        for text, column in zip(found, columns, strict=True)
    ]
    values += [f"TIMESTAMPTZ {literal(stamp.at.isoformat())}", literal(stamp.run_id)]
    return (
        f"INSERT INTO {target} ({', '.join(names)})"
        f" SELECT {', '.join(values)}"
        f" FROM {from_sql(reading.road, columns)}"
        f" WHERE {_condition(plan, columns, found, reading)}"
    )


def _condition(
    plan: StreamPlan,
    columns: Sequence[Column],
    found: Sequence[str],
    reading: Reading,
) -> str:
    checks = []
    for text, column in zip(found, columns, strict=True):
        if plan.keyed and column.property in plan.key:
            checks.append(f"{text} IS NOT NULL")
        check = fast_check(text, column.type)
        if check:
            checks.append(f"({text} IS NULL OR coalesce({check}, false))")
    usual = " AND ".join(checks) or "true"
    stop = f"error({literal(UNUSUAL_VALUES)})"
    condition = f"CASE WHEN {usual} THEN true ELSE {stop} END"
    if reading.key_sets is None:
        return condition
    sets = ", ".join(
        "[" + ", ".join(literal(key) for key in keys) + "]" for keys in reading.key_sets
    )
    if not sets:
        return condition
    return (
        f"CASE WHEN json_keys(r.json) IN ({sets}) THEN {condition}"
        f" ELSE error({literal(UNKNOWN_KEYS)}) END"
    )


def _settle(
    cursor: DuckDBPyConnection, plan: StreamPlan, shape: Shape, stamp: Stamp
) -> None:
    """Let the rows that were just written take the place of those they replace."""
    table = relation(plan.schema, plan.table)
    names = {column.property: quote(column.name) for column in shape.columns}
    keys = [names[key] for key in plan.key] if plan.keyed else []
    if plan.mode.name == "upsert":
        _keep_last(cursor, _STAGE, keys)
        _merge(cursor, table, keys)
    elif plan.keyed:
        _keep_last(cursor, table, keys)
    elif plan.replace_from is not None:
        _replace_from_bookmark(cursor, plan, shape, stamp)


def _keep_last(cursor: DuckDBPyConnection, table: str, keys: Sequence[str]) -> None:
    """Keep of the rows with the same key the one that came last."""
    listed = ", ".join(keys)
    row = cursor.execute(
        f"SELECT count(*) > count(DISTINCT ({listed})) FROM {table}"
    ).fetchone()
    if row and row[0]:
        cursor.execute(
            f"DELETE FROM {table} WHERE rowid NOT IN"
            f" (SELECT max(rowid) FROM {table} GROUP BY {listed})"
        )


def _merge(cursor: DuckDBPyConnection, table: str, keys: Sequence[str]) -> None:
    same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
    cursor.execute(f"DELETE FROM {table} AS old USING {_STAGE} AS new WHERE {same}")
    cursor.execute(f"INSERT INTO {table} BY NAME FROM {_STAGE}")
    cursor.execute(f"DROP TABLE {_STAGE}")


def _replace_from_bookmark(
    cursor: DuckDBPyConnection, plan: StreamPlan, shape: Shape, stamp: Stamp
) -> None:
    """Delete keyless rows of earlier runs that the tap has read again.

    What lies behind the bookmark was committed without moving it and comes again.
    Rows at the bookmark go only when rows at it have come: some taps start with it,
    some behind it.
    """
    table = relation(plan.schema, plan.table)
    for column in shape.columns:
        if column.property == plan.replication_key:
            mark = f"TRY_CAST($mark AS {column.type})"
            name = quote(column.name)
            cursor.execute(
                f"DELETE FROM {table} WHERE {LOADED_AT} < $started AND ({name} > {mark}"
                f" OR ({name} = {mark} AND EXISTS (FROM {table} AS new"
                f" WHERE new.{LOADED_AT} = $at AND new.{name} <= {mark})))",
                {
                    "mark": plan.replace_from,
                    "started": stamp.started_at,
                    "at": stamp.at,
                },
            )


def _refuse_to_shrink(
    cursor: DuckDBPyConnection, plan: StreamPlan, rows_before: int
) -> None:
    if plan.allow_shrink or not rows_before:
        return
    rows = _count(cursor, relation(plan.schema, plan.table))
    if rows * 2 < rows_before:
        raise Guarded(
            f"`{plan.schema}.{plan.table}` would shrink from {rows_before:,} rows"
            f" to {rows:,}; the old rows were kept",
            hint=f"If that is right, set `allow_shrink = true` for stream"
            f" `{plan.stream}`",
        )


def _count(cursor: DuckDBPyConnection, table: str) -> int:
    row = cursor.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
