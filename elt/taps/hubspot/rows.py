"""A record of HubSpot as a row: its properties stand beside what all records have.

The values stay the bytes that came; only the frame around them is put together anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec import Raw

DELETED_AT = "_sdc_deleted_at"
MERGED = ("hs_merged_object_ids", "hs_calculated_merged_vids")
_FRAME = ("id", "createdAt", "updatedAt", "archived", "archivedAt")
# Columns of a table are told apart without regard to case.
_TAKEN = frozenset(name.lower() for name in (*_FRAME, DELETED_AT))
_HEADS = tuple(f'"{name}":'.encode() for name in _FRAME)
_DELETED_HEAD = f'"{DELETED_AT}":'.encode()
_NOTHING = Raw()
_NO_TIMES = (b"", b"null")
_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_MOMENT: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
FRAME_PROPERTIES: dict[str, Any] = {
    "id": {"type": "string"},
    "createdAt": _MOMENT,
    "updatedAt": _MOMENT,
    "archived": {"type": ["boolean", "null"]},
    "archivedAt": _MOMENT,
    DELETED_AT: _MOMENT,
}


class _Record(msgspec.Struct, gc=False):
    id: Raw
    properties: Raw = Raw(b"{}")
    createdAt: Raw = _NOTHING  # noqa: N815  HubSpot's names
    updatedAt: Raw = _NOTHING  # noqa: N815
    archived: Raw = _NOTHING
    archivedAt: Raw = _NOTHING  # noqa: N815


class _Archived(msgspec.Struct, gc=False):
    archivedAt: Any = None  # noqa: N815


class _Merged(msgspec.Struct, gc=False):
    hs_merged_object_ids: Any = None
    hs_calculated_merged_vids: Any = None


class _Winner(msgspec.Struct, gc=False):
    id: str | int
    properties: _Merged
    updatedAt: Any = None  # noqa: N815


_record = msgspec.json.Decoder(_Record).decode
_archived = msgspec.json.Decoder(_Archived).decode
_winner = msgspec.json.Decoder(_Winner).decode
_values = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def column(name: str) -> str:
    """Name the column of a property, which may be called like one of the frame's."""
    return f"property_{name}" if name.lower() in _TAKEN else name


def row_maker(
    names: Collection[str], *, archived: bool = False
) -> Callable[[Raw], bytes]:
    """Make a function that turns a record with some of these properties into a row.

    `archived` rows say that they are deleted, and since when.
    """
    renamed = {name: column(name) for name in names if column(name) != name}

    def row(record: Raw) -> bytes:
        found = _record(record)
        frame = found.id, found.createdAt, found.updatedAt, found.archived
        values = *map(bytes, frame), bytes(found.archivedAt)
        parts = [
            head + value for head, value in zip(_HEADS, values, strict=True) if value
        ]
        if archived:
            times = [at for at in (values[-1], values[2]) if at not in _NO_TIMES]
            parts.append(_DELETED_HEAD + (times or [b"null"])[0])
        own = _renamed(found.properties, renamed)[1:-1].strip()
        return b"{" + b",".join([*parts, own] if own else parts) + b"}"

    return row


def archived_at(record: Raw) -> Any:
    return _archived(record).archivedAt


def merged_away(record: Raw) -> list[bytes]:
    """Give a deleted row for each record that was merged into this one.

    Both lists are joined by `;`. The older one, of contacts, has the time behind a
    colon. Since 2025 the winner may be a new record with an id of its own, and both
    that were merged are in its list (HubSpot changelog, Updated merge functionality
    for contacts and companies).
    """
    winner = _winner(record)
    lists = [text for name in MERGED if (text := getattr(winner.properties, name))]
    if not lists:
        return []
    listed = ";".join(map(str, lists)).split(";")
    ids = {one.partition(":")[0].strip() for one in listed}
    return [
        _encode({"id": gone, DELETED_AT: winner.updatedAt})
        for gone in sorted(ids - {"", str(winner.id)})
    ]


def properties_of(names: Collection[str]) -> dict[str, Any]:
    """Declare the columns: every property is a text.

    HubSpot sends each value as a text, and a property of numbers may hold "N/A": what
    was there before a property's type was changed stays as it was.
    """
    return {**FRAME_PROPERTIES, **{column(name): _TEXT for name in names}}


def _renamed(properties: Raw, renamed: dict[str, str]) -> bytes:
    whole = bytes(properties).strip()
    if not renamed:
        return whole
    found = _values(properties)
    return _encode({renamed.get(name, name): raw for name, raw in found.items()})
