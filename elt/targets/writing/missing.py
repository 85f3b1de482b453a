"""Rows that the source has no more: they stay, are marked, or are deleted.

Two things tell that a row is gone: a full read that ended without it, and the tap's
own ACTIVATE_VERSION, behind which rows of older versions count no more. Besides, a
log-based tap sends a row that was deleted with the time in `_sdc_deleted_at`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elt.errors import Guarded
from elt.targets.columns import DELETED_AT, VERSION, Column
from elt.targets.reading.roads import pointer
from elt.targets.writing import history, versions
from elt.targets.writing.evolve import Change, Shape, Table
from elt.targets.writing.plans import Stamp, StreamBatch, StreamPlan, Written
from elt.targets.writing.settling import STAGE, key_columns
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_REJECTED = "_elt_rejected"


def make_ready(
    cursor: DuckDBPyConnection,
    batch: StreamBatch,
    shape: Shape,
    *,
    found: Table | None,
) -> list[Change]:
    """Give the table the column for marks where it needs one; say whether it did."""
    if not _marks(batch) or _column(DELETED_AT, shape, found):
        return []
    table = relation(batch.plan.schema, batch.plan.table)
    cursor.execute(f"ALTER TABLE {table} ADD COLUMN {DELETED_AT} TIMESTAMPTZ")
    return [Change(DELETED_AT, "new column TIMESTAMPTZ")] if found else []


def count_living(
    cursor: DuckDBPyConnection, batch: StreamBatch, found: Table | None
) -> int:
    """Count the rows of a table from which some may go; 0 where none can."""
    plan = batch.plan
    may_shrink = (
        plan.mode.name == "overwrite" or batch.active_version is not None or batch.whole
    )
    if found is None or not may_shrink:
        return 0
    names = {name.lower(): name for name in found.types}
    condition = "true"
    if plan.mode.name == "history" and versions.VALID_TO in found.types:
        condition = f"{versions.VALID_TO} IS NULL"
    elif DELETED_AT in names:
        condition = f"{quote(names[DELETED_AT])} IS NULL"
    return _count(cursor, relation(plan.schema, plan.table), condition)


def settle(  # noqa: PLR0913  what came, into what, and what became of it
    cursor: DuckDBPyConnection,
    batch: StreamBatch,
    shape: Shape,
    stamp: Stamp,
    *,
    found: Table | None,
    staged: bool,
    to: Written,
) -> int:
    """Mark or delete what is gone; give how many rows that were.

    Where nothing was staged, the table had no rows before.
    """
    gone = _gone(batch, shape, found, staged=staged)
    if gone and to.rejects + batch.rejects_before and batch.plan.keyed:
        # A row that came, but cannot be read, is not missing.
        kept = _find_rejected(cursor, batch, shape, stamp)
        gone = [f"({which}) AND {kept}" for which in gone]
    mark = quote(_column(DELETED_AT, shape, found) or DELETED_AT)
    return sum(_let_go(cursor, batch.plan, stamp, (which, mark)) for which in gone)


def spared_rows(plan: StreamPlan, shape: Shape) -> str:
    """Give the condition, over a row `old`, that it is of a part that was not read.

    Where columns do not tell that, it may be any row.
    """
    columns = {c.property: c for c in shape.columns if not c.hashed}
    columns = {name: c for name, c in columns.items() if c.type != "JSON"}
    parts = []
    for values in plan.spared:
        if not values or not values.keys() <= columns.keys():
            return "true"
        parts.append(" AND ".join(_has(columns[n], text) for n, text in values.items()))
    return " OR ".join(f"({part})" for part in parts) or "false"


def _has(column: Column, text: str) -> str:
    value = f"TRY_CAST({literal(text)} AS {column.type})"
    return f"({value} IS NULL OR old.{quote(column.name)} = {value})"


def drop_deleted(
    cursor: DuckDBPyConnection, plan: StreamPlan, shape: Shape, found: Table | None
) -> int:
    """Delete the rows that are marked, where none are to stay; count them."""
    name = _column(DELETED_AT, shape, found)
    if plan.on_missing != "delete" or name is None:
        return 0
    table = relation(plan.schema, plan.table)
    row = cursor.execute(
        f"DELETE FROM {table} WHERE {quote(name)} IS NOT NULL"
    ).fetchone()
    return int(row[0]) if row else 0


def refuse_to_shrink(
    cursor: DuckDBPyConnection, plan: StreamPlan, *, before: int, to: Written
) -> None:
    """Raise Guarded where a load would take most of the rows away.

    `before` are the living rows that the table had. Where no key tells rows apart,
    nobody knows which are gone, only how many there are.
    """
    if plan.allow_shrink or not before:
        return
    table = relation(plan.schema, plan.table)
    left = before - to.gone + (to.rows if plan.mode.name == "append" else 0)
    if plan.mode.name == "overwrite":
        left = _count(cursor, table, "true")
    if left * 2 < before:
        raise Guarded(
            f"`{plan.schema}.{plan.table}` would shrink from {before:,} rows"
            f" to {left:,}; the old rows were kept",
            hint=f"If that is right, set `allow_shrink = true` for stream"
            f" `{plan.stream}`",
        )


def _marks(batch: StreamBatch) -> bool:
    """Say whether rows of this table may get a mark."""
    plan = batch.plan
    if plan.mode.name in ("history", "overwrite"):
        return False
    told = batch.active_version is not None
    return plan.on_missing == "mark" or (plan.on_missing is None and told)


def _column(property_: str, shape: Shape, found: Table | None) -> str | None:
    """Find the table's column for one of Singer's own properties."""
    for column in shape.columns:
        if column.property == property_:
            return column.name
    names = {name.lower(): name for name in found.types} if found else {}
    return names.get(property_)


def _gone(
    batch: StreamBatch, shape: Shape, found: Table | None, *, staged: bool
) -> list[str]:
    """Give the conditions, over a row `old`, of which each says that it is gone."""
    plan = batch.plan
    gone = []
    version = _column(VERSION, shape, found)
    if batch.active_version is not None and version and plan.on_missing != "keep":
        number = f"TRY_CAST(old.{quote(version)} AS BIGINT)"
        gone.append(f"{number} < {batch.active_version}")
    if batch.whole and staged:
        keys = key_columns(plan, shape)
        same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
        spared = spared_rows(plan, shape)
        gone.append(f"NOT EXISTS (FROM {STAGE} AS new WHERE {same}) AND NOT ({spared})")
    return gone


def _let_go(
    cursor: DuckDBPyConnection, plan: StreamPlan, stamp: Stamp, gone: tuple[str, str]
) -> int:
    which, mark = gone
    table = relation(plan.schema, plan.table)
    if plan.mode.name == "history":
        return history.close(cursor, plan, stamp, which=which)
    if plan.deletes_missing:
        done = cursor.execute(f"DELETE FROM {table} AS old WHERE {which}")
    else:
        done = cursor.execute(
            f"UPDATE {table} AS old SET {mark} = ? WHERE {mark} IS NULL AND ({which})",
            [stamp.at],
        )
    row = done.fetchone()
    return int(row[0]) if row else 0


def _find_rejected(
    cursor: DuckDBPyConnection, batch: StreamBatch, shape: Shape, stamp: Stamp
) -> str:
    """Give a condition that is false for rows whose record is among the rejects.

    Where a record tells no key, because the whole line is broken or the key is kept
    as a digest, any row might be that one, and none is taken for gone.
    """
    columns = {column.property: column for column in shape.columns}
    keys = [columns[key] for key in batch.plan.key]
    texts = [_key_of_record(key) for key in keys]
    names = [quote(key.name) for key in keys]
    listed = ", ".join(
        f"{text} AS {name}" for text, name in zip(texts, names, strict=True)
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_REJECTED} AS"
        f' SELECT {listed}, "column" IS NULL AS broken FROM _elt.rejects'
        " WHERE run_id = ? AND environment = ? AND tap = ? AND stream = ?",
        [stamp.run_id, stamp.environment, stamp.tap, batch.plan.stream],
    )
    if any(key.hashed for key in keys) or _count(cursor, _REJECTED, "broken"):
        return "false"
    same = " AND ".join(f"old.{name} = bad.{name}" for name in names)
    return f"NOT EXISTS (FROM {_REJECTED} AS bad WHERE {same})"


def _key_of_record(key: Column) -> str:
    at = literal(pointer(key.property))
    text = f"if(json_valid(record), json_extract_string(record, {at}), NULL)"
    return f"TRY_CAST({text} AS {key.type})"


def _count(cursor: DuckDBPyConnection, table: str, condition: str) -> int:
    row = cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
    return int(row[0]) if row else 0
