"""The ways in which DuckDB reads a part: as SQL that gives every value as text.

`s` holds one text per property. JSON is read with `json_transform` over whole
objects, with a DECIMAL in its structure: that keeps number text as it was written
(1.10 stays 1.10), also inside JSON, and is as fast as `read_json` with columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from elt.targets.columns import VERSION, Column
from elt.targets.nested import is_nested, parse, structure, texts_in
from elt.targets.reading.parts import Encoding, Files, NamedFile, Part, Records
from elt.targets.reading.typed import Typed, as_json, typed
from elt.warehouse.dialect import literal, quote

# DuckDB reads objects of 16 MB unless told otherwise, and sets aside twice the limit
# for each thread.
_OBJECT_LIMIT_BYTES = 16 << 20
_CAREFUL_LIMIT_BYTES = 128 << 20
_LINE_LIMIT_BYTES = 2 << 20
_LINE_BUFFER_BYTES = 16 << 20
_NEVER_IN_JSON = "\x1f"
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
    by_objects: bool = False  # JSON lines that cannot be told apart by newlines alone
    types: Mapping[str, str] = field(default_factory=dict)  # that the file itself tells
    relation: str | None = None  # what SQL calls a file that DuckDB does not open

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
                constants=_version_of(part),
                ignore=part.ignore,
                longest_bytes=part.longest_bytes,
            )
        ]
    return [
        Road(
            path=file.path,
            format=part.encoding.format,
            columns=part.columns,
            encoding=_encoding(part, file),
            constants=file.constants,
            replace=file.replace,
            ignore=part.ignore,
            named=file,
        )
        for file in part.files
    ]


def _version_of(part: Records) -> dict[str, Any]:
    return {} if part.version is None else {VERSION: part.version}


def _encoding(part: Files, file: NamedFile) -> Encoding:
    if file.compression is None:
        return part.encoding
    return msgspec.structs.replace(part.encoding, compression=file.compression)


def path_literal(path: Path) -> str:
    """Write a path so that DuckDB takes none of its letters for a pattern."""
    return literal(re.sub(r"[*?[]", r"[\g<0>]", str(path)))


def objects_sql(road: Road, *, careful: bool = False) -> str:
    """Read a JSON lines file as a column `json`; careful gives NULL for bad lines."""
    if not careful and not road.by_objects:
        return _lines_sql(road)
    limit = _CAREFUL_LIMIT_BYTES if careful else _OBJECT_LIMIT_BYTES
    limit = max(limit, road.longest_bytes + 1024) if not careful else limit
    options = [
        "format = 'newline_delimited'",
        f"compression = {literal(road.encoding.compression)}",
        f"maximum_object_size = {limit}",
    ]
    if careful:
        options.append("ignore_errors = true")
    return f"read_json_objects({path_literal(road.path)}, {', '.join(options)})"


def _lines_sql(road: Road) -> str:
    """Read lines as texts, with the CSV reader: nothing in them has a meaning to it.

    It keeps both cores busy where `read_json_objects` beside an insert does not, and
    leaves one of three parses out: 1.1 times DuckDB's typed insert instead of 1.3. It
    refuses what it cannot split into lines without doubt: any bare carriage return,
    bytes that are no UTF-8, the separator (which is not allowed in JSON), and lines
    longer than the limit.
    """
    longest = max(_LINE_LIMIT_BYTES, road.longest_bytes + 1024)
    options = [
        "columns = {json: 'VARCHAR'}",
        "auto_detect = false",
        "header = false",
        f"delim = {literal(_NEVER_IN_JSON)}",
        "quote = ''",
        "escape = ''",
        r"new_line = '\n'",
        f"max_line_size = {longest}",
        f"buffer_size = {max(_LINE_BUFFER_BYTES, 2 * longest)}",
        f"compression = {literal(road.encoding.compression)}",
    ]
    read = f"read_csv({path_literal(road.path)}, {', '.join(options)})"
    return f"(SELECT json FROM {read} WHERE json IS NOT NULL)"


def structures(columns: Sequence[Column]) -> list[str]:
    """Give the `json_transform` structures that cover the columns, by their place."""
    places = _places(columns)
    groups: list[dict[str, object]] = [
        {} for _ in range(max(places.values(), default=0) + 1)
    ]
    for column in columns:
        if column.property in places:
            kind = structure(parse(column.type))
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
    return f"{columnar_sql(road)} AS {ROW}"


def columnar_sql(road: Road) -> str:
    """Name a file whose columns have types, as a table."""
    return road.relation or f"read_parquet({path_literal(road.path)})"


def exact(road: Road, column: Column) -> Typed | None:
    """Give a value in its column's type; None where only its text can tell."""
    of = road.types.get(column.property)
    if of is None or column.property in road.constants:
        return None
    return typed(f"{ROW}.{quote(column.property)}", of, column.type)


def under_key(record: str, column: Column) -> str:
    """Give a column's text, or its JSON, from the SQL of a whole record."""
    kind = "JSON" if column.type == "JSON" else "VARCHAR"
    told = json.dumps({"r": f"MAP(VARCHAR,{kind})", "-": "DECIMAL(1,0)"})
    keys = f"json_transform('{{\"r\":' || {record} || '}}', {literal(told)}).r"
    return f"map_extract_value({keys}, {literal(column.property)})"


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
        return under_key("r.json", column)
    return f"r.s{places[column.property]}.{quote(column.property)}"


def _plain_text(road: Road, column: Column) -> str:
    if is_nested(column.type):
        plain = _plain_text(road, replace(column, type="JSON"))
        return texts_in(plain, column.type)
    value = f"{ROW}.{quote(column.property)}"
    if road.format != "csv":
        return _text_of_typed(road, column, value)
    if column.property not in (road.encoding.columns or [column.property]):
        return "NULL::VARCHAR"
    if column.type != "JSON":
        return value
    return f"CASE WHEN json_valid({value}) THEN {value}::JSON ELSE to_json({value}) END"


def _text_of_typed(road: Road, column: Column, value: str) -> str:
    of = road.types.get(column.property)
    if of is None:
        return "NULL::VARCHAR"
    return as_json(value, of) if column.type == "JSON" else f"{value}::VARCHAR"


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
    return f"read_csv({path_literal(road.path)}, {', '.join(options)})"
