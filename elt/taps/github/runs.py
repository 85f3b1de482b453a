"""Workflow runs by ranges of their creation, and what is below runs and others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from msgspec import Raw

from elt.taps.github.asked import (
    Begun,
    begin,
    call_of,
    named,
    reader,
    remember,
    remembered_of,
    text_of,
)
from elt.taps.github.lists import SECOND, moment_in
from elt.taps.github.parts import Account
from elt.taps.github.places import Repository
from elt.taps.github.streams import Below
from elt.taps.rest.ahead import pages, side_by_side
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.marks import ISO
from elt.taps.rest.paging import Page, link_header
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.reading import Chunk, Reading
from elt.taps.rest.rows import Record, only, value_reader

# docs.github.com, List workflow runs for a repository: up to 1,000 for each search.
MOST_RUNS = 1_000
_PATH = "/actions/runs"
_GONE = frozenset((404, 410))  # since it was listed
# Runs have the repository in them, and our rows its name under the same name.
_without_repository = only(lambda name: name != "repository")


@dataclass(frozen=True, slots=True)
class RunLists:
    """Runs that were made since the mark, less `lookback_days`, and changed since it.

    There is no filter by change, and a run changes after it was made: for days, while
    somebody is to approve it, or when it is started again.
    """

    account: Account
    reading: Reading

    def begin(self, repository: Repository) -> Begun:
        created = f">={text_of(self._from(repository))}"
        if self.reading.has_end:
            created = _range(self._from(repository), self.reading.until - SECOND)
        call = call_of(repository, _PATH, created=created)
        known = remembered_of(self.reading, repository)
        return begin(
            self.account.tokens, repository, call, known, reader("workflow_runs")
        )

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        add = named(repository)
        for rows in self.changed(repository, begun):
            found = [add(_without_repository(row)) for row in rows]
            yield Chunk(records=found, part=repository.part)
        yield self.end(repository, begun)

    def changed(self, repository: Repository, begun: Begun) -> Iterator[list[Raw]]:
        if begun.is_unchanged:
            return
        since, updated = self.reading.since(repository.part), moment_in("updated_at")
        for page in self._pages(repository, begun):
            yield [
                row
                for row in page.records
                if since is None or (updated(row) or since) >= since
            ]

    def end(self, repository: Repository, begun: Begun) -> Chunk:
        if not begun.is_unchanged:
            is_all = link_header(begun.call, begun.page) is None
            remember(self.reading, repository, begun, [begun.tag] if is_all else None)
        return Chunk(part=repository.part, ends=True)

    def _from(self, repository: Repository) -> datetime:
        """Give the earliest creation to look at; a run is not older than its place."""
        since: datetime | None = self.reading.since(repository.part)
        if since is None:
            return _moment(repository.created_at) - timedelta(days=1)
        return since - self.account.lookback

    def _pages(self, repository: Repository, begun: Begun) -> Iterator[Page]:
        if _total(begun.page.answer) <= MOST_RUNS:
            yield from begun.pages(link_header)
            return
        until = self.reading.until - SECOND
        if not self.reading.has_end:
            until = self.reading.until + timedelta(days=1)
        yield from self._halves(repository, begun, self._from(repository), until)

    def _halves(
        self, repository: Repository, begun: Begun, first: datetime, last: datetime
    ) -> Iterator[Page]:
        middle = first + (last - first) / 2
        middle = middle.replace(microsecond=0)
        for begins, ends in ((first, middle), (middle + SECOND, last)):
            call = call_of(repository, _PATH, created=_range(begins, ends))
            page = begun.place.ask(call, begun.read)
            half = Begun(place=begun.place, call=call, page=page, read=begun.read)
            if _total(page.answer) > MOST_RUNS and ends - begins > SECOND:
                yield from self._halves(repository, half, begins, ends)
            else:
                yield from half.pages(link_header)


def _range(first: datetime, last: datetime) -> str:
    return f"{text_of(first)}..{text_of(last)}"


def _total(answer: Answer) -> int:
    """Read how many there are; what is no number, as "2,500+", is too many."""
    found = value_at(answer.body, ("total_count",)) or 0
    return found if isinstance(found, int) else MOST_RUNS + 1


def _moment(text: str) -> datetime:
    return cast(datetime, ISO.read(text))


class Above(Protocol):
    """Lists whose rows have lists of their own."""

    def begin(self, repository: Repository) -> Begun: ...
    def changed(self, repository: Repository, begun: Begun) -> Iterator[list[Raw]]: ...
    def end(self, repository: Repository, begun: Begun) -> Chunk: ...


@dataclass(frozen=True, slots=True)
class BelowLists:
    """A list for each row above that changed; the mark is how far those are read."""

    account: Account
    kind: Below
    reading: Reading
    above: Above

    def begin(self, repository: Repository) -> Begun:
        return self.above.begin(repository)

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        updated = value_reader("updated_at")
        for rows in self.above.changed(repository, begun):
            for row, found in side_by_side(
                lambda row: self._rows(repository, begun, row),
                rows,
                most=self.account.most,
            ):
                if isinstance(found, NotReadable):
                    if found.status not in _GONE:
                        raise found
                    self.reading.note(f"{found.where}: {found.what}")
                    continue
                # Also of a row without any below it: it was looked at.
                self.reading.marks.see([updated(row)], repository.part)
                yield Chunk(records=found, part=repository.part)
        yield self.above.end(repository, begun)

    def _rows(
        self, repository: Repository, begun: Begun, row: Raw
    ) -> list[Record] | NotReadable:
        names: dict[str, Any] = {
            name: value_at(row, (field,)) for name, field in self.kind.names.items()
        }
        path = self.kind.path.format(value_at(row, (self.kind.by,)))
        call: Call = call_of(repository, path, **self.kind.params)
        add = named(repository, **names)
        read = reader(*self.kind.at)
        try:
            found = pages(begun.place, call, read, link_header)
            return [add(record) for page in found for record in page.records]
        except NotReadable as error:
            return error
