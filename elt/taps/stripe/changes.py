"""What events tell: which objects have changed, never what they have become.

An event shows its object in the version that the account had then, whatever a request
asks for (docs.stripe.com: API versioning, and Events), and does not expand it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from elt.errors import EltError
from elt.taps.rest.calls import Params
from elt.taps.rest.envelopes import excerpt, fields, value_at
from elt.taps.stripe.account import Account, created
from elt.taps.stripe.plan import Stretch
from elt.taps.stripe.rows import Change
from elt.taps.stripe.streams import Inside, Listed, Stream, listed


class _Data(msgspec.Struct, gc=False):
    object: Raw
    previous_attributes: Raw = Raw(b"null")


class _Event(msgspec.Struct, gc=False):
    created: int
    type: str
    data: _Data
    account: str | None = None


_decode = msgspec.json.Decoder(_Event).decode


def changes(
    account: Account, stream: Stream, stretch: Stretch, *, only_deletes: bool = False
) -> dict[str, Change]:
    """Read the events of a stretch; give what they tell by the id of the object.

    Raises NotReadable where the key may not read events.
    """
    own = listed(stream)
    types = (own.deleted,) if only_deletes else own.events
    found: dict[str, Change] = {}
    params = {**_types(types), **created(stretch)}
    for page in account.pages(account.list("events", params)):
        for record in page.records:
            event = _read(record)
            # A platform's events may be those of an account that is connected to it.
            if event.account in {None, account.id or None}:
                _take(found, event, stream)
    return found


def _read(record: Raw) -> _Event:
    try:
        return _decode(record)
    except msgspec.ValidationError as error:
        raise EltError(
            f"an event of Stripe has another shape: {error}",
            where=excerpt(record),
            hint="Changes cannot be read from it; look at `api_version`",
        ) from None


def _types(types: tuple[str, ...]) -> Params:
    """Name types of events: one that may end in a star, or several (List events)."""
    return {"type": types[0]} if len(types) == 1 else {"types[]": list(types)}


def _take(found: dict[str, Change], event: _Event, stream: Stream) -> None:
    own = listed(stream)
    shown = fields(event.data.object)
    key = _named(shown, own)
    if key is None:
        return
    # The newest come first, those of one second too.
    change = found.setdefault(key, Change(at=event.created))
    change.at = max(change.at, event.created)
    is_own = _text(shown, "object") == own.object
    if is_own and event.type == own.deleted and change.last is None:
        change.last = event.data.object
    if is_own and isinstance(stream, Inside):
        change.inside |= _inside(event.data, stream)


def _named(shown: dict[str, Raw], own: Listed) -> str | None:
    """Give the id of the object of ours that an event is about; None for others.

    The type does not tell: `customer.*` is also their subscriptions and tax ids.
    """
    kind = _text(shown, "object")
    if kind == own.object:
        return _text(shown, "id")
    name = own.named_by.get(kind or "")
    return _text(shown, name) if name else None


def _inside(data: _Data, stream: Inside) -> set[str]:
    """Give the ids of what an event shows inside of its object, now and before."""
    found: set[str] = set()
    if not stream.field:
        return found
    for each in (data.object, data.previous_attributes):
        content = value_at(each, [stream.field])
        if isinstance(content, dict):
            found |= _ids(content.get("data"), stream.prefix)
    return found


def _ids(rows: Any, prefix: str) -> set[str]:
    if not isinstance(rows, list):
        return set()
    ids = (row.get("id") for row in rows if isinstance(row, dict))
    return {key for key in ids if isinstance(key, str) and key.startswith(prefix)}


def _text(shown: dict[str, Raw], name: str) -> str | None:
    value = msgspec.json.decode(shown[name]) if name in shown else None
    return value if isinstance(value, str) else None
