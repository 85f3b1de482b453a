"""A part as a table of texts, for whoever must judge every row by itself.

Lines that are not JSON and CSV lines with the wrong number of values are rows of it,
too, with their problem.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from elt.targets.columns import Column
from elt.targets.nested import is_nested
from elt.targets.reading.line_endings import evened
from elt.targets.reading.maps import NO_MAPS, Maps, digest_in
from elt.targets.reading.plain_lines import lines_at
from elt.targets.reading.roads import ROW, Road, from_sql, objects_sql, texts, under_key
from elt.targets.reading.typed import Typed, as_json, strict_json, typed
from elt.targets.reading.values import careful_value
from elt.warehouse.dialect import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Texts:
    """A temporary table with every value of a part as text.

    Its columns are `place`, `raw`, `problem` (the row as a whole cannot be read), and
    one for each property, named in `names`. Those in `types` hold values as they are
    in a file that knows its types.
    """

    table: str
    names: Mapping[str, str]
    form: str  # of the file: jsonl, csv, parquet or arrow
    constants: str | None = None  # what the file gives to each row, as a JSON object
    types: Mapping[str, str] = field(default_factory=dict)
    maps: Maps = NO_MAPS
    in_json: frozenset[str] = frozenset()  # properties whose texts are JSON
    usual: tuple[str, str] | None = None  # rows that are not in it; see `usual`

    def text(self, column: Column) -> str:
        """Give the SQL of a value's text."""
        name, of = self.names[column.property], self.types.get(column.property)
        if of is None:
            return self._text_of_untyped(column)
        told_as_json = column.type == "JSON" or is_nested(column.type)
        as_text = not told_as_json or column.hashed
        return f"{name}::VARCHAR" if as_text else as_json(name, of)

    def _text_of_untyped(self, column: Column) -> str:
        """Give the text as the table's column asks for it, however it was read."""
        name = self.names[column.property]
        wants_json = column.type == "JSON" or is_nested(column.type)
        if wants_json == (column.property in self.in_json) or column.hashed:
            return name
        if not wants_json:
            text = f"json_extract_string({name}, '$')"
            return f"CASE WHEN {name}[1] = '\"' THEN {text} ELSE {name} END"
        if self.form == "jsonl":
            found = under_key("raw", replace(column, type="JSON"))
            return f"CASE WHEN problem IS NULL THEN {found} END"
        plain = f"to_json({name})"
        return f"CASE WHEN json_valid({name}) THEN {name}::JSON ELSE {plain} END"

    def exact(self, column: Column) -> Typed | None:
        """Give a value in its column's type; None where only its text can tell."""
        of = None if column.hashed else self.types.get(column.property)
        return typed(self.names[column.property], of, column.type) if of else None

    def value(self, column: Column) -> str:
        """Give the SQL of the exact value, NULL where the column cannot hold it."""
        if column.hashed:
            return digest_in(column, self.text(column), self.maps)
        exact = self.exact(column)
        if exact is None:
            return careful_value(self.text(column), column.type)
        if exact.check is None:
            return exact.value
        return f"CASE WHEN {exact.check} THEN {exact.value} END"


def read_texts(
    cursor: DuckDBPyConnection,
    road: Road,
    columns: Sequence[Column],
    *,
    number: int,
    usual: tuple[str, str] | None = None,
) -> Texts:
    """Read a part as texts; with `usual`, a `FROM` and which rows, all but those."""
    # Objects and lists come as JSON: what they should be shows row by row.
    columns = [replace(c, type="JSON") if is_nested(c.type) else c for c in columns]
    table = f"_elt_texts_{number}"
    names = {column.property: f"t{index}" for index, column in enumerate(columns)}
    found = [
        f"{_kept(road, column, text)} AS {names[column.property]}"
        for text, column in zip(texts(road, columns), columns, strict=True)
    ]
    if road.format == "jsonl":
        raw, problem = "r.json::VARCHAR", _object_problem()
    else:
        raw, problem = f"{strict_json(ROW)}::VARCHAR", "NULL::VARCHAR"
    listed = ", ".join([f"{raw} AS raw", f"{problem} AS problem", *found])
    with evened(road) as readable:
        source, where = from_sql(readable, columns, careful=True), ""
        if usual:
            source, where = usual[0], f" WHERE NOT {usual[1]}"
        _number(cursor, table, f"SELECT {listed} FROM {source}{where}", few=bool(usual))
    if road.format == "jsonl":
        _name_broken_lines(cursor, road, table, some=bool(usual))
    if road.format == "csv":
        _add_broken_csv_lines(cursor, table)
    constants = json.dumps(dict(road.constants)) if road.constants else None
    types = {name: of for name, of in road.types.items() if name not in road.constants}
    in_json = frozenset(c.property for c in columns if c.type == "JSON")
    return Texts(
        table, names, road.format, constants, types, in_json=in_json, usual=usual
    )


def _number(cursor: DuckDBPyConnection, table: str, rows: str, *, few: bool) -> None:
    """Keep rows under their places; few of a large part are found by all threads."""
    if few:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table}_found AS {rows}")
        rows = f"FROM {table}_found"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS"
        f" SELECT row_number() OVER () AS place, * FROM ({rows})"
    )
    if few:
        cursor.execute(f"DROP TABLE {table}_found")


def _kept(road: Road, column: Column, text: str) -> str:
    if column.property in road.types and column.property not in road.constants:
        return f"{ROW}.{quote(column.property)}"
    return f"{text}::VARCHAR"


def keys_in(cursor: DuckDBPyConnection, read: Texts) -> set[str]:
    """Give the keys of the JSON objects among the rows."""
    rows = cursor.execute(
        f"SELECT DISTINCT unnest(json_keys(raw)) FROM {read.table}"
        " WHERE problem IS NULL"
    ).fetchall()
    return {key for (key,) in rows}


def _object_problem() -> str:
    keys = "json_keys(r.json)"
    return (
        "CASE WHEN r.json IS NULL THEN 'not JSON'"
        " WHEN json_type(r.json) <> 'OBJECT' THEN 'not a JSON object'"
        f" WHEN len({keys}) <> len(list_distinct({keys}))"
        " THEN 'the same key twice' END"
    )


def _name_broken_lines(
    cursor: DuckDBPyConnection, road: Road, table: str, *, some: bool
) -> None:
    """Give the rejects of lines that are not JSON the text of their line.

    DuckDB leaves such a line out as a NULL; read as plain lines, the same file has
    it at the same place among the lines that are not blank. With `some`, the table
    has not all lines, but all of those, in their order.
    """
    broken = f"SELECT place FROM {table} WHERE raw IS NULL ORDER BY place"
    places = [place for (place,) in cursor.execute(broken).fetchall()]
    if not places:
        return
    lines = _broken_lines(cursor, road) if some else places
    read = lines_at(road.path, road.encoding.compression, set(lines))
    found = {
        place: read[line]
        for place, line in zip(places, lines, strict=True)
        if line in read
    }
    if not found:
        return
    cursor.execute(
        f"UPDATE {table} SET raw = line.text"
        " FROM (SELECT unnest(?) AS place, unnest(?) AS text) AS line"
        f" WHERE {table}.place = line.place",
        [[*found.keys()], [*found.values()]],
    )


def _broken_lines(cursor: DuckDBPyConnection, road: Road) -> list[int]:
    rows = cursor.execute(
        "SELECT line FROM (SELECT row_number() OVER () AS line, json"
        f" FROM {objects_sql(road, careful=True)}) WHERE json IS NULL ORDER BY line"
    ).fetchall()
    return [line for (line,) in rows]


def _add_broken_csv_lines(cursor: DuckDBPyConnection, table: str) -> None:
    """Take over what DuckDB's CSV reader set aside, as rows that are rejects.

    The table is made again: DuckDB 2.0.0 loses rows that are inserted in great numbers
    into one that a query of the same transaction made empty.
    """
    cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_whole")
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {table}_whole"
        " UNION ALL BY NAME SELECT -row_number() OVER () AS place,"
        " any_value(csv_line) AS raw,"
        " any_value('line ' || line || ': ' || lower(error_type::VARCHAR)) AS problem"
        " FROM reject_errors GROUP BY scan_id, line"
    )
    cursor.execute(f"DROP TABLE {table}_whole")
    cursor.execute("DROP TABLE IF EXISTS reject_errors")
    cursor.execute("DROP TABLE IF EXISTS reject_scans")
