"""The difference between a model and its baseline: one FULL OUTER JOIN in SQL.

A million rows of seven fields with 1 % changed: benchmarks/bench_sync_diff.py.
Changed rows, and no others, are spooled for Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elt.project.sync_settings import SyncMode
from elt.reverse.baseline import Counts, Scope, known_sql
from elt.reverse.mapping import FieldMapping
from elt.reverse.spool import Spool
from elt.warehouse.dialect import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXAMPLES = 3


def diff(
    cursor: DuckDBPyConnection,
    mapping: FieldMapping,
    scope: Scope,
    *,
    mode: SyncMode,
    spool: Spool,
) -> Counts:
    """Compare, and spool what differs. Leaves nothing in the warehouse."""
    cursor.begin()
    try:
        _read_model(cursor, mapping)
        _compare(cursor, mapping, scope, mode)
        counts = _count(cursor, mapping, scope)
        _spool_changes(cursor, mapping, scope, spool)
        if spool.wants_rows and (counts.differs or spool.though_alike):
            _spool_rows(cursor, mapping, spool)
    finally:
        cursor.rollback()
    return counts


def _read_model(cursor: DuckDBPyConnection, mapping: FieldMapping) -> None:
    # A copy, because a model may be a view: it is run once, and every statement
    # below sees the same rows.
    cursor.execute(f"CREATE TEMP TABLE sync_rows AS {mapping.select}")


def _compare(
    cursor: DuckDBPyConnection,
    mapping: FieldMapping,
    scope: Scope,
    mode: SyncMode,
) -> None:
    # Hashes only: payloads on both sides would make the join's tables several
    # times as large. Those of changed rows are looked up afterwards.
    cursor.execute(
        f"""
        CREATE TEMP TABLE sync_diff AS
        WITH model AS (
            SELECT {mapping.key_sql} AS key, sha256({mapping.payload_sql}) AS hash
            FROM sync_rows
        ),
        known AS (SELECT key, accepted_hash, status FROM ({known_sql()})),
        compared AS (
            SELECT
                COALESCE(model.key, known.key) AS key,
                model.hash AS hash,
                COALESCE(known.status NOT IN ('accepted', 'kept'), FALSE) AS retried,
                {_change_sql(mode, scope)} AS change
            FROM (SELECT * FROM model WHERE key IS NOT NULL) AS model
            FULL OUTER JOIN known ON model.key = known.key
        )
        SELECT * FROM compared WHERE change <> 'unchanged'
        """,
        scope.parameters,
    )


def _change_sql(mode: SyncMode, scope: Scope) -> str:
    """Name what became of a key; the first line that fits counts.

    `kept` is a row that the model dropped and that a sync which does not remove
    left over there.
    """
    unanswered = "known.status IN ('unknown', 'pending')"
    lost = "FALSE" if scope.on_unknown == "skip" else unanswered
    held = unanswered if scope.on_unknown == "hold" else "FALSE"
    removes_kept = "'removed'" if mode == "mirror" else "'unchanged'"
    changed = "'unchanged'" if mode == "insert" else "'changed'"
    return f"""
        CASE
            WHEN model.key IS NOT NULL AND model.hash IS NULL THEN 'unsendable'
            WHEN {held} THEN 'held'
            WHEN model.key IS NULL THEN CASE
                WHEN known.status = 'kept' THEN {removes_kept}
                WHEN known.accepted_hash IS NULL AND NOT {unanswered} THEN 'forgotten'
                ELSE 'removed'
            END
            WHEN known.accepted_hash IS NULL THEN 'added'
            WHEN {lost} THEN 'changed'
            WHEN model.hash <> known.accepted_hash THEN {changed}
            WHEN known.status = 'kept' THEN 'returned'
            ELSE 'unchanged'
        END
    """


def _count(cursor: DuckDBPyConnection, mapping: FieldMapping, scope: Scope) -> Counts:
    keys = f"(SELECT {mapping.key_sql} AS key FROM sync_rows)"
    rows, keyless, duplicates = _row(
        cursor,
        f"SELECT count(*), count(*) - count(key), count(key) - count(DISTINCT key)"
        f" FROM {keys}",
    )
    (known,) = _row(
        cursor,
        f"""
        SELECT count(*) FROM ({known_sql()})
        WHERE accepted_hash IS NOT NULL AND status <> 'kept'
        """,
        scope.parameters,
    )
    added, changed, removed, held, unsendable, again_added, again_changed = _row(
        cursor,
        """
        SELECT
            count(*) FILTER (change = 'added'),
            count(*) FILTER (change = 'changed'),
            count(*) FILTER (change = 'removed'),
            count(*) FILTER (change = 'held'),
            count(*) FILTER (change = 'unsendable'),
            count(*) FILTER (change = 'added' AND retried),
            count(*) FILTER (change = 'changed' AND retried)
        FROM sync_diff
        """,
    )
    return Counts(
        model=rows,
        known=known,
        unchanged=rows - keyless - added - changed - held - unsendable,
        added=added,
        changed=changed,
        removed=removed,
        retried_added=again_added,
        retried_changed=again_changed,
        held=held,
        keyless=keyless,
        duplicates=duplicates,
        unsendable=unsendable,
        duplicate_keys=_duplicate_keys(cursor, keys) if duplicates else (),
        unsendable_keys=_unsendable_keys(cursor) if unsendable else (),
    )


def _row(
    cursor: DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None
) -> tuple[Any, ...]:
    row = cursor.execute(sql, parameters or {}).fetchone()
    assert row is not None  # noqa: S101  an aggregate always has its row
    return row


def _duplicate_keys(cursor: DuckDBPyConnection, keys: str) -> tuple[str, ...]:
    found = cursor.execute(
        f"SELECT key FROM {keys} WHERE key IS NOT NULL"
        f" GROUP BY key HAVING count(*) > 1 ORDER BY key LIMIT {EXAMPLES}"
    ).fetchall()
    return tuple(key for (key,) in found)


def _unsendable_keys(cursor: DuckDBPyConnection) -> tuple[str, ...]:
    found = cursor.execute(
        "SELECT key FROM sync_diff WHERE change = 'unsendable'"
        f" ORDER BY key LIMIT {EXAMPLES}"
    ).fetchall()
    return tuple(key for (key,) in found)


def _spool_changes(
    cursor: DuckDBPyConnection, mapping: FieldMapping, scope: Scope, spool: Spool
) -> None:
    # Fresh rows first and by key: after a crash the next run's first batch is the
    # one that was in flight, so its Idempotency-Key is the same. What takes a record
    # away comes last: another row may turn out to be that record.
    cursor.execute(
        f"""
        COPY (
            WITH new AS (
                SELECT {mapping.key_sql} AS key, {mapping.payload_sql} AS text
                FROM sync_rows
                WHERE {mapping.key_sql} IN (SELECT key FROM sync_diff)
            ),
            old AS (
                SELECT key, accepted_payload AS old_text, destination_id,
                    destination_id IS NOT NULL OR status <> 'accepted' AS names_record,
                    CASE status WHEN 'rejected' THEN COALESCE(last_error, '') END
                        AS rejected
                FROM ({known_sql()})
            )
            SELECT change, key, text, old_text, hash, destination_id, rejected
            FROM sync_diff
            LEFT JOIN new USING (key)
            LEFT JOIN old USING (key)
            WHERE change NOT IN ('held', 'unsendable')
            ORDER BY change = 'removed' AND names_record, retried, key
        )
        TO {literal(str(spool.changes_path))} (FORMAT parquet)
        """,
        scope.parameters,
    )


def _spool_rows(
    cursor: DuckDBPyConnection, mapping: FieldMapping, spool: Spool
) -> None:
    cursor.execute(
        f"""
        COPY (
            SELECT {mapping.payload_sql} AS text
            FROM sync_rows
            ORDER BY {mapping.key_sql}
        )
        TO {literal(str(spool.rows_path))} (FORMAT parquet)
        """
    )
