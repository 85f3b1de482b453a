"""The ways in which DuckDB reads a part: as SQL that gives every value as text.

`s` holds one text per property. JSON is read with `json_transform` over whole
objects, with a DECIMAL in its structure: that keeps number text as it was written
(1.10 stays 1.10), also inside JSON, and is as fast as `read_json` with columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elt.targets.columns import Column
from elt.targets.parts import Encoding, NamedFile, Part, Records
from elt.warehouse.dialect import literal, quote

# DuckDB reads objects of 16 MB unless told otherwise, and sets aside twice the limit
# for each thread.
_OBJECT_LIMIT_BYTES = 16 << 20
_CAREFUL_LIMIT_BYTES = 128 << 20
# The alias of a file whose own columns may have any other name.
ROW = "_elt_row"
# Present in every structure, in no record: any DECIMAL makes DuckDB keep number text.
_KEEP_NUMBER_TEXT = "_elt_keep_number_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One file on its way in."""

    path: Path
    format: str
    columns: tuple[Column, ...]
    encoding: Encoding
    constants: Mapping[str, Any]
    replace: bool = False
    ignore: tuple[str, ...] = ()
    longest_bytes: int = 0
    named: NamedFile | None = None

    @property
    def known(self) -> set[str]:
        """The properties that the schema has, or that were deselected."""
        return {column.property for column in self.columns} | set(self.ignore)


def roads(part: Part) -> list[Road]:
    if isinstance(part, Records):
        return [
            Road(
                path=part.path,
                format="jsonl",
                columns=part.columns,
                encoding=Encoding(),
                constants={},
                longest_bytes=part.longest_bytes,
            )
        ]
    return [
        Road(
            path=file.path,
            format=part.encoding.format,
            columns=part.columns,
            encoding=part.encoding,
            constants=file.constants,
            replace=file.replace,
            ignore=part.ignore,
            named=file,
        )
        for file in part.files
    ]


def objects_sql(road: Road, *, careful: bool = False) -> str:
    """Read a JSON lines file as a column `json`; careful gives NULL for bad lines."""
    limit = _CAREFUL_LIMIT_BYTES if careful else _OBJECT_LIMIT_BYTES
    limit = max(limit, road.longest_bytes + 1024) if not careful else limit
    options = [
        "format = 'newline_delimited'",
        f"compression = {literal(road.encoding.compression)}",
        f"maximum_object_size = {limit}",
    ]
    if careful:
        options.append("ignore_errors = true")
    return f"read_json_objects({literal(str(road.path))}, {', '.join(options)})"


def structures(columns: Sequence[Column]) -> list[str]:
    """Give the `json_transform` structures that cover the columns, by their place."""
    places = _places(columns)
    groups: list[dict[str, str]] = [
        {} for _ in range(max(places.values(), default=0) + 1)
    ]
    for column in columns:
        if column.property in places:
            kind = "JSON" if column.type == "JSON" else "VARCHAR"
            groups[places[column.property]][column.property] = kind
    dummy = _KEEP_NUMBER_TEXT
    while any(dummy == name.lower() for name in places):
        dummy += "_"
    for group in groups:
        group[dummy] = "DECIMAL(1,0)"
    return [json.dumps(group, ensure_ascii=False) for group in groups]


def texts(road: Road, columns: Sequence[Column]) -> list[str]:
    """Give the SQL of every column's text over the road's `FROM`."""
    places = _places(columns) if road.format == "jsonl" else {}
    return [_text(road, column, places) for column in columns]


def from_sql(road: Road, columns: Sequence[Column], *, careful: bool = False) -> str:
    """Give the `FROM` that the texts refer to."""
    if road.format == "jsonl":
        transformed = ", ".join(
            f"json_transform(json, {literal(structure)}) AS s{i}"
            for i, structure in enumerate(structures(columns))
        )
        source = objects_sql(road, careful=careful)
        return f"(SELECT json, {transformed} FROM {source}) AS r"
    if road.format == "csv":
        return f"{_csv_sql(road, careful=careful)} AS {ROW}"
    return f"read_parquet({literal(str(road.path))}) AS {ROW}"


def pointer(key: str) -> str:
    """Write a key as the JSON pointer that finds it in an object."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _places(columns: Sequence[Column]) -> dict[str, int]:
    """Give each property the structure that it is read with.

    It is the first one, unless properties differ in case only: a STRUCT cannot hold
    both. The empty key cannot stand in a structure at all.
    """
    seen: dict[str, int] = {}
    places = {}
    for column in columns:
        if not column.property:
            continue
        lower = column.property.lower()
        places[column.property] = seen.get(lower, 0)
        seen[lower] = places[column.property] + 1
    return places


def _text(road: Road, column: Column, places: Mapping[str, int]) -> str:
    if column.property in road.constants:
        return _constant(road, column)
    if road.format != "jsonl":
        return _plain_text(road, column)
    if not column.property:
        return f"json_extract_string(r.json, {literal(pointer(''))})"
    return f"r.s{places[column.property]}.{quote(column.property)}"


def _plain_text(road: Road, column: Column) -> str:
    known = road.encoding.columns
    if known and column.property not in known:
        return "NULL::VARCHAR"
    value = f"{ROW}.{quote(column.property)}"
    if road.format == "parquet":
        return f"to_json({value})" if column.type == "JSON" else f"{value}::VARCHAR"
    if column.type != "JSON":
        return value
    return f"CASE WHEN json_valid({value}) THEN {value}::JSON ELSE to_json({value}) END"


def _constant(road: Road, column: Column) -> str:
    text = literal(str(road.constants[column.property]))
    return f"to_json({text})" if column.type == "JSON" else text


def _csv_sql(road: Road, *, careful: bool) -> str:
    told = road.encoding
    names = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in told.columns)
    nulls = ", ".join(literal(text) for text in told.null_values)
    options = [
        f"columns = {{{names}}}",
        "auto_detect = false",
        f"header = {str(told.header).lower()}",
        f"delim = {literal(told.delimiter)}",
        f"quote = {literal(told.quote)}",
        f"escape = {literal(told.escape)}",
        f"skip = {told.skip_rows}",
        f"compression = {literal(told.compression)}",
        f"encoding = {literal(told.encoding)}",
        f"nullstr = [{nulls}]",
        "allow_quoted_nulls = false",
    ]
    if careful:
        options.append("store_rejects = true")
    return f"read_csv({literal(str(road.path))}, {', '.join(options)})"
