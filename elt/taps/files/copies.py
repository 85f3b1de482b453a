"""Copies of files, where handing the file itself over would not do.

DuckDB reads UTF-8 and Latin-1, and no byte order mark in JSON lines; of a file that
grew only the new end is handed over. Copies are readable by their owner only.
"""

from __future__ import annotations

import codecs
import gzip
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from elt.errors import ConfigError
from elt.taps.files.settings import File

_CHUNK_BYTES = 1 << 20


def is_readable(file: File) -> bool:
    """Tell whether DuckDB reads the file as it is."""
    if file.format == "parquet":
        return True
    if file.encoding not in ("utf-8", "latin-1"):
        return False
    if file.format == "csv" or file.compression == "zstd":
        return True
    with _content(file) as content:
        start = content.read(len(codecs.BOM_UTF8))
    return start != codecs.BOM_UTF8 and file.encoding == "utf-8"


@contextmanager
def readable(files: Sequence[File]) -> Iterator[list[File]]:
    """Give files that DuckDB reads, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="elt-") as folder:
        yield [
            file if is_readable(file) else copy_as_utf8(file, Path(folder))
            for file in files
        ]


def copy_as_utf8(file: File, folder: Path) -> File:
    """Copy a file's content decompressed, in UTF-8, without a byte order mark."""
    if file.compression == "zstd":
        raise ConfigError(
            f"a zstd file can be read in utf-8 only, not in {file.encoding}",
            where=file.name,
            hint="Pack it with gzip, or write it in UTF-8",
        )
    decoder = codecs.getincrementaldecoder(file.encoding)()
    path, copy = _new_file(folder, file.format)
    with copy, _content(file) as content:
        at_start = True
        while chunk := content.read(_CHUNK_BYTES):
            text = decoder.decode(chunk)
            copy.write((text.removeprefix("\ufeff") if at_start else text).encode())
            at_start = at_start and not text
        copy.write(decoder.decode(b"", final=True).encode())
    return replace(file, path=path, compression="none", encoding="utf-8")


def copy_end(file: File, folder: Path, start: int, end: int) -> File:
    """Copy the bytes between two places of an uncompressed file."""
    path, copy = _new_file(folder, file.format)
    with copy, file.path.open("rb") as content:
        content.seek(start)
        left = end - start
        while left > 0 and (chunk := content.read(min(left, _CHUNK_BYTES))):
            copy.write(chunk)
            left -= len(chunk)
    return replace(file, path=path)


def _content(file: File) -> IO[bytes]:
    if file.compression == "gzip":
        return gzip.open(file.path)  # type: ignore[return-value]  # it reads bytes
    return file.path.open("rb")


def _new_file(folder: Path, ending: str) -> tuple[Path, IO[bytes]]:
    descriptor, name = tempfile.mkstemp(prefix="part-", suffix=f".{ending}", dir=folder)
    return Path(name), os.fdopen(descriptor, "wb")
