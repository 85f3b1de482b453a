"""One batch, inside its transaction: modes into statements, bad rows set apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from elt.errors import Rejected
from elt.project.sync_settings import SyncMode
from elt.reverse.destination import Change, Receipt, Removed
from elt.reverse.sql.columns import Shape
from elt.reverse.sql.flaws import Checks
from elt.reverse.sql.rows import Row, alike, portions, row_of
from elt.reverse.sql.session import Duplicate, Session

NO_ROW = "there is no row with this key"
ROW_EXISTS = "there is a row with this key already, with other values"
RACE = "somebody else added a row with this key just now"
Step = Callable[[Sequence[Row]], Iterable[Receipt]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sync writes into its table."""

    shape: Shape
    checks: Checks
    mode: SyncMode


def write(session: Session, plan: Plan, changes: Sequence[Change]) -> Iterator[Receipt]:
    """Write a batch and answer for each of its rows; nothing is committed.

    Removed rows go first: what they free, a unique name say, others may take.
    """
    key = plan.shape.key
    removed = [row_of(c, key) for c in changes if isinstance(c, Removed)]
    yield from _delete(session, replace(plan, shape=plan.shape.only_key), removed)
    sent = (row_of(c, key) for c in changes if not isinstance(c, Removed))
    for names, rows in alike(sent):
        yield from _write(session, replace(plan, shape=plan.shape.only(names)), rows)


def _delete(session: Session, plan: Plan, rows: Sequence[Row]) -> Iterator[Receipt]:
    def delete(part: Sequence[Row]) -> Iterable[Receipt]:
        session.delete(plan.shape, part)
        return _accepted(part)

    for portion in portions(rows, session.row_bytes):
        yield from _isolated(session, plan, delete, portion)


def _write(session: Session, plan: Plan, rows: Sequence[Row]) -> Iterator[Receipt]:
    flaws = [plan.checks.flaw(row) for row in rows]
    for row, flaw in zip(rows, flaws, strict=True):
        if flaw is not None:
            yield Receipt(row.key, "rejected", flaw)
    sound = [row for row, flaw in zip(rows, flaws, strict=True) if flaw is None]
    step = Writing(session, plan.shape).step(plan.mode)
    for portion in portions(sound, session.row_bytes):
        yield from _isolated(session, plan, step, portion)


class Writing:
    """What each mode does with rows that have the same fields."""

    def __init__(self, session: Session, shape: Shape) -> None:
        self._session = session
        self._shape = shape

    def step(self, mode: SyncMode) -> Step:
        steps: dict[SyncMode, Step] = {
            "upsert": self.upsert,
            "mirror": self.upsert,
            "update": self.update,
            "insert": self.insert,
            "append": self.append,
        }
        return steps[mode]

    def upsert(self, rows: Sequence[Row]) -> Iterable[Receipt]:
        # Not INSERT ON CONFLICT: that wants a value for every NOT NULL column of a
        # row that is there, and MySQL's takes any unique index for the key.
        _, others = _parted(rows, self._change(rows))
        self._add(others)
        return _accepted(rows)

    def update(self, rows: Sequence[Row]) -> Iterable[Receipt]:
        there, others = _parted(rows, self._change(rows))
        return [*_accepted(there), *_rejected(others, NO_ROW)]

    def insert(self, rows: Sequence[Row]) -> Iterable[Receipt]:
        there, others = _parted(rows, self._session.present(self._shape, rows))
        self._add(others)
        # The same values: the row that a killed run put there before its answer.
        equal = [self._session.equals(self._shape, row) for row in there]
        ours, theirs = _parted(there, {n for n, same in enumerate(equal) if same})
        return [*_accepted(others), *_accepted(ours), *_rejected(theirs, ROW_EXISTS)]

    def append(self, rows: Sequence[Row]) -> Iterable[Receipt]:
        self._add(rows)
        return _accepted(rows)

    def _add(self, rows: Sequence[Row]) -> None:
        if rows:
            self._session.insert(self._shape, rows)

    def _change(self, rows: Sequence[Row]) -> set[int]:
        try:
            return self._session.update(self._shape, rows)
        except Duplicate as taken:
            # By another unique index: this row's key is its own.
            raise Rejected(taken.what) from taken


def _isolated(
    session: Session, plan: Plan, step: Step, rows: Sequence[Row]
) -> Iterator[Receipt]:
    """Do a step; halve the rows of one that is refused until the bad ones stand alone.

    One bad row in a thousand costs twenty statements.
    """
    parts = [rows]
    while parts:
        part = parts.pop()
        session.save()
        try:
            receipts = list(step(part))
        except Rejected as refusal:
            session.go_back()
            if len(part) == 1:
                yield _refused(session, plan, part[0], refusal)
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
        else:
            session.release()
            yield from receipts


def _refused(session: Session, plan: Plan, row: Row, refusal: Rejected) -> Receipt:
    """Answer for a row that stands alone: in the database's words, with the field."""
    if isinstance(refusal, Duplicate) and plan.mode != "append":
        other = session.lookalike(plan.shape, row)
        if other == row.key or session.present(plan.shape, [row]):
            return Receipt(row.key, "retryable", RACE)
        if other is not None:
            what = f"the table has this key as `{other}`, which it takes for the same"
            return Receipt(row.key, "rejected", what)
    field = session.culprit(plan.shape, row)
    what = f"`{field}`: {refusal.what}" if field else refusal.what
    return Receipt(row.key, "rejected", what)


def _parted(rows: Sequence[Row], places: set[int]) -> tuple[list[Row], list[Row]]:
    inside = [row for place, row in enumerate(rows) if place in places]
    outside = [row for place, row in enumerate(rows) if place not in places]
    return inside, outside


def _accepted(rows: Iterable[Row]) -> list[Receipt]:
    return [Receipt(row.key, "accepted") for row in rows]


def _rejected(rows: Iterable[Row], why: str) -> list[Receipt]:
    return [Receipt(row.key, "rejected", why) for row in rows]
