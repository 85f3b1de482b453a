"""The Recurly tap: what a site has listed, sorted by its change; decimals stay exact.

python -m elt.taps.recurly --config config.json --discover
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import msgspec
from msgspec import Raw

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
from elt.taps.rest.api import Api, Fixed, Vendor
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import fields, records_at, value_at
from elt.taps.rest.marks import Cursor
from elt.taps.rest.paging import Page, link_in_body
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.rows import Record, only, with_fields
from elt.taps.rest.settings import common_settings, reach_of
from elt.taps.rest.stream import Chunk, Reading, RestStream, Shape, Source
from elt.taps.rest.tap import RestTap
from elt.taps.rest.waiting import retry_after, until

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
    if answer.status != 429:  # noqa: PLR2004
        return None
    asked = retry_after(answer.headers, now)
    if asked is None:
        asked = until(answer.headers, "x-ratelimit-reset", now)
    return asked or 0.0


def refuses_us(answer: Answer) -> bool:
    unknown = value_at(answer.body, ("error", "type")) == _FORBIDDEN_KEY
    return answer.status == 401 or (answer.status == 403 and unknown)  # noqa: PLR2004


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
        for page in self._pages(kind.path, sort="updated_at", order="asc", **bounds):
            records: Sequence[Record] = page.records
            if kind.without:
                kept = only(lambda name: name not in kind.without)
                records = [kept(one) for one in records]
            if reading.has_end:  # Recurly's end is inclusive, a window's is not
                records = [one for one in records if _is_before(one, reading)]
            yield Chunk(records=records, in_order=True)

    @property
    def _lookback(self) -> timedelta:
        return timedelta(seconds=int(self.config["lookback_seconds"]))

    def _embedded(self, kind: Embedded, reading: Reading) -> Iterator[Chunk]:
        del reading
        for page in self._pages(kind.path, sort="created_at", order="asc"):
            found: list[Record] = []
            for record in page.records:
                inner = fields(record).get(kind.field)
                if inner is not None:
                    found += records_at(bytes(inner), ())
            yield Chunk(records=found)

    def _children(self, kind: Child, reading: Reading) -> Iterator[Chunk]:
        yield from self._below(
            reading,
            self._ids(kind.parent_path),
            lambda identity: kind.path.format(id=identity),
            kind.parent_field,
        )

    def _usage(self, reading: Reading) -> Iterator[Chunk]:
        """Read usage of each add-on that is counted, of each subscription."""
        paths = (
            f"/subscriptions/{value_at(record, ('id',))}/add_ons/{add_on}/usage"
            for page in self._pages("/subscriptions", sort="created_at", order="asc")
            for record in page.records
            for add_on in _counted(record)
        )
        yield from self._below(reading, paths, str, None)

    def _below(
        self,
        reading: Reading,
        items: Iterator[str],
        path_of: Callable[[str], str],
        parent_field: str | None,
    ) -> Iterator[Chunk]:
        def fetch(item: str) -> list[Record] | NotReadable:
            try:
                found = [
                    record
                    for page in self._pages(path_of(item))
                    for record in page.records
                ]
            except NotReadable as error:
                return error
            named = with_fields({parent_field: item} if parent_field else {})
            return [named(record) for record in found] if parent_field else [*found]

        for item, found in side_by_side(fetch, items, most=self.api.reach.concurrency):
            if isinstance(found, NotReadable):
                # An account may be closed between its page and this one.
                if found.status != 404:  # noqa: PLR2004
                    raise found
                reading.leave_out(f"{path_of(item)}: {found.what}")
                continue
            yield Chunk(records=found)

    def _export_files(self, reading: Reading) -> Iterator[Chunk]:
        del reading
        dates = self.api.ask(Call(path="/export_dates"), _dates)
        for date in dates:
            call = Call(path=f"/export_dates/{date}/export_files")
            files = self.api.ask(call, lambda a: records_at(a.body, ("files",)))
            named = with_fields({"export_date": date})
            yield Chunk(records=[named(file) for file in files])

    def _ids(self, path: str) -> Iterator[str]:
        for page in self._pages(path, sort="created_at", order="asc"):
            for record in page.records:
                yield str(value_at(record, ("id",)))

    def _pages(self, path: str, **params: str) -> Iterator[Page]:
        # Lists below one account take no `limit`, nor an order (specification).
        usual = {"limit": PAGE} if params else {}
        call = Call(path=path, params={**usual, **params})
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
    value = value_at(Raw(bytes(record)), (UPDATED.field,))
    try:
        return bool(UPDATED.kind.read(value) < reading.until)
    except (ValueError, TypeError):
        return True


def _counted(record: Record) -> list[str]:
    """Name the add-ons of a subscription whose use is counted."""
    found = msgspec.json.decode(fields(Raw(bytes(record))).get("add_ons", b"[]"))
    inner = [one.get("add_on") or {} for one in found or []]
    return [str(one["id"]) for one in inner if one.get("add_on_type") == "usage"]
