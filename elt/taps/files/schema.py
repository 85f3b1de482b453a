"""The schema of a stream of files, found from a sample of their rows.

Rules, on top of those in elt.taps.kinds: nothing that a type would change is given
that type. In CSV a column is an integer only if every value is written as an integer
is (`007` and `+49` are text, and so is what exceeds 64 bits); an exact decimal if all
values have the same two or more places (`9.99`); a number if none has more than 15
digits; text otherwise.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import duckdb
import msgspec

from elt.taps.files.copies import readable
from elt.taps.files.csv import (
    columns_of,
    dialect_of,
    literal,
    read_csv_sql,
    zstd_lines,
)
from elt.taps.files.settings import File, StreamSettings, spread
from elt.taps.kinds import PLAIN_DIGITS, Kind, Name, schema_from_words, schema_of
from elt.taps.records import Columns

SAMPLE_FILES = 20
SAMPLE_ROWS = 200_000
SAMPLE_LINES = 20_000
# The digits that a double keeps, whatever they are.
EXACT_DIGITS = 15
FILE_PROPERTY = {"type": ["string"], "description": "The file that the row is from"}


def schema_of_files(settings: StreamSettings, files: Sequence[File]) -> dict[str, Any]:
    """Write the stream's JSON Schema; `_file` first, declared types last to win."""
    found: dict[str, dict[str, Any]] = {}
    if files and files[0].format == "csv":
        found = _csv_properties(settings, files)
    elif files and files[0].format == "jsonl":
        found = _jsonl_properties(settings, files)
    elif files:
        found = _parquet_properties(files)
    declared = {k: schema_from_words(v) for k, v in settings.columns.items()}
    properties = {"_file": FILE_PROPERTY, **found, **declared}
    return {"type": "object", "properties": properties}


def _csv_properties(
    settings: StreamSettings, files: Sequence[File]
) -> dict[str, dict[str, Any]]:
    dialect = dialect_of(settings, files)
    headers: dict[str, list[str]] = {}
    known: dict[str, None] = {}
    for file in files:
        headers[file.name] = columns_of(settings, dialect, file, known)
        known |= dict.fromkeys(headers[file.name])
    sampled = spread([file for file in files if headers[file.name]], SAMPLE_FILES)
    if not sampled:
        return {}
    limit = max(1000, SAMPLE_ROWS // len(sampled))
    kinds: dict[str, Kind] = {}
    with readable(sampled) as copies, duckdb.connect() as connection:
        # Rows of every width and with any line ending are looked at: one that is not
        # as it should be must not hide the types of the others.
        loose = (
            "ignore_errors = true, null_padding = true, parallel = false,"
            " strict_mode = false"
        )
        sources = (
            f"(FROM {read_csv_sql(file, headers[file.name], dialect, loose)}"
            f" LIMIT {limit})"
            for file in copies
        )
        connection.execute(
            f"CREATE TABLE sample AS {' UNION ALL BY NAME '.join(sources)}"
        )
        kinds = _csv_kinds(connection, list(known))
    return {name: schema_of(kinds.get(name, Kind("null"))) for name in known}


_PLAIN_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
_NUMBER = _PLAIN_NUMBER + r"([eE][+-]?[0-9]+)?"
_DATE_TIME = (
    r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
# Each is true for a value `c` that the kind holds as it is written.
_HOLDS: dict[Name, str] = {
    "integer": "TRY_CAST(c AS BIGINT)::VARCHAR = c",
    "boolean": "lower(c) IN ('true', 'false')",
    "date": "length(c) = 10 AND TRY_CAST(c AS DATE)::VARCHAR = c",
    "date-time": "(length(c) = 10 AND TRY_CAST(c AS DATE)::VARCHAR = c"
    f" OR regexp_full_match(c, '{_DATE_TIME}')"
    " AND TRY_CAST(c AS TIMESTAMPTZ) IS NOT NULL)",
    "number": f"regexp_full_match(c, '{_NUMBER}') AND"
    f" length(regexp_replace(c, '[^0-9]', '', 'g')) <= {EXACT_DIGITS}",
}


def _csv_kinds(
    connection: duckdb.DuckDBPyConnection, names: Iterable[str]
) -> dict[str, Kind]:
    """Guess from a thousand rows, then prove it, or find another, with all."""
    kinds = {}
    for name in names:
        column = '"' + name.replace('"', '""') + '"'
        values = f"(SELECT {column} AS c FROM sample WHERE {column} IS NOT NULL)"
        guess = _kind_in(connection, f"(FROM {values} LIMIT 1000)")
        kinds[name] = guess
        if not _holds_all(connection, guess, values):
            kinds[name] = _kind_in(connection, values)
    return kinds


def _holds_all(connection: duckdb.DuckDBPyConnection, kind: Kind, values: str) -> bool:
    if kind.name in ("string", "null"):
        return kind.name == "string"
    test = _HOLDS.get(kind.name) or _decimal_test(kind)
    row = connection.execute(f"SELECT {_all(test)} FROM {values}").fetchone()
    return row == (True,)


def _all(test: str) -> str:
    return f"bool_and(coalesce({test}, false))"


def _decimal_test(kind: Kind) -> str:
    whole = PLAIN_DIGITS - kind.scale
    return (
        rf"regexp_full_match(c, '-?(0|[1-9][0-9]{{0,{whole - 1}}})"
        rf"(\.[0-9]{{{kind.scale}}})?')"
    )


def _kind_in(connection: duckdb.DuckDBPyConnection, values: str) -> Kind:
    tests = ", ".join(_all(test) for test in _HOLDS.values())
    places = "nullif(length(c) - length(split_part(c, '.', 1)) - 1, -1)"
    row = connection.execute(
        f"""
        SELECT {tests}, count(c),
            bool_and(regexp_full_match(c, '{_PLAIN_NUMBER}')),
            min({places}), max({places}),
            max(length(split_part(ltrim(c, '-'), '.', 1)))
        FROM {values}
        """
    ).fetchone()
    held = dict(zip(_HOLDS, row or (), strict=False))
    values_seen, plain, fewest, most, whole = (row or (None,) * 10)[len(_HOLDS) :]
    if not values_seen:
        return Kind("null")
    same_places = plain and most is not None and fewest == most > 1
    if same_places and whole + most <= PLAIN_DIGITS:
        return Kind("decimal", whole, most)
    return next((Kind(name) for name, holds in held.items() if holds), Kind("string"))


def _jsonl_properties(
    settings: StreamSettings, files: Sequence[File]
) -> dict[str, dict[str, Any]]:
    columns = Columns(settings.name, {})
    sampled = spread(files, SAMPLE_FILES)
    decoder = msgspec.json.Decoder(float_hook=_exact_number)
    with readable(sampled) as copies:
        for file in copies:
            lines = islice(lines_of(file), max(1000, SAMPLE_LINES // len(sampled)))
            columns.learn(list(_objects(decoder, lines)))
    properties: dict[str, dict[str, Any]]
    properties = columns.schema(at_the_end=True)["properties"]
    return properties


def lines_of(file: File) -> Iterator[bytes]:
    """Read a file's lines, decompressed; the last one need not end."""
    if file.compression == "zstd":
        yield from zstd_lines(file)
        return
    opened = gzip.open if file.compression == "gzip" else open
    with opened(file.path, "rb") as lines:
        yield from lines


def _objects(
    decoder: msgspec.json.Decoder[Any], lines: Iterable[bytes]
) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a broken line is for the load to report
        if isinstance(found, dict):
            yield found


def _exact_number(text: str) -> float | Decimal:
    digits = sum(c.isdigit() for c in text.lower().split("e")[0].lstrip("-0."))
    return float(text) if digits <= EXACT_DIGITS else Decimal(text)


_PARQUET_NAMES: tuple[tuple[tuple[str, ...], Name], ...] = (
    (("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "integer"),
    (("UTINYINT", "USMALLINT", "UINTEGER"), "integer"),
    (("UBIGINT", "HUGEINT", "UHUGEINT"), "wide integer"),
    (("FLOAT", "DOUBLE"), "number"),
    (("BOOLEAN",), "boolean"),
    (("DATE",), "date"),
    (("TIME",), "time"),
)


def _parquet_properties(files: Sequence[File]) -> dict[str, dict[str, Any]]:
    found = parquet_columns(files)
    return {name: _parquet_schema(type_) for name, type_ in found.items()}


def parquet_columns(files: Sequence[File]) -> dict[str, str]:
    """Give the columns of some files together, with DuckDB's names for their types."""
    paths = ", ".join(literal(str(file.path)) for file in files)
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"DESCRIBE FROM read_parquet([{paths}], union_by_name = true)"
        ).fetchall()
    return {name: type_ for name, type_, *_ in rows}


def _parquet_schema(type_: str) -> dict[str, Any]:
    if type_.endswith("]"):
        return schema_of(Kind("array"))
    if type_.startswith(("STRUCT", "MAP", "JSON")):
        return schema_of(Kind("json" if type_ == "JSON" else "object"))
    if type_.startswith("DECIMAL"):
        return schema_from_words(type_)
    if type_.startswith("TIMESTAMP"):
        return schema_of(Kind("date-time"))
    for names, kind in _PARQUET_NAMES:
        if type_ in names:
            return schema_of(Kind(kind))
    return schema_of(Kind("string"))
