"""One statement of the fast road: a part is read, checked and inserted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
from elt.targets.reading.typed import Typed
from elt.targets.reading.usual import as_read, checks, has_keys, usual_rows
from elt.targets.reading.values import fast_value
from elt.targets.writing.evolve import Shape
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.dialect import literal, quote


def insert_sql(
    target: str,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    stamp: Stamp,
) -> str:
    """Insert a part into `target`; the statement refuses anything unusual.

    Its errors carry UNKNOWN_KEYS or UNUSUAL_VALUES.
    """
    columns = reading.own(shape.columns)
    closed = [replace(c, type="VARCHAR") for c in reading.own(shape.closed)]
    _check_shapes(columns, reading)
    # A digest is made of the text as it came, whatever its column has become.
    read = [replace(c, type="VARCHAR") if c.hashed else c for c in columns]
    every = texts(reading.road, [*read, *closed])
    found, nothing = every[: len(read)], every[len(read) :]
    names = [quote(column.name) for column in columns] + [LOADED_AT, RUN_ID]
    known = {
        column.property: value
        for column in columns
        if not column.hashed and (value := exact(reading.road, column))
    }
    conditions = checks(read, found, plan.key if plan.keyed else (), known)
    conditions += [f"{text} IS NULL" for text in nothing]
    values = [
        _value(text, column, known.get(column.property), plan.maps)
        for text, column in zip(found, columns, strict=True)
    ]
    values += [f"TIMESTAMPTZ {literal(stamp.at.isoformat())}", literal(stamp.run_id)]
    return (
        f"INSERT INTO {target} ({', '.join(names)})"
        f" SELECT {', '.join(values)}"
        f" FROM {from_sql(reading.road, [*read, *closed])}"
        f" WHERE {_condition(conditions, reading)}"
    )


def insert_usual_sql(
    target: str,
    plan: StreamPlan,
    shape: Shape,
    reading: Reading,
    stamp: Stamp,
) -> tuple[str, tuple[str, str]]:
    """Insert what is usual of a part that is read with care, and say what that is."""
    columns = reading.own(shape.columns)
    wanted = {column.property: column for column in columns}
    read = as_read(columns)
    names = [quote(wanted[column.property].name) for column in read]
    values = [
        _value(text, wanted[column.property], exact(reading.road, column), plan.maps)
        for text, column in zip(texts(reading.road, read), read, strict=True)
    ]
    values += [f"TIMESTAMPTZ {literal(stamp.at.isoformat())}", literal(stamp.run_id)]
    keys = plan.key if plan.keyed else ()
    source, usual = usual_rows(reading.road, columns, keys, reading.key_sets or ())
    sql = (
        f"INSERT INTO {target} ({', '.join([*names, LOADED_AT, RUN_ID])})"
        f" SELECT {', '.join(values)} FROM {source} WHERE {usual}"
    )
    return sql, (source, usual)


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


def _condition(checks: Sequence[str], reading: Reading) -> str:
    usual = " AND ".join(checks) or "true"
    stop = f"error({literal(UNUSUAL_VALUES)})"
    condition = f"CASE WHEN {usual} THEN true ELSE {stop} END"
    if not reading.key_sets:
        return condition
    return (
        f"CASE WHEN {has_keys(reading.key_sets)} THEN {condition}"
        f" ELSE error({literal(UNKNOWN_KEYS)}) END"
    )
