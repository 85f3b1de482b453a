"""Each version of a row, with the time from which and until which it was so.

What has come is put in line with the versions that its key has, by time. A version
that is there never goes and never changes but for its end, so the same rows may come
as often as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from elt.faults import reach
from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.writing.filters import leave_out
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.targets.writing.settling import STAGE
from elt.targets.writing.versions import VALID_FROM, VALID_TO, Versions, versions_of
from elt.warehouse.dialect import relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TOUCHED = "_elt_touched"
_LINE = "_elt_line"


def settle(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    columns: Sequence[Column],
    stamp: Stamp,
) -> None:
    """Let the staged rows become versions of their keys."""
    leave_out(cursor, plan, stamp)  # it says what is wrong with a filter
    versions = versions_of(plan, columns, stamp)
    _find_touched(cursor, versions)
    _line_up(cursor, versions)
    _end_older(cursor, versions)
    reach("replaced-rows-deleted")
    _insert_newer(cursor, versions)
    if versions.version is not None:
        _note_version(cursor, versions, versions.version)


def close(
    cursor: DuckDBPyConnection, plan: StreamPlan, stamp: Stamp, *, which: str
) -> int:
    """End the current versions of rows that are gone; give how many those were.

    `which` is SQL over the table, as `old`.
    """
    row = cursor.execute(
        f"UPDATE {relation(plan.schema, plan.table)} AS old"
        f" SET {VALID_TO} = greatest({VALID_FROM}, $at), {LOADED_AT} = $at,"
        f" {RUN_ID} = $run WHERE {VALID_TO} IS NULL AND ({which})",
        {"at": stamp.at, "run": stamp.run_id},
    ).fetchone()
    return int(row[0]) if row else 0


def _find_touched(cursor: DuckDBPyConnection, versions: Versions) -> None:
    """Find the keys of which something else has come than their current version.

    Most rows of a full read have not changed, and need not be put in line.
    """
    same = " AND ".join(
        f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in versions.state
    )
    cursor.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_TOUCHED} AS
        SELECT DISTINCT {", ".join(f"new.{key}" for key in versions.keys)}
        FROM (
            SELECT *, {versions.time} AS _elt_time, ({versions.wanted}) AS _elt_wanted
            FROM {STAGE}
        ) AS new
        LEFT JOIN {versions.table} AS old
        ON {versions.same_key()}
        AND old.{VALID_TO} IS NULL
        AND coalesce(old.{VALID_FROM} <= new._elt_time, true)
        AND {same}
        WHERE old.{VALID_FROM} IS NULL OR NOT _elt_wanted
        """
    )


def _line_up(cursor: DuckDBPyConnection, versions: Versions) -> None:
    """Put the versions of the touched keys and what has come of them in line.

    The result has the place of each row, in the table or (`fresh`) in the stage, and
    from when until when it is so. An end that no next version explains, because the
    row was found to be gone, is in the line itself.
    """
    columns, state = versions.key(), ", ".join(versions.state)
    key_as, key = versions.key_as()
    cursor.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_LINE} AS
        WITH held AS (
            SELECT
                {key_as}, rowid AS place, {VALID_FROM} AS since, {VALID_TO} AS until,
                row({state}) AS state, {versions.dead} AS dead,
                row_number() OVER held AS nth, lead({VALID_FROM}) OVER held AS next
            FROM {versions.table} SEMI JOIN {_TOUCHED} USING ({columns})
            WINDOW held AS (
                PARTITION BY {columns}
                ORDER BY {VALID_FROM}, {VALID_TO} NULLS LAST, {versions.dead}, rowid
            )
        ), known AS (
            SELECT
                {key}, max(greatest(since, until)) AS latest,
                max(until) FILTER (next IS NULL AND NOT dead) AS gone
            FROM held GROUP BY {key}
        ), come AS (
            SELECT
                {key_as}, rowid AS place, row({state}) AS state,
                {versions.dead} AS dead, ({versions.wanted}) AS wanted,
                {versions.time} AS time,
                row_number() OVER (
                    PARTITION BY {columns} ORDER BY {versions.time} DESC, rowid DESC
                ) = 1 AS last
            FROM {STAGE} SEMI JOIN {_TOUCHED} USING ({columns})
        ), line AS (
            SELECT
                {key}, since, false AS fresh, nth, false AS ends, place, state, dead
            FROM held
            UNION ALL
            SELECT {key}, until, false, nth, true, NULL, NULL, false
            FROM held
            WHERE NOT dead AND until IS NOT NULL AND (next IS NULL OR until < next)
            UNION ALL
            SELECT
                {key},
                -- What comes after it was found to be gone is back, whatever it says.
                CASE
                    WHEN time IS NULL OR (last AND wanted AND NOT dead AND time < gone)
                    THEN greatest({versions.at}, latest)
                    ELSE time
                END,
                true, place, NOT wanted, if(wanted, place, NULL),
                if(wanted, state, NULL), wanted AND dead
            FROM come LEFT JOIN known USING ({key})
        ), numbered AS (
            SELECT *, row_number() OVER (
                PARTITION BY {key} ORDER BY since, fresh, nth, ends
            ) AS number
            FROM line
        ), once AS (
            -- At one moment each state is there once, where it came last.
            SELECT
                * EXCLUDE (number),
                max(number) OVER same AS number,
                fresh AND (
                    bool_or(NOT fresh) OVER same OR number < max(number) OVER same
                ) AND NOT ends AS double
            FROM numbered
            WINDOW same AS (PARTITION BY {key}, since, ends, state)
        ), judged AS (
            SELECT *, fresh AND NOT ends AND coalesce(
                NOT lag(ends) OVER line
                AND lag(state) OVER line IS NOT DISTINCT FROM state, false
            ) AS unchanged
            FROM once
            WHERE NOT double
            WINDOW line AS (PARTITION BY {key} ORDER BY number, nth)
        ), ended AS (
            SELECT *, CASE WHEN dead THEN since ELSE lead(since) OVER (
                PARTITION BY {key} ORDER BY number, nth
            ) END AS until
            FROM judged
            WHERE NOT unchanged
        )
        SELECT place, fresh, since, until FROM ended WHERE NOT ends
        """
    )


def _end_older(cursor: DuckDBPyConnection, versions: Versions) -> None:
    cursor.execute(
        f"UPDATE {versions.table} AS old SET {VALID_TO} = line.until,"
        f" {LOADED_AT} = {versions.at}, {RUN_ID} = {versions.run}"
        f" FROM {_LINE} AS line WHERE NOT line.fresh AND old.rowid = line.place"
        f" AND old.{VALID_TO} IS DISTINCT FROM line.until"
    )


def _insert_newer(cursor: DuckDBPyConnection, versions: Versions) -> None:
    cursor.execute(
        f"INSERT INTO {versions.table} BY NAME SELECT new.* REPLACE"
        f" (line.since AS {VALID_FROM}, line.until AS {VALID_TO})"
        f" FROM {STAGE} AS new JOIN {_LINE} AS line"
        " ON line.fresh AND new.rowid = line.place ORDER BY new.rowid"
    )


def _note_version(cursor: DuckDBPyConnection, versions: Versions, version: str) -> None:
    """Note on current rows that the tap's later version of the table has them, too."""
    cursor.execute(
        f"UPDATE {versions.table} AS old SET {version} = new.{version} FROM"
        f" (SELECT {versions.key()}, max({version}) AS {version} FROM {STAGE}"
        f" WHERE {version} IS NOT NULL GROUP BY {versions.key()}) AS new"
        f" WHERE {versions.same_key()} AND old.{VALID_TO} IS NULL"
        f" AND coalesce(old.{version} < new.{version}, true)"
    )
