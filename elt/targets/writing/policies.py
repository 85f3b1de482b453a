"""What a change at the source does to a table: evolve, freeze, quarantine.

`evolve` lets the table change, and keeps all that it holds. `freeze` stops the stream.
`quarantine` loads what fits into the table as it is; the rest becomes rejects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from elt.errors import Guarded
from elt.targets.columns import PLACE, Column
from elt.targets.writing.evolve import (
    Change,
    Shape,
    Table,
    bring_up_to_date,
    leave_as_it_is,
)
from elt.targets.writing.plans import StreamPlan
from elt.targets.writing.versions import OWN_COLUMNS
from elt.warehouse.dialect import quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def fit(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    wanted: Sequence[Column],
    *,
    found: Table | None,
) -> Shape:
    """Make the table hold the wanted columns, as far as the policy lets it.

    Raises Guarded where it does not, and the stream must not be loaded at all.
    """
    _check_places(plan, found)
    own = OWN_COLUMNS if plan.mode.name == "history" else ()
    place = (plan.schema, plan.table)
    key = _key_change(cursor, plan, found) if found else []
    if found is None or plan.policy == "evolve":
        anew = plan.mode.makes_anew
        shape = bring_up_to_date(cursor, place, wanted, found=found, own=own, anew=anew)
        return replace(shape, changes=(*shape.changes, *key))
    shape, lacking = leave_as_it_is(cursor, place, wanted, found=found, own=own)
    if key or (plan.policy == "freeze" and lacking):
        raise _guarded(plan, [*key, *lacking])
    keyless = [one for one in shape.closed if one.property in plan.key and plan.keyed]
    if keyless:
        raise _guarded(plan, [Change(one.name, "of the key") for one in keyless])
    return shape


def _check_places(plan: StreamPlan, found: Table | None) -> None:
    """Raise Guarded for a table that hides in which order its rows came."""
    hiding = [name for name in (found.types if found else ()) if name.lower() == PLACE]
    if hiding and plan.keyed:
        table = f"{plan.schema}.{plan.table}"
        raise Guarded(
            f"the table `{table}` has a column `{hiding[0]}`, which hides DuckDB's own,"
            " by which the last row of a key is found",
            hint=f"ALTER TABLE {table} RENAME {hiding[0]} TO {hiding[0]}_2",
        )


def _key_change(
    cursor: DuckDBPyConnection, plan: StreamPlan, found: Table
) -> list[Change]:
    """Note that the rows of a table are known by another key than before."""
    if found.key is None or found.key == plan.key:
        return []
    if plan.mode.name == "append" and (plan.key or not found.key):
        return []  # appended rows are not known by any key
    doubt = _doubt(cursor, plan, found)
    sentence = f"the key was {_named(found.key)}, now it is {_named(plan.key)}{doubt}"
    return [Change(", ".join(plan.key or found.key), sentence, look=bool(doubt))]


def _named(key: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in key) if key else "none"


def _doubt(cursor: DuckDBPyConnection, plan: StreamPlan, found: Table) -> str:
    """Say what it does to the rows that are there, nothing where they have the key."""
    said = plan.policy == "evolve" and plan.mode.name != "overwrite"
    if not said or not _has_rows(cursor, plan):
        return ""
    clears = "`--full-refresh` of the stream clears it"
    if not plan.key:
        return (
            ": rows are added, and none takes the place of an older one, so that rows"
            f" may be there twice; {clears}"
        )
    if plan.mode.name == "upsert" and _is_key(cursor, plan, found):
        return ""
    return (
        ": rows loaded before are known by the old one, so that rows may be there"
        f" twice; {clears}"
    )


def _has_rows(cursor: DuckDBPyConnection, plan: StreamPlan) -> bool:
    table = relation(plan.schema, plan.table)
    return bool(cursor.execute(f"FROM {table} LIMIT 1").fetchall())


def _is_key(cursor: DuckDBPyConnection, plan: StreamPlan, found: Table) -> bool:
    """Say whether the old rows all have the key, each another one."""
    names = {name.lower() for name in found.types}
    wished = [plan.maps.rename.get(name, name) for name in plan.key]
    if not names.issuperset(name.lower() for name in wished):
        return False
    columns = [quote(name) for name in wished]
    row = cursor.execute(
        f"SELECT count(*) = count(DISTINCT ({', '.join(columns)})),"
        f" count(*) = count(*) FILTER ({_all_there(columns)})"
        f" FROM {relation(plan.schema, plan.table)}"
    ).fetchone()
    return row == (True, True)


def _all_there(columns: Sequence[str]) -> str:
    return " AND ".join(f"{column} IS NOT NULL" for column in columns)


def _guarded(plan: StreamPlan, changes: Sequence[Change]) -> Guarded:
    listed = "; ".join(f"`{one.column}`: {one.sentence}" for one in changes)
    return Guarded(
        f"the table `{plan.schema}.{plan.table}` would have to change, and the"
        f" `schema_policy` of stream `{plan.stream}` is `{plan.policy}`;"
        f" nothing of it was loaded: {listed}",
        hint="`elt tap diff` shows what changed at the source. If it is right, load"
        ' once with `schema_policy = "evolve"`, or leave it so',
    )
