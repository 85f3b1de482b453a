"""One reading of a stream, account by account: the plan of each, carried out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from msgspec import Raw

from elt.taps.rest.problems import NotReadable
from elt.taps.rest.reading import Chunk, Reading, Run
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

_GROWTH = 4  # of windows of few events


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one stream."""

    stream: Stream
    options: Options
    accounts: Callable[[], Sequence[Account]]
    run: Run
    logger: logging.Logger

    def read(self, reading: Reading) -> Iterator[Chunk]:
        """Read all accounts; one that may not be read is left out.

        Raises NotReadable where none may.
        """
        plans = [(one, self._plan(one, reading)) for one in self.accounts()]
        yield from self._beginnings(plans, reading)
        refused: NotReadable | None = None
        readable = 0
        for account, plan in plans:
            try:
                yield from self._read_account(account, plan, reading)
                readable += 1
            except NotReadable as error:
                if not account.id:
                    raise
                refused = error
                what = _of_account(account, f"{error.what} ({error.where})")
                self._warn(what)
                reading.leave_out(what, account.fields)
        if refused is not None and not readable:
            raise refused

    def _beginnings(
        self, plans: Sequence[tuple[Account, Plan]], reading: Reading
    ) -> Iterator[Chunk]:
        """Remember when lists began before the first row of any comes.

        Rows stay where a run ends in between. What is deleted later is then in no
        list, and its event is found only from that moment on. A list that comes after
        deletions is remembered when these were read.
        """
        begun = [
            self._remember(account, plan, reading)
            for account, plan in plans
            if plan.listing is not None and plan.deletes is None
        ]
        if any(begun):
            yield Chunk(ends=True)

    def _remember(self, account: Account, plan: Plan, reading: Reading) -> bool:
        """Keep when a list began with its account; say whether that is news."""
        if not reading.marks.is_kept:
            return False
        memory = reading.marks.memory(account.id)
        if memory.get(BEGAN) == plan.began:
            return False
        memory.clear()
        memory[BEGAN] = plan.began
        return True

    def _read_account(
        self, account: Account, plan: Plan, reading: Reading
    ) -> Iterator[Chunk]:
        if plan.note:
            self._note(reading, account, plan.note)
        if plan.deletes is not None and listed(self.stream).deleted:
            yield from self._deletes(account, plan.deletes, reading)
        if plan.listing is not None:
            yield from self._listing(account, plan, reading)
        if plan.changes is not None:
            yield from self._changes(account, plan.changes, reading)

    def _plan(self, account: Account, reading: Reading) -> Plan:
        marks = reading.marks
        has_events = bool(listed(self.stream).events)
        mark = marks.mark(account.id)
        self._say_what_is_forgotten(account, mark, reading)
        asked = Asked(
            mark=None if mark is None else int(mark.timestamp()),
            memory=marks.remembered(account.id) if marks.is_kept else {},
            began=self._began,
            start=None if self._ignores_start(reading) else _seconds(reading.start),
            end=_seconds(reading.until) if reading.has_end else None,
        )
        return decide(asked, self.options, has_events=has_events)

    def _ignores_start(self, reading: Reading) -> bool:
        """Say whether all are wanted; a window has bounds for every stream."""
        return listed(self.stream).in_use and not reading.has_end

    def _say_what_is_forgotten(
        self, account: Account, mark: datetime | None, reading: Reading
    ) -> None:
        oldest = self.run.began_at - timedelta(seconds=self.options.event_seconds)
        if self.stream.name == "events" and mark is not None and mark < oldest:
            what = f"those from {mark.date()} to {oldest.date()} may be forgotten"
            self._note(reading, account, f"{what}: Stripe keeps them for 30 days")

    def _listing(
        self, account: Account, plan: Plan, reading: Reading
    ) -> Iterator[Chunk]:
        """List what there is, and remember how far that is done."""
        self._remember(account, plan, reading)
        memory = reading.marks.memory(account.id) if reading.marks.is_kept else {}
        stretch = plan.listing or Stretch(start=None, end=None)
        for part in in_windows(self._list(account), stretch):
            yield self._rows(account, [Found(row) for row in part.rows])
            if part.until is not None:
                memory[UNTIL] = part.until
                yield Chunk(part=account.id, ends=True)
        reading.marks.forget_memory(account.id)
        yield Chunk(part=account.id, ends=True, reached=plan.reached)

    def _changes(
        self, account: Account, stretch: Stretch, reading: Reading
    ) -> Iterator[Chunk]:
        """Read what events tell of, and what was created, a window at a time.

        One long window of many events would never be done (singer-io/tap-stripe#120).
        """
        is_whole = True
        start, last = stretch.start or 0, stretch.end or self._began
        length = self.options.event_window_seconds
        while True:
            is_last = start + length >= last
            end = stretch.end if is_last else start + length
            window = Stretch(start=start, end=end)
            told = self._told(account, window, reading)
            is_quiet = told is not None and len(told) < PAGE
            is_whole = is_whole and told is not None
            yield from self._created(account, window, told or {})
            yield from self._fetched(account, told or {})
            if is_whole:
                reached = last if end is None else end
                yield Chunk(part=account.id, ends=True, reached=reached)
            if is_last:
                return
            start += length
            length = length * _GROWTH if is_quiet else length

    def _told(
        self,
        account: Account,
        window: Stretch,
        reading: Reading,
        *,
        only_deletes: bool = False,
    ) -> dict[str, Change] | None:
        """Read what events tell of; None where the key may not read them.

        The bookmark then stays where it is, until the events may be read or the
        stream is listed again.
        """
        if not listed(self.stream).events:
            return {}
        try:
            return changes(account, self.stream, window, only_deletes=only_deletes)
        except NotReadable as error:
            what = f"changes are not read: {error.what} ({error.where})"
            self._note(reading, account, what)
            return None

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

    def _deletes(
        self, account: Account, stretch: Stretch, reading: Reading
    ) -> Iterator[Chunk]:
        told = self._told(account, stretch, reading, only_deletes=True)
        if told is not None:
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
        return int(self.run.began_at.timestamp())

    def _note(self, reading: Reading, account: Account, what: str) -> None:
        told = _of_account(account, what)
        if told not in reading.notes:
            self._warn(told)
            reading.note(told)

    def _warn(self, told: str) -> None:
        self.logger.warning("stream %s: %s", self.stream.name, told)


def _of_account(account: Account, what: str) -> str:
    return f"account {account.id}: {what}" if account.id else what


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _id(record: Raw) -> str:
    return str(known(record).id)
