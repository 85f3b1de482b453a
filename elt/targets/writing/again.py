"""Rows of earlier runs that a tap reads again, in a table that has no key.

Where the bookmark says from which value of the replication key on a stream is read,
the rows from there on make room for those that came, in each partition by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from elt.faults import reach
from elt.targets.bookmarks import Mark
from elt.targets.columns import LOADED_AT, Column
from elt.targets.writing.evolve import Shape
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.dialect import quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def replace_rows(
    cursor: DuckDBPyConnection, plan: StreamPlan, shape: Shape, stamp: Stamp
) -> None:
    """Delete rows of earlier runs in whose place others have just been written.

    What lies behind a mark was committed without moving it and comes again. Rows at
    the mark go only when rows at it have come: some taps start with it, some behind
    it. A partition of which nothing has come keeps all its rows.
    """
    columns = {column.property: column for column in shape.columns}
    key = columns.get(plan.replication_key or "")
    if key is None:
        return
    for names, marks in _by_names(plan.replace_from):
        if columns.keys() >= set(names):
            parted = [columns[name] for name in names]
            _replace(cursor, plan, key=key, parted=parted, marks=marks, stamp=stamp)


def _by_names(
    marks: Sequence[Mark],
) -> Iterator[tuple[tuple[str, ...], list[Mark]]]:
    """Group marks by what tells their partitions apart, most often the same for all."""
    groups: dict[tuple[str, ...], list[Mark]] = {}
    for mark in marks:
        groups.setdefault(tuple(sorted(mark.where)), []).append(mark)
    yield from groups.items()


def _replace(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    *,
    key: Column,
    parted: Sequence[Column],
    marks: Sequence[Mark],
    stamp: Stamp,
) -> None:
    """Run one statement for all partitions: a stream may have many thousands.

    `least` is the smallest value that has come of a partition.
    """
    table, name = relation(plan.schema, plan.table), quote(key.name)
    columns = {f"p{number}": column for number, column in enumerate(parted)}
    listed = ", ".join(["reach", *columns])
    cursor.execute(
        f"""
        DELETE FROM {table} AS old
        USING (
            SELECT {listed}, min(new.{name}) AS least
            FROM ({_marks_sql(key, columns)}) AS mark
            JOIN {table} AS new ON {_same("new", columns)}
            WHERE new.{LOADED_AT} = $at
            GROUP BY ALL
        ) AS mark
        WHERE old.{LOADED_AT} < $started
        AND {_same("old", columns)}
        AND (
            mark.reach IS NULL
            OR old.{name} > mark.reach
            OR (old.{name} = mark.reach AND mark.least <= mark.reach)
        )
        """,
        {
            "at": stamp.at,
            "started": stamp.started_at,
            "reach": [mark.value for mark in marks],
            **{
                alias: [mark.where[column.property] for mark in marks]
                for alias, column in columns.items()
            },
        },
    )
    reach("replaced-rows-deleted")


def _marks_sql(key: Column, columns: Mapping[str, Column]) -> str:
    """Give the marks as a table, without those that are no values of their column."""
    typed = {"reach": key, **columns}
    texts = ", ".join(f"unnest(${alias}::VARCHAR[]) AS {alias}" for alias in typed)
    values = ", ".join(
        f"TRY_CAST(text.{alias} AS {column.type}) AS {alias}"
        for alias, column in typed.items()
    )
    read = " AND ".join(
        f"(text.{alias} IS NULL) = (TRY_CAST(text.{alias} AS {column.type}) IS NULL)"
        for alias, column in typed.items()
    )
    return f"SELECT {values} FROM (SELECT {texts}) AS text WHERE {read}"


def _same(side: str, columns: Mapping[str, Column]) -> str:
    """Compare partitions; a stream without them is one."""
    return (
        " AND ".join(
            f"{side}.{quote(column.name)} IS NOT DISTINCT FROM mark.{alias}"
            for alias, column in columns.items()
        )
        or "true"
    )
