"""Lists of a repository: by change, newest first, by time of a star, and in whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec import Raw

from elt.taps.github.asked import (
    PAGE,
    Begun,
    Remembered,
    begin,
    call_of,
    named,
    reader,
    remember,
    remembered_of,
    remembers,
    tagged,
    text_of,
)
from elt.taps.github.parts import Account, each_repository
from elt.taps.github.places import Repository
from elt.taps.github.sizes import query_of
from elt.taps.github.streams import READ_AT, Newest, Since, Whole
from elt.taps.rest.calls import Call
from elt.taps.rest.marks import moment_of
from elt.taps.rest.paging import Page, link_header
from elt.taps.rest.reading import Chunk, Reading
from elt.taps.rest.rows import value_reader

SECOND = timedelta(seconds=1)
_BEGUN, _AT = "begun_at", "read_at"


def moment_in(field: str) -> Callable[[Raw | bytes], datetime | None]:
    """Make what reads a time of a row; None where it has none."""
    value_of = value_reader(field)
    return lambda record: moment_of(value_of(record))


@dataclass(frozen=True, slots=True)
class SinceLists:
    """Lists that take `since`: ascending by change, page by page from the last row on.

    Not by page number: a row that changes while pages are read moves to the end, those
    behind it move up, and one of them would be on no page. It is also what reaches
    beyond the first 30,000 comments (PyGithub/PyGithub#2558). GitHub says "after" and
    gives what is at the moment too: a second earlier does for both.
    """

    account: Account
    kind: Since
    reading: Reading

    def begin(self, repository: Repository) -> Begun:
        kind = self.kind
        params = {"sort": "updated", "direction": "asc", **kind.params}
        since = self.reading.since(repository.part)
        if since is not None:
            params["since"] = text_of(since - SECOND)
        return begin(
            self.account.tokens,
            repository,
            call_of(repository, kind.path, **params),
            remembered_of(self.reading, repository),
            reader(),
        )

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        part, add = repository.part, named(repository)
        if begun.is_unchanged:
            yield Chunk(part=part, ends=True)
            return
        has_more = link_header(begun.call, begun.page) is not None
        moment = moment_in(self.kind.cursor)
        for page in begun.pages(self._following(begun.call, moment)):
            rows: Sequence[Raw] = page.records
            if self.reading.has_end:
                rows = [r for r in rows if _before(moment(r), self.reading.until)]
            yield Chunk(records=[*map(add, rows)], part=part, in_order=True)
        remember(self.reading, repository, begun, None if has_more else [begun.tag])
        yield Chunk(part=part, ends=True)

    def _following(
        self, first: Call, moment: Callable[[Raw], datetime | None]
    ) -> Callable[[Call, Page], Call | None]:
        def following(call: Call, page: Page) -> Call | None:
            link = link_header(call, page)
            if link is None or not page.records:
                return None
            last = moment(page.records[-1])
            if last is None:
                return link
            if self.reading.has_end and last >= self.reading.until:
                return None
            since = text_of(last - SECOND)
            is_further = since > query_of(call).get("since", "")
            # So many rows of one second that a page does not hold them.
            return first.with_params(since=since) if is_further else link

        return following


def _before(moment: datetime | None, until: datetime) -> bool:
    return moment is None or moment < until


@dataclass(frozen=True, slots=True)
class NewestLists:
    """Lists from the newest row on, down to what was read before.

    The mark moves when a repository is done: what is not read yet is older.
    """

    account: Account
    kind: Newest
    reading: Reading

    def begin(self, repository: Repository) -> Begun:
        return begin(
            self.account.tokens,
            repository,
            call_of(repository, self.kind.path, **self.kind.params),
            remembered_of(self.reading, repository),
            reader(),
        )

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        add = named(repository)
        for page in self.changed(repository, begun):
            yield Chunk(records=[*map(add, page)], part=repository.part)
        yield self.end(repository, begun)

    def changed(self, repository: Repository, begun: Begun) -> Iterator[list[Raw]]:
        """Give the rows that changed since the mark, as they came."""
        if begun.is_unchanged:
            return
        since = self.reading.since(repository.part)
        order, cursor = moment_in(self.kind.order), moment_in(self.kind.cursor)
        following = self._down_to(self._floor(since), order)
        for page in begun.pages(following):
            yield [
                row
                for row in page.records
                if _since(cursor(row), since)
                and (
                    not self.reading.has_end or _before(order(row), self.reading.until)
                )
            ]

    def end(self, repository: Repository, begun: Begun) -> Chunk:
        # Where changes come first, an unchanged first page means no change; elsewhere
        # only if it is all that is looked at.
        if not begun.is_unchanged:
            since = self.reading.since(repository.part)
            order = moment_in(self.kind.order)
            more = self._down_to(self._floor(since), order)(begun.call, begun.page)
            is_told = self.kind.order == self.kind.cursor or more is None
            remember(self.reading, repository, begun, [begun.tag] if is_told else None)
        return Chunk(part=repository.part, ends=True)

    def _floor(self, since: datetime | None) -> datetime | None:
        is_late = self.kind.order != self.kind.cursor
        return since - self.account.lookback if since and is_late else since

    def _down_to(
        self, floor: datetime | None, order: Callable[[Raw], datetime | None]
    ) -> Callable[[Call, Page], Call | None]:
        def following(call: Call, page: Page) -> Call | None:
            last = order(page.records[-1]) if page.records else None
            if floor is not None and last is not None and last < floor:
                return None
            return link_header(call, page)

        return following


def _since(moment: datetime | None, since: datetime | None) -> bool:
    return since is None or moment is None or moment >= since


@dataclass(slots=True)
class _Tags:
    """The tags of a list's pages, while it is read."""

    tags: list[str] = field(default_factory=list)
    is_full: bool = False

    def see(self, page: Page) -> None:
        self.tags.append(page.answer.headers.get("etag", ""))
        size = query_of(Call(path=page.answer.url)).get("per_page", PAGE)
        self.is_full = len(page.records) >= int(size)


@dataclass(frozen=True, slots=True)
class WholeLists:
    """Lists that are read again in whole when one of their pages changed.

    `last` is when the last run before this one began to read any.
    """

    account: Account
    kind: Whole
    reading: Reading
    last: str | None

    def begin(self, repository: Repository) -> Begun:
        kind = self.kind
        call = call_of(repository, kind.path, **kind.params)
        known = remembered_of(self.reading, repository)
        if known.get(_AT) != self.last:
            known = {}
        read = reader(*kind.at)
        begun = begin(self.account.tokens, repository, call, known, read)
        if begun.is_unchanged and not self._others_same(begun, known):
            page = begun.place.ask(call, read)
            return Begun(place=begun.place, call=call, page=page, read=read)
        return begun

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        if not begun.is_unchanged:
            yield from self._all(repository, begun)
        if self.reading.marks.is_kept:
            self.reading.marks.memory(repository.part)[_AT] = _now(self.account)
        yield Chunk(part=repository.part, ends=True)

    def _all(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        more: dict[str, Any] = {}
        if self.kind.cursor == READ_AT:
            more[READ_AT] = text_of(self.account.began_at)
        add, tags = named(repository, **more), _Tags()
        for page in begun.pages(link_header):
            tags.see(page)
            yield Chunk(records=[*map(add, page.records)], part=repository.part)
        # Behind a full page, another one may come that no tag tells of.
        told = None if tags.is_full else tags.tags
        remember(self.reading, repository, begun, told)

    def _others_same(self, begun: Begun, known: Remembered) -> bool:
        count = remembers(begun.call, known)
        return all(
            begun.place.ask(tagged(begun.call, known, number), begun.read).answer.status
            == begun.page.answer.status
            for number in range(2, count + 1)
        )


def whole_lists(account: Account, kind: Whole, reading: Reading) -> Iterator[Chunk]:
    """Read them, and remember before the first row that this was begun.

    Rows stay of a list that was being read when a run ended. When that list is again
    as it was before, an older tag fits it, and not its rows: so a tag counts only
    where the last run that was begun came to the end of the list.
    """
    memory = reading.marks.memory() if reading.marks.is_kept else {}
    lists = WholeLists(account, kind, reading, last=memory.get(_BEGUN))
    memory[_BEGUN] = _now(account)
    yield Chunk(ends=True)
    yield from each_repository(account, reading, lists.begin, lists.read)


def _now(account: Account) -> str:
    return account.began_at.isoformat()
