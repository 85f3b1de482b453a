"""Rows on their way out: Stripe's bytes, with a few fields of ours in front.

`updated` is the second of the newest event that told of a change, of an object that no
event was seen of its creation, and of what is inside of another that of its owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.envelopes import NotThere, excerpt, fields, records_at, value_at
from elt.taps.rest.problems import NotReadable, Refused
from elt.taps.rest.rows import Record, only, with_fields
from elt.taps.stripe.account import Account, is_missing
from elt.taps.stripe.streams import Inside, Listed, Stream


@dataclass(slots=True)
class Change:
    """What the events of a stretch tell of one object.

    at: the second of the newest.
    last: how it was when it was deleted.
    inside: the ids of what stood in it.
    """

    at: int
    last: Raw | None = None
    inside: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it is now, with what events told of it."""

    record: Raw
    change: Change | None = None


class _Known(msgspec.Struct, gc=False):
    id: Any = None
    created: Any = None
    date: Any = None
    deleted: Any = None
    # A name that a record has, be it null, must not be put in front of it again.
    updated: Any = UNSET
    invoice: Any = UNSET
    payout: Any = UNSET
    subscription: Any = UNSET


_known = msgspec.json.Decoder(_Known).decode
_encode = msgspec.json.encode


def known(record: Record) -> _Known:
    """Decode what we look at. Raises NotThere for what is no object."""
    try:
        return _known(record)
    except msgspec.ValidationError:
        raise NotThere(f"not an object of Stripe: {excerpt(record)}") from None


def rows_of(
    account: Account, stream: Stream, found: Sequence[Found]
) -> Sequence[bytes]:
    """Give the rows of a stream, from the objects that are listed for it.

    For what is inside of others, that may take requests.
    """
    match stream:
        case Listed():
            return [_stamped(account, stream, each) for each in found]
        case Inside():
            ask = partial(_all_inside, account, stream)
            most = account.api.reach.concurrency
            return [
                row
                for each, inside in side_by_side(ask, found, most=most)
                for row in _inside_rows(account, stream, each, inside)
            ]


def gone_rows(
    account: Account, stream: Stream, key: str, change: Change
) -> Sequence[bytes]:
    """Give the rows that tell of an object, or of what was inside, that it is gone."""
    match stream:
        case Listed():
            # What it leaves out stays in the table as it was last.
            last: Record = change.last or _encode({"id": key, "object": stream.object})
            added: dict[str, Any] = {**account.fields, **_deleted(change)}
            if known(last).updated is UNSET:
                added["updated"] = change.at
            return [with_fields(added)(last)]
        case Inside():
            return _gone_inside(account, stream, key, change, change.inside)


def is_deleted(record: Raw) -> bool:
    """Say whether an object only says of itself that it is no more."""
    return known(record).deleted is True


def _stamped(account: Account, stream: Listed, found: Found) -> bytes:
    if not stream.events:
        return with_fields(account.fields)(found.record)
    own = known(found.record)
    made = own.date if stream.created == "date" else own.created
    at = found.change.at if found.change else None
    moments = [moment for moment in (made, at) if isinstance(moment, int)]
    kept: Record = found.record
    if stream.without:
        kept = only(lambda name: name not in stream.without)(kept)
    added: dict[str, Any] = dict(account.fields)
    # A product has a field of this name that says the same.
    if own.updated is UNSET:
        added["updated"] = max(moments, default=None)
    return with_fields(added)(kept)


def _all_inside(account: Account, stream: Inside, found: Found) -> list[Raw]:
    """Give all that is inside of an object: the first of it is there, maybe all."""
    owner = fields(found.record)
    if stream.only and bytes(owner.get(stream.only, b"")) != b"true":
        return []
    embedded = bytes(owner.get(stream.field, b"null"))
    if embedded != b"null" and not value_at(embedded, ["has_more"]):
        return records_at(embedded, ["data"])
    key = str(value_at(found.record, ["id"]))
    params = {stream.parameter: key} if stream.parameter else {}
    # From the first one on: what stands behind an embedded one that was deleted
    # meanwhile cannot be asked for (singer-io/tap-stripe#137).
    call = account.list(stream.path.format(key), params)
    try:
        return [record for page in account.pages(call) for record in page.records]
    except (NotReadable, Refused) as error:
        if not is_missing(error):
            raise
        return []  # deleted since it was listed, which an event will tell


def _inside_rows(
    account: Account, stream: Inside, found: Found, inside: Sequence[Raw]
) -> list[bytes]:
    owner = known(found.record)
    change = found.change or Change(at=owner.created)
    moments = [each for each in (owner.created, change.at) if isinstance(each, int)]
    added = {**account.fields, "updated": max(moments, default=None)}
    usual = with_fields(added)
    named = with_fields({**added, stream.owner: owner.id})
    rows, there = [], set()
    for record in inside:
        own = known(record)
        there.add(own.id)
        has_owner = getattr(own, stream.owner) is not UNSET
        rows.append((usual if has_owner else named)(record))
    gone = change.inside - there
    return rows + _gone_inside(account, stream, owner.id, change, gone)


def _gone_inside(
    account: Account, stream: Inside, owner: str, change: Change, keys: Iterable[str]
) -> list[bytes]:
    added = {**account.fields, "updated": change.at, **_deleted(change)}
    return [_encode({**added, "id": key, stream.owner: owner}) for key in sorted(keys)]


def _deleted(change: Change) -> dict[str, str]:
    moment = datetime.fromtimestamp(change.at, UTC).isoformat()
    return {"_sdc_deleted_at": moment.replace("+00:00", "Z")}
