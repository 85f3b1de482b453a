"""What Snowplow's formats share: the row of an event, its entities, its identity."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import xxhash

from elt.taps.events import atomic
from elt.taps.events.found import Bad, Event, Record, StreamShape
from elt.taps.events.moments import moment
from elt.taps.events.registry import Registry, TypedColumns, entity_of, table_of
from elt.taps.events.schemas import Judge
from elt.taps.kinds import DATE_TIME, INTEGER, STRING, Kind, schema_of

# What the pipeline adds to an event, or a second try of sending changes: two copies
# of one event differ in these. The rest is the tracker's payload.
_PIPELINE_COLUMNS = """
    event_id etl_tstamp collector_tstamp dvce_sent_tstamp derived_tstamp v_collector
    v_etl network_userid user_ipaddress etl_tags derived_contexts event_fingerprint
    geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude
    geo_region_name geo_timezone ip_isp ip_organization ip_domain ip_netspeed
    tr_total_base tr_tax_base tr_shipping_base ti_price_base base_currency
    refr_medium refr_source refr_term
"""
_NOT_OF_PAYLOAD = frozenset(_PIPELINE_COLUMNS.split())
_TYPES = {"integer": "integer", "number": "number", "money": "number"}
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["event_id"],
    "properties": {
        **{
            name: {"type": [_TYPES.get(holds, "string"), "null"]}
            for name, holds in atomic.COLUMNS.items()
            if holds not in ("json", "boolean")
        },
        **{
            name: {"type": ["boolean", "null"]}
            for name, holds in atomic.COLUMNS.items()
            if holds == "boolean"
        },
        "event_id": {"type": "string", "minLength": 1, "maxLength": 36},
    },
}
_KEY = ("event_id", "event_fingerprint")
_CONTEXT = "contexts_"
_UNSTRUCT = "unstruct_event_"
_EVENT_COLUMNS: dict[str, Mapping[str, Any]] = {
    "event_id": schema_of(STRING),
    "event_fingerprint": schema_of(STRING),
    "collector_tstamp": schema_of(DATE_TIME),
}
_ENTITY_COLUMNS: dict[str, Mapping[str, Any]] = {
    "source": schema_of(STRING),
    "position": schema_of(INTEGER),
    "schema": schema_of(STRING),
    "data": schema_of(Kind("json")),
}
_EXTRA = {"extra": schema_of(Kind("json"))}


class Attached(msgspec.Struct, gc=False):
    """Data with a schema: an entity of the event, or what the event itself says.

    `uri` is None where only the name of its table is known.
    """

    stream: str
    source: str
    position: int
    uri: str | None
    data: Any


class Snowplow:
    """Makes rows of judged events; `tables` gives entities their own."""

    def __init__(
        self, registry: Registry, *, tables: bool, only_known: bool = False
    ) -> None:
        self.tables = tables
        self._registry = registry
        self._only_known = only_known
        self._envelope = Judge(ENVELOPE)
        self._columns: dict[str, TypedColumns | None] = {}
        self._missing: dict[str, bool] = {}  # whether it was told
        self.decode = msgspec.json.Decoder(float_hook=Decimal).decode

    def fixed(self) -> Mapping[str, StreamShape]:
        return {"events": self.shape_of("events")}

    def shape_of(self, stream: str) -> StreamShape:
        if stream == "events":
            left_out = atomic.NESTED if self.tables else ()
            columns = {k: v for k, v in atomic.PROPERTIES.items() if k not in left_out}
            return StreamShape({**columns, **_EXTRA}, _KEY)
        typed = self._typed(stream)
        own = typed.properties if typed else {}
        key = _KEY if stream.startswith(_UNSTRUCT) else (*_KEY, "source", "position")
        return StreamShape({**_EVENT_COLUMNS, **_ENTITY_COLUMNS, **own}, key)

    def notes(self) -> list[str]:
        new = sorted(uri for uri, told in self._missing.items() if not told)
        self._missing |= dict.fromkeys(new, True)
        return [f"`schemas` has no {uri}; its data is not judged" for uri in new]

    def finish(
        self, record: Record, attached: Sequence[Attached], nested: Mapping[str, Any]
    ) -> Event | Bad:
        """Judge an event whose values have their types, and give its rows.

        `nested` are the columns of what is attached, for who wants it in one row.
        """
        collected = record.get("collector_tstamp")
        reasons = self._envelope.reasons(record)
        if reasons:
            return self.bad(record, reasons, "snowplow/event")
        for one in attached:
            reasons = self._judge(one)
            if reasons:
                return self.bad(record, reasons, one.uri or one.stream)
        fingerprint = record.get("event_fingerprint")
        if not fingerprint:
            fingerprint = record["event_fingerprint"] = _fingerprint(record, attached)
        rows = [("events", record)]
        if self.tables:
            rows.extend(self._entity_rows(record, attached))
        else:
            record.update(nested)
        return Event(f"{record['event_id']} {fingerprint}", moment(collected), rows)

    def bad(self, record: Mapping[str, Any], reasons: list[str], schema: str) -> Bad:
        event_id = record.get("event_id")
        return Bad(
            reasons,
            schema=schema,
            event_id=event_id if type(event_id) is str else None,
            collected_at=moment(record.get("collector_tstamp")),
        )

    def contexts(self, found: Any, source: str) -> list[Attached]:
        """Read `{schema, data: [{schema, data}, ...]}`; raises ValueError."""
        data = found.get("data") if type(found) is dict else None
        if type(data) is not list:
            raise ValueError(f"{source}: is not a self-describing list of entities")
        return [
            _attached(one, _CONTEXT, source, place) for place, one in enumerate(data)
        ]

    def unstruct(self, found: Any) -> Attached:
        """Read `{schema, data: {schema, data}}`; raises ValueError."""
        data = found.get("data") if type(found) is dict else None
        return _attached(data, _UNSTRUCT, "unstruct_event", 0)

    def _judge(self, one: Attached) -> list[str]:
        entity = entity_of(one.uri)
        if entity is None:
            table = one.stream.removeprefix(_CONTEXT).removeprefix(_UNSTRUCT)
            entity = self._registry.newest(table)
        judge = self._registry.judge(entity) if entity else None
        if judge is not None:
            return judge.reasons(one.data, under=one.source)
        if one.source == "derived_contexts":  # the pipeline's own
            return []
        if self._only_known:
            return [f"{one.source}: its schema is not in `schemas`"]
        if self._registry.schemas:
            self._missing.setdefault(one.uri or one.stream, False)
        return []

    def _entity_rows(
        self, record: Record, attached: Iterable[Attached]
    ) -> Iterator[tuple[str, Record]]:
        for one in attached:
            typed = self._typed(one.stream)
            row = {
                "event_id": record["event_id"],
                "event_fingerprint": record["event_fingerprint"],
                "collector_tstamp": record.get("collector_tstamp"),
                "source": one.source,
                "position": one.position,
                "schema": one.uri,
            }
            row |= typed.spread(one.data, "data") if typed else {"data": one.data}
            yield one.stream, row

    def _typed(self, stream: str) -> TypedColumns | None:
        if stream not in self._columns:
            table = stream.removeprefix(_CONTEXT).removeprefix(_UNSTRUCT)
            taken = [*_EVENT_COLUMNS, *_ENTITY_COLUMNS, "_file"]
            self._columns[stream] = self._registry.columns(table, taken)
        return self._columns[stream]


def _attached(one: Any, prefix: str, source: str, position: int) -> Attached:
    uri = one.get("schema") if type(one) is dict else None
    table = table_of(uri) if type(uri) is str else None
    if table is None or "data" not in one:
        raise ValueError(
            f"{source}.{position}: has no `schema` of Iglu's form, or no `data`"
        )
    return Attached(prefix + table, source, position, uri, one["data"])


_encode = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


def _fingerprint(record: Mapping[str, Any], attached: Sequence[Attached]) -> str:
    """Sum up a payload as Snowplow's enrichment does, over what the tracker sent.

    The prefix says that it is ours, and of which making.
    """
    payload = {
        name: value
        for name, value in record.items()
        if value is not None and name not in _NOT_OF_PAYLOAD
    }
    sent = [
        [one.uri or one.stream, one.data]
        for one in attached
        if one.source != "derived_contexts"
    ]
    return "elt1-" + xxhash.xxh3_128_hexdigest(_encode([payload, sent]))


def event_id_of(payload: Mapping[str, Any]) -> str:
    """Make an id for an event whose tracker gave none: equal payloads, equal ids."""
    return str(uuid.UUID(bytes=xxhash.xxh3_128_digest(_encode(payload))))
