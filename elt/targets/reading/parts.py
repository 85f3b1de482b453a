"""What a tap has sent and no commit holds yet: spooled records and named files.

A stream's uncommitted rows are a list of parts in the order in which they came.
Records are spooled to disk as they are, so that memory stays flat however far apart
a tap's STATEs are, and so that DuckDB reads them itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import Raw, Struct
from msgspec.structs import replace as replace_fields

from elt.errors import EltError, Unavailable, of_the_disk
from elt.singer.messages import Message, raw_json
from elt.targets.columns import Column
from elt.targets.reading.batch_files import is_local, keep, local_path
from elt.targets.reading.packing import packing_of

_FORMATS = ("jsonl", "parquet", "arrow", "csv")
_COMPRESSIONS = {"": "none", "gz": "gzip", "zst": "zstd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Raw records of one stream, one a line, under one schema."""

    path: Path
    columns: tuple[Column, ...]
    size_bytes: int = 0
    longest_bytes: int = 0
    key_number: int = 0  # which of the keys that the stream has had meanwhile
    ignore: tuple[str, ...] = ()  # keys that no column is made for
    version: int | None = None  # which of the tap's versions of the table they are of


class NamedFile(Struct, frozen=True, kw_only=True):
    """A file of a BATCH; `size` and `mtime_ns` are what the tap saw."""

    path: Path
    size: int | None = None
    mtime_ns: int | None = None
    constants: dict[str, Any] = {}
    replace: bool = False
    compression: str | None = None  # where its bytes tell what the message does not


class Encoding(Struct, frozen=True, kw_only=True):
    """How the files of a BATCH are written; the CSV keys are DuckDB's words."""

    format: str = "jsonl"
    compression: str = "none"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    columns: list[str] = []
    skip_rows: int = 0
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """One BATCH: files that DuckDB reads where they lie."""

    files: tuple[NamedFile, ...]
    encoding: Encoding
    columns: tuple[Column, ...]
    temporary: bool = False
    ignore: tuple[str, ...] = ()  # keys that no column is made for
    key_number: int = 0  # which of the keys that the stream has had meanwhile


Part = Records | Files


def append_records(part: Records, records: Sequence[Raw]) -> Records:
    """Add raw records to the spool and give the part as it is then."""
    lengths = [len(memoryview(record)) for record in records]
    if 0 in lengths:  # a RECORD without a record, which is to be a reject
        return append_records(part, [record or Raw(b"null") for record in records])
    # What a load before this one left under the name is none of our rows.
    mode = "ab" if part.size_bytes else "wb"
    try:
        with part.path.open(mode, buffering=0) as spool:
            _write_all(spool.fileno(), b"\n".join(records) + b"\n")
    except OSError as error:
        full = of_the_disk(error, str(part.path))
        if full is None:
            raise
        raise full from error
    return replace(
        part,
        size_bytes=part.size_bytes + sum(lengths) + len(lengths),
        longest_bytes=max(part.longest_bytes, *lengths),
    )


def files_of(
    message: Message,
    columns: tuple[Column, ...],
    folder: Path,
    *,
    storage: Mapping[str, Any] | None = None,
) -> Files:
    """Read a BATCH message.

    Files that are not declared by one of our own taps may be gone after the tap's
    next message, so they are kept in the folder first. `storage` has fsspec's options
    for the place that the tap was told to write to.
    """
    declared = raw_json(message.elt) or {}
    encoding = _encoding(raw_json(message.encoding) or {})
    uris = message.manifest or []
    if "files" not in declared:
        files = [_kept(uri, folder, encoding, storage or {}) for uri in uris]
        return Files(
            files=tuple(files), encoding=encoding, columns=columns, temporary=True
        )
    return Files(
        files=tuple(
            NamedFile(path=_own_path(uri), **about)
            for uri, about in zip(uris, declared["files"], strict=True)
        ),
        encoding=encoding,
        columns=columns,
        temporary=bool(declared.get("temporary")),
        ignore=tuple(declared.get("ignore") or ()),
    )


def check_unchanged(file: NamedFile) -> None:
    """Raise Unavailable when a file is not as the tap saw it."""
    try:
        now = file.path.stat()
    except FileNotFoundError as error:
        raise Unavailable("a file of a batch is gone", where=str(file.path)) from error
    seen = (file.size, file.mtime_ns)
    if seen not in {(None, None), (now.st_size, now.st_mtime_ns)}:
        raise Unavailable(
            "a file changed while it was read; nothing of it was loaded",
            where=str(file.path),
            hint="Run again when it is complete",
        )


def discard(part: Part) -> None:
    """Delete what is ours; a user's own files are never touched."""
    match part:
        case Records(path=path):
            path.unlink(missing_ok=True)
        case Files(files=files, temporary=True):
            for file in files:
                file.path.unlink(missing_ok=True)
        case Files():
            pass


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _encoding(declared: dict[str, Any]) -> Encoding:
    known = {k: v for k, v in declared.items() if k in Encoding.__struct_fields__}
    encoding = Encoding(**{k: v for k, v in known.items() if v is not None})
    if encoding.format not in _FORMATS:
        raise EltError(
            f"the tap sent a BATCH of `{encoding.format}` files",
            hint=f"elt reads batches of {', '.join(_FORMATS[:-1])} and {_FORMATS[-1]}",
        )
    compression = _COMPRESSIONS.get(encoding.compression, encoding.compression)
    if encoding.format in ("parquet", "arrow"):
        compression = "none"  # the file is not packed, its columns are
    return replace_fields(encoding, compression=compression)


def _own_path(uri: str) -> Path:
    if not is_local(uri):
        raise EltError("a tap of ours sent a BATCH that is no local file", where=uri)
    return local_path(uri)


def _kept(
    uri: str, folder: Path, encoding: Encoding, storage: Mapping[str, Any]
) -> NamedFile:
    """Keep a file, and note what it is like: a tap may write over it by mistake."""
    path = keep(uri, folder, storage)
    try:
        compression = _compression(path, encoding)
    except EltError:
        path.unlink()
        raise
    now = path.stat()
    return NamedFile(
        path=path,
        size=now.st_size,
        mtime_ns=now.st_mtime_ns,
        compression=compression,
    )


def _compression(path: Path, encoding: Encoding) -> str | None:
    """Look how JSON lines are packed: the Singer SDK packs them, asked to or not."""
    if encoding.format != "jsonl":
        return None
    told = encoding.compression
    found = packing_of(path)
    if found is None and not _is_json(path):
        found = told
    if found not in (None, "none", "gzip", "zstd"):
        raise EltError(
            f"the tap sent a BATCH of jsonl files packed as `{told}`",
            hint="elt reads them plain or packed with gzip or zstd; set the"
            " `compression` in the tap's `batch_config`",
        )
    return found or "none"


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1000).lstrip()[:1] in (b"", b"{")
