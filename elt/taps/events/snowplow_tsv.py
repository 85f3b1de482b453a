"""Snowplow's enriched events as tab-separated lines of 131 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

import msgspec

from elt.taps.events.atomic import COLUMNS, CONVERTERS, NESTED
from elt.taps.events.found import Bad, Event, Record, StreamShape
from elt.taps.events.snowplow import Attached, Snowplow

_WIDTH = len(COLUMNS)
_NAMES = tuple(COLUMNS)
_PLACES = {name: place for place, name in enumerate(_NAMES)}
_TYPED = tuple(
    (_PLACES[name], name, CONVERTERS[holds])
    for name, holds in COLUMNS.items()
    if holds in CONVERTERS
)


class SnowplowTsv:
    """Reads lines of the enriched TSV. It has neither quotes nor a header."""

    def __init__(self, events: Snowplow) -> None:
        self._events = events
        self._extra_lines = 0

    def fixed(self) -> Mapping[str, StreamShape]:
        return self._events.fixed()

    def shape_of(self, stream: str) -> StreamShape:
        return self._events.shape_of(stream)

    def notes(self) -> list[str]:
        notes = self._events.notes()
        if self._extra_lines:
            more = f"{self._extra_lines:,} lines have more than {_WIDTH} columns"
            notes.append(f"{more}; what is behind them is in `extra`")
        self._extra_lines = 0
        return notes

    def read(self, line: bytes) -> Iterator[Event | Bad]:
        try:
            fields = line.decode().rstrip("\r").split("\t")
        except UnicodeDecodeError as error:
            yield Bad([f"not UTF-8: {error.reason} at byte {error.start}"])
            return
        if len(fields) < _WIDTH:
            reason = f"has {len(fields)} columns and not {_WIDTH}"
            yield self._events.bad(_known(fields), [reason], "snowplow/tsv")
            return
        try:
            # In C: an event has 131 columns, and a third of them is a value.
            record: Record = dict(compress(zip(_NAMES, fields, strict=False), fields))
            for at, name, convert in _TYPED:
                if fields[at]:
                    record[name] = convert(fields[at])
            attached, nested = self._nested(record)
        except ValueError:
            yield self._bad(fields)
            return
        if len(fields) > _WIDTH:
            self._extra_lines += 1
            record["extra"] = fields[_WIDTH:]
        yield self._events.finish(record, attached, nested)

    def _nested(self, record: Record) -> tuple[list[Attached], Record]:
        """Take the columns of JSON out of a record, and read them."""
        attached: list[Attached] = []
        nested: Record = {}
        for name in NESTED:
            text = record.pop(name, None)
            if text is None:
                continue
            found = self._json(name, text)
            nested[name] = msgspec.Raw(text.encode())
            if name == "unstruct_event":
                attached.append(self._events.unstruct(found))
            else:
                attached.extend(self._events.contexts(found, name))
        return attached, nested

    def _json(self, name: str, text: str) -> Any:
        try:
            return self._events.decode(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{name}: is not JSON: {error}") from error

    def _bad(self, fields: Sequence[str]) -> Bad:
        """Look at every column, for all that is wrong with the line."""
        reasons: list[str] = []
        for at, name, convert in _TYPED:
            try:
                if fields[at]:
                    convert(fields[at])
            except ValueError as error:
                reasons.append(f"{name}: {error}")
        try:
            self._nested({n: fields[_PLACES[n]] for n in NESTED if fields[_PLACES[n]]})
        except ValueError as error:
            reasons.append(str(error))
        return self._events.bad(_known(fields), reasons, "snowplow/tsv")


def _known(fields: Sequence[str]) -> Record:
    """Give what may be said of a bad line; columns may not be where they belong."""
    return {
        name: fields[_PLACES[name]]
        for name in ("event_id", "collector_tstamp")
        if _PLACES[name] < len(fields)
    }
