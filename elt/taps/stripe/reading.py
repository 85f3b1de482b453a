"""One reading of a stream, account by account: the plan of each, carried out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Raw

from elt.taps.rest.problems import NotReadable
from elt.taps.rest.stream import Chunk, Reading
from elt.taps.stripe.account import PAGE, Account
from elt.taps.stripe.changes import changes
from elt.taps.stripe.listing import Listing, in_windows, read_stretch
from elt.taps.stripe.options import Options
from elt.taps.stripe.plan import BEGAN, UNTIL, Asked, Plan, Stretch, decide
from elt.taps.stripe.rows import (
    Change,
    Found,
    gone_rows,
    is_deleted,
    known,
    rows_of,
)
from elt.taps.stripe.streams import Stream, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one stream."""

    stream: Stream
    options: Options
    accounts: Callable[[], Sequence[Account]]
    began_at: datetime
    logger: logging.Logger

    def read(self, reading: Reading) -> Iterator[Chunk]:
        """Read all accounts; one that may not be read is left out.

        Raises NotReadable where none may.
        """
        refused: NotReadable | None = None
        readable = 0
        for account in self.accounts():
            try:
                yield from self._read_account(account, reading)
                readable += 1
            except NotReadable as error:
                if not account.id:
                    raise
                refused = error
                self._leave_out(reading, account, f"{error.what} ({error.where})")
        if refused is not None and not readable:
            raise refused

    def _read_account(self, account: Account, reading: Reading) -> Iterator[Chunk]:
        plan = self._plan(account, reading)
        if plan.note:
            self._leave_out(reading, account, plan.note)
        if plan.deletes is not None and listed(self.stream).deleted:
            yield from self._deletes(account, plan.deletes)
        if plan.listing is not None:
            yield from self._listing(account, plan, reading)
        if plan.changes is not None:
            yield from self._changes(account, plan.changes, reading)

    def _plan(self, account: Account, reading: Reading) -> Plan:
        marks = reading.marks
        has_events = bool(listed(self.stream).events)
        mark = marks.mark(account.id)
        asked = Asked(
            mark=None if mark is None else int(mark.timestamp()),
            memory=marks.remembered(account.id) if marks.is_kept else {},
            began=self._began,
            start=_seconds(reading.start),
            end=_seconds(reading.until) if reading.has_end else None,
        )
        return decide(asked, self.options, has_events=has_events)

    def _listing(
        self, account: Account, plan: Plan, reading: Reading
    ) -> Iterator[Chunk]:
        """List what there is, and remember how far that is done."""
        memory = reading.marks.memory(account.id) if reading.marks.is_kept else {}
        if memory.get(BEGAN) != plan.began:
            memory.clear()
            memory[BEGAN] = plan.began
        stretch = plan.listing or Stretch(start=None, end=None)
        for part in in_windows(self._list(account), stretch):
            yield self._rows(account, [Found(row) for row in part.rows])
            if part.until is not None:
                memory[UNTIL] = part.until
                yield Chunk(part=account.id, ends=True)
        reading.marks.forget_memory(account.id)
        if plan.changes is None or plan.changes.start is None:
            yield Chunk(part=account.id, ends=True, reached=plan.began)
        else:
            yield Chunk(part=account.id, ends=True, reached=plan.changes.start)

    def _changes(
        self, account: Account, stretch: Stretch, reading: Reading
    ) -> Iterator[Chunk]:
        """Read what events tell of, and what was created, a window at a time."""
        is_told = bool(listed(self.stream).events)
        for window, reached in self._windows(stretch):
            told: dict[str, Change] = {}
            if is_told:
                try:
                    told = changes(account, self.stream, window)
                except NotReadable as error:
                    is_told = False
                    why = f"without the right to read events: {error.what}"
                    self._leave_out(reading, account, f"changes are not read, {why}")
            yield from self._created(account, window, told)
            yield from self._fetched(account, told)
            if is_told or not listed(self.stream).events:
                yield Chunk(part=account.id, ends=True, reached=reached)

    def _windows(self, stretch: Stretch) -> Iterator[tuple[Stretch, int]]:
        """Cut a stretch into windows; the last is open where the stretch is."""
        start = stretch.start or 0
        last = self._began if stretch.end is None else stretch.end
        step = self.options.event_window_seconds
        while start + step < last:
            yield Stretch(start=start, end=start + step), start + step
            start += step
        yield Stretch(start=start, end=stretch.end), last

    def _created(
        self, account: Account, window: Stretch, told: dict[str, Change]
    ) -> Iterator[Chunk]:
        """Read what was created in a window: a hundred cost one request.

        Not all that is created makes an event (airbytehq/airbyte#31917). What is
        listed needs not be fetched, so it goes out of what was `told`.
        """
        for page in read_stretch(self._list(account), window):
            found = [Found(row, told.pop(_id(row), None)) for row in page.records]
            yield self._rows(account, found)

    def _fetched(self, account: Account, told: dict[str, Change]) -> Iterator[Chunk]:
        """Read objects as they are now; one that is no more is told as deleted."""
        own = listed(self.stream)
        keys = account.many(own.path, told, own.expand)
        while some := list(islice(keys, PAGE)):
            gone = [(key, it) for key, it in some if it is None or is_deleted(it)]
            there = [
                Found(it, told[key])
                for key, it in some
                if it is not None and not is_deleted(it)
            ]
            yield self._rows(account, there)
            for key, _ in gone:
                rows = gone_rows(account, self.stream, key, told[key])
                yield Chunk(part=account.id, records=rows)

    def _deletes(self, account: Account, stretch: Stretch) -> Iterator[Chunk]:
        for window, _ in self._windows(stretch):
            told = changes(account, self.stream, window, only_deletes=True)
            yield from self._fetched(account, told)

    def _rows(self, account: Account, found: Sequence[Found]) -> Chunk:
        rows = rows_of(account, self.stream, found)
        return Chunk(part=account.id, records=rows)

    def _list(self, account: Account) -> Listing:
        own = listed(self.stream)
        params: dict[str, Any] = dict(own.params)
        if own.expand:
            params["expand[]"] = [f"data.{field}" for field in own.expand]
        return Listing(
            account=account,
            path=own.path,
            params=params,
            created=own.created,
            rows_per_window=self.options.rows_per_window,
            now=self._began,
        )

    @property
    def _began(self) -> int:
        return int(self.began_at.timestamp())

    def _leave_out(self, reading: Reading, account: Account, what: str) -> None:
        told = f"account {account.id}: {what}" if account.id else what
        self.logger.warning("stream %s: %s", self.stream.name, told)
        reading.leave_out(told)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _id(record: Raw) -> str:
    return str(known(record).id)
