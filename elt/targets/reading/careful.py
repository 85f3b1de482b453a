"""The slow road: a part is read as text, and every row is judged by itself.

Good rows load, bad rows go to `_elt.rejects` with the raw record, the column and the
reason. Lines that are not JSON and CSV lines with the wrong number of values are
rejects too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.nested import is_nested, parse, render
from elt.targets.reading.line_endings import evened
from elt.targets.reading.maps import (
    NO_MAPS,
    Maps,
    digest_in,
    kept_digest,
    record_without,
)
from elt.targets.reading.plain_lines import lines_at
from elt.targets.reading.roads import ROW, Road, from_sql, objects_sql, texts, under_key
from elt.targets.reading.shapes import next_wider, outgrown_sql, problem_sql
from elt.targets.reading.typed import Typed, as_json, strict_json, typed
from elt.targets.reading.values import (
    careful_value,
    reason,
    right_but_for_size,
    wider_types,
)
from elt.warehouse.dialect import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NO_KEY = "the key is missing or null"
NO_COLUMN = "the table has no such column"
Marks = tuple[str, str, str, str, datetime]  # run, environment, tap, stream, time


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


def any_good(
    cursor: DuckDBPyConnection,
    read: Texts,
    *,
    columns: Sequence[Column],
    keys: Sequence[Column],
) -> bool:
    """Say whether some of the rows are not bad, only written in another way."""
    bad = judge(cursor, read, columns=columns, keys=keys)
    row = cursor.execute(
        f"SELECT (SELECT count(*) FROM {read.table}) > (SELECT count(*) FROM {bad})"
    ).fetchone()
    return bool(row and row[0])


def wider_columns(
    cursor: DuckDBPyConnection, texts: Texts, columns: Sequence[Column]
) -> list[Column]:
    """Give the columns again, with a wider type, whose numbers do not fit as they are.

    An integer of any length is a valid integer, so its column grows instead of
    refusing it: to 128 bits, then to text.
    """
    wider = []
    for column in columns:
        if column.pinned:
            continue
        wide = (_wider_inside if is_nested(column.type) else _wider)(
            cursor, texts, column
        )
        if wide != column.type:
            wider.append(replace(column, type=wide))
    return wider


def _wider(cursor: DuckDBPyConnection, texts: Texts, column: Column) -> str:
    steps = wider_types(column.type)
    return next(step for step in steps if not _overflows(cursor, texts, column, step))


def _wider_inside(cursor: DuckDBPyConnection, texts: Texts, column: Column) -> str:
    type_ = column.type
    while looks := outgrown_sql(texts.text(column), type_):
        counts = ", ".join(f"count({sql})" for *_, sql in looks)
        row = cursor.execute(f"SELECT {counts} FROM {texts.table}").fetchone()
        large = {
            path: leaf
            for (path, leaf, _), count in zip(looks, row or (), strict=True)
            if count
        }
        if not large:
            break
        type_ = render(next_wider(parse(type_), large))
    return type_


def insert(  # noqa: PLR0913  what is read, and where it goes
    cursor: DuckDBPyConnection,
    read: Texts,
    target: str,
    *,
    columns: Sequence[Column],
    keys: Sequence[Column],
    closed: Sequence[Column] = (),
    stamp: Marks,
) -> tuple[int, int]:
    """Move good rows to the target and the others to the rejects; count both."""
    table = read.table
    bad_rows = judge(cursor, read, columns=columns, keys=keys, closed=closed)
    names = [quote(column.name) for column in columns] + [LOADED_AT, RUN_ID]
    typed = [*typed_values(read, columns), moment(stamp[4]), literal(stamp[0])]
    good = cursor.execute(
        f"INSERT INTO {target} ({', '.join(names)}) SELECT {', '.join(typed)}"
        f" FROM {table} WHERE place NOT IN (SELECT place FROM {bad_rows})"
    ).fetchone()
    bad = cursor.execute(
        "INSERT INTO _elt.rejects (run_id, environment, tap, stream, rejected_at,"
        ' "column", value, reason, record, form, constants)'
        " SELECT ?, ?, ?, ?, ?,"
        f" bad.name, {shown_value(read)}, bad.reason, {shown_record(read)}, ?, ?"
        f" FROM {bad_rows} JOIN {table} USING (place) ORDER BY place",
        [*stamp, read.form, read.constants],
    ).fetchone()
    cursor.execute(f"DROP TABLE {bad_rows}")
    cursor.execute(f"DROP TABLE {table}")
    return (int(good[0]) if good else 0), (int(bad[0]) if bad else 0)


def judge(
    cursor: DuckDBPyConnection,
    read: Texts,
    *,
    columns: Sequence[Column],
    keys: Sequence[Column],
    closed: Sequence[Column] = (),
) -> str:
    """Make a table of the rows that cannot be loaded, and give its name.

    `closed` are columns that the table lacks. The table of the bad rows has `place`,
    and `bad` with a `name`, a `text` and a `reason`.
    """
    problem = _problem_sql(read, columns, {column.property for column in keys}, closed)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {read.table}_bad AS"
        f" FROM (SELECT place, {problem} AS bad FROM {read.table})"
        " WHERE bad IS NOT NULL"
    )
    return f"{read.table}_bad"


def shown_value(read: Texts) -> str:
    """Give the SQL of a bad value as it may be kept: hashed where its column is."""
    if not read.maps.hash:
        return "bad.text"
    names = ", ".join(literal(name) for name in sorted(read.maps.hash))
    return (
        f"CASE WHEN bad.name IN ({names})"
        f" THEN {kept_digest('bad.text', read.maps)} ELSE bad.text END"
    )


def shown_record(read: Texts) -> str:
    """Give the SQL of a record as it may be kept, without what is dropped or hashed.

    What cannot be taken apart cannot be searched for such values, and is not kept.
    """
    if not read.maps.hides:
        return "coalesce(raw, '')"
    texts = {
        name: f"{read.names[name]}::VARCHAR"
        for name in sorted(read.maps.hash)
        if name in read.names
    }
    without = record_without("raw", texts, read.maps)
    withheld = f"format({literal(_WITHHELD)}, coalesce(length(raw), 0))"
    return f"coalesce(CASE WHEN problem IS NULL THEN {without} END, {withheld})"


_WITHHELD = (
    "{} characters that are not kept: the stream has columns to be dropped or hashed"
)


def typed_values(read: Texts, columns: Sequence[Column]) -> list[str]:
    """Give the SQL of each column's value in its type, over the table of texts."""
    return [f"({read.value(column)})::{column.type}" for column in columns]


def moment(at: datetime) -> str:
    return f"TIMESTAMPTZ {literal(at.isoformat())}"


def _problem_sql(
    read: Texts, columns: Sequence[Column], keys: set[str], closed: Sequence[Column]
) -> str:
    cases = [
        "WHEN problem IS NOT NULL THEN " + _bad("NULL::VARCHAR", "NULL", "problem")
    ]
    inside = []
    for column in columns:
        name, text = literal(column.property), read.text(column)
        exact = read.exact(column)
        if column.property in keys:
            why = literal(NO_KEY)
            cases.append(f"WHEN {text} IS NULL THEN {_bad(name, 'NULL', why)}")
        if is_nested(column.type) and not exact:
            inside.append(problem_sql(text, column.type, column.property))
        elif exact.check if exact else column.type not in ("VARCHAR", "JSON"):
            why = literal(exact.reason) if exact else _why(text, column.type)
            cases.append(
                f"WHEN {text} IS NOT NULL AND ({read.value(column)}) IS NULL"
                f" THEN {_bad(name, text, why)}"
            )
    for column in closed:
        name, text = literal(column.property), read.text(column)
        why = literal(NO_COLUMN)
        cases.append(f"WHEN {text} IS NOT NULL THEN {_bad(name, text, why)}")
    problems = [f"CASE {' '.join(cases)} END", *inside]
    return f"coalesce({', '.join(problems)})"


def _why(text: str, type_: str) -> str:
    why, outgrows = literal(reason(type_)), right_but_for_size(text, type_)
    if outgrows is None:
        return why
    size = literal(f"more digits than {type_} holds")
    return f"CASE WHEN {outgrows} THEN {size} ELSE {why} END"


def _bad(name: str, text: str, why: str) -> str:
    return f"{{'name': {name}, 'text': {text}::VARCHAR, 'reason': {why}}}"


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
    """Take over what DuckDB's CSV reader set aside, as rows that are rejects."""
    cursor.execute(
        f"INSERT INTO {table} (place, raw, problem)"
        " SELECT -row_number() OVER (), any_value(csv_line),"
        " any_value('line ' || line || ': ' || lower(error_type::VARCHAR))"
        " FROM reject_errors GROUP BY scan_id, line"
    )
    cursor.execute("DROP TABLE IF EXISTS reject_errors")
    cursor.execute("DROP TABLE IF EXISTS reject_scans")


def _overflows(
    cursor: DuckDBPyConnection, texts: Texts, column: Column, type_: str
) -> bool:
    """Say whether the type refuses a value only because it is too large."""
    column = replace(column, type=type_)
    shape = right_but_for_size(texts.text(column), type_)
    if shape is None:
        return False
    row = cursor.execute(
        f"SELECT count(*) FROM {texts.table} WHERE {shape}"
        f" AND ({texts.value(column)}) IS NULL"
    ).fetchone()
    return bool(row and row[0])
