"""The lines of one file, or the elements of its JSON arrays, in bounded memory."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, cast

import xxhash

from elt.taps.files.compressed import Broken, unpacked
from elt.taps.files.settings import File

UNREADABLE = (OSError, zlib.error, *Broken)
_CHUNK_BYTES = 1 << 20
# An event is 32 KB at most for Segment, and a batch 500 KB.
LONGEST_BYTES = 16 << 20


class Cut(bytes):
    """The beginning of a line that is too long to be an event."""


class Hashed:
    """A file's bytes between two places, and the fingerprint of all up to the end."""

    def __init__(self, raw: BinaryIO, end: int) -> None:
        self._raw = raw
        self._left = end
        self._digest = xxhash.xxh3_128()

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._raw.read(wanted)
        self._digest.update(found)
        self._left -= len(found)
        return found

    def readable(self) -> bool:
        return True

    def skip(self, size: int) -> None:
        while size > 0 and (found := self.read(min(size, _CHUNK_BYTES))):
            size -= len(found)

    def fingerprint(self) -> str:
        """Read what is left, and give what change detection knows a content by."""
        self.skip(self._left)
        return self._digest.hexdigest()


class Lines:
    """One file between two places; `line` is how many lines lie before the first."""

    def __init__(
        self, file: File, start: int, end: int, *, line: int = 0, spread: bool = True
    ) -> None:
        self._file = file
        self._start = start
        self._end = end
        self._may_spread = spread
        self.line = line
        self.spread = False  # whether its objects are not one a line
        self.fingerprint = ""  # known at the end

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Give each line with its number.

        Raises one of UNREADABLE where the file cannot be read on.
        """
        with self._file.path.open("rb") as raw:
            hashed = Hashed(raw, self._end)
            hashed.skip(self._start)
            yield from self._read(_chunks(hashed, self._file))
            self.fingerprint = hashed.fingerprint()

    def _read(self, chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
        first = next(chunks, b"").removeprefix(codecs.BOM_UTF8)
        whole = chain([first], chunks)
        self.spread = self._may_spread and is_spread(first)
        if self.spread:
            for number, element in elements(whole):
                self.line = number
                yield number, element
            return
        for lines in split(whole):
            for line in lines:
                self.line += 1
                yield self.line, line


def _chunks(hashed: Hashed, file: File) -> Iterator[bytes]:
    content = unpacked(cast("BinaryIO", hashed), file.compression)
    while chunk := content.read(_CHUNK_BYTES):
        yield chunk


def split(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Split at newlines; the last line need not have one."""
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        first, newline, rest = chunk.partition(b"\n")
        size += len(first)
        if size <= LONGEST_BYTES:
            begun.append(first)
        if not newline:
            continue
        lines = rest.split(b"\n")
        lines.insert(0, _joined(begun, size))
        last = lines.pop()
        begun, size = [last], len(last)
        yield lines
    if size:
        yield [_joined(begun, size)]


def _joined(pieces: Sequence[bytes], size: int) -> bytes:
    whole = b"".join(pieces)
    return whole if len(whole) == size else Cut(whole)


def is_spread(beginning: bytes) -> bool:
    """Tell from a file's beginning that its objects are not one a line."""
    line = beginning.lstrip().partition(b"\n")[0]
    return line.startswith(b"[") or line.strip() == b"{"


# A quote alone begins a text of which the end has not been read yet.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\]]', re.DOTALL)
_BETWEEN = b" \t\r\n,"


def elements(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give the objects of arrays, and of pretty-printed text, with their lines.

    What else is between them, and an end that is missing, come as elements that are
    no JSON, so that somebody sees them.
    """
    cutter = _Cutter()
    for chunk in chunks:
        yield from cutter.take(chunk)
        if cutter.size > LONGEST_BYTES:
            yield cutter.line, Cut(cutter.rest())
            return
    rest = cutter.rest().strip(_BETWEEN)
    if rest:
        yield cutter.line, rest


class _Cutter:
    """Counts braces outside of texts; all before `_done` has been given."""

    def __init__(self) -> None:
        self.line = 1
        self._text = b""
        self._done = 0
        self._seen = 0
        self._depth = 0
        self._base: int | None = None  # the depth at which elements begin

    @property
    def size(self) -> int:
        return len(self._text) - self._done

    def rest(self) -> bytes:
        return self._text[self._done :]

    def take(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        self._text = self._text[self._done :] + chunk
        self._seen, self._done = self._seen - self._done, 0
        for match in _TOKEN.finditer(self._text, self._seen):
            sign = match[0]
            if sign == b'"':
                self._seen = match.start()
                return
            if sign in b"{[":
                yield from self._opened(match.start(), sign)
            elif sign in b"}]":
                yield from self._closed(match.end())
        self._seen = len(self._text)

    def _opened(self, at: int, sign: bytes) -> Iterator[tuple[int, bytes]]:
        if self._base is None:
            self._base = 1 if sign == b"[" else 0
        if self._depth <= self._base:
            yield from self._stray(at)
        if self._depth < self._base:
            self._advance(at + 1)
        self._depth += 1

    def _closed(self, end: int) -> Iterator[tuple[int, bytes]]:
        base = self._base or 0
        self._depth = max(0, self._depth - 1)
        if self._depth == base:
            yield self.line, self._text[self._done : end]
        elif self._depth < base:
            yield from self._stray(end - 1)
        if self._depth <= base:
            self._advance(end)

    def _stray(self, end: int) -> Iterator[tuple[int, bytes]]:
        between = self._text[self._done : end]
        start = end - len(between.lstrip(_BETWEEN))
        stray = between.strip(_BETWEEN)
        self._advance(start)
        if stray:
            yield self.line, stray
            self._advance(end)

    def _advance(self, end: int) -> None:
        self.line += self._text.count(b"\n", self._done, end)
        self._done = end
