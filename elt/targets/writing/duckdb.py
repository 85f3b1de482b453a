"""Parts become rows of a DuckDB table, inside a transaction that the caller holds.

The fast road reads, checks and inserts in one statement (what it costs beside
DuckDB's own typed insert is in docs/benchmarks.md). It refuses a part with anything
unusual in it; `careful.py` then reads that part again, value by value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from elt.errors import ConfigError
from elt.faults import reach
from elt.targets.columns import Column
from elt.targets.reading import careful
from elt.targets.reading.parts import check_unchanged
from elt.targets.reading.readings import (
    Caution,
    Reading,
    UnusualValues,
    outgrown,
    prepare,
    read_rest,
    run,
    union,
)
from elt.targets.reading.roads import Road, roads
from elt.targets.reading.texts import Texts
from elt.targets.writing import gone, history, missing, versions
from elt.targets.writing.again import replace_rows
from elt.targets.writing.child_tables import (
    ASIDE,
    delete_orphans,
    make_aside,
    move_rows,
    split,
    write_children,
)
from elt.targets.writing.evolve import Shape, Table
from elt.targets.writing.filters import check_filter, leave_out
from elt.targets.writing.plans import Stamp, StreamBatch, StreamPlan, Written
from elt.targets.writing.policies import fit
from elt.targets.writing.rows import (
    LEFT_OUT,
    insert_sql,
    insert_usual_sql,
    left_out,
    told_beside,
)
from elt.targets.writing.settling import (
    STAGE,
    keep_last,
    key_columns,
    make_empty,
    merge,
)
from elt.warehouse.dialect import quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROW_GROUP = 122_880  # rows that DuckDB stores together


def write_stream(
    cursor: DuckDBPyConnection,
    batch: StreamBatch,
    *,
    found: Table | None,
    stamp: Stamp,
    caution: Caution,
) -> Written:
    """Write a stream's parts, in order, as its mode says.

    `found` is the table as it is, None before there is one. Raises UnknownKeys or
    UnusualValues when the attempt must be repeated with more caution, Guarded when a
    table would shrink or change though it must not, Unavailable when a named file
    changed meanwhile.
    """
    plan, parts = batch.plan, batch.parts
    readings = [
        prepare(
            cursor,
            road,
            number,
            caution=caution,
            maps=plan.maps,
            keys=plan.key if plan.keyed else (),
        )
        for number, road in enumerate(road for part in parts for road in roads(part))
    ]
    wanted = union(
        [*batch.columns, *(column for part in parts for column in part.columns)],
        [column for reading in readings for column in reading.extra],
    )
    if found and not plan.mode.makes_anew:
        wanted = outgrown(cursor, readings, wanted, found.types)
    _check_key(plan, wanted)
    versions.check(cursor, plan, found)
    own, lists = split(plan, wanted, declared=batch.columns)
    shape = fit(cursor, plan, own, found=found)
    check_filter(cursor, plan, shape.columns, tap=stamp.tap)
    reach("table-ready")
    written = _begin(cursor, batch, shape, stamp, found=found)
    rows_before = missing.count_living(cursor, batch, found)
    target = _make_room(cursor, plan, shape, found)
    reach("room-made")
    with _aside(cursor, plan, shape, lists, target=target, readings=readings) as (
        into,
        with_lists,
    ):
        for reading in readings:
            _write(
                cursor, plan, with_lists, reading, stamp=stamp, target=into, to=written
            )
            reach("rows-written")
    _leave_groups(cursor, plan, readings, target, rows=written.rows)
    written.unlike = _settle(cursor, plan, shape, stamp, target=target)
    written.take_off(leave_out(cursor, plan, stamp))
    reach("rows-settled")
    written.gone = missing.settle(
        cursor,
        batch,
        shape,
        stamp,
        found=found,
        staged=target == STAGE,
        to=written,
    )
    missing.refuse_to_shrink(cursor, plan, before=rows_before, to=written)
    written.gone += missing.drop_deleted(cursor, plan, shape, found)
    if lists:
        written.changes += write_children(cursor, plan, shape.columns, lists, stamp)
        if written.gone or any(reading.road.replace for reading in readings):
            delete_orphans(cursor, plan, shape.columns, lists)
    return written


@contextmanager
def _aside(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    lists: Sequence[Column],
    *,
    target: str,
    readings: Sequence[Reading],
) -> Iterator[tuple[str, Shape]]:
    """Let rows wait aside while there is more to them than the table's columns.

    Gives where rows are written to meanwhile, and the shape that they have there.
    """
    table = relation(plan.schema, plan.table)
    leaves_out = plan.keeps_one and any(each.leaves_out for each in readings)
    if not lists and not leaves_out:
        yield target, shape
        before = table if target == STAGE else None
        gone.complete(cursor, plan, shape, target, table=before, told=False)
        return
    make_aside(cursor, plan, lists)
    with_lists = replace(shape, columns=(*shape.columns, *lists))
    yield ASIDE, with_lists
    gone.complete(cursor, plan, with_lists, ASIDE, table=table, told=True)
    keep_last(cursor, ASIDE, key_columns(plan, shape))
    move_rows(cursor, target, lists)


def _begin(
    cursor: DuckDBPyConnection,
    batch: StreamBatch,
    shape: Shape,
    stamp: Stamp,
    *,
    found: Table | None,
) -> Written:
    """Make the table ready for marks and for versions."""
    changes = [
        *shape.changes,
        *missing.make_ready(cursor, batch, shape, found=found),
    ]
    versions.take_over(cursor, batch.plan, shape, stamp, found=found)
    return Written(changes=changes, generation=shape.generation)


def _check_key(plan: StreamPlan, columns: Sequence[Column]) -> None:
    missing_ones = set(plan.key) - {column.property for column in columns}
    if missing_ones and plan.keyed:
        raise ConfigError(
            f"stream `{plan.stream}` has no column `{min(missing_ones)}` to be its key",
            hint=f"Set `key` in [taps.<name>.streams.{plan.stream}]",
        )


def _make_room(
    cursor: DuckDBPyConnection, plan: StreamPlan, shape: Shape, found: Table | None
) -> str:
    """Make room as the mode says; give the table that rows are written into."""
    table = relation(plan.schema, plan.table)
    if plan.mode.name == "overwrite":
        others = f"NOT ({missing.spared_rows(plan, shape)})" if plan.spared else "true"
        cursor.execute(f"DELETE FROM {table} AS old WHERE {others}")
    if not plan.staged:
        return table
    empty = found is None or not cursor.execute(f"FROM {table} LIMIT 1").fetchall()
    if empty and plan.mode.name == "upsert":
        return table
    make_empty(cursor, STAGE, f"SELECT * FROM {table}")
    return STAGE


def _write(  # noqa: PLR0913  one part and where it goes
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    *,
    stamp: Stamp,
    target: str,
    to: Written,
) -> None:
    _check_marks(plan, reading.road)
    if reading.road.replace:
        table = relation(plan.schema, plan.table)
        _clear_file(cursor, table, shape, reading.road)
    if reading.texts is None:
        rows, rest = _write_fast(cursor, plan, shape, reading, stamp, target)
    elif reading.texts.usual:
        rows = _write_usual(cursor, plan, shape, reading, stamp, target)
        rest = reading.texts
    else:
        rows, rest = 0, reading.texts
    to.rows += rows
    if rest is not None:
        columns = reading.own(shape.columns)
        good, bad = careful.insert(
            cursor,
            rest,
            target,
            columns=columns,
            keys=_keys(plan, columns),
            closed=reading.own(shape.closed),
            stamp=(stamp.run_id, stamp.environment, stamp.tap, plan.stream, stamp.at),
            told=told_beside(plan, reading, "raw"),
        )
        to.rows += good
        to.rejects += bad
        reach("rejects-written")
    if reading.road.named:
        check_unchanged(reading.road.named)


def _keys(plan: StreamPlan, columns: Sequence[Column]) -> list[Column]:
    return [c for c in columns if plan.keyed and c.property in plan.key]


def _write_fast(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    stamp: Stamp,
    target: str,
) -> tuple[int, Texts | None]:
    """Write what is usual of a part; give the number of rows, and the rest as texts.

    Raises UnusualValues where that rest must be known before anything is written.
    """
    insert = insert_sql(target, plan, shape, reading, stamp)
    if insert.counts:
        cursor.execute(f"CREATE OR REPLACE TEMP SEQUENCE {LEFT_OUT}")
    rows = int(run(cursor, reading.road, insert.sql)[0][0])
    if not insert.counts or not left_out(cursor):
        return rows, None
    columns = reading.own(shape.columns)
    rest = read_rest(cursor, reading, columns, insert.rows, plan.maps)
    if careful.wider_columns(cursor, rest, columns):
        raise UnusualValues
    _check_order(cursor, rest, columns, _keys(plan, columns))
    return rows, rest


def _check_order(
    cursor: DuckDBPyConnection,
    rest: Texts,
    columns: Sequence[Column],
    keys: Sequence[Column],
) -> None:
    """Raise UnusualValues where the order of rows with the same key would be lost."""
    if keys and careful.any_good(cursor, rest, columns=columns, keys=keys):
        raise UnusualValues


def _write_usual(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    stamp: Stamp,
    target: str,
) -> int:
    """Write what is usual of a part of which only the rest was read with care.

    Raises UnusualValues where all of it must be: the table has other types than the
    schema, or the order of rows with the same key would be lost.
    """
    texts, columns = reading.texts, reading.own(shape.columns)
    assert texts is not None  # noqa: S101  the rest was read
    insert = insert_usual_sql(target, plan, shape, reading, stamp)
    if insert.rows != texts.usual or reading.own(shape.closed):
        raise UnusualValues
    _check_order(cursor, texts, columns, _keys(plan, columns))
    return int(run(cursor, reading.road, insert.sql)[0][0])


def _leave_groups(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    readings: list[Reading],
    target: str,
    *,
    rows: int,
) -> None:
    """Do not let this commit's checkpoint fill up row groups, if it brought whole ones.

    It would write them again with one thread: up to a second for 130 MB. A later,
    smaller commit does it once for all. Where rows are replaced it must: the file
    would grow from commit to commit.
    """
    replaces = any(reading.road.replace for reading in readings)
    only_adds = target != STAGE and plan.mode.name != "overwrite" and not replaces
    if only_adds and rows >= _ROW_GROUP:
        cursor.execute("SET GLOBAL max_vacuum_tasks = 0")


def _check_marks(plan: StreamPlan, road: Road) -> None:
    """Raise ConfigError where it would not be known which rows are of which file."""
    for name in road.constants if road.named else ():
        if name in plan.maps.drop or name in plan.maps.hash:
            raise ConfigError(
                f"stream `{plan.stream}` cannot drop or hash `{name}`: by it elt knows"
                " which rows came from which file",
                hint=f"Take it out of `drop` and `hash` of stream `{plan.stream}`",
            )


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


def _settle(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    stamp: Stamp,
    *,
    target: str,
) -> int:
    """Let the rows that were just written take the place of those they replace.

    Gives how many rows of a read in full went for one with their key and other values.
    """
    table = relation(plan.schema, plan.table)
    keys, unlike = key_columns(plan, shape), 0
    if plan.mode.name == "history":
        history.settle(cursor, plan, shape.columns, stamp)
    elif keys:
        unlike = keep_last(cursor, target, keys, compare=plan.full_table)
        if target == STAGE:
            merge(cursor, table, keys)
    elif plan.replace_from:
        replace_rows(cursor, plan, shape, stamp)
    return unlike
