"""The columns `_sdc_*` that Singer targets add to their tables, on request.

It costs a second decode of every line, and is kept apart for that: without it the
loading sees the lines as they came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from elt.singer.messages import decode

_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_NUMBER = {"type": ["integer", "null"]}
PROPERTIES: Mapping[str, Mapping[str, Any]] = {
    "_sdc_extracted_at": _MOMENT,
    "_sdc_received_at": _MOMENT,
    "_sdc_batched_at": _MOMENT,
    "_sdc_deleted_at": _MOMENT,
    "_sdc_sequence": _NUMBER,
    "_sdc_table_version": _NUMBER,
    "_sdc_sync_started_at": _NUMBER,
}


class _Line(msgspec.Struct, gc=False):
    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    schema: msgspec.Raw = msgspec.Raw()
    time_extracted: str | None = None
    version: int | None = None


_read = msgspec.json.Decoder(_Line).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_write = msgspec.json.encode


class Stamping:
    """Writes the metadata of a message into its record, and their types into SCHEMA.

    What a tap has filled in by itself, as log-based ones do, stays as it is. The rows
    of a BATCH are not touched: their columns are NULL.
    """

    def __init__(self, now_seconds: Callable[[], float] = time.time) -> None:
        self._now_seconds = now_seconds
        self._started_at = round(now_seconds() * 1000)

    def stamped(self, lines: Iterable[bytes]) -> list[bytes]:
        """Give the lines that came together, stamped with one time of receipt."""
        now = self._now_seconds()
        moment = f'"{_moment(now)}"'.encode()
        shared = (
            b'"_sdc_received_at":%b,"_sdc_batched_at":%b,"_sdc_sequence":%d,'
            b'"_sdc_sync_started_at":%d'
            % (moment, moment, round(now * 1000), self._started_at)
        )
        return [self._stamped(line, shared) for line in lines]

    def _stamped(self, line: bytes, shared: bytes) -> bytes:
        try:
            message = _read(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _leniently(line)
        if message.type == "SCHEMA":
            return _with_properties(line, message)
        if message.type != "RECORD":
            return line
        record = bytes(message.record).strip()
        if not record.startswith(b"{"):
            return line  # no object, and a reject later
        own = b'"_sdc_extracted_at":%b,"_sdc_table_version":%b,%b' % (
            _write(message.time_extracted),
            _write(message.version),
            shared,
        )
        return b'{"type":"RECORD","stream":%b,"version":%b,"record":%b}' % (
            _write(message.stream),
            _write(message.version),
            _joined(record, own),
        )


def _joined(record: bytes, own: bytes) -> bytes:
    """Add to a record what it has not by itself; all else stays as it was written."""
    if b'"_sdc_' in record:
        try:
            own = _without(own, _fields(record))
        except UnicodeDecodeError:
            return record  # a name that is no UTF-8, and a reject later
    empty = not own or record[1:-1].strip() == b""
    return record[:-1] + (b"" if empty else b",") + own + b"}"


def _without(own: bytes, known: Collection[str]) -> bytes:
    return b",".join(
        b'"%b":%b' % (name.encode(), value)
        for name, value in _fields(b"{" + own + b"}").items()
        if name not in known
    )


def _with_properties(line: bytes, message: _Line) -> bytes:
    schema = msgspec.json.decode(message.schema) if bytes(message.schema) else None
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return line  # loading says what is wrong with it
    schema["properties"] = {**schema["properties"], **PROPERTIES}
    return _write({**_fields(line), "schema": schema})


def _leniently(line: bytes) -> bytes:
    """Leave a record as it is that only Python reads; raise for what is no message."""
    decode(line)
    return line


def _moment(seconds: float) -> str:
    whole, rest = divmod(round(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:03d}Z"
