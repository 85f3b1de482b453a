"""CSV files whose lines end in more than one way, made even for DuckDB.

Its strict reader refuses such a file as a whole, and the other one drops values.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from elt.targets.reading.roads import Road

_CHUNK_BYTES = 1 << 20


@contextmanager
def evened(road: Road) -> Iterator[Road]:
    """Give the road to a copy with a bare newline behind each line, where that helps.

    Line ends inside quotes are values and stay as they are.
    """
    told = road.encoding
    plain = told.compression == "none" and told.encoding in {"utf-8", "latin-1"}
    if road.format != "csv" or not plain or told.escape != told.quote:
        yield road
        return
    with tempfile.TemporaryDirectory(prefix="elt-") as folder:
        copy = Path(folder, "evened.csv")
        with road.path.open("rb") as source, copy.open("wb") as target:
            _copy_evened(source, target, told.quote.encode())
        yield replace(road, path=copy)


def _copy_evened(source: BinaryIO, target: BinaryIO, quote: bytes) -> None:
    inside, held = False, b""
    while chunk := source.read(_CHUNK_BYTES):
        chunk = held + chunk
        held = b"\r" if chunk.endswith(b"\r") else b""
        pieces = chunk.removesuffix(b"\r").split(quote) if quote else [chunk]
        for number, piece in enumerate(pieces):
            if number:
                target.write(quote)
                inside = not inside
            target.write(piece if inside else piece.replace(b"\r\n", b"\n"))
    target.write(held)
