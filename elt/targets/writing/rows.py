"""One statement of the fast road: a part is read, checked and inserted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.nested import covers, is_nested, parse
from elt.targets.reading.maps import Maps, digest_in
from elt.targets.reading.readings import (
    UNKNOWN_KEYS,
    UNUSUAL_VALUES,
    Reading,
    UnusualValues,
)
from elt.targets.reading.roads import exact, from_sql, texts
from elt.targets.reading.told import TOLD, told_sql
from elt.targets.reading.typed import Typed
from elt.targets.reading.usual import as_read, checks, has_keys, usual_rows
from elt.targets.reading.values import fast_value
from elt.targets.writing.evolve import Shape
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.dialect import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


# The rows that a statement left out, counted while it runs.
LEFT_OUT = "temp.main._elt_left_out"
# With more of them than this, a part is looked through before anything is written.
_FEW = 10_000


@dataclass(frozen=True, slots=True)
class Insert:
    """A statement, and what it writes: a `FROM`, and which of its rows.

    When it `counts`, it leaves the others out and counts them in LEFT_OUT, as long as
    they are few.
    """

    sql: str
    rows: tuple[str, str]
    counts: bool = False


def insert_sql(
    target: str,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    stamp: Stamp,
) -> Insert:
    """Insert a part into `target`: all that is usual in it, or nothing.

    The statement's errors carry UNKNOWN_KEYS or UNUSUAL_VALUES.
    """
    columns = reading.own(shape.columns)
    closed = [replace(c, type="VARCHAR") for c in reading.own(shape.closed)]
    _check_shapes(columns, reading)
    # A digest is made of the text as it came, whatever its column has become.
    read = [replace(c, type="VARCHAR") if c.hashed else c for c in columns]
    every = texts(reading.road, [*read, *closed])
    found, nothing = every[: len(read)], every[len(read) :]
    known = {
        column.property: value
        for column in columns
        if not column.hashed and (value := exact(reading.road, column))
    }
    conditions = checks(read, found, plan.key if plan.keyed else (), known)
    conditions += [f"{text} IS NULL" for text in nothing]
    usual = " AND ".join(conditions) or "true"
    source = from_sql(reading.road, [*read, *closed])
    nested = any(is_nested(column.type) for column in columns)
    counts = reading.road.format == "jsonl" and not nested and not closed
    values = [
        _value(text, column, known.get(column.property), plan.maps)
        for text, column in zip(found, columns, strict=True)
    ]
    told = told_beside(plan, reading, "r.json")
    where = _condition(usual, reading, counts=counts)
    sql = _sql(
        target,
        [*columns, *told],
        [*values, *told.values()],
        stamp,
        f"{source} WHERE {where}",
    )
    return Insert(sql, (source, f"coalesce({usual}, false)"), counts=counts)


def left_out(cursor: DuckDBPyConnection) -> int:
    """Count what the last statement left out."""
    row = cursor.execute(f"SELECT nextval({literal(LEFT_OUT)}) - 1").fetchone()
    return int(row[0]) if row else 0


def insert_usual_sql(
    target: str,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    stamp: Stamp,
) -> Insert:
    """Insert what is usual of a part whose other rows have been read with care."""
    columns = reading.own(shape.columns)
    wanted = {column.property: column for column in columns}
    read = as_read(columns)
    values = [
        _value(text, wanted[column.property], exact(reading.road, column), plan.maps)
        for text, column in zip(texts(reading.road, read), read, strict=True)
    ]
    keys = plan.key if plan.keyed else ()
    source, usual = usual_rows(reading.road, columns, keys, reading.key_sets or ())
    told = told_beside(plan, reading, "r.json")
    into = [*(wanted[column.property] for column in read), *told]
    values += told.values()
    sql = _sql(target, into, values, stamp, f"{source} WHERE {usual}")
    return Insert(sql, (source, usual))


def told_beside(plan: StreamPlan, reading: Reading, record: str) -> dict[Column, str]:
    """Give TOLD with its SQL over a JSON record, where rows need it."""
    needed = plan.keeps_one and reading.leaves_out
    return {TOLD: told_sql(reading.road, record)} if needed else {}


def _sql(
    target: str,
    columns: Sequence[Column],
    values: Sequence[str],
    stamp: Stamp,
    rows: str,
) -> str:
    names = ", ".join([*(quote(column.name) for column in columns), LOADED_AT, RUN_ID])
    stamped = f"TIMESTAMPTZ {literal(stamp.at.isoformat())}", literal(stamp.run_id)
    return (
        f"INSERT INTO {target} ({names})"
        f" SELECT {', '.join([*values, *stamped])} FROM {rows}"
    )


def _check_shapes(columns: Sequence[Column], reading: Reading) -> None:
    """Raise UnusualValues where a type has no place for parts that there are."""
    found = {c.property: c for c in (*reading.road.columns, *reading.extra)}
    for column in columns:
        if is_nested(column.type) and column.property in found:
            wanted = parse(found[column.property].type)
            if not covers(parse(column.type), wanted):
                raise UnusualValues


def _value(text: str, column: Column, known: Typed | None, maps: Maps) -> str:
    if column.hashed:
        return digest_in(column, text, maps)
    return known.value if known else fast_value(text, column.type)


def _condition(usual: str, reading: Reading, *, counts: bool) -> str:
    refuse = f"error({literal(UNUSUAL_VALUES)})"
    otherwise = refuse
    if counts:
        number = f"nextval({literal(LEFT_OUT)})"
        otherwise = f"CASE WHEN {number} <= {_FEW} THEN false ELSE {refuse} END"
    condition = f"CASE WHEN {usual} THEN true ELSE {otherwise} END"
    if not reading.key_sets:
        return condition
    return (
        f"CASE WHEN {has_keys(reading.key_sets)} THEN {condition}"
        f" ELSE error({literal(UNKNOWN_KEYS)}) END"
    )
