"""How a file is packed, as its bytes tell, and whether it is whole.

DuckDB notices a gzip file that was cut off, but not every damage: it ignores the
checksum, and takes zstd that ends early for the end.
"""

from __future__ import annotations

import gzip
import mmap
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from elt.errors import EltError

if TYPE_CHECKING:
    from types import ModuleType

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK_BYTES = 1 << 20


def packing_of(path: Path) -> str | None:
    """Give `gzip` or `zstd`; None where the first bytes are of neither."""
    with path.open("rb") as file:
        first = file.read(4)
    found = (name for magic, name in _MAGIC.items() if first.startswith(magic))
    return next(found, None)


@contextmanager
def unpacked(path: Path, compression: str) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        match compression:
            case "gzip":
                yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
            case "zstd":
                yield cast("IO[bytes]", _zstd().ZstdFile(raw))
            case _:
                yield raw


def check_end(path: Path, compression: str) -> None:
    """Raise EltError when a zstd file was cut off; costs next to nothing.

    A gzip file that was cut off is noticed by DuckDB.
    """
    if compression != "zstd" or not path.stat().st_size:
        return
    zstd = _zstd()
    with path.open("rb") as file, _mapped(file) as whole:
        begins = 0
        while begins < len(whole):
            try:
                begins += zstd.get_frame_size(whole[begins:])
            except zstd.ZstdError as error:
                raise _damaged(path, "it ends too early") from error


def check_whole(path: Path, compression: str) -> None:
    """Raise EltError when a packed file is damaged anywhere, by unpacking all of it."""
    if compression not in ("gzip", "zstd"):
        return
    try:
        with unpacked(path, compression) as file:
            while file.read(_CHUNK_BYTES):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error, _zstd().ZstdError) as error:
        raise _damaged(path, str(error)) from error


@contextmanager
def _mapped(file: IO[bytes]) -> Iterator[memoryview]:
    with (
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as whole,
    ):
        yield whole


def _damaged(path: Path, why: str) -> EltError:
    return EltError(
        f"a packed file is damaged: {why[:1].lower()}{why[1:]}",
        where=str(path),
        hint="Nothing of it was loaded; have it written again",
    )


def _zstd() -> Any:
    module: ModuleType
    if sys.version_info >= (3, 14):
        from compression import zstd as module  # noqa: PLC0415  not in older ones
    else:
        from backports import zstd as module  # noqa: PLC0415  seldom needed
    return module
