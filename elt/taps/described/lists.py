"""Lists of records: of a stream, or of each record of its parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import chain, islice

from msgspec import UNSET, Raw

from elt.errors import EltError
from elt.taps.described.answers import read_pages
from elt.taps.described.left_out import Asked, LeftOut
from elt.taps.described.looks import look_at, look_for_clash
from elt.taps.described.requests import Unaskable, raw_at, request_of
from elt.taps.described.settings import StreamSettings, follows_parent
from elt.taps.described.spans import Span, moment_of, spans, wanted
from elt.taps.described.templates import plain
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.api import Api
from elt.taps.rest.marks import Marks
from elt.taps.rest.paging import Page
from elt.taps.rest.problems import NotReadable, Refused
from elt.taps.rest.rows import Record, only, with_fields

Records = Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """What reads any of a config's streams.

    start: from where parents are read where no bookmark says it.
    marks: where parents are remembered whose lists are not for us.
    leave_out: hears of parents' records whose lists are not for us, and of the values
        that tell their rows.
    note: hears of parents' records that are gone.
    on_page: sees each page as it comes.
    most_parents: so many are enough, for a sample.
    """

    api: Api
    streams: Mapping[str, StreamSettings]
    start: datetime | None
    until: datetime
    marks: Marks | None = None
    leave_out: Callable[..., None] = lambda *_: None
    note: Callable[[str], None] = lambda _: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    on_page: Callable[[StreamSettings, Page], None] = lambda _, __: None
    most_parents: int | None = None
    # A copy that `replace` makes looks again.
    _looked_at: set[str] = field(default_factory=set, init=False)

    def read(
        self, stream: StreamSettings, span: Span, *, goes_on: bool = False
    ) -> Iterator[Records]:
        """Give a stream's rows of a span, a page at a time or a parent at a time.

        goes_on: a bookmark is kept, at which the next run begins. What has changed
        since this one began comes with that: else a list in the order of change would
        not end before its source rests.
        """
        parent = self.streams.get(stream.parent)
        if parent is not None:
            yield from self._of_parents(stream, parent, span, goes_on=goes_on)
            return
        chosen, dropped = wanted(stream, span), _without(stream)
        request = request_of(stream, span)
        for page in read_pages(self.api, stream, request):
            self.on_page(stream, page)
            self._look_at(stream, page.records, partial(self.api.name, request))
            yield dropped(chosen(page.records))
            if goes_on and self._is_behind(stream, page.records):
                return

    def _is_behind(self, stream: StreamSettings, records: Records) -> bool:
        """Say whether an ascending list has come to where the reading ends.

        Moments that are still to come were written by another clock, or without
        their zone, and say nothing.
        """
        if not (stream.sorted and records):
            return False
        at = moment_of(stream, records[-1])
        return at is not None and self.until <= at <= self.now()

    def _of_parents(
        self,
        stream: StreamSettings,
        parent: StreamSettings,
        span: Span,
        *,
        goes_on: bool,
    ) -> Iterator[Records]:
        def fetch(asked: Asked) -> Records | EltError:
            return self._of_one(stream, asked)

        follows = follows_parent(stream, parent)
        left = LeftOut(stream, parent, self.marks if goes_on else None)
        parents = self._parents(
            parent, span if follows else None, goes_on=goes_on and follows
        )
        asking = left.asking(parents, span, others=follows)
        came = Counter[bool]()
        gone: list[tuple[Asked, EltError]] = []
        most = self.api.reach.concurrency
        for asked, found in side_by_side(fetch, asking, most=most):
            came[asked.again] += 1
            if isinstance(found, EltError):
                gone.append((asked, found))
                (left.keep if _is_not_for_us(found) else left.forget)(asked)
                continue
            left.forget(asked)
            rows = _with_parent(stream, found, asked.record)
            self._look_at(stream, rows, partial(_path_of, stream))
            # The parents' own bounds do for rows that have a key.
            as_they_are = follows and stream.key
            yield rows if as_they_are else wanted(stream, asked.span)(rows)
        listed = [error for asked, error in gone if not asked.again]
        if listed and len(listed) == came[False]:
            raise listed[-1]
        if gone:
            self._tell(stream, parent, gone, came.total())

    def _tell(
        self,
        stream: StreamSettings,
        parent: StreamSettings,
        gone: Sequence[tuple[Asked, EltError]],
        asked: int,
    ) -> None:
        what = f"{len(gone)} of {asked} records of `{parent.name}` gave nothing"
        last = gone[-1][1]
        told = f"{what}: {last.what} ({last.where})"
        refused = [each.record for each, error in gone if _is_not_for_us(error)]
        if not refused:
            self.note(told)
            return
        rows = [_rows_of(stream, parent, record) for record in refused]
        self.leave_out(told, *(rows if all(rows) else ()))

    def _parents(
        self, parent: StreamSettings, span: Span | None, *, goes_on: bool
    ) -> Iterator[Record]:
        """Give a parent's records; `span` is that of a child which follows it."""
        found = spans(
            parent,
            since=span.since if span else self.start,
            until=(span and span.until) or self.until,
            has_end=bool(span and span.is_bounded),
        )
        rows = chain.from_iterable(
            self.read(parent, one, goes_on=goes_on) for one in found
        )
        return islice(chain.from_iterable(rows), self.most_parents)

    def _of_one(self, stream: StreamSettings, asked: Asked) -> Records | EltError:
        """Read one parent's list; an error where it is gone, or not for us."""
        rows: list[Record] = []
        dropped = _without(stream)
        try:
            first = request_of(stream, asked.span, asked.record)
            for page in read_pages(self.api, stream, first):
                self.on_page(stream, page)
                rows += dropped(page.records)
        except (NotReadable, Unaskable) as error:
            return error
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return error
            raise
        return rows

    def _look_at(
        self, stream: StreamSettings, records: Records, where: Callable[[], str]
    ) -> None:
        if not records or stream.name in self._looked_at:
            return
        self._looked_at.add(stream.name)
        try:
            look_at(stream, records)
        except EltError as error:
            error.where = where()
            raise


def _path_of(stream: StreamSettings) -> str:
    return f"{stream.method} {stream.path}"


def _is_not_for_us(error: EltError) -> bool:
    return isinstance(error, NotReadable) and error.status != HTTPStatus.GONE


def _rows_of(
    stream: StreamSettings, parent: StreamSettings, record: Record
) -> dict[str, str]:
    """Give the values that tell a parent's rows; none where its key is not in them."""
    columns = {field: column for column, field in stream.parent_fields.items()}
    found = {name: raw_at(record, name) for name in parent.key}
    if UNSET in found.values() or not found.keys() <= columns.keys():
        return {}
    return {columns[name]: plain(value) for name, value in found.items()}


def _with_parent(stream: StreamSettings, rows: Records, parent: Record) -> Records:
    if not stream.parent_fields or not rows:
        return rows
    look_for_clash(stream, rows)
    found = {column: raw_at(parent, n) for column, n in stream.parent_fields.items()}
    given = {name: Raw(b"null") if v is UNSET else v for name, v in found.items()}
    return list(map(with_fields(given), rows))


def _without(stream: StreamSettings) -> Callable[[Records], Records]:
    if not stream.drop:
        return _as_they_are
    kept = only(lambda name: name not in stream.drop)
    return lambda records: list(map(kept, records))


def _as_they_are(records: Records) -> Records:
    return records
