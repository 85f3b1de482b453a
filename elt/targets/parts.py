"""What a tap has sent and no commit holds yet: spooled records and named files.

A stream's uncommitted rows are a list of parts in the order in which they came.
Records are spooled to disk as they are, so that memory stays flat however far apart
a tap's STATEs are, and so that DuckDB reads them itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from msgspec import Raw, Struct

from elt.errors import EltError, Unavailable
from elt.singer.messages import Message, raw_json
from elt.targets.columns import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Raw records of one stream, one a line, under one schema."""

    path: Path
    columns: tuple[Column, ...]
    size_bytes: int = 0
    longest_bytes: int = 0


class NamedFile(Struct, frozen=True, kw_only=True):
    """A file of a BATCH; `size` and `mtime_ns` are what the tap saw."""

    path: Path
    size: int | None = None
    mtime_ns: int | None = None
    constants: dict[str, Any] = {}
    replace: bool = False


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
    ignore: tuple[str, ...] = ()  # keys in the files that were deselected


Part = Records | Files


def append_records(part: Records, records: Sequence[Raw]) -> Records:
    """Add raw records to the spool and give the part as it is then."""
    lengths = [len(memoryview(record)) for record in records]
    # What a load before this one left under the name is none of our rows.
    mode = "ab" if part.size_bytes else "wb"
    with part.path.open(mode, buffering=0) as spool:
        _write_all(spool.fileno(), b"\n".join(records) + b"\n")
    return replace(
        part,
        size_bytes=part.size_bytes + sum(lengths) + len(lengths),
        longest_bytes=max(part.longest_bytes, *lengths),
    )


def files_of(message: Message, columns: tuple[Column, ...], keep: Path) -> Files:
    """Read a BATCH message.

    Files that are not declared by one of our own taps may be gone after the tap's
    next message, so they are linked into the folder `keep` first.
    """
    declared = raw_json(message.elt) or {}
    encoding = _encoding(raw_json(message.encoding) or {})
    paths = [_local_path(uri) for uri in message.manifest or ()]
    if "files" not in declared:
        kept = tuple(NamedFile(path=_kept(path, keep)) for path in paths)
        return Files(files=kept, encoding=encoding, columns=columns, temporary=True)
    files = tuple(
        NamedFile(path=path, **about)
        for path, about in zip(paths, declared["files"], strict=True)
    )
    temporary = bool(declared.get("temporary"))
    return Files(
        files=files,
        encoding=encoding,
        columns=columns,
        temporary=temporary,
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
    if encoding.format not in ("jsonl", "parquet", "csv"):
        raise EltError(
            f"the tap sent a BATCH of `{encoding.format}` files",
            hint="elt reads batches of jsonl, parquet and csv",
        )
    return encoding


def _local_path(uri: str) -> Path:
    parsed = urlparse(uri)
    if parsed.scheme not in ("", "file"):
        raise EltError(
            f"the tap sent a BATCH in `{parsed.scheme}://`",
            where=uri,
            hint="elt reads batches of local files; set the tap's `batch_config`",
        )
    return Path(unquote(parsed.path) if parsed.scheme else uri)


def _kept(path: Path, keep: Path) -> Path:
    kept = keep / f"{os.urandom(6).hex()}-{path.name}"
    try:
        os.link(path, kept)
    except OSError:
        shutil.copyfile(path, kept)
    return kept
