"""Which records are bound to which, one stream for each pair of types.

A bond that is made or broken does not change the records at its ends
(airbytehq/airbyte#44554, #27199), and nothing lists those that were broken. So each
reading is a whole one: the ids of one end, then 1,000 of them at a time (HubSpot,
Associations v4). The third version is of no use: it gives the first 100 of a record
and comes again for ever behind them (HubSpot/hubspot-api-python#135, #187).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from elt.taps.hubspot.kinds import Kind
from elt.taps.hubspot.portal import Portal
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.paging import LoopGuard
from elt.taps.rest.reading import Chunk, Reading

KEY = ("from_id", "to_id", "category", "type_id")
PROPERTIES: dict[str, Any] = {
    "from_id": {"type": "string"},
    "to_id": {"type": "string"},
    "category": {"type": "string"},
    "type_id": {"type": "integer"},
    "label": {"type": ["string", "null"]},
}
_BATCH = 1000
_NONE = "NO_ASSOCIATIONS_FOUND"  # an error for each record that has no bond


class _Type(msgspec.Struct, gc=False):
    category: str
    typeId: int  # noqa: N815  HubSpot's names
    label: str | None = None


class _To(msgspec.Struct, gc=False):
    toObjectId: int | str  # noqa: N815
    associationTypes: list[_Type] = []  # noqa: N815


class _Next(msgspec.Struct, gc=False):
    after: str


class _Paging(msgspec.Struct, gc=False):
    next: _Next | None = None


class _From(msgspec.Struct, gc=False):
    id: str


class _Result(msgspec.Struct, gc=False):
    from_: _From = msgspec.field(name="from")
    to: list[_To] = []
    paging: _Paging | None = None


class _Error(msgspec.Struct, gc=False):
    subCategory: Any = None  # noqa: N815
    message: str = ""


class _Body(msgspec.Struct, gc=False):
    results: list[_Result] = []
    errors: list[_Error] = []


_Input = dict[str, str]
_body = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def read_associations(
    portal: Portal, start: Kind, end: Kind, reading: Reading
) -> Iterator[Chunk]:
    ids = portal.ids(start)
    groups = (ids[i : i + _BATCH] for i in range(0, len(ids), _BATCH))
    read = partial(_read, portal, portal.paths.associations(start.path, end.path))
    errors: list[str] = []
    most = portal.settings.concurrency
    for _, (rows, failed) in side_by_side(read, groups, most=most):
        errors += failed
        yield Chunk(records=rows)
    if errors:
        reading.leave_out(f"{len(errors)} records: {errors[0]}")


def _read(
    portal: Portal, path: str, ids: Sequence[str]
) -> tuple[list[bytes], list[str]]:
    """Read the bonds of some records, each to its own end."""
    rows: list[bytes] = []
    errors: list[str] = []
    waiting: list[_Input] = [{"id": one} for one in ids]
    guard = LoopGuard(f"POST {path}")
    while waiting:
        call = Call(path=path, method="POST", body={"inputs": waiting})
        if not guard.is_new(call):
            raise guard.error()
        body = portal.api.ask(call, _read_body)
        rows += [row for result in body.results for row in _rows(result)]
        errors += [e.message for e in body.errors if _NONE not in str(e.subCategory)]
        waiting = [more for result in body.results if (more := _more(result))]
    return rows, errors


def _read_body(answer: Answer) -> _Body:
    return _body(answer.body)


def _more(result: _Result) -> _Input | None:
    if result.paging is None or result.paging.next is None:
        return None
    return {"id": result.from_.id, "after": result.paging.next.after}


def _rows(result: _Result) -> Iterator[bytes]:
    """Give a row for each type of each bond; ids are texts, as the records' are."""
    for to in result.to:
        for kind in to.associationTypes:
            yield _encode(
                {
                    "from_id": result.from_.id,
                    "to_id": str(to.toObjectId),
                    "category": kind.category,
                    "type_id": kind.typeId,
                    "label": kind.label,
                }
            )
