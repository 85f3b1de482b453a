"""How many rejects a stream may have in a run, and what is said of too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elt.errors import Rejected
from elt.targets.reading.careful import NO_KEY
from elt.targets.writing.plans import Stamp, StreamBatch, Written

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A small load has no meaningful share: fewer records count as so many.
LEAST_RECORDS = 1_000
_REASONS_SHOWN = 3
_VALUE_CHARACTERS = 80


class KeyMissing(Rejected):
    """A record has no key, where no reject is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many rejects of a stream one run takes: a number, and of a hundred records.

    The share is that of the records so far, with each commit.
    """

    rejects: int = 1000
    percent: float = 1.0

    def exceeded(self, rejects: int, records: int) -> str | None:
        """Name the limit that is exceeded, as its key in elt.toml with its value."""
        if rejects > self.rejects:
            return f"`reject_limit = {self.rejects}`"
        if rejects * 100 > self.percent * max(records, LEAST_RECORDS):
            return f"`reject_percent = {self.percent:g}`"
        return None


def too_many_rejects(
    cursor: DuckDBPyConnection,
    stream: StreamBatch,
    written: Written,
    stamp: Stamp,
    limits: Limits,
) -> Rejected | None:
    """Give the error of a stream whose rejects go beyond a limit with this commit."""
    rejects = stream.rejects_before + written.rejects
    records = stream.records_before + written.rows + written.rejects + written.filtered
    limit = limits.exceeded(rejects, records) if written.rejects else None
    if limit is None:
        return None
    reasons = _reasons(cursor, stream.plan.stream, stamp)
    no_key = bool(reasons) and reasons[0][1] == NO_KEY
    key = limit.strip("`").split()[0]
    said = "1 reject" if rejects == 1 else f"{rejects:,} rejects"
    return (KeyMissing if no_key else Rejected)(
        f"stream `{stream.plan.stream}` has {said} among {records:,} records, more"
        f" than {limit} allows",
        where="; ".join(_said(*reason) for reason in reasons) or None,
        hint=f"Correct the source, or pin the columns with `types`, or raise `{key}`",
    )


Reason = tuple[str | None, str, int, str | None]


def _reasons(cursor: DuckDBPyConnection, stream: str, stamp: Stamp) -> list[Reason]:
    """Give column, reason, count and an example, the most frequent first."""
    return cursor.execute(
        'SELECT "column", reason, count(*), any_value(value) FROM _elt.rejects'
        " WHERE run_id = ? AND environment = ? AND tap = ? AND stream = ?"
        f" GROUP BY ALL ORDER BY count(*) DESC, 1, 2 LIMIT {_REASONS_SHOWN}",
        [stamp.run_id, stamp.environment, stamp.tap, stream],
    ).fetchall()


def _said(column: str | None, reason: str, count: int, value: str | None) -> str:
    of = f" in column `{column}`" if column else ""
    if value is None:
        return f"{count:,} x {reason}{of}"
    short = value[:_VALUE_CHARACTERS] + "..." * (len(value) > _VALUE_CHARACTERS)
    return f"{count:,} x {reason}{of}, for example `{short}`"
