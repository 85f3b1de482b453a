"""Compressed files, unpacked while they are read."""

from __future__ import annotations

import gzip
import sys
from typing import BinaryIO, cast

from elt.taps.files.settings import Compression

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What a broken or half-written file raises besides OSError and zlib.error.
Broken = (EOFError, zstd.ZstdError)


def unpacked(raw: BinaryIO, compression: Compression) -> BinaryIO:
    """Give the content of an open file, of any number of members or frames."""
    match compression:
        case "none":
            return raw
        case "gzip":
            return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
        case "zstd":
            return cast("BinaryIO", zstd.ZstdFile(raw))
