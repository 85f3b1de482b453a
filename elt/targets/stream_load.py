"""One stream while its tap runs: what of it waits, and what is known of its end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter

import msgspec

from elt.errors import EltError
from elt.targets.columns import VERSION, Column
from elt.targets.reading.parts import Part, Records, discard
from elt.targets.writing.declared import ignored
from elt.targets.writing.evolve import Change
from elt.targets.writing.modes import Mode, decide
from elt.targets.writing.plans import StreamBatch, StreamPlan, Written


@dataclass(frozen=True, slots=True)
class Held:
    """What of a stream a commit may have: its parts up to a STATE."""

    parts: tuple[Part, ...] = ()
    active_version: int | None = None  # rows of older versions are gone
    no_rows: bool = False  # that there are none is all there is of the whole table


@dataclass(slots=True)
class StreamLoad:
    """One stream while its tap runs, and its counts afterwards."""

    plan: StreamPlan
    columns: tuple[Column, ...]
    schema: bytes
    declared_key: tuple[str, ...] = ()  # by the last SCHEMA
    earlier_plans: list[StreamPlan] = field(default_factory=list)  # of waiting parts
    parts: list[Part] = field(default_factory=list)
    waiting: list[msgspec.Raw] = field(default_factory=list)
    version: int | None = None  # of the records that wait
    announced: int | None = None  # a version that is to count, of which no row has come
    active_version: int | None = None  # one that counts, which no commit has told yet
    received: bool = False
    set_aside: bool = False  # its rows are what the tap could not make sense of
    complete: bool = False  # evidence that all its rows are here
    ended: bool = False  # the tap has told how, so that no row may follow
    left_off: bool = False  # it has no good end: what it lacks is not gone
    in_part: bool = False  # of what is read in full, a part could not be read
    committed: bool = False  # some of it, in this run
    rows: int = 0
    rejects: int = 0
    filtered: int = 0
    gone: int = 0
    unlike: int = 0  # rows that went for another with their key and other values
    to_look_at: list[Change] = field(default_factory=list)
    error: EltError | None = None

    @property
    def key_number(self) -> int:
        """Which of the keys of the waiting parts the next row comes under."""
        return len(self.earlier_plans)

    @property
    def aside(self) -> bool:
        """Whether rows wait for evidence that they are the whole table."""
        return self._whole and not self.complete and not self.left_off

    @property
    def can_come_again(self) -> bool:
        """Whether its rows are there once, also when they are sent once more."""
        return not self.aside and self.plan.mode.name != "append"

    @property
    def tells_of_no_rows(self) -> bool:
        """Whether the tap said of a whole table that it has none."""
        told = self.ended and self.complete and self._whole
        return told and not self.committed and not self.parts

    @property
    def _whole(self) -> bool:
        """Whether its rows are to be all that the table has."""
        return self.plan.mode.name == "overwrite" or self.plan.told_apart

    def change_key(self, plan: StreamPlan) -> None:
        """Go on under the key of another SCHEMA.

        Rows that wait are written by the key that they came under.
        """
        if plan.key == self.plan.key:
            return
        if self.parts:
            self.earlier_plans.append(self.plan)
        self.plan = _after_first_commit(plan) if self.committed else plan

    def activate(self, version: int | None) -> None:
        """Take an ACTIVATE_VERSION: rows of older versions count no more.

        Behind rows of this version it says that they are all of them. Before them it
        only announces them: until they are here, the older ones are all there is.
        """
        if self.received and self.version in (None, version):
            self.active_version, self.complete = version, True
        else:
            self.announced = version

    def end(self, *, tells: bool) -> None:
        """Nothing more comes; `tells` that what was announced has come."""
        if self.left_off:
            return
        self.complete = True
        if self.announced is not None and tells:
            self.active_version, self.announced = self.announced, None

    def keep_unread(self, stay: tuple[Mapping[str, str], ...]) -> None:
        """Take no row for gone that may be one of a part which could not be read.

        That is each row with the values of one of `stay`, and without them every row.
        """
        self.announced = None
        if self.plan.mode.name != "overwrite" and not self.plan.told_apart:
            return
        self.in_part = True
        self.plan = _of_a_part(self.plan, stay)
        self.earlier_plans = [_of_a_part(plan, stay) for plan in self.earlier_plans]

    def leave_off(self, held: Held) -> None:
        """Go back to what was held: all that came since will be read again, or never.

        Nothing may come afterwards.
        """
        kept = len(held.parts)
        for part in self.parts[kept:]:
            discard(part)
        cut(held.parts)
        self.parts, self.active_version = list(held.parts), held.active_version
        self.left_off = True

    def open_part(self, new: Records) -> Records:
        """Give the part that records go into, the last where it is of their kind."""
        columns = self.columns
        if self.version is not None:
            others = [column for column in columns if column.property != VERSION]
            columns = (*others, Column(VERSION, VERSION, "BIGINT"))
        last = self.parts[-1] if self.parts else None
        kind = (self.version, self.key_number)
        same = isinstance(last, Records) and (last.version, last.key_number) == kind
        if isinstance(last, Records) and same and last.columns == columns:
            return last
        part = replace(
            new,
            columns=columns,
            ignore=ignored(self.plan),
            version=self.version,
            key_number=self.key_number,
        )
        self.parts.append(part)
        return part

    def held(self) -> Held:
        return Held(tuple(self.parts), self.active_version, self.tells_of_no_rows)

    def batch(self, held: Held) -> StreamBatch:
        plans = [*self.earlier_plans, self.plan]
        by_key = [
            (plans[number], tuple(parts))
            for number, parts in groupby(held.parts, attrgetter("key_number"))
        ]
        first, *later = by_key or [(self.plan, ())]
        in_turn = [first, *((_after_first_commit(plan), own) for plan, own in later)]
        *earlier, (plan, parts) = in_turn
        return StreamBatch(
            plan=plan,
            columns=self.columns,
            parts=parts,
            earlier=tuple(
                StreamBatch(plan=plan, columns=(), parts=parts)
                for plan, parts in earlier
            ),
            rejects_before=self.rejects,
            records_before=self.rows + self.rejects + self.filtered,
            # Rows of an earlier key are none of the last piece, and not missing.
            whole=self.complete and self.plan.told_apart and not earlier,
            active_version=held.active_version,
        )

    def let_go(self) -> None:
        """Its parts were handed to a commit; later rows come in addition to them."""
        self.parts, self.earlier_plans = [], []
        self.active_version, self.committed = None, True
        self.plan = _after_first_commit(self.plan)

    def add(self, written: Written) -> None:
        self.rows += written.rows
        self.rejects += written.rejects
        self.filtered += written.filtered
        self.gone += written.gone
        self.unlike += written.unlike
        self.to_look_at += [change for change in written.changes if change.look]


class Pending:
    """What of a tap's streams may be committed, kept as they change.

    A STATE may come behind each record: it has to cost the same among a thousand
    streams as among a few.
    """

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}  # up to the last mark
        self._changed: dict[str, StreamLoad] = {}  # since then
        self._aside: set[str] = set()

    def note(self, name: str, stream: StreamLoad) -> None:
        """Take note of a stream that has changed."""
        self._changed[name] = stream
        if stream.aside:
            self._aside.add(name)
        else:
            self._aside.discard(name)

    def mark(self) -> bool:
        """Hold all that has come; not while rows of some stream are set aside."""
        if self._aside:
            return False
        for name, stream in self._changed.items():
            held = stream.held()
            if held != Held():
                self.held[name] = held
        self._changed.clear()
        return True

    def let_go(self, name: str, stream: StreamLoad) -> None:
        """Hand to a commit what is held of a stream, which is not aside afterwards."""
        stream.let_go()
        self.held.pop(name, None)
        self._aside.discard(name)


def cut(parts: Iterable[Part]) -> None:
    """Take back what was spooled behind these parts, as they were held."""
    for part in parts:
        if isinstance(part, Records):
            os.truncate(part.path, part.size_bytes)


def with_key(plan: StreamPlan, key: Sequence[str]) -> StreamPlan:
    """Take the key from the SCHEMA where the catalog names none, as old taps do."""
    if not (plan.learns_key and key):
        return plan
    mode = plan.mode
    if mode.name == "append":
        mode = decide(key=key, replication_method=None)
    return replace(plan, key=tuple(key), mode=mode)


def _of_a_part(plan: StreamPlan, stay: tuple[Mapping[str, str], ...]) -> StreamPlan:
    mode = plan.mode
    if mode.name == "overwrite" and plan.key:
        mode = Mode("upsert", "a part of it could not be read")
    return replace(plan, mode=mode, full_table=bool(stay), spared=stay)


def _after_first_commit(plan: StreamPlan) -> StreamPlan:
    """Make room only once: later rows of the same run come in addition."""
    if plan.mode.name != "overwrite":
        return replace(plan, full_table=False)
    mode = Mode("upsert" if plan.key else "append", "after the overwrite")
    return replace(plan, mode=mode, full_table=False)
