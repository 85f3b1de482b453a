"""What is new in a stream's files since its bookmark: decided by content, not by time.

The bookmark keeps for each file what the operating system says of it (size, times,
inode) and a fingerprint of its content. The first is only a reason not to look: where
it differs, the content decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import xxhash

from elt.taps.files.settings import File

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Identity:
    """What the operating system says; equal means nothing was written since."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file up to some size.

    `whole_rows`: it surely ends where a row ends, so that what is appended later can
    be read alone.
    """

    fingerprint: str
    whole_rows: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file of which something is to be handed over.

    new: never read. grown: the rest begins at byte `start`. rewritten: other content
    under the same name. mended: it grew, but its last row was not whole when it was
    read, so all of it replaces what was loaded.
    """

    file: File
    identity: Identity
    what: Literal["new", "grown", "rewritten", "mended"]
    content: Content | None = None  # None where it is not known yet
    start: int = 0


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that was written, with the content that we know: nothing to do."""

    file: File
    identity: Identity
    content: Content


def identity_of(file: File) -> Identity:
    now = file.path.stat()
    return Identity(now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)


def changes(
    files: Sequence[File],
    known: Mapping[str, Mapping[str, Any]],
    *,
    quotes: tuple[str, str] = ('"', '"'),
) -> Iterator[Change | Touched]:
    """Compare the files with the bookmark; unchanged ones are left out.

    Reads only what the operating system says was written. A file that vanishes
    meanwhile is left out, too. `quotes` are CSV's quote and escape.
    """
    for file in files:
        try:
            change = _change(file, known.get(file.name), quotes)
        except FileNotFoundError:
            continue
        if change is not None:
            yield change


def content_of(
    file: File, size: int, *, quotes: tuple[str, str] = ('"', '"')
) -> Content:
    """Read a file's first bytes and tell what they are."""
    _, content = _contents(file, (0, size), quotes)
    return content


def entry_of(identity: Identity, content: Content) -> dict[str, Any]:
    """Write what the bookmark keeps of a file."""
    return {**asdict(identity), "fingerprint": content.fingerprint}


def missing(files: Sequence[File], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the files that were read and are gone, and not yet noted as such."""
    here = {file.name for file in files}
    return [
        name
        for name, entry in known.items()
        if name not in here and not entry.get("missing")
    ]


def _change(
    file: File, entry: Mapping[str, Any] | None, quotes: tuple[str, str]
) -> Change | Touched | None:
    identity = identity_of(file)
    if entry is None:
        return Change(file=file, identity=identity, what="new")
    if all(entry.get(name) == value for name, value in asdict(identity).items()):
        return None
    old_size = entry["size"]
    before, now = _contents(file, (min(old_size, identity.size), identity.size), quotes)
    same_start = before.fingerprint == entry["fingerprint"]
    if same_start and identity.size == old_size:
        return Touched(file, identity, now)
    appended = same_start and identity.size > old_size > 0
    if appended and before.whole_rows:
        return Change(
            file=file, identity=identity, what="grown", content=now, start=old_size
        )
    what: Literal["mended", "rewritten"] = "mended" if appended else "rewritten"
    return Change(file=file, identity=identity, what=what, content=now)


def _contents(
    file: File, sizes: tuple[int, int], quotes: tuple[str, str]
) -> tuple[Content, Content]:
    """Give the content up to each of two sizes, in one pass over the file."""
    # Ten times as fast as sha256, which took a tenth of a load beside DuckDB.
    digest = xxhash.xxh3_128()
    rows = _RowEnd(file, quotes)
    found: list[Content] = []
    read = 0
    with file.path.open("rb") as opened:
        for size in sizes:
            while read < size:
                chunk = opened.read(min(_CHUNK_BYTES, size - read))
                if not chunk:
                    break
                digest.update(chunk)
                rows.see(chunk)
                read += len(chunk)
            found.append(Content(digest.copy().hexdigest(), rows.is_here()))
    return found[0], found[1]


class _RowEnd:
    """Tells whether the bytes seen so far surely end where a row ends."""

    def __init__(self, file: File, quotes: tuple[str, str]) -> None:
        quote, escape = quotes
        self._possible = (
            file.format != "parquet"
            and file.compression == "none"
            and file.encoding in ("utf-8", "latin-1")
            and (file.format == "jsonl" or escape == quote)
        )
        # Doubled quotes keep the count even: an odd one is inside a quoted field,
        # where a newline ends no row.
        self._quote = quote.encode() if file.format == "csv" else b""
        self._quotes = 0
        self._last = b""

    def see(self, chunk: bytes) -> None:
        if not self._possible:
            return
        if self._quote:
            self._quotes += chunk.count(self._quote)
        self._last = chunk[-1:]

    def is_here(self) -> bool:
        return self._possible and self._last == b"\n" and self._quotes % 2 == 0


def is_unchanged(file: File, identity: Identity) -> bool:
    """Tell whether the file is still as it was looked at."""
    try:
        return identity_of(file) == identity
    except OSError:
        return False
