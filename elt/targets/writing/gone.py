"""Rows that a tap says are gone keep what was last known of them.

They were written like all others. Where the last one of a key tells only a part of its
row, each column takes the value of the last row that told it: of this commit, or the
one in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elt.targets.columns import DELETED_AT
from elt.targets.reading.told import TOLD
from elt.targets.writing.evolve import Shape
from elt.targets.writing.plans import StreamPlan
from elt.targets.writing.settling import key_columns
from elt.warehouse.dialect import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COMPLETE = "_elt_complete"
_PLACE = "_elt_place"  # in the order of arrival; the table's own row has come first
_OURS = "_elt_"


def complete(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    rows: str,
    *,
    table: str | None,
    told: bool,
) -> None:
    """Give rows that are gone the values that they do not tell.

    `table` has those that were known before, None where nothing was; `told`: the
    `rows` have TOLD. Nothing but nulls, beside the key and Singer's own columns, tells
    nothing: some taps send a deleted row so, and in a file each row has all columns.
    """
    known = _known(plan, shape, told=told) if plan.keeps_one else None
    if known is None or not _any(cursor, rows, known):
        return
    keys = key_columns(plan, shape)
    listed = ", ".join(keys)
    last = (
        f"SELECT {listed} FROM {rows} GROUP BY {listed}"
        f" HAVING arg_max(({known}) IS NOT NULL, rowid)"
    )
    line = f"SELECT *, rowid AS {_PLACE}, {known} AS _elt_known FROM {rows}"
    if table is not None:
        line += (
            f" UNION ALL BY NAME SELECT *, -1 AS {_PLACE} FROM {table}"
            f" SEMI JOIN ({last}) USING ({listed})"
        )
    values = _values(cursor, rows, shape, keys)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_COMPLETE} AS"
        f" SELECT {', '.join([*keys, *values])}"
        f" FROM ({line}) SEMI JOIN ({last}) USING ({listed}) GROUP BY {listed}"
    )
    same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
    cursor.execute(f"DELETE FROM {rows} AS old USING {_COMPLETE} AS new WHERE {same}")
    cursor.execute(f"INSERT INTO {rows} BY NAME FROM {_COMPLETE}")
    cursor.execute(f"DROP TABLE {_COMPLETE}")


def _known(plan: StreamPlan, shape: Shape, *, told: bool) -> str | None:
    """Give the SQL of what a row tells, NULL for a whole one; None if all are whole."""
    listed = TOLD.name if told else f"NULL::{TOLD.type}"
    mark = next((c for c in shape.columns if c.property == DELETED_AT), None)
    if mark is None:
        return listed if told else None
    singers = [c.property for c in shape.columns if c.property.startswith("_sdc_")]
    own = [c for c in shape.columns if c.property not in {*plan.key, *singers}]
    nothing = " AND ".join(f"{quote(c.name)} IS NULL" for c in own) or "true"
    names = f"[{', '.join(literal(name) for name in singers)}]"
    return (
        f"CASE WHEN {quote(mark.name)} IS NOT NULL AND {nothing}"
        f" THEN list_intersect(coalesce({listed}, {names}), {names})"
        f" ELSE {listed} END"
    )


def _any(cursor: DuckDBPyConnection, rows: str, known: str) -> bool:
    found = cursor.execute(f"FROM {rows} WHERE ({known}) IS NOT NULL LIMIT 1")
    return bool(found.fetchall())


def _values(
    cursor: DuckDBPyConnection, rows: str, shape: Shape, keys: list[str]
) -> list[str]:
    """Give each column's value, of the rows of a key in their order."""
    properties = {column.name: column.property for column in shape.columns}
    described = cursor.execute(f"DESCRIBE {rows}").fetchall()
    names = [name for name, *_ in described if quote(name) not in keys]
    return [f"{_value(name, properties.get(name))} AS {quote(name)}" for name in names]


def _value(name: str, property_: str | None) -> str:
    if name == TOLD.name:
        whole = f"bool_or({_PLACE} >= 0 AND _elt_known IS NULL)"
        return f"CASE WHEN NOT {whole} THEN flatten(list(_elt_known)) END"
    last = f"arg_max_null({quote(name)}, {_PLACE})"
    if property_ is None and name.startswith(_OURS):
        return last
    tells = "_elt_known IS NULL"
    if property_ is not None:
        tells += f" OR list_contains(_elt_known, {literal(property_)})"
    return f"{last} FILTER ({tells})"
