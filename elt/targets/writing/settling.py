"""Rows that were just written take the place of those that they replace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from elt.faults import reach
from elt.targets.writing.evolve import Shape
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.dialect import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STAGE = "_elt_stage"


def make_empty(cursor: DuckDBPyConnection, table: str, select: str) -> None:
    """Make a temporary table with the columns of a query, and without its rows.

    CREATE TABLE AS would do, were it not for DuckDB 2.0.0: into a table that it made
    empty, a large INSERT of the same transaction (more than about 120,000 rows, by
    several threads) is counted and then gone.
    """
    found = cursor.execute(f"DESCRIBE {select}").fetchall()
    columns = ", ".join(f"{quote(name)} {type_}" for name, type_, *_ in found)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")


def key_columns(plan: StreamPlan, shape: Shape) -> list[str]:
    """Give the quoted columns of the key, in its order; none where it is not kept."""
    names = {column.property: quote(column.name) for column in shape.columns}
    return [names[key] for key in plan.key] if plan.keyed else []


def keep_last(
    cursor: DuckDBPyConnection,
    table: str,
    keys: Sequence[str],
    *,
    compare: bool = False,
) -> int:
    """Keep of the rows with the same key the one that came last.

    When they are to `compare`, gives how many of those that go had other values.
    """
    listed = ", ".join(keys)
    row = cursor.execute(
        f"SELECT count(*) > count(DISTINCT ({listed})) FROM {table}"
    ).fetchone()
    if not (row and row[0]):
        return 0
    unlike = _count_unlike(cursor, table, listed) if compare else 0
    cursor.execute(
        f"DELETE FROM {table} WHERE rowid NOT IN"
        f" (SELECT max(rowid) FROM {table} GROUP BY {listed})"
    )
    return unlike


def _count_unlike(cursor: DuckDBPyConnection, table: str, listed: str) -> int:
    row = cursor.execute(
        f"""
        WITH again AS (
            SELECT {listed} FROM {table} GROUP BY {listed} HAVING count(*) > 1
        ),
        unlike AS (SELECT DISTINCT * FROM {table} SEMI JOIN again USING ({listed}))
        SELECT count(*) - count(DISTINCT ({listed})) FROM unlike
        """
    ).fetchone()
    return int(row[0]) if row else 0


def merge(
    cursor: DuckDBPyConnection,
    table: str,
    keys: Sequence[str],
    *,
    only: str | None = None,
) -> None:
    """Let staged rows take the place of those with their key.

    `only` is SQL: staged rows for which it is not true leave the table.
    """
    same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
    cursor.execute(f"DELETE FROM {table} AS old USING {STAGE} AS new WHERE {same}")
    reach("replaced-rows-deleted")
    where = f" WHERE ({only})" if only else ""
    cursor.execute(f"INSERT INTO {table} BY NAME FROM {STAGE}{where}")
