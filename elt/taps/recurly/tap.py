"""The Recurly tap: what a site has listed, sorted by its change; decimals stay exact.

python -m elt.taps.recurly --config config.json --discover
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec

from elt.remote.waits import retry_after, until
from elt.taps.recurly.streams import (
    EXPORT_FILES,
    STREAMS,
    USAGE,
    Child,
    Embedded,
    Kind,
    Listed,
)
from elt.taps.rest.ahead import pages, side_by_side
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer, Call, Params
from elt.taps.rest.envelopes import fields, records_at, value_at
from elt.taps.rest.marks import Cursor
from elt.taps.rest.paging import Page, link_in_body
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.reading import Chunk, Reading, Shape, Source
from elt.taps.rest.rows import Record, only, with_fields
from elt.taps.rest.settings import common_settings, reach_of
from elt.taps.rest.stream import RestStream
from elt.taps.rest.tap import RestTap
from elt.taps.rest.vendor import Fixed, Vendor

HOSTS = {"us": "https://v3.recurly.com", "eu": "https://v3.eu.recurly.com"}
VERSION = "v2021-02-25"
PAGE = 200  # the most that Recurly gives
UPDATED = Cursor("updated_at")
_FORBIDDEN_KEY = "invalid_api_key"  # a 403 that means who we are, not what we may


def said(body: bytes) -> str:
    """Read Recurly's own words (specification, `Error`)."""
    kind = value_at(body, ("error", "type")) or ""
    message = value_at(body, ("error", "message")) or ""
    return f"{kind}: {message}" if kind else str(message)


def busy(answer: Answer, now: Callable[[], float] = time.time) -> float | None:
    """Read a limit (specification, "Limits"): it resets at a Unix time."""
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    asked = retry_after(answer.headers, now)
    if asked is None:
        asked = until(answer.headers, "x-ratelimit-reset", now)
    return asked or 0.0


def refuses_us(answer: Answer) -> bool:
    if answer.status == HTTPStatus.FORBIDDEN:
        return bool(value_at(answer.body, ("error", "type")) == _FORBIDDEN_KEY)
    return answer.status == HTTPStatus.UNAUTHORIZED


RECURLY = Vendor(
    name="Recurly",
    credentials_setting="api_key",
    busy=busy,
    said=said,
    refuses_us=refuses_us,
    hints={406: "Look at `api_version` in the tap's config; it is pinned by default"},
)


class RecurlyTap(RestTap):
    """Accounts, subscriptions, invoices, payments and the catalogue of a site."""

    name = "tap-recurly"
    config_jsonschema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["api_key"],
        "x-elt-window": {"start": "start_date", "end": "end_date"},
        "properties": {
            "api_key": {
                "type": "string",
                "secret": True,
                "writeOnly": True,
                "description": "A private API key; a reading one is enough",
            },
            "region": {
                "type": "string",
                "enum": list(HOSTS),
                "description": "Where the site is, default us",
            },
            "api_version": {
                "type": "string",
                "description": f"Of Recurly's API, default {VERSION}",
            },
            "lookback_seconds": {
                "type": "integer",
                "minimum": 0,
                "default": 600,
                "description": "How far before the bookmark to begin, for what shows up"
                " late",
            },
            **common_settings(HOSTS["us"]),
        },
    }

    def make_api(self) -> Api:
        key = str(self.config["api_key"])
        pair = base64.b64encode(f"{key}:".encode()).decode()
        version = self.config.get("api_version") or VERSION
        accept = {"Accept": f"application/vnd.recurly.{version}"}
        host = HOSTS[self.config.get("region") or "us"]
        return Api(
            RECURLY,
            reach_of(self.config, host, headers=accept),
            Fixed({"Authorization": f"Basic {pair}"}, (key, pair)),
            logger=self.logger,
        )

    def rest_streams(self) -> Sequence[RestStream]:
        return [
            *(self.stream(_shape(kind), self._source(kind)) for kind in STREAMS),
            self.stream(
                Shape(
                    name="usage",
                    key=("id",),
                    properties=USAGE,
                    selected_by_default=False,
                ),
                self._usage,
            ),
            self.stream(
                Shape(
                    name="export_files",
                    key=("export_date", "name"),
                    properties=EXPORT_FILES,
                    selected_by_default=False,
                ),
                self._export_files,
            ),
        ]

    def _source(self, kind: Kind) -> Source:
        match kind:
            case Listed():
                return partial(self._listed, kind)
            case Embedded():
                return partial(self._embedded, kind)
            case Child():
                return partial(self._children, kind)

    def _listed(self, kind: Listed, reading: Reading) -> Iterator[Chunk]:
        """Read by change, ascending: what changes meanwhile comes again at the end.

        In descending order it would move behind the cursor and be missed
        (specification, "Pagination").
        """
        bounds = {}
        mark = reading.marks.mark()
        begin = reading.start if mark is None else mark - self._lookback
        if begin is not None:
            bounds["begin_time"] = begin.isoformat()
        if reading.has_end:
            bounds["end_time"] = reading.until.isoformat()
        kept = only(lambda name: name not in kind.without)
        for page in self._in_order(kind.path, UPDATED.field, **bounds):
            records: Sequence[Record] = page.records
            if kind.without:
                records = [kept(one) for one in records]
            if reading.has_end:  # Recurly's end is inclusive, a window's is not
                records = [one for one in records if _is_before(one, reading)]
            yield Chunk(records=records, in_order=True)

    @property
    def _lookback(self) -> timedelta:
        return timedelta(seconds=int(self.config["lookback_seconds"]))

    def _embedded(self, kind: Embedded, reading: Reading) -> Iterator[Chunk]:
        del reading
        for page in self._in_order("/accounts"):
            found: list[Record] = []
            for record in page.records:
                found += records_at(fields(record).get(kind.field, b"null"), ())
            yield Chunk(records=found)

    def _children(self, kind: Child, reading: Reading) -> Iterator[Chunk]:
        paths = (
            kind.path.format(id=value_at(record, ("id",)))
            for page in self._in_order("/accounts")
            for record in page.records
        )
        # These lists take no `limit`, nor an order (specification).
        yield from self._below(reading, (Call(path=path) for path in paths))

    def _usage(self, reading: Reading) -> Iterator[Chunk]:
        """Read usage of each add-on that is counted, of each subscription."""
        paths = (
            f"/subscriptions/{value_at(record, ('id',))}/add_ons/{add_on}/usage"
            for page in self._in_order("/subscriptions")
            for record in page.records
            for add_on in _counted(record)
        )
        calls = (Call(path=path, params={"limit": PAGE}) for path in paths)
        yield from self._below(reading, calls)

    def _below(self, reading: Reading, lists: Iterator[Call]) -> Iterator[Chunk]:
        """Read lists of what was listed before, which may be gone by now.

        Raises NotReadable where none is there: the path itself then leads nowhere.
        """

        def fetch(call: Call) -> list[Record] | NotReadable:
            try:
                return [record for page in self._pages(call) for record in page.records]
            except NotReadable as error:
                return error

        gone: NotReadable | None = None
        is_any_there = False
        for call, found in side_by_side(fetch, lists, most=self.api.reach.concurrency):
            if not isinstance(found, NotReadable):
                is_any_there = True
                yield Chunk(records=found)
                continue
            if found.status != HTTPStatus.NOT_FOUND:
                raise found
            gone = found
            reading.note(f"{call.path}: {found.what}")
        if gone is not None and not is_any_there:
            raise gone

    def _export_files(self, reading: Reading) -> Iterator[Chunk]:
        del reading
        dates = self.api.ask(Call(path="/export_dates"), _dates)
        for date in dates:
            call = Call(path=f"/export_dates/{date}/export_files")
            files = self.api.ask(call, lambda a: records_at(a.body, ("files",)))
            named = with_fields({"export_date": date})
            yield Chunk(records=[named(file) for file in files])

    def _in_order(
        self, path: str, by: str = "created_at", **bounds: str
    ) -> Iterator[Page]:
        order: Params = {"limit": PAGE, "order": "asc", "sort": by}
        return self._pages(Call(path=path, params=order).with_params(**bounds))

    def _pages(self, call: Call) -> Iterator[Page]:
        return pages(self.api, call, self._page, link_in_body(("next",)))

    def _page(self, answer: Answer) -> Page:
        if answer.headers.get("recurly-deprecated", "").lower() == "true":
            self._warn_of_sunset(answer.headers.get("recurly-sunset-date", "some day"))
        return Page(records_at(answer.body, ("data",)), answer)

    _is_warned = False

    def _warn_of_sunset(self, date: str) -> None:
        if not self._is_warned:
            self.logger.warning(
                "Recurly will end this version of its API on %s: set `api_version`",
                date,
            )
        self._is_warned = True


def _shape(kind: Kind) -> Shape:
    return Shape(
        name=kind.name,
        key=("id",),
        properties=kind.columns,
        cursor=UPDATED if isinstance(kind, Listed) else None,
        selected_by_default=not isinstance(kind, Child) or kind.by_default,
    )


def _dates(answer: Answer) -> list[str]:
    found = value_at(answer.body, ("dates",)) or []
    return [str(date) for date in found]


def _is_before(record: Record, reading: Reading) -> bool:
    value = value_at(record, (UPDATED.field,))
    try:
        return bool(UPDATED.kind.read(value) < reading.until)
    except (ValueError, TypeError):
        return True


def _counted(record: Record) -> list[str]:
    """Name the add-ons of a subscription whose use is counted."""
    found = msgspec.json.decode(fields(record).get("add_ons", b"[]"))
    inner = [one.get("add_on") or {} for one in found or []]
    return [str(one["id"]) for one in inner if one.get("add_on_type") == "usage"]
