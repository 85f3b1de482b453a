"""When a sync stops before its first call. On by default; findings are data.

A guard that cannot be computed trips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elt.project.sync_settings import GuardTable
from elt.reverse.baseline import Counts, Past, RememberedBaseline

GuardName = Literal[
    "stale",
    "first",
    "baseline",
    "moved",
    "empty",
    "keys",
    "values",
    "removed",
    "changed",
    "added",
]
# Nobody can consent to these: the rows themselves have to be mended.
UNCONDITIONAL: frozenset[GuardName] = frozenset(("keys", "values"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One guard that tripped: what it saw, and the way out."""

    guard: GuardName
    what: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the guards look at."""

    counts: Counts
    past: Past
    remembered: RememberedBaseline | None
    mapping_changed: bool
    # Nothing leaves the machine, so nobody has to be asked about a first sync.
    is_local: bool
    ignores_case: bool = False  # of keys
    sends_to: str | None = None  # in words; None where that does not matter
    sync: str = "NAME"  # for the commands in hints


def findings(evidence: Evidence, guards: GuardTable) -> list[Finding]:
    """Look at a diff with every guard, gravest first."""
    return [
        *_rows(evidence.counts, guards),
        *_keys(evidence),
        *_values(evidence.counts),
        *_baseline(evidence),
        *_moved(evidence),
        *_first(evidence),
        *_percentages(evidence, guards),
    ]


def _rows(counts: Counts, guards: GuardTable) -> list[Finding]:
    found = []
    if counts.model == 0 and not guards.allow_empty:
        found.append(
            Finding(
                "empty",
                "the model has no rows",
                "Look at the model; an empty one is let through by"
                " `guards.allow_empty = true`",
            )
        )
    return found


def _keys(evidence: Evidence) -> list[Finding]:
    found, counts = [], evidence.counts
    if counts.keyless:
        what = f"{counts.keyless:,} rows have a NULL or empty key"
        found.append(Finding("keys", what, "Add a not_null test to the model's key"))
    if counts.duplicates:
        what = (
            f"{counts.duplicates:,} rows repeat a key: {_list(counts.duplicate_keys)}"
        )
        hint = "Add a unique test to the model's key"
        if evidence.ignores_case:
            hint = (
                "Keep one row of each: to the destination, keys that differ in case"
                " alone are the same, which a unique test of `lower(key)` finds"
            )
        found.append(Finding("keys", what, hint))
    return found


def _values(counts: Counts) -> list[Finding]:
    if not counts.unsendable:
        return []
    keys = _list(counts.unsendable_keys)
    what = f"{counts.unsendable:,} rows hold NaN, infinity or an odd date: {keys}"
    return [Finding("values", what, "Give the model NULL there instead")]


def _baseline(evidence: Evidence) -> list[Finding]:
    remembered, past = evidence.remembered, evidence.past
    if remembered is None or evidence.is_local:
        return []
    if remembered.warehouse_id != past.warehouse_id:
        what = "the baseline is another warehouse's than that of the last sync"
    elif past.sent == 0:
        what = "the baseline is missing, although this sync ran before"
    elif past.sent < remembered.sequence:
        what = "the baseline is older than the last sync"
    else:
        return []
    hint = "Point to the right warehouse, or send against this one with `--first`"
    return [Finding("baseline", what, hint)]


def _moved(evidence: Evidence) -> list[Finding]:
    """Ask where the rows went: the baseline says nothing of another place."""
    before, now = evidence.past.sent_to, evidence.sends_to
    if None in (before, now) or before == now:
        return []
    what = f"its rows were sent to {before}, and are now to go to {now}"
    hint = (
        "Give the sync another name, and the new place gets all rows; if it is the"
        " same place under another name, allow it once: `elt retry --accept moved`"
    )
    return [Finding("moved", what, hint)]


def _first(evidence: Evidence) -> list[Finding]:
    if evidence.past.has_sent or evidence.is_local:
        return []
    what = f"this is the first sync: {evidence.counts.added:,} rows would be sent"
    hint = (
        f"Look at `elt sync plan {evidence.sync}`, then allow it once with `--first`,"
        " as in `elt retry --first`"
    )
    return [Finding("first", what, hint)]


def _percentages(evidence: Evidence, guards: GuardTable) -> list[Finding]:
    counts = evidence.counts
    # Rows tried before were let through then.
    added = counts.added - counts.retried_added
    changed = counts.changed - counts.retried_changed
    limits = [
        _Limit("removed", counts.removed, guards.max_removed_percent),
        _Limit("changed", changed, guards.max_changed_percent),
    ]
    # Until one sync has finished, most rows are new, and `first` has asked.
    if evidence.past.has_finished:
        limits.append(_Limit("added", added, guards.max_added_percent))
    because = ", because the sync's mapping changed" if evidence.mapping_changed else ""
    tripped = (
        (limit, limit.what(counts.known, guards.min_rows, because)) for limit in limits
    )
    return [
        Finding(limit.guard, what, limit.hint(evidence.sync))
        for limit, what in tripped
        if what
    ]


@dataclass(frozen=True, slots=True)
class _Limit:
    guard: Literal["removed", "changed", "added"]
    rows: int
    max_percent: float

    def what(self, known: int, min_rows: int, because: str) -> str:
        if self.rows <= min_rows:
            return ""
        percent = 100 * self.rows / known if known else None
        if percent is not None and percent <= self.max_percent:
            return ""
        share = "of no known rows" if percent is None else f"{percent:.1f} %"
        reason = because if self.guard == "changed" else ""
        return (
            f"{self.rows:,} rows {self.guard} ({share}, the limit is"
            f" {self.max_percent:g} %){reason}"
        )

    def hint(self, sync: str) -> str:
        return (
            f"Look at `elt sync plan {sync} --diff`, then allow it once:"
            f" `elt retry --accept {self.guard}`; or raise"
            f" `guards.max_{self.guard}_percent`"
        )


def _list(keys: tuple[str, ...]) -> str:
    return ", ".join(f"`{key}`" for key in keys)
