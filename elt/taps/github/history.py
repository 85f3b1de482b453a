"""Commits of a default branch, and who starred a repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from msgspec import Raw

from elt.taps.github.asked import (
    PAGE,
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
from elt.taps.github.sizes import query_of
from elt.taps.rest.calls import Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.paging import link_header
from elt.taps.rest.reading import Chunk, Reading

HEAD, LAST_PAGE = "head", "page"
MOST_STARS = 40_000
_OK = 200
_COMMITTED = ("commit", "committer", "date")


@dataclass(frozen=True, slots=True)
class CommitLists:
    """Commits of the default branch, newest first.

    `since` goes by the committer's date (docs.github.com, List commits), and a merge,
    a rebase or a push brings commits of older dates: reading begins
    `commits_lookback_days` before the mark. Where the branch's last tip is not among
    what comes, history was written anew, and all of it is read again.
    """

    account: Account
    reading: Reading

    def begin(self, repository: Repository) -> Begun:
        known = remembered_of(self.reading, repository)
        since = self.reading.since(repository.part)
        if since is not None and known.get(HEAD):
            since -= self.account.commits_lookback
        call = self._call(repository, since)
        return begin(self.account.tokens, repository, call, known, reader())

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        part = repository.part
        if begun.is_unchanged:
            yield Chunk(part=part, ends=True)
            return
        old = remembered_of(self.reading, repository).get(HEAD)
        seen: dict[str, None] = {}
        yield from self._chunks(repository, begun, seen)
        if old and old not in seen and begun.page.answer.status == _OK:
            self.account.logger.warning(
                "%s: the history of `%s` was written anew; all of it is read again",
                *(repository.full_name, repository.default_branch),
            )
            call = self._call(repository, self.account.start)
            again = begin(self.account.tokens, repository, call, {}, reader())
            yield from self._chunks(repository, again, seen)
        # A tip stands for all that is behind it, so the first page tells of changes.
        remember(self.reading, repository, begun, [begun.tag])
        if seen and self.reading.marks.is_kept:
            self.reading.marks.memory(part)[HEAD] = next(iter(seen))
        yield Chunk(part=part, ends=True)

    def _call(self, repository: Repository, since: datetime | None) -> Call:
        params = {"sha": repository.default_branch} if repository.default_branch else {}
        if since is not None:
            params["since"] = text_of(since - SECOND)
        if self.reading.has_end:
            params["until"] = text_of(self.reading.until - SECOND)
        return call_of(repository, "/commits", **params)

    def _chunks(
        self, repository: Repository, begun: Begun, seen: dict[str, None]
    ) -> Iterator[Chunk]:
        for page in begun.pages(link_header):
            rows = []
            for record in page.records:
                seen[str(value_at(record, ("sha",)))] = None
                at = value_at(record, _COMMITTED)
                rows.append(named(repository, committed_at=at)(record))
            yield Chunk(records=rows, part=repository.part)


@dataclass(frozen=True, slots=True)
class StarLists:
    """Stars ascend by their time and are numbered: reading goes on at the last page.

    A star that is taken back moves those behind it up, so that the page to go on at is
    looked for backwards, until its first row is older than the mark.
    """

    account: Account
    reading: Reading

    def begin(self, repository: Repository) -> Begun:
        known = remembered_of(self.reading, repository)
        tokens, read = self.account.tokens, reader()
        number = int(known.get(LAST_PAGE, 1))
        call = self._call(repository, number)
        begun = begin(tokens, repository, call, known, read)
        while (
            number > 1 and not begun.is_unchanged and self._is_late(repository, begun)
        ):
            number -= 1
            call = self._call(repository, number)
            begun = begin(tokens, repository, call, {}, read)
        return begun

    def read(self, repository: Repository, begun: Begun) -> Iterator[Chunk]:
        part, reading = repository.part, self.reading
        if begun.is_unchanged:
            yield Chunk(part=part, ends=True)
            return
        since, starred = reading.since(part), moment_in("starred_at")
        number = int(query_of(begun.call).get("page", 1)) - 1
        size, tags = 0, list[str]()
        for page in begun.pages(link_header):
            number, size = number + 1, len(page.records)
            tags.append(page.answer.headers.get("etag", ""))
            rows = [
                _star(repository, record)
                for record in page.records
                if _is_in(starred(record), since, reading)
            ]
            yield Chunk(records=rows, part=part, in_order=True)
        if number * PAGE >= MOST_STARS and size:
            reading.leave_out(f"{repository.full_name}: stars beyond {MOST_STARS}")
        if reading.marks.is_kept:
            reading.marks.memory(part)[LAST_PAGE] = max(1, number)
        only = tags if len(tags) == 1 and size < PAGE else None
        remember(reading, repository, begun, only)
        yield Chunk(part=part, ends=True)

    def _is_late(self, repository: Repository, begun: Begun) -> bool:
        since = self.reading.since(repository.part)
        rows = begun.page.records
        first = moment_in("starred_at")(rows[0]) if rows else None
        return not rows or (since is not None and first is not None and first >= since)

    def _call(self, repository: Repository, number: int) -> Call:
        call = call_of(repository, "/stargazers", page=number)
        # The usual media type has no time (docs.github.com, List stargazers).
        return Call(
            path=call.path,
            params=call.params,
            also=call.also,
            headers={"Accept": "application/vnd.github.star+json"},
        )


def _is_in(moment: datetime | None, since: datetime | None, reading: Reading) -> bool:
    if moment is None:
        return True
    is_young = since is None or moment >= since
    return is_young and not (reading.has_end and moment >= reading.until)


def _star(repository: Repository, record: Raw) -> bytes:
    user = value_at(record, ("user", "id"))
    return named(repository, user_id=user or 0)(record)
