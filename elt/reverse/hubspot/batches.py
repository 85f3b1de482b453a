"""Batches of a HubSpot object: what is sent, and which row an answer is about.

Rows are told apart by `objectWriteTraceId`, which each input carries and each result
and error gives back (HubSpot, Error handling: multi-status errors): results have no
order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from elt.reverse.destination import Added, Change, Changed, Receipt, Removed
from elt.reverse.hubspot.properties import (
    RECORD_ID,
    Property,
    Unfit,
    key_text,
    written,
)

Kind = Literal["upsert", "update", "create"]
LEFT_OUT = "HubSpot did not answer for this record; it may be merged into another one"


class _Told(msgspec.Struct):
    """What an error says beside its message."""

    objectWriteTraceId: list[str] = []  # noqa: N815  HubSpot's name
    ids: list[str] = []


class _Error(msgspec.Struct):
    message: str = ""
    category: str = ""
    context: _Told = msgspec.field(default_factory=_Told)


class Record(msgspec.Struct):
    """A record as HubSpot shows it."""

    id: str = ""
    objectWriteTraceId: str | None = None  # noqa: N815
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


class Answer(msgspec.Struct):
    """What HubSpot answers to a batch; results have no order."""

    results: list[Record] = []
    errors: list[_Error] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One call for some rows of one object; the trace of a row is its place."""

    kind: Kind
    rows: Sequence[tuple[Change, Mapping[str, Any]]]

    @property
    def content(self) -> bytes:
        inputs = [
            {**given, "objectWriteTraceId": str(number)}
            for number, (_, given) in enumerate(self.rows)
        ]
        return msgspec.json.encode({"inputs": inputs})

    @property
    def changes(self) -> list[Change]:
        return [change for change, _ in self.rows]

    def only(self, keys: Collection[str]) -> Batch:
        return replace(self, rows=[row for row in self.rows if row[0].key in keys])


def batch_of(
    kind: Kind, changes: Sequence[Change], known: Mapping[str, Property], key: str
) -> tuple[Batch, list[Receipt]]:
    """Write what can be written; the others are rejected with the reason."""
    rows: list[tuple[Change, Mapping[str, Any]]] = []
    receipts: list[Receipt] = []
    for change in changes:
        if isinstance(change, Removed):
            continue
        try:
            rows.append((change, _input(kind, change, known, key)))
        except Unfit as error:
            receipts.append(Receipt(change.key, "rejected", str(error)))
    return Batch(kind=kind, rows=rows), receipts


def _input(
    kind: Kind, change: Added | Changed, known: Mapping[str, Property], key: str
) -> dict[str, Any]:
    name = key_text(change.text, key)
    properties = written(change.text, known, key=key)
    if kind == "create":
        return {"properties": {key: name, **properties}}
    if key == RECORD_ID:
        return {"id": name, "properties": properties}
    return {"id": name, "idProperty": key, "properties": properties}


def receipts_of(batch: Batch, content: bytes) -> Iterator[Receipt]:
    """Answer for every row of a batch of which HubSpot took some, or all.

    Raises msgspec.DecodeError for an answer that is none of HubSpot's.
    """
    answer = msgspec.json.decode(content, type=Answer)
    by_trace = {str(number): change for number, change in enumerate(batch.changes)}
    for result in answer.results:
        change = by_trace.pop(result.objectWriteTraceId or "", None)
        if change is not None:
            yield Receipt(change.key, "accepted", destination_id=result.id)
    for error in answer.errors:
        for trace in error.context.objectWriteTraceId:
            change = by_trace.pop(trace, None)
            if change is not None:
                yield Receipt(change.key, "rejected", error.message or error.category)
    for change in by_trace.values():
        yield Receipt(change.key, "unknown", LEFT_OUT)
