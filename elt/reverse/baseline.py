"""The rows as the destination last accepted them, kept in the warehouse's `_elt`.

While a sync sends, its receipts are only appended (`_elt.sync_receipts`), each batch
in its own commit. `settle` then brings them into `_elt.sync_state`; until it has, the
baseline is read as if it had, so that a process that died in between loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from elt.warehouse.duckdb import Warehouse

OnUnknown = Literal["hold", "resend", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose baseline: a sync in an environment."""

    environment: str
    sync: str
    on_unknown: OnUnknown = "resend"

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "environment": self.environment,
            "sync": self.sync,
            "skips_unknown": self.on_unknown == "skip",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedBaseline:
    """What somebody outside the warehouse remembers of the last run of a sync."""

    sequence: int
    warehouse_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the warehouse itself says about earlier runs of a sync."""

    warehouse_id: str
    sequence: int  # of the last run; 0 for none
    sent: int  # the last run that called the destination; 0 for none
    has_sent: bool  # a run got past its guards, whatever became of it
    finished: int  # the last run that reached its end; 0 for none
    mapping_hash: str | None  # of the last run that reached its end
    sent_to: str | None = None  # by the last run that got past its guards, in words

    @property
    def has_finished(self) -> bool:
        return self.finished > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a diff found, in rows."""

    model: int = 0
    known: int = 0  # in the baseline, and accepted
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    # Of the added and the changed, those that were tried before without success.
    retried_added: int = 0
    retried_changed: int = 0
    held: int = 0  # their answer was lost, and `on_unknown` says to wait
    keyless: int = 0
    duplicates: int = 0  # keys that stand in more than one row
    unsendable: int = 0  # a value without canonical text, such as NaN
    duplicate_keys: tuple[str, ...] = ()  # a few of them
    unsendable_keys: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def known_sql() -> str:
    """Write the baseline with all receipts settled, as a SELECT.

    Parameters: `Scope.parameters`.
    """
    return f"""
        {_WITH_LATEST}
        SELECT * FROM stored ANTI JOIN latest USING (key)
        UNION ALL
        {_SETTLED}
    """


_WITH_LATEST = """
    WITH latest AS (
        SELECT *,
            receipt = 'accepted'
            OR ($skips_unknown AND receipt IN ('unknown', 'pending', 'in_flight'))
            AS settled
        FROM _elt.sync_receipts
        WHERE environment = $environment AND sync = $sync
        QUALIFY row_number() OVER (
            PARTITION BY key ORDER BY sequence DESC, position DESC
        ) = 1
    ),
    stored AS NOT MATERIALIZED (
        SELECT key, accepted_hash, accepted_payload, destination_id, status,
            attempts, last_error, updated_at
        FROM _elt.sync_state
        WHERE environment = $environment AND sync = $sync
    )
"""

_SETTLED = """
    SELECT
        latest.key AS key,
        CASE WHEN settled THEN hash ELSE accepted_hash END AS accepted_hash,
        CASE WHEN settled THEN payload ELSE accepted_payload END AS accepted_payload,
        COALESCE(latest.destination_id, stored.destination_id) AS destination_id,
        CASE receipt
            WHEN 'in_flight' THEN 'unknown'
            WHEN 'returned' THEN 'accepted'
            ELSE receipt
        END AS status,
        CASE
            WHEN receipt = 'accepted' THEN 0
            WHEN receipt IN ('kept', 'returned') THEN COALESCE(attempts, 0)
            ELSE COALESCE(attempts, 0) + 1
        END AS attempts,
        message AS last_error,
        answered_at AS updated_at
    FROM latest LEFT JOIN stored USING (key)
    WHERE NOT (settled AND change = 'removed') AND receipt <> 'forgotten'
"""


def past(cursor: DuckDBPyConnection, scope: Scope, warehouse_id: str) -> Past:
    row = cursor.execute(
        """
        SELECT
            COALESCE(max(sequence), 0),
            COALESCE(max(sequence) FILTER (
                status NOT IN ('planned', 'stopped')
                OR accepted + rejected + unanswered > 0
            ), 0),
            COALESCE(
                bool_or(status NOT IN ('planned', 'stopped') OR accepted > 0),
                FALSE
            ),
            COALESCE(max(sequence) FILTER (status IN ('done', 'warned')), 0),
            arg_max(mapping_hash, sequence) FILTER (status IN ('done', 'warned')),
            arg_max(sent_to, sequence) FILTER (
                status NOT IN ('planned', 'stopped') OR accepted > 0
            )
        FROM _elt.sync_runs
        WHERE environment = $environment AND sync = $sync
        """,
        {"environment": scope.environment, "sync": scope.sync},
    ).fetchone()
    assert row is not None  # noqa: S101  an aggregate always has its row
    return Past(
        warehouse_id=warehouse_id,
        sequence=row[0],
        sent=row[1],
        has_sent=row[2],
        finished=row[3],
        mapping_hash=row[4],
        sent_to=row[5],
    )


def settle(warehouse: Warehouse, scope: Scope) -> None:
    """Bring all receipts into the state, and into the history of changes."""
    with warehouse.writer() as cursor:
        if not _has_receipts(cursor, scope):
            return
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE settled AS {_WITH_LATEST} {_SETTLED}",
            scope.parameters,
        )
        for statement in _settle_sql():
            cursor.execute(
                statement, {"environment": scope.environment, "sync": scope.sync}
            )
        cursor.execute("DROP TABLE settled")


def _has_receipts(cursor: DuckDBPyConnection, scope: Scope) -> bool:
    found = cursor.execute(
        "SELECT 1 FROM _elt.sync_receipts"
        " WHERE environment = $environment AND sync = $sync LIMIT 1",
        {"environment": scope.environment, "sync": scope.sync},
    ).fetchone()
    return found is not None


def _settle_sql() -> tuple[str, ...]:
    mine = "environment = $environment AND sync = $sync"
    answered = f"SELECT key FROM _elt.sync_receipts WHERE {mine}"
    return (
        f"DELETE FROM _elt.sync_state WHERE {mine} AND key IN ({answered})",
        """
        INSERT INTO _elt.sync_state BY NAME
        SELECT $environment AS environment, $sync AS sync, *
        FROM settled
        """,
        f"""
        INSERT INTO _elt.sync_changes BY NAME
        SELECT run_id, environment, sync, key, change, message, answered_at,
            CASE receipt WHEN 'in_flight' THEN 'unknown' ELSE receipt END AS receipt
        FROM _elt.sync_receipts
        WHERE {mine} AND receipt NOT IN ('returned', 'forgotten')
        QUALIFY receipt <> 'in_flight' OR row_number() OVER (
            PARTITION BY key ORDER BY sequence DESC, position DESC
        ) = 1
        """,
        f"DELETE FROM _elt.sync_receipts WHERE {mine}",
    )
