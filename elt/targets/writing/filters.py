"""Rows for which a stream's `filter` is not true stay out of its table.

The filter is one SQL condition over a row of the table. Rows are written first and
those of this commit that do not pass are taken out behind it, in the same transaction:
so a row that passes no longer takes its older self along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from elt.errors import ConfigError
from elt.project.locate import dotted
from elt.project.nearest import listed
from elt.targets.columns import LOADED_AT, Column
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.targets.writing.settling import STAGE
from elt.warehouse.dialect import literal, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def passes(plan: StreamPlan) -> str:
    """Give the condition under which a row belongs into the table."""
    # A newline, because the filter may end with a comment.
    return "true" if plan.maps.filter is None else f"({plan.maps.filter}\n) IS TRUE"


def check_filter(
    cursor: DuckDBPyConnection, plan: StreamPlan, columns: Sequence[Column], *, tap: str
) -> None:
    """Raise ConfigError for a filter that is no condition over a row of the table."""
    if plan.maps.filter is None:
        return
    names = [column.name for column in columns]
    with _in_our_words(plan, tap, names):
        flaw = _flaw(cursor, plan)
    if flaw:
        raise _wrong(plan, tap, flaw, names)


def leave_out(cursor: DuckDBPyConnection, plan: StreamPlan, stamp: Stamp) -> int:
    """Take the rows of this commit out that do not pass; count them.

    Those of a history have not been let in: older versions stay, whatever they say.
    """
    if plan.maps.filter is None:
        return 0
    leave = (
        f"DELETE FROM {relation(plan.schema, plan.table)}"
        f" WHERE {LOADED_AT} = TIMESTAMPTZ {literal(stamp.at.isoformat())} AND"
    )
    if plan.mode.name == "history":
        leave = f"SELECT count(*) FROM {STAGE} WHERE"
    with _in_our_words(plan, stamp.tap):
        row = cursor.execute(f"{leave} NOT ({passes(plan)})").fetchone()
    return int(row[0]) if row else 0


def _flaw(cursor: DuckDBPyConnection, plan: StreamPlan) -> str:
    """Say what is wrong with a filter; DuckDB says it by itself where it can."""
    text = plan.maps.filter
    row = cursor.execute(
        "SELECT json_serialize_sql(?)", [f"SELECT ({text}\n)"]
    ).fetchone()
    told: dict[str, Any] = json.loads(row[0]) if row else {}
    if told.get("error"):
        return str(told["error_message"])
    statements = told["statements"]
    chosen = statements[0]["node"].get("select_list", ())
    if len(statements) != 1 or len(chosen) != 1:
        return "it is more than one condition"
    if _asks_elsewhere(statements):
        return "it has a SELECT in it; a filter sees one row of its table, no other"
    described = cursor.execute(
        f"DESCRIBE SELECT ({text}\n) FROM {relation(plan.schema, plan.table)}"
        f" WHERE ({text}\n)"
    ).fetchall()
    type_ = described[0][1]
    return "" if type_ == "BOOLEAN" else f"it gives {type_}, not true or false"


def _asks_elsewhere(tree: Any) -> bool:
    match tree:
        case {"class": "SUBQUERY"}:
            return True
        case dict():
            return any(_asks_elsewhere(each) for each in tree.values())
        case list():
            return any(_asks_elsewhere(each) for each in tree)
        case _:
            return False


@contextmanager
def _in_our_words(
    plan: StreamPlan, tap: str, columns: Sequence[str] = ()
) -> Iterator[None]:
    import duckdb

    try:
        yield
    except (
        duckdb.ProgrammingError,
        duckdb.DataError,
        duckdb.NotSupportedError,
    ) as error:
        why = str(error).splitlines()[0]
        raise _wrong(plan, tap, why, columns) from error


def _wrong(plan: StreamPlan, tap: str, why: str, columns: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"the `filter` of stream `{plan.stream}` cannot be used: {why}",
        where=f"[{dotted(('taps', tap, 'streams', plan.stream))}]",
        hint=f"The table's columns: {listed(columns)}" if columns else None,
    )
