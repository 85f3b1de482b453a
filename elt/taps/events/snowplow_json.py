"""Snowplow's events as JSON: what trackers send, and what comes out enriched.

A line is a payload (`{schema: iglu:.../payload_data/..., data: [...]}` or one of its
events alone), an enriched event as the analytics SDKs write it, or one of Snowplow's
own bad rows, which stays one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from elt.taps.events import atomic
from elt.taps.events.found import Bad, Event, Record, StreamShape
from elt.taps.events.moments import corrected, moment, text_of
from elt.taps.events.schemas import Judge, shortened
from elt.taps.events.snowplow import Attached, Snowplow, event_id_of
from elt.taps.events.tracker import (
    CONVERTERS,
    EVENTS,
    NESTED,
    PAYLOAD,
    SEEN,
    texts_of,
    typed,
    unpacked,
)

_PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-"
_BAD_ROWS = "iglu:com.snowplowanalytics.snowplow.badrows/"
# The name that the analytics SDKs use for one of the columns.
_OTHER_NAMES = {"refr_device_tstamp": "refr_dvce_tstamp"}
_TIMES = tuple(name for name, holds in atomic.COLUMNS.items() if holds == "time")


class SnowplowJson:
    """Reads lines, or array elements, of Snowplow's JSON."""

    def __init__(self, events: Snowplow) -> None:
        self._events = events
        self._payload = Judge(PAYLOAD)
        self._encode = msgspec.json.Encoder(decimal_format="number").encode

    def fixed(self) -> Mapping[str, StreamShape]:
        return self._events.fixed()

    def shape_of(self, stream: str) -> StreamShape:
        return self._events.shape_of(stream)

    def notes(self) -> list[str]:
        return self._events.notes()

    def read(self, line: bytes) -> Iterator[Event | Bad]:
        try:
            found = self._events.decode(line)
        except (ValueError, RecursionError) as error:
            yield Bad([f"not JSON: {error}"])
            return
        if type(found) is not dict:
            yield Bad(["not a JSON object"])
            return
        uri = found.get("schema")
        if type(uri) is str and uri.startswith(_BAD_ROWS):
            yield _bad_row(uri, found.get("data"))
        elif type(uri) is str and uri.startswith(_PAYLOAD_DATA):
            yield from self._payloads(found)
        elif "e" in found:
            yield self._sent(found, found.pop("collector_tstamp", None))
        elif "event_id" in found or "collector_tstamp" in found:
            yield self._enriched(found)
        else:
            reason = "neither a tracker's payload nor an enriched event"
            yield Bad([reason], schema=uri if type(uri) is str else None)

    def _payloads(self, payload: Mapping[str, Any]) -> Iterator[Event | Bad]:
        """Read each event of a payload; `collector_tstamp` may stand beside them."""
        data = payload.get("data")
        if type(data) is not list or not data:
            yield Bad(["data: is not a list of events"], "snowplow/payload")
            return
        for one in data:
            found = self._sent(one, payload.get("collector_tstamp"))
            if type(found) is Bad:
                found.raw = self._encode(one)
            yield found

    def _sent(self, payload: Any, collected: object) -> Event | Bad:
        reasons = self._payload.reasons(payload)
        known = payload if type(payload) is dict else {}
        about = {"event_id": known.get("eid"), "collector_tstamp": collected}
        if collected is not None and moment(collected) is None:
            reasons.append("collector_tstamp: is not a date and time")
        if reasons:
            return self._events.bad(about, reasons, "snowplow/payload")
        try:
            texts = texts_of(payload)
            attached, nested = self._nested(payload)
            record = typed(texts)
        except ValueError as error:
            return self._events.bad(about, [str(error)], "snowplow/payload")
        unknown = {k: v for k, v in payload.items() if k not in SEEN}
        if unknown:
            record["extra"] = unknown
        if collected is not None:
            record["collector_tstamp"] = atomic.time(str(collected))
        record.setdefault("event_id", event_id_of(payload))
        _add_what_enrich_would(record, payload["e"], attached)
        return self._events.finish(record, attached, nested)

    def _nested(self, payload: Mapping[str, str]) -> tuple[list[Attached], Record]:
        attached: list[Attached] = []
        nested: Record = {}
        for column, (plain, packed) in NESTED.items():
            text = payload.get(plain) or payload.get(packed)
            if not text:
                continue
            if not payload.get(plain):
                text = unpacked(column, text)
            try:
                found = self._events.decode(text)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{column}: is not JSON: {error}") from error
            nested[column] = found
            if column == "contexts":
                attached.extend(self._events.contexts(found, column))
            else:
                attached.append(self._events.unstruct(found))
        return attached, nested

    def _enriched(self, event: Mapping[str, Any]) -> Event | Bad:
        record: Record = {}
        entities: dict[str, Any] = {}
        extra: Record = {}
        for key, value in event.items():
            name = _OTHER_NAMES.get(key, key)
            if name in atomic.COLUMNS:
                record[name] = _number(name, value) if type(value) is str else value
            elif name.startswith(("contexts_", "unstruct_event_")):
                entities[name] = value
            elif name != "geo_location":  # latitude and longitude once more
                extra[name] = value
        reasons = [
            f"{name}: is not a date and time"
            for name in _TIMES
            if record.get(name) is not None and moment(record[name]) is None
        ]
        if reasons:
            return self._events.bad(record, reasons, "snowplow/event")
        if extra:
            record["extra"] = extra
        return self._events.finish(record, list(_flat(entities)), _gathered(entities))


def _add_what_enrich_would(record: Record, code: str, attached: list[Attached]) -> None:
    event, vendor, name = EVENTS[code]
    version = "1-0-0"
    said = next((one for one in attached if one.source == "unstruct_event"), None)
    if code == "ue" and said is not None and said.uri:
        vendor, name, _, version = said.uri.removeprefix("iglu:").split("/")
    record["event"] = event
    if name:
        record["event_vendor"], record["event_name"] = vendor, name
        record["event_format"], record["event_version"] = "jsonschema", version
    derived = moment(record.get("true_tstamp")) or corrected(
        moment(record.get("collector_tstamp")),
        moment(record.get("dvce_sent_tstamp")),
        moment(record.get("dvce_created_tstamp")),
    )
    if derived is not None:
        record["derived_tstamp"] = text_of(derived)


def _number(name: str, text: str) -> Any:
    """Read a number that is text, as the Python SDK writes `se_value`."""
    if atomic.COLUMNS[name] not in ("number", "money", "integer"):
        return text
    try:
        return CONVERTERS[name](text)
    except ValueError:
        return text  # for the envelope's schema to name


def _gathered(entities: Mapping[str, Any]) -> Record:
    """Keep entities in the row of their event, under the names of their tables."""
    columns: Record = {}
    for column in ("contexts", "unstruct_event"):
        found = {k: v for k, v in entities.items() if k.startswith(f"{column}_")}
        if found:
            columns[column] = found
    return columns


def _flat(entities: Mapping[str, Any]) -> Iterator[Attached]:
    place = 0
    for name, value in entities.items():
        if name.startswith("unstruct_event_"):
            yield Attached(name, "unstruct_event", 0, None, value)
            continue
        for one in value if type(value) is list else [value]:
            yield Attached(name, "contexts", place, None, one)
            place += 1


def _bad_row(uri: str, data: Any) -> Bad:
    failure = data.get("failure") if type(data) is dict else None
    about = failure if type(failure) is dict else {}
    messages = about.get("messages") or about.get("message") or "a bad row of Snowplow"
    listed = messages if type(messages) is list else [messages]
    return Bad(
        [
            shortened(one if type(one) is str else msgspec.json.encode(one).decode())
            for one in listed
        ],
        schema=uri,
        collected_at=moment(about.get("timestamp")),
    )
