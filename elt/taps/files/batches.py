"""Files on their way to a target that reads them itself: what each BATCH says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elt.taps.files.changes import Change
from elt.taps.files.csv import Dialect
from elt.taps.files.settings import File

GROUP_FILES = 200
GROUP_BYTES = 512 << 20
# A STATE lists all files of the stream, so many files must not mean many STATEs.
MOST_GROUPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One file to read: the user's own, or a copy that is to be deleted."""

    change: Change
    file: File
    encoding: Mapping[str, Any]
    temporary: bool
    replace: bool


def encoding_of(
    file: File, columns: Sequence[str], dialect: Dialect | None, *, header: bool
) -> dict[str, Any]:
    """Write how a file is to be read; the CSV words are DuckDB's.

    `columns` are those that the file has; JSON lines have none of their own.
    """
    encoding: dict[str, Any] = {"format": file.format, "compression": file.compression}
    if columns:
        encoding["columns"] = list(columns)
    if dialect is None:
        return encoding
    return {
        **encoding,
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "header": header and dialect.header,
        "skip_rows": dialect.skip_rows if header else 0,
        "encoding": file.encoding,
        "null_values": list(dialect.null_values),
    }


def groups(handovers: Iterable[Handover], total: int) -> Iterator[list[Handover]]:
    """Gather neighbours that are read alike; `total` is how many files there are."""
    most = max(GROUP_FILES, total // MOST_GROUPS)
    group: list[Handover] = []
    size_bytes = 0
    for one in handovers:
        full = len(group) >= most or size_bytes >= GROUP_BYTES
        if group and (full or not _alike(one, group[0])):
            yield group
            group, size_bytes = [], 0
        group.append(one)
        size_bytes += one.change.identity.size - one.change.start
    if group:
        yield group


def _alike(one: Handover, other: Handover) -> bool:
    return one.encoding == other.encoding and one.temporary == other.temporary


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """A BATCH that names files; singer-sdk's writer asks for `to_dict`."""

    stream: str
    group: Sequence[Handover]
    left_out: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "type": "BATCH",
            "stream": self.stream,
            "encoding": dict(self.group[0].encoding),
            "manifest": [one.file.path.absolute().as_uri() for one in self.group],
            "elt": {
                "temporary": self.group[0].temporary,
                "files": [_about(one) for one in self.group],
                **({"ignore": list(self.left_out)} if self.left_out else {}),
            },
        }


def _about(one: Handover) -> dict[str, Any]:
    size, mtime_ns = one.change.identity.size, one.change.identity.mtime_ns
    if one.temporary:
        now = one.file.path.stat()
        size, mtime_ns = now.st_size, now.st_mtime_ns
    return {
        "size": size,
        "mtime_ns": mtime_ns,
        "constants": {"_file": one.change.file.name},
        "replace": one.replace,
    }
