"""What makes a table one of versions: its columns, and how rows tell their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elt.errors import ConfigError
from elt.targets.columns import DELETED_AT, LOADED_AT, VERSION, Column
from elt.targets.writing.evolve import Shape, Table
from elt.targets.writing.filters import passes
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VALID_FROM = "valid_from"
VALID_TO = "valid_to"
OWN_COLUMNS = tuple(Column("", name, "TIMESTAMPTZ") for name in (VALID_FROM, VALID_TO))

# The comment on the column, by which elt knows it for its own.
_OURS = "elt history"
_NEVER = "false"
# What Singer programs note of a reading, not of the row: no new version for that.
_OF_A_READING = {
    "_sdc_extracted_at",
    "_sdc_received_at",
    "_sdc_batched_at",
    "_sdc_sequence",
    "_sdc_sync_started_at",
    VERSION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """A table of versions, in SQL: names are quoted, values are literals."""

    table: str
    keys: tuple[str, ...]
    state: tuple[str, ...]  # the columns by which two versions differ
    time: str  # from when on a row is so, of the columns of a stage; NULL: from now on
    dead: str  # whether a row says of itself that it is gone
    wanted: str  # whether a staged row belongs into the table
    version: str | None  # the column with the tap's version of the whole table
    at: str
    run: str

    def key(self) -> str:
        return ", ".join(self.keys)

    def key_as(self) -> tuple[str, str]:
        """Give the key under names that meet no column, and these names."""
        names = [f"k{number}" for number, _ in enumerate(self.keys)]
        pairs = zip(self.keys, names, strict=True)
        return ", ".join(f"{key} AS {name}" for key, name in pairs), ", ".join(names)

    def same_key(self) -> str:
        return " AND ".join(f"old.{key} = new.{key}" for key in self.keys)


def versions_of(plan: StreamPlan, columns: Sequence[Column], stamp: Stamp) -> Versions:
    named = {column.property: column for column in columns}
    state = [c for c in columns if c.property not in _OF_A_READING]
    deleted, version = named.get(DELETED_AT), named.get(VERSION)
    return Versions(
        table=relation(plan.schema, plan.table),
        keys=tuple(quote(named[key].name) for key in plan.key),
        state=tuple(quote(column.name) for column in state),
        time=_time(_ordered_by(plan, columns), deleted),
        dead=f"{quote(deleted.name)} IS NOT NULL" if deleted else _NEVER,
        wanted=passes(plan),
        version=quote(version.name) if version else None,
        at=f"TIMESTAMPTZ {literal(stamp.at.isoformat())}",
        run=literal(stamp.run_id),
    )


def has_times(plan: StreamPlan, columns: Sequence[Column]) -> bool:
    """Say whether the rows tell since when they are so; else the commits do."""
    return _ordered_by(plan, columns) is not None


def check(cursor: DuckDBPyConnection, plan: StreamPlan, found: Table | None) -> None:
    """Raise ConfigError where a table of versions is not one, or would end as one.

    An upsert would put one row in the place of all versions of its key.
    """
    names = {name.lower() for name in found.types} if found else set()
    taken = sorted({VALID_FROM, VALID_TO} & names)
    if not taken or _is_ours(cursor, plan) is (plan.mode.name == "history"):
        return
    place = f"`{plan.schema}.{plan.table}`"
    if plan.mode.name == "history":
        raise ConfigError(
            f"{place} has a column `{taken[0]}` of its own, where `history` keeps the"
            " time of a version",
            hint=f"Name another `table` for stream `{plan.stream}`, or drop this one:"
            f" in a new one that column is called `{taken[0]}_2`",
        )
    if len(taken) == 2 and _is_ours(cursor, plan):  # noqa: PLR2004  both of them
        raise ConfigError(
            f"{place} keeps the history of its rows, which `{plan.mode.name}` would"
            " lose",
            hint=f'Set `mode = "history"` for stream `{plan.stream}` again, or name'
            " another `table`, or drop this one",
        )


def take_over(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    shape: Shape,
    stamp: Stamp,
    *,
    found: Table | None,
) -> None:
    """Begin the history of a table: rows that another mode has loaded are versions.

    They are taken for so since they changed, or else since they were loaded.
    """
    if plan.mode.name != "history" or (found is not None and VALID_TO in found.types):
        return
    table = relation(plan.schema, plan.table)
    cursor.execute(f"COMMENT ON COLUMN {table}.{VALID_TO} IS {literal(_OURS)}")
    if found is None:
        return
    versions = versions_of(plan, shape.columns, stamp)
    cursor.execute(
        f"UPDATE {table} SET {VALID_FROM} ="
        f" coalesce({versions.time}, {LOADED_AT}, {versions.at})"
    )
    gone = f"if({versions.dead}, {VALID_FROM}, NULL)"
    if DELETED_AT in found.types and versions.dead == _NEVER:
        mark = quote(DELETED_AT)
        gone = f"if({mark} IS NOT NULL, greatest({VALID_FROM}, {mark}), NULL)"
    cursor.execute(
        f"""
        UPDATE {table} AS old SET {VALID_TO} = line.until
        FROM (
            SELECT rowid AS place, coalesce({gone}, lead({VALID_FROM}) OVER (
                PARTITION BY {versions.key()} ORDER BY {VALID_FROM}, rowid
            )) AS until
            FROM {table}
        ) AS line
        WHERE old.rowid = line.place AND line.until IS NOT NULL
        """
    )


def _is_ours(cursor: DuckDBPyConnection, plan: StreamPlan) -> bool:
    """Say whether elt keeps the time of versions there: sources have such columns."""
    row = cursor.execute(
        "SELECT comment FROM duckdb_columns() WHERE lower(schema_name) = lower(?)"
        " AND lower(table_name) = lower(?) AND column_name = ?"
        " AND database_name = current_database()",
        [plan.schema, plan.table, VALID_TO],
    ).fetchone()
    return bool(row and row[0] == _OURS)


def _ordered_by(plan: StreamPlan, columns: Sequence[Column]) -> Column | None:
    """Give the replication key's column where it is a time."""
    for column in columns:
        if column.property == plan.replication_key and _is_time(column):
            return column
    return None


def _time(replication_key: Column | None, deleted: Column | None) -> str:
    """Say since when a row is so; only the replication key knows the source's clock."""
    if replication_key is None:
        return "NULL::TIMESTAMPTZ"
    changed = f"{quote(replication_key.name)}::TIMESTAMPTZ"
    if deleted is None:
        return changed
    # What is deleted keeps the time of its last change, or has none at all.
    return f"greatest({changed}, TRY_CAST({quote(deleted.name)} AS TIMESTAMPTZ))"


def _is_time(column: Column) -> bool:
    return column.type == "DATE" or column.type.startswith("TIMESTAMP")
