"""What people changed by hand, of every kind, as one list."""

from __future__ import annotations

from dataclasses import dataclass

from elt.runner.store.database import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of an asset's result, or of a tap's state, which has no `run`."""

    at: str
    author: str
    environment: str
    what: str
    change: str
    run: str
    reason: str
    taken_back_at: str | None
    taken_back_by: str
    taken_back_reason: str


def changes_by_hand(store: Store, limit: int = 20) -> list[Change]:
    """Give the latest changes, the newest first."""
    rows = store.rows(_CHANGES, (limit,))
    return [Change(**dict(row)) for row in rows]


# That a state was set is taken back by another version of it, which is in the list.
_CHANGES = """
    SELECT
        made_at AS at, author, environment, asset AS what,
        CASE word WHEN 'cleared' THEN word ELSE 'marked ' || word END AS change,
        run, reason, taken_back_at, taken_back_by, taken_back_reason
    FROM marks
    UNION ALL
    SELECT
        saved_at, author, environment, 'tap:' || tap,
        'state ' || origin || ', version ' || version, '', reason, NULL, '', ''
    FROM states
    WHERE origin IN ('set', 'reset', 'undo', 'import')
    ORDER BY at DESC
    LIMIT ?
"""
