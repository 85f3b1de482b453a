"""Segment's events: one object, or a batch of them, each with its columns.

The envelope's schema is after segment.com/docs, "Common fields" and "HTTP API".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from elt.taps.events.found import Bad, Event, Record, StreamShape
from elt.taps.events.moments import corrected, moment, text_of
from elt.taps.events.names import stream_name
from elt.taps.events.registry import TypedColumns
from elt.taps.events.schemas import Judge
from elt.taps.kinds import DATE_TIME, STRING, Kind, schema_of

_TEXTS = {
    "messageId": "message_id",
    "type": "type",
    "event": "event",
    "name": "name",
    "category": "category",
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
    "channel": "channel",
    "version": "version",
    "projectId": "project_id",
}
_TIMES = {
    "originalTimestamp": "original_timestamp",
    "sentAt": "sent_at",
    "receivedAt": "received_at",
    "timestamp": "timestamp",
}
_NESTED = {
    "properties": "properties",
    "traits": "traits",
    "context": "context",
    "integrations": "integrations",
}
_PLAIN = {**_TEXTS, **_NESTED}
_COLUMNS = {**_TEXTS, **_TIMES, **_NESTED}
# The key of the source is a secret, and no fact about the event.
_LEFT_OUT = {"writeKey"}
_KNOWN = _COLUMNS.keys() | _LEFT_OUT
_INHERITED = ("sentAt", "receivedAt", "context", "integrations", "channel")
_STREAMS = {
    "track": "tracks",
    "identify": "identifies",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
}
_RESERVED = {*_STREAMS.values(), "events", "bad_events"}
_TEXT = {"type": ["string", "null"]}
# Some senders have numbers for ids; they are kept as they are written.
_ID = {"type": ["string", "integer", "null"]}
_OBJECT = {"type": ["object", "null"]}
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["type", "messageId"],
    "properties": {
        "type": {"enum": list(_STREAMS)},
        "messageId": {"type": "string", "minLength": 1, "maxLength": 100},
        **dict.fromkeys(("userId", "anonymousId", "groupId", "previousId"), _ID),
        **dict.fromkeys(("event", "name", "category", "channel"), _TEXT),
        **dict.fromkeys(_NESTED, _OBJECT),
    },
    "anyOf": [
        {"required": ["userId"], "properties": {"userId": {"not": {"type": "null"}}}},
        {
            "required": ["anonymousId"],
            "properties": {"anonymousId": {"not": {"type": "null"}}},
        },
    ],
}
_OF_TYPE: dict[str, dict[str, Any]] = {
    "track": {"event": {"type": "string", "minLength": 1}},
    "group": {"groupId": {"type": ["string", "integer"]}},
    "alias": {"previousId": {"type": ["string", "integer"]}},
}
_PROPERTIES: dict[str, Mapping[str, Any]] = {
    **{name: schema_of(STRING) for name in _TEXTS.values()},
    **{name: schema_of(DATE_TIME) for name in _TIMES.values()},
    "corrected_timestamp": schema_of(DATE_TIME),
    **{name: schema_of(Kind("object")) for name in _NESTED.values()},
    "extra": schema_of(Kind("object")),
}
_SHAPE = StreamShape(_PROPERTIES, ("message_id",))


class Segment:
    """Reads Segment's events; `plan` has schemas of their properties, by event."""

    def __init__(
        self,
        plan: Mapping[str, Mapping[str, Any]],
        *,
        split: bool,
        only_planned: bool = False,
    ) -> None:
        self._split = split
        self._only_planned = only_planned
        where = "the tracking plan's `{}`"
        self._plan = {
            name: Judge(schema, where=where.format(name))
            for name, schema in plan.items()
        }
        self._columns = _planned_columns(plan) if split else {}
        self._envelope = Judge(ENVELOPE)
        self._envelopes = {
            type_: Judge({"required": list(needed), "properties": needed})
            for type_, needed in _OF_TYPE.items()
        }
        # Decimal keeps 1.10 as it is written.
        self._decode = msgspec.json.Decoder(float_hook=Decimal).decode
        self._encode = msgspec.json.Encoder(decimal_format="number").encode

    def fixed(self) -> Mapping[str, StreamShape]:
        names = [*_STREAMS.values(), *self._columns] if self._split else ["events"]
        return {name: self.shape_of(name) for name in names}

    def shape_of(self, stream: str) -> StreamShape:
        typed = self._columns.get(stream)
        if typed is None:
            return _SHAPE
        return StreamShape({**_PROPERTIES, **typed.properties}, _SHAPE.key)

    def notes(self) -> list[str]:
        return []

    def read(self, line: bytes) -> Iterator[Event | Bad]:
        try:
            found = self._decode(line)
        except (ValueError, RecursionError) as error:
            yield Bad([f"not JSON: {error}"])
            return
        if type(found) is not dict:
            yield Bad(["not a JSON object"])
        elif type(found.get("batch")) is list and "messageId" not in found:
            yield from self._batch(found)
        else:
            yield self._judged(found)

    def _batch(self, batch: Mapping[str, Any]) -> Iterator[Event | Bad]:
        """Read the events of a batch, which share what it says beside them."""
        shared = {k: batch[k] for k in _INHERITED if batch.get(k) is not None}
        for one in batch["batch"]:
            whole = {**shared, **one} if type(one) is dict else one
            found = self._judged(whole)
            if type(found) is Bad:
                found.raw = self._encode(whole)
            yield found

    def _judged(self, event: Any) -> Event | Bad:
        if not self._envelope.fits(event):
            return self._bad(event, self._envelope.reasons(event), "envelope")
        type_ = event["type"]
        extra = self._envelopes.get(type_)
        if extra is not None and not extra.fits(event):
            return self._bad(event, extra.reasons(event), type_)
        times = {name: moment(event.get(name)) for name in _TIMES}
        wrong = [
            f"{name}: is not a date and time"
            for name, found in times.items()
            if found is None and event.get(name) is not None
        ]
        if wrong:
            return self._bad(event, wrong, type_)
        planned, reasons = self._against_plan(event, type_)
        if reasons:
            return self._bad(event, reasons, planned)
        return Event(
            event["messageId"], times["receivedAt"], self._rows(event, type_, times)
        )

    def _against_plan(
        self, event: Mapping[str, Any], type_: str
    ) -> tuple[str, list[str]]:
        name = event["event"] if type_ == "track" else f"${type_}"
        about = "traits" if type_ in ("identify", "group") else "properties"
        judge = self._plan.get(name)
        if judge is not None:
            return f"plan:{name}", judge.reasons(event.get(about) or {}, under=about)
        if self._only_planned and type_ == "track":
            return "plan", [f"event: `{name}` is not in the tracking plan"]
        return "", []

    def _rows(
        self,
        event: Mapping[str, Any],
        type_: str,
        times: Mapping[str, datetime | None],
    ) -> list[tuple[str, Record]]:
        record = {_COLUMNS[k]: v for k, v in event.items() if k in _COLUMNS}
        for name in ("user_id", "anonymous_id", "group_id", "previous_id"):
            if type(record.get(name)) is int:
                record[name] = str(record[name])
        if times["timestamp"] is None:
            record["corrected_timestamp"] = _corrected(times)
        else:
            record["corrected_timestamp"] = event["timestamp"]
        if len(event) > len(_KNOWN) or not event.keys() <= _KNOWN:
            record["extra"] = {k: v for k, v in event.items() if k not in _KNOWN}
        if not self._split:
            return [("events", record)]
        rows = [(_STREAMS[type_], record)]
        if type_ == "track":
            rows.append(self._own_row(event["event"], record))
        return rows

    def _own_row(self, name: str, record: Record) -> tuple[str, Record]:
        stream = _own_stream(name)
        typed = self._columns.get(stream)
        if typed is None or "properties" not in record:
            return stream, record
        rest = {k: v for k, v in record.items() if k != "properties"}
        return stream, {**rest, **typed.spread(record["properties"], "properties")}

    def _bad(self, event: Any, reasons: list[str], schema: str) -> Bad:
        known = event if type(event) is dict else {}
        event_id = known.get("messageId")
        return Bad(
            reasons,
            schema=schema if schema.startswith("plan") else f"segment/{schema}",
            event_id=event_id if type(event_id) is str else None,
            collected_at=moment(known.get("receivedAt")),
        )


def _own_stream(event: str) -> str:
    name = stream_name(event)
    return f"event_{name}" if name in _RESERVED else name


def _corrected(times: Mapping[str, datetime | None]) -> str | None:
    """Give when it happened; the collector's time where the device's is no help."""
    received = times["receivedAt"]
    found = corrected(received, times["sentAt"], times["originalTimestamp"])
    found = found or received
    return text_of(found) if found else None


def _planned_columns(
    plan: Mapping[str, Mapping[str, Any]],
) -> dict[str, TypedColumns]:
    """Give the columns of each event of the plan; those of one name are together."""
    by_stream: dict[str, list[Mapping[str, Any]]] = {}
    for name, schema in plan.items():
        if not name.startswith("$"):
            by_stream.setdefault(_own_stream(name), []).append(schema)
    taken = [*_PROPERTIES, "_file"]
    return {name: TypedColumns(found, taken) for name, found in by_stream.items()}
