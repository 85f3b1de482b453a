"""Events on their way out: what is left out, what is counted, pages of messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import xxhash

from elt.singer.messages import SET_ASIDE
from elt.taps.events.found import Bad, Event, Format, Record, StreamShape
from elt.taps.events.moments import text_of
from elt.taps.events.position import BAD_EVENTS, Position, Task
from elt.taps.kinds import DATE_TIME, INTEGER, STRING, Kind, schema_of
from elt.taps.records import Out

PAGE_RECORDS = 1000
# Copies come within minutes, when a device tries again; the target has the last word.
WINDOW_EVENTS = 100_000
# A record of more megabytes than this is too much for some targets.
_LONGEST_RAW = 1 << 20
_MOST_STRANGERS = 500
BAD_SHAPE = StreamShape(
    {
        "bad_event_id": schema_of(STRING),
        "line": schema_of(INTEGER),
        "item": schema_of(INTEGER),
        "reasons": schema_of(Kind("array")),
        "schema": schema_of(STRING),
        "event_id": schema_of(STRING),
        "collector_tstamp": schema_of(DATE_TIME),
        "raw": schema_of(STRING),
        "raw_bytes": schema_of(INTEGER),
        "first_seen": schema_of(DATE_TIME),
    },
    ("bad_event_id",),
)


@dataclass(slots=True)
class Counts:
    """What a run has found."""

    events: int = 0
    bad: int = 0
    copies: int = 0
    too_old: int = 0

    def sentence(self) -> str:
        parts = [f"{self.events:,} events"]
        if self.copies:
            parts.append(f"{self.copies:,} copies left out")
        if self.too_old:
            parts.append(f"{self.too_old:,} from before the start left out")
        if self.bad:
            parts.append(f"{self.bad:,} bad events, see `{BAD_EVENTS}`")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which streams are written, and which of their columns are not.

    `streams` are those of the catalog; `strangers` are others.
    """

    streams: Mapping[str, bool]
    left_out: Mapping[str, Collection[str]]
    strangers: bool


class Writing:
    """Takes events of one file after the other."""

    def __init__(
        self,
        out: Out,
        chosen: Chosen,
        position: Position,
        *,
        since: datetime | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.counts = Counts()
        self._out = out
        self._chosen = chosen
        self._position = position
        self._since = since
        self._warn = warn
        self._pages: dict[str, list[Record]] = {}
        self._strangers: dict[str, bool] = {}
        self._seen: set[bytes] = set()
        self._seen_before: set[bytes] = set()
        self._newest: dict[str, datetime] = {}

    def take(self, event: Event, task: Task, format_: Format) -> None:
        """Write an event's rows, unless it is too old or was there just now."""
        collected = event.collected_at
        if self._since and collected and collected < self._since:
            self.counts.too_old += 1
            return
        if self._is_copy(event.key):
            self.counts.copies += 1
            return
        self.counts.events += 1
        for stream, record in event.rows:
            if self._is_wanted(stream, task, format_):
                self._add(stream, {"_file": task.file.name, **record})
                if collected:
                    self._reach(stream, collected)

    def take_bad(
        self, bad: Bad, task: Task, line: bytes, *, place: tuple[int, int]
    ) -> None:
        """Write a bad event; `place` is its line, and which of that line it is."""
        self.counts.bad += 1
        if not self._chosen.streams.get(BAD_EVENTS):
            return
        raw = line if bad.raw is None else bad.raw
        number, item = place
        known_by = f"{task.file.name}\0{number}\0{item}".encode()
        self._add(
            BAD_EVENTS,
            {
                "bad_event_id": xxhash.xxh3_128_hexdigest(known_by),
                "_file": task.file.name,
                "line": number,
                "item": item,
                "reasons": bad.reasons,
                "schema": bad.schema,
                "event_id": bad.event_id,
                "collector_tstamp": bad.collected_at and text_of(bad.collected_at),
                "raw": raw[:_LONGEST_RAW].decode("utf-8", "backslashreplace"),
                "raw_bytes": len(raw),
                "first_seen": task.first_read_at,
            },
        )

    def flush(self) -> None:
        """Write what waits, before a STATE that speaks of it."""
        for stream, page in self._pages.items():
            if page:
                self._out.records(stream, page)
        self._pages = {}
        for stream, newest in self._newest.items():
            self._position.reached(stream, newest)
        self._newest = {}

    def _is_copy(self, key: str) -> bool:
        """Look among the latest events; older ones are for the target's upsert."""
        mark = xxhash.xxh3_128_digest(key.encode())
        if mark in self._seen or mark in self._seen_before:
            return True
        self._seen.add(mark)
        if len(self._seen) >= WINDOW_EVENTS:
            self._seen_before, self._seen = self._seen, set()
        return False

    def _is_wanted(self, stream: str, task: Task, format_: Format) -> bool:
        chosen = self._chosen.streams.get(stream)
        if chosen is None:
            return self._is_met(stream, format_)
        return chosen and (task.streams is None or stream in task.streams)

    def _is_met(self, stream: str, format_: Format) -> bool:
        """Describe a stream that the catalog does not know before its first row."""
        known = self._strangers.get(stream)
        if known is not None:
            return known
        if len(self._strangers) == _MOST_STRANGERS:
            self._warn(f"more than {_MOST_STRANGERS} new tables; others are left out")
        if len(self._strangers) >= _MOST_STRANGERS or not self._chosen.strangers:
            self._position.know([stream])
            self._strangers[stream] = False
            return False
        self._strangers[stream] = True
        self._position.meet(stream)
        shape = format_.shape_of(stream)
        self._out.schema(stream, schema_of_shape(shape), shape.key, None)
        return True

    def _add(self, stream: str, record: Record) -> None:
        left_out = self._chosen.left_out.get(stream)
        if left_out:
            record = {k: v for k, v in record.items() if k not in left_out}
        page = self._pages.setdefault(stream, [])
        page.append(record)
        if len(page) >= PAGE_RECORDS:
            self._out.records(stream, page)
            self._pages[stream] = []

    def _reach(self, stream: str, collected: datetime) -> None:
        newest = self._newest.get(stream)
        if newest is None or collected > newest:
            self._newest[stream] = collected


def schema_of_shape(shape: StreamShape) -> dict[str, Any]:
    """Write a stream's JSON Schema; every row says which file it is from."""
    file = {"type": ["string"], "description": "The file that the row is from"}
    schema = {"type": "object", "properties": {"_file": file, **shape.properties}}
    return {**schema, SET_ASIDE: True} if shape is BAD_SHAPE else schema
