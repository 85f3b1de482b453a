"""Singer messages as they come out of a tap, read as bytes.

This is the hot path of a load: only the envelope of a line is decoded, the record
inside stays raw: 0.9 microseconds for a line of 600 bytes on the machine of
`docs/benchmarks.md`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from elt.errors import EltError
from elt.faults import reach

CHUNK_BYTES = 1 << 20
# Most taps flush each record. To wait a little for more of them, instead of a read, a
# decode and a write for each, brought our processor time for a million of them from
# 30 % of a stock tap's own to 15 % (benchmarks/, row stock-tap).
_SMALL_BYTES = 16 << 10
_GATHERING_SECONDS = 0.005
# A keyword in the schema of a stream of our taps: its rows are what the tap could not
# make sense of, for a person to look at.
SET_ASIDE = "x-elt-set-aside"
# A record of this size is a bug of the tap far more often than data, and DuckDB sets
# aside several times its size to read it.
LINE_LIMIT_BYTES = 64 << 20


class Message(msgspec.Struct, gc=False):
    """One line; which fields are set depends on `type`. Raw fields are JSON text."""

    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    schema: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    encoding: msgspec.Raw = msgspec.Raw()
    elt: msgspec.Raw = msgspec.Raw()
    key_properties: list[str] | None = None
    manifest: list[str] | None = None
    version: int | None = None


_decode = msgspec.json.Decoder(Message).decode


def read_chunks(
    descriptor: int,
    *,
    idle_timeout_seconds: float = 1800.0,
    line_limit_bytes: int = LINE_LIMIT_BYTES,
) -> Iterator[list[bytes]]:
    """Give the complete lines of a pipe, many at a time, without their newlines.

    Raises EltError when nothing comes for the idle timeout or when a line is longer
    than the limit; what was given before that stands.
    """
    begun: list[bytes] = []
    begun_bytes = 0
    _enlarge(descriptor)
    while True:
        _wait_for(descriptor, idle_timeout_seconds)
        chunk = _read(descriptor)
        reach("bytes-read")
        if not chunk:
            break
        first, newline, rest = chunk.partition(b"\n")
        begun.append(first)
        begun_bytes += len(first)
        if begun_bytes > line_limit_bytes:
            raise _too_long(b"".join(begun), line_limit_bytes)
        if not newline:
            continue
        lines = rest.split(b"\n")
        lines.insert(0, b"".join(begun))
        last = lines.pop()
        begun, begun_bytes = [last], len(last)
        yield lines
    if begun_bytes:
        yield [b"".join(begun)]


def _enlarge(descriptor: int) -> None:
    """Let the tap write on while we are busy, where the system has such pipes."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)


def _read(descriptor: int) -> bytes:
    chunk = os.read(descriptor, CHUNK_BYTES)
    if not chunk or len(chunk) >= _SMALL_BYTES:
        return chunk
    time.sleep(_GATHERING_SECONDS)
    ready, _, _ = select.select([descriptor], [], [], 0)
    return chunk + os.read(descriptor, CHUNK_BYTES) if ready else chunk


def decode(line: bytes) -> Message:
    """Read one line. Raises EltError when it is not a Singer message.

    A blank line, which some taps write, is a message of no type.

    A record that is not JSON in the strict sense is still given as one, so that it
    is set aside later by itself instead of ending the load.
    """
    try:
        return _decode(line)
    except _UNREADABLE as error:
        if not line.strip():
            return Message(type="")
        if line.startswith(_BYTE_ORDER_MARK):  # Windows puts it before the first line
            return decode(line.removeprefix(_BYTE_ORDER_MARK))
        record = _lenient_record(line)
        if record is None:
            raise EltError(
                "the tap wrote a line that is not a Singer message",
                where=_excerpt(line),
                hint=f"Only messages belong on stdout, logs on stderr ({error})",
            ) from None
        return record


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TEXTS_AND_WORDS = re.compile(rb'"(?:[^"\\]|\\.)*+"|NaN|-?Infinity')
_encode = msgspec.json.Encoder(decimal_format="number").encode


def _lenient_record(line: bytes) -> Message | None:
    """Read what Python's own json writes beyond the standard.

    Bare NaN and Infinity become text, which is read as what it says where the column
    is a number; all else stays as it was written.
    """
    try:
        message = _decode(_TEXTS_AND_WORDS.sub(_quoted, line))
    except _UNREADABLE:
        return _as_python_reads(line)
    return message if message.type == "RECORD" else None


def _quoted(found: re.Match[bytes]) -> bytes:
    word = found[0]
    return word if word.startswith(b'"') else b'"%b"' % word


def _as_python_reads(line: bytes) -> Message | None:
    """Read a record with half of a surrogate pair, which stays: no database takes it.

    What is wrong with the message around the record is left out.
    """
    try:
        message = json.loads(line, parse_constant=str, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "RECORD":
        return None
    record = message.get("record")
    try:
        raw = _encode(record)
    except UnicodeEncodeError:
        raw = json.dumps(record, default=str).encode()
    return Message(
        type="RECORD", stream=str(message.get("stream")), record=msgspec.Raw(raw)
    )


def raw_json(raw: msgspec.Raw) -> Any:
    """Decode a raw field; None where the message had none.

    Raises EltError when it has bytes that are no UTF-8.
    """
    text = utf_8(raw)
    try:
        return msgspec.json.decode(text) if text else None
    except msgspec.ValidationError:  # a number beyond all floats is JSON, too
        return json.loads(text)


def utf_8(raw: msgspec.Raw) -> bytes:
    """Give the bytes of a raw field. Raises EltError when they are no UTF-8."""
    content = bytes(raw)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise EltError(
            f"the tap wrote a message that is not UTF-8 ({error.reason})",
            where=_excerpt(content[max(0, error.start - 60) :]),
        ) from None
    return content


def _wait_for(descriptor: int, idle_timeout_seconds: float) -> None:
    started = time.monotonic()
    ready, _, _ = select.select([descriptor], [], [], idle_timeout_seconds)
    if not ready:
        silent = round(time.monotonic() - started)
        raise EltError(
            f"the tap wrote nothing for {silent} seconds and was taken for hanging",
            hint="Raise `idle_timeout_seconds` of the tap if it needs longer",
        )


def _too_long(line: bytes, limit: int) -> EltError:
    return EltError(
        f"the tap wrote a line longer than {limit >> 20} MB",
        where=_excerpt(line),
        hint="Deselect the column that is so large",
    )


def _excerpt(line: bytes, length: int = 120) -> str:
    text = line[:length].decode("utf-8", "replace")
    return text + ("…" if len(line) > length else "")
