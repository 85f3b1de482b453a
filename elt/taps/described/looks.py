"""Whether records are what a stream's settings say; a wrong setting is named."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw

from elt.errors import EltError
from elt.taps.described.settings import CursorSettings, StreamSettings
from elt.taps.described.spans import KINDS
from elt.taps.rest.checking import nearest
from elt.taps.rest.envelopes import fields
from elt.taps.rest.rows import Record, value_reader

_NULL = b"null"


def look_at(stream: StreamSettings, records: Sequence[Record]) -> None:
    """Look at the first records of a stream for its key and its cursor.

    A record that lacks its key is for the loader to judge; here it is about settings,
    so that all of these records lack it. Raises EltError.
    """
    names = list(dict.fromkeys(name for r in records for name in fields(bytes(r))))
    for name in stream.key:
        if all(_value(record, name) == _NULL for record in records):
            raise _missing(stream, "key", name, names)
    cursor = stream.cursor
    if cursor is None:
        return
    if cursor.field not in names:
        raise _missing(stream, "cursor", cursor.field, names)
    _look_at_cursor(stream, cursor, records)


def look_for_clash(stream: StreamSettings, records: Sequence[Record]) -> None:
    """Look whether records have a field of a name that the parent's are to get."""
    for record in records[:1]:
        for name in stream.parent_fields:
            if name in fields(bytes(record)):
                raise EltError(
                    f"records have a field `{name}` already, which `parent_fields`"
                    " gives to one of the parent",
                    hint=f"In the stream `{stream.name}` choose another name in"
                    " `parent_fields`, or `drop` the field",
                )


def _look_at_cursor(
    stream: StreamSettings, cursor: CursorSettings, records: Sequence[Record]
) -> None:
    read, value_of = KINDS[cursor.kind].read, value_reader(cursor.field)
    values = [value for value in map(value_of, records) if value is not None]
    for value in values:
        try:
            read(value)
        except (ValueError, TypeError, OverflowError):
            continue
        return
    if values:
        raise EltError(
            f"the cursor `{cursor.field}` is not of the kind `{cursor.kind}`:"
            f" {values[0]!r}",
            hint=f"In the stream `{stream.name}` set `cursor.kind` to how it is"
            f" written: {', '.join(KINDS)}",
        )


def _missing(
    stream: StreamSettings, setting: str, name: str, names: Sequence[str]
) -> EltError:
    return EltError(
        f"no record has the {setting} `{name}`; they have: {', '.join(names)}",
        hint=f"In the stream `{stream.name}` look at `{setting}`."
        f" {nearest(name, names)}",
    )


def _value(record: Record, name: str) -> bytes:
    return bytes(fields(bytes(record)).get(name, Raw(_NULL)))
