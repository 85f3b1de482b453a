"""How a CSV file is written: its dialect, its header, and DuckDB's words for both.

DuckDB's own sniffer is not asked: one ragged line makes it see a single column, and a
guess about quotes or a header that changes with the data would change the table.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from elt.errors import ConfigError
from elt.taps.files.compressed import unpacked
from elt.taps.files.settings import File, StreamSettings

SAMPLE_BYTES = 1 << 18
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One stream's CSV, the same for all its files."""

    delimiter: str
    quote: str
    escape: str
    header: bool
    skip_rows: int
    null_values: tuple[str, ...]


def dialect_of(settings: StreamSettings, files: Iterable[File]) -> Dialect:
    """Take what is set; look at the first file with content for the rest."""
    texts = (sample_text(settings, file) for file in files)
    text = next((text for text in texts if text.strip()), "")
    text = _after_lines(text, settings.skip_rows)
    escape = settings.escape or _escape(text, settings.quote)
    return Dialect(
        delimiter=settings.delimiter or _delimiter(text, settings.quote, escape),
        quote=settings.quote,
        escape=escape,
        header=settings.header,
        skip_rows=settings.skip_rows,
        null_values=settings.null_values,
    )


def columns_of(
    settings: StreamSettings, dialect: Dialect, file: File, known: Iterable[str]
) -> list[str]:
    """Name a file's columns in order; none for an empty file.

    Names are trimmed, made unique without regard to case, and spelled as in `known`
    where they differ from it in case only.
    """
    text = _after_lines(sample_text(settings, file), dialect.skip_rows)
    first = next(_rows(text, dialect.delimiter, dialect.quote, dialect.escape), None)
    if first is None:
        return []
    if not dialect.header:
        return [f"column{i}" for i in range(1, len(first) + 1)]
    return _unique(first, {name.lower(): name for name in known})


def sample_text(settings: StreamSettings, file: File) -> str:
    """Decode the beginning of a file. Raises ConfigError for another encoding."""
    content = first_bytes(file, SAMPLE_BYTES)
    whole = len(content) < SAMPLE_BYTES
    decoder = codecs.getincrementaldecoder(settings.encoding)()
    try:
        return decoder.decode(content, final=whole).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"stream `{settings.name}`: a file is not {settings.encoding}"
            f" (byte {content[error.start]:#04x} at {error.start})",
            where=file.name,
            hint='Set its `encoding`, for example "latin-1"',
        ) from error


def first_bytes(file: File, size: int) -> bytes:
    """Read the beginning of a file's content, decompressed."""
    if file.compression == "none":
        with file.path.open("rb") as plain:
            return plain.read(size)
    if file.compression == "gzip":
        with gzip.open(file.path) as unpacked:
            return unpacked.read(size)
    pieces: list[bytes] = []
    read = 0
    for line in zstd_lines(file):
        pieces.append(line + b"\n")
        read += len(line) + 1
        if read >= size:
            break
    return b"".join(pieces)[:size]


def zstd_lines(file: File) -> Iterator[bytes]:
    """Read a zstd file's lines, without what ends them."""
    with file.path.open("rb") as raw, unpacked(raw, "zstd") as lines:
        for line in lines:
            yield line.rstrip(b"\r\n")


def read_csv_sql(
    file: File, columns: Sequence[str], dialect: Dialect, extra: str
) -> str:
    """Write DuckDB's call that reads a file's columns as text."""
    names = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    nulls = ", ".join(literal(text) for text in dialect.null_values)
    return f"""
        read_csv({literal(str(file.path))}, columns = {{{names}}},
            auto_detect = false, header = {str(dialect.header).lower()},
            delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)},
            escape = {literal(dialect.escape)}, skip = {dialect.skip_rows},
            compression = {literal(file.compression)}, nullstr = [{nulls}],
            encoding = {literal(file.encoding)}, allow_quoted_nulls = false,
            max_line_size = {32 << 20}, {extra})
    """


def literal(text: str) -> str:
    """Write a string literal: table functions take no parameters everywhere."""
    return "'" + text.replace("'", "''") + "'"


def _after_lines(text: str, count: int) -> str:
    return text if count == 0 else "\n".join(text.split("\n")[count:])


def _delimiter(text: str, quote: str, escape: str) -> str:
    """Take the delimiter that splits most rows as it splits the first."""
    best, best_score = _DELIMITERS[0], 0.0
    for delimiter in _DELIMITERS:
        rows = list(itertools.islice(_rows(text, delimiter, quote, escape), 200))
        width = len(rows[0]) if rows else 0
        if width < 2:  # noqa: PLR2004  it does not split the first row
            continue
        score = sum(len(row) == width for row in rows) / len(rows) + width / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _escape(text: str, quote: str) -> str:
    doubled, escaped = text.count(quote * 2), text.count("\\" + quote)
    return "\\" if quote and escaped > doubled else quote


def _rows(text: str, delimiter: str, quote: str, escape: str) -> Iterator[list[str]]:
    csv.field_size_limit(2 * SAMPLE_BYTES)
    doubled = escape == quote
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        quotechar=quote or None,
        doublequote=doubled,
        escapechar=None if doubled else escape,
    )
    return (row for row in reader if row)


def _unique(header: Sequence[str], known: dict[str, str]) -> list[str]:
    names: list[str] = []
    taken = {"_file"}
    for i, text in enumerate(header, start=1):
        wish = text.strip() or f"column{i}"
        name, number = wish, 0
        while name.lower() in taken:
            number += 1
            name = f"{wish}_{number}"
        taken.add(name.lower())
        names.append(known.get(name.lower(), name))
    return names
