"""The values that properties have had, a row for each.

A record's history comes only with the record: those that changed are found as their
rows are, and read 50 at a time (HubSpot, Objects: less than without history).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from elt.taps.hubspot.kinds import Kind
from elt.taps.hubspot.objects import Wanted, changed_pages
from elt.taps.hubspot.portal import Portal, results
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.calls import Call
from elt.taps.rest.paging import Page
from elt.taps.rest.reading import Chunk, Reading
from elt.taps.rest.rows import value_reader, with_fields

CURSOR = "record_modified_at"
KEY = ("id", "property", "timestamp")
_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_MOMENT: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
PROPERTIES: dict[str, Any] = {
    "id": {"type": "string"},
    "property": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "value": _TEXT,
    "sourceType": _TEXT,
    "sourceId": _TEXT,
    "sourceLabel": _TEXT,
    "updatedByUserId": {"type": ["integer", "null"]},
    CURSOR: _MOMENT,
}
_BATCH = 50

_When = Mapping[str, Any]  # by id, when the record was changed last, as search knows it


class _Record(msgspec.Struct, gc=False):
    id: str
    propertiesWithHistory: dict[str, list[Raw]] = {}  # noqa: N815  HubSpot's name


class _Dated(msgspec.Struct, gc=False):
    id: str
    properties: Raw = Raw(b"{}")


_record = msgspec.json.Decoder(_Record).decode
_dated = msgspec.json.Decoder(_Dated).decode


def read_history(
    portal: Portal, kind: Kind, names: tuple[str, ...], reading: Reading
) -> Iterator[Chunk]:
    """Give all values of properties of records that changed; no names are all."""
    asked = names or tuple(portal.property_names(kind))
    pages = changed_pages(portal, Wanted(kind, (kind.cursor,)), reading)
    read = partial(_read, portal, kind, asked)
    most = portal.settings.concurrency
    for group, chunk in side_by_side(read, _groups(kind, pages), most=most):
        yield Chunk(ends=True) if group is None else chunk


def _groups(kind: Kind, pages: Iterator[Page | None]) -> Iterator[_When | None]:
    """Cut pages into batches; None is where a part is at its end."""
    modified = value_reader(kind.cursor)
    for page in pages:
        if page is None:
            yield None
            continue
        found = map(_dated, page.records)
        dated = [(one.id, modified(one.properties)) for one in found]
        for start in range(0, len(dated), _BATCH):
            yield dict(dated[start : start + _BATCH])


def _read(
    portal: Portal, kind: Kind, names: tuple[str, ...], group: _When | None
) -> Chunk:
    if not group:
        return Chunk()
    call = Call(
        path=portal.paths.objects(kind.path, "batch", "read"),
        method="POST",
        body={
            "inputs": [{"id": one} for one in group],
            "properties": [kind.cursor],
            "propertiesWithHistory": names,
        },
    )
    page = portal.api.ask(call, results)
    rows = [row for record in page.records for row in _rows(_record(record), group)]
    return Chunk(records=rows)


def _rows(record: _Record, when: _When) -> Iterator[bytes]:
    for name, values in record.propertiesWithHistory.items():
        own = {"id": record.id, "property": name, CURSOR: when.get(record.id)}
        yield from map(with_fields(own), values)
