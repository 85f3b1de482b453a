"""The lines of a file as they are, whatever bytes are in them."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

_BLANK = b" \t\r\n"


def lines_at(path: Path, compression: str, places: Collection[int]) -> dict[int, str]:
    """Give some lines by their place, counted from 1 among those that are not blank.

    Bytes that are no UTF-8 are shown as the replacement character.
    """
    wanted, found, place = set(places), dict[int, str](), 0
    with _unpacked(path, compression) as file:
        for line in file:
            place += bool(line.strip(_BLANK))
            if place in wanted and place not in found:
                found[place] = line.rstrip(b"\r\n").decode("utf-8", "replace")
            if len(found) == len(wanted):
                break
    return found


@contextmanager
def _unpacked(path: Path, compression: str) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        match compression:
            case "gzip":
                yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
            case "zstd":
                if sys.version_info >= (3, 14):
                    from compression import zstd  # noqa: PLC0415  not in older ones
                else:
                    from backports import zstd  # noqa: PLC0415  seldom needed
                yield cast("IO[bytes]", zstd.ZstdFile(raw))
            case _:
                yield raw
