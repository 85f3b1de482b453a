"""What one run of a sync writes down while it sends: its row, and every receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from elt.reverse.baseline import Counts, Scope, known_sql
from elt.reverse.canonical import ENCODING
from elt.reverse.destination import Change, Receipt, Removed, change_name
from elt.reverse.payload import text_hash

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from elt.warehouse.duckdb import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the changes of a run were answered."""

    accepted: int = 0
    rejected: int = 0
    unanswered: int = 0  # retryable, unknown and pending: not refused, not accepted

    def plus(self, accepted: int, rejected: int, unanswered: int) -> Tally:
        return Tally(
            accepted=self.accepted + accepted,
            rejected=self.rejected + rejected,
            unanswered=self.unanswered + unanswered,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What `_elt.sync_runs` says of a run from its start."""

    run_id: str
    sequence: int
    mapping_hash: str
    sent_to: str
    counts: Counts


def start_run(warehouse: Warehouse, scope: Scope, row: RunRow, status: str) -> None:
    """Write a run's row; one that is not `running` has ended with it."""
    now = datetime.now(UTC)
    with warehouse.writer() as cursor:
        cursor.execute(
            """
            INSERT INTO _elt.sync_runs BY NAME
            SELECT $run_id AS run_id, $environment AS environment, $sync AS sync,
                $sequence AS sequence, $encoding AS encoding,
                $mapping_hash AS mapping_hash, $sent_to AS sent_to,
                $status AS status,
                $added AS added, $changed AS changed, $removed AS removed,
                0 AS accepted, 0 AS rejected, 0 AS unanswered,
                $started_at AS started_at, $ended_at AS ended_at
            """,
            {
                "run_id": row.run_id,
                "environment": scope.environment,
                "sync": scope.sync,
                "sequence": row.sequence,
                "encoding": ENCODING,
                "mapping_hash": row.mapping_hash,
                "sent_to": row.sent_to,
                "status": status,
                "added": row.counts.added,
                "changed": row.counts.changed,
                "removed": row.counts.removed,
                "started_at": now,
                "ended_at": None if status == "running" else now,
            },
        )


def end_run(
    warehouse: Warehouse, scope: Scope, row: RunRow, *, status: str, tally: Tally
) -> None:
    with warehouse.writer() as cursor:
        cursor.execute(
            """
            UPDATE _elt.sync_runs
            SET status = $status, accepted = $accepted, rejected = $rejected,
                unanswered = $unanswered, ended_at = $now
            WHERE environment = $environment AND sync = $sync
                AND sequence = $sequence
            """,
            {
                "environment": scope.environment,
                "sync": scope.sync,
                "sequence": row.sequence,
                "status": status,
                "accepted": tally.accepted,
                "rejected": tally.rejected,
                "unanswered": tally.unanswered,
                "now": datetime.now(UTC),
            },
        )


def close_crashed_runs(warehouse: Warehouse, scope: Scope) -> None:
    """Count what runs achieved that were killed, from their settled receipts.

    To be called under the project's lock: whatever still says `running` is dead.
    """
    with warehouse.writer() as cursor:
        cursor.execute(
            """
            UPDATE _elt.sync_runs AS run
            SET status = 'crashed', ended_at = $now,
                accepted = answers.accepted,
                rejected = answers.rejected,
                unanswered = answers.unanswered
            FROM (
                SELECT
                    count(*) FILTER (receipt = 'accepted') AS accepted,
                    count(*) FILTER (receipt = 'rejected') AS rejected,
                    count(*) FILTER (receipt IN ('unknown', 'pending', 'retryable'))
                        AS unanswered
                FROM _elt.sync_changes
                WHERE environment = $environment AND sync = $sync
                    AND run_id IN (
                        SELECT run_id FROM _elt.sync_runs
                        WHERE environment = $environment AND sync = $sync
                            AND status = 'running'
                    )
            ) AS answers
            WHERE run.environment = $environment AND run.sync = $sync
                AND run.status = 'running'
            """,
            {
                "environment": scope.environment,
                "sync": scope.sync,
                "now": datetime.now(UTC),
            },
        )


class Journal:
    """One run's receipts, appended batch by batch; every call is a commit."""

    def __init__(
        self, warehouse: Warehouse, scope: Scope, *, run_id: str, sequence: int
    ) -> None:
        self.run_id = run_id
        self.tally = Tally()
        self.first_reject: tuple[Change, Receipt] | None = None
        self._warehouse = warehouse
        self._scope = scope
        self._sequence = sequence
        self._position = 0

    def in_flight(self, changes: Sequence[Change]) -> None:
        """Write down that the next call may deliver these, whatever we hear of it."""
        self._append([(change, "in_flight", "", None) for change in changes])

    def not_taken(self, changes: Sequence[Change], why: str) -> None:
        """Take `in_flight` back: the call took nothing."""
        self._append([(change, "retryable", why, None) for change in changes])

    def answered(self, answers: Sequence[tuple[Change, Receipt]]) -> None:
        self._append(
            [
                (change, receipt.status, receipt.message, receipt.destination_id)
                for change, receipt in answers
            ]
        )
        rejects = (each for each in answers if each[1].status == "rejected")
        self.first_reject = self.first_reject or next(rejects, None)
        statuses = [receipt.status for _, receipt in answers]
        accepted, rejected = statuses.count("accepted"), statuses.count("rejected")
        unanswered = len(statuses) - accepted - rejected
        self.tally = self.tally.plus(accepted, rejected, unanswered)

    def held(self, removed: Sequence[Removed]) -> frozenset[str]:
        """Give the keys of those whose records are other rows', as of this moment.

        Of several removed rows with one record the last is free to take it away.
        """
        with self._warehouse.session() as cursor:
            found = cursor.execute(
                f"""
                WITH mine AS (
                    SELECT unnest($keys::VARCHAR[]) AS key,
                        unnest($ids::VARCHAR[]) AS id
                ),
                known AS ({known_sql()})
                SELECT mine.key FROM mine
                SEMI JOIN known ON known.destination_id = mine.id
                    AND known.key <> mine.key
                    AND (known.key > mine.key OR NOT list_contains($keys, known.key))
                """,
                {
                    **self._scope.parameters,
                    "keys": [change.key for change in removed],
                    "ids": [change.destination_id for change in removed],
                },
            ).fetchall()
        return frozenset(key for (key,) in found)

    def answered_alike(self, changes: Path, receipts: Mapping[str, str]) -> None:
        """Answer for whole kinds of changes in a spool's file at once, in SQL."""
        with self._warehouse.writer() as cursor:
            for change, receipt in receipts.items():
                rows = self._append_kind(cursor, changes, change, receipt)
                if receipt == "accepted":
                    self.tally = self.tally.plus(rows, 0, 0)
        self._position += 1

    def _append_kind(
        self, cursor: DuckDBPyConnection, changes: Path, change: str, receipt: str
    ) -> int:
        counted = cursor.execute(
            """
            INSERT INTO _elt.sync_receipts BY NAME
            SELECT $environment AS environment, $sync AS sync,
                $sequence AS sequence, $position AS position,
                $run_id AS run_id, key, change, $receipt AS receipt,
                hash, text AS payload, $now AS answered_at
            FROM read_parquet($changes)
            WHERE change = $change
            """,
            {
                **self._whose(),
                "position": self._position,
                "change": change,
                "receipt": receipt,
                "changes": str(changes),
            },
        ).fetchone()
        return int(counted[0]) if counted else 0

    def _append(self, answers: Sequence[tuple[Change, str, str, str | None]]) -> None:
        texts = [_text(change) for change, *_ in answers]
        with self._warehouse.writer() as cursor:
            cursor.execute(
                """
                INSERT INTO _elt.sync_receipts BY NAME
                SELECT $environment AS environment, $sync AS sync,
                    $sequence AS sequence, unnest($positions) AS position,
                    $run_id AS run_id, unnest($keys::VARCHAR[]) AS key,
                    unnest($changes::VARCHAR[]) AS change,
                    unnest($receipts::VARCHAR[]) AS receipt,
                    unnest($hashes::VARCHAR[]) AS hash,
                    unnest($payloads::VARCHAR[]) AS payload,
                    unnest($ids::VARCHAR[]) AS destination_id,
                    unnest($messages::VARCHAR[]) AS message,
                    $now AS answered_at
                """,
                {
                    **self._whose(),
                    "positions": [self._position + n for n in range(len(answers))],
                    "keys": [change.key for change, *_ in answers],
                    "changes": [change_name(change) for change, *_ in answers],
                    "receipts": [receipt for _, receipt, _, _ in answers],
                    "hashes": [None if t is None else text_hash(t) for t in texts],
                    "payloads": texts,
                    "ids": [destination_id for *_, destination_id in answers],
                    "messages": [message or None for _, _, message, _ in answers],
                },
            )
        self._position += len(answers)

    def _whose(self) -> dict[str, object]:
        return {
            "environment": self._scope.environment,
            "sync": self._scope.sync,
            "sequence": self._sequence,
            "run_id": self.run_id,
            "now": datetime.now(UTC),
        }


def _text(change: Change) -> str | None:
    return None if isinstance(change, Removed) else change.text
