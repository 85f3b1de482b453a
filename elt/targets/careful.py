"""The slow road: a part is read as text, and every row is judged by itself.

Good rows load, bad rows go to `_elt.rejects` with the raw record, the column and the
reason. Lines that are not JSON and CSV lines with the wrong number of values are
rejects too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.line_endings import evened
from elt.targets.plain_lines import lines_at
from elt.targets.roads import ROW, Road, from_sql, texts
from elt.targets.values import careful_value, reason, right_but_for_size, wider_types
from elt.warehouse.dialect import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NO_KEY = "the key is missing or null"
Marks = tuple[str, str, str, str, datetime]  # run, environment, tap, stream, time


@dataclass(frozen=True, slots=True)
class Texts:
    """A temporary table with every value of a part as text.

    Its columns are `place`, `raw`, `problem` (the row as a whole cannot be read), and
    one for each property, named in `names`.
    """

    table: str
    names: Mapping[str, str]
    form: str  # of the file: jsonl, csv or parquet
    constants: str | None = None  # what the file gives to each row, as a JSON object


def read_texts(
    cursor: DuckDBPyConnection, road: Road, columns: Sequence[Column], *, number: int
) -> Texts:
    table = f"_elt_texts_{number}"
    names = {column.property: f"t{index}" for index, column in enumerate(columns)}
    found = [
        f"{text}::VARCHAR AS {names[column.property]}"
        for text, column in zip(texts(road, columns), columns, strict=True)
    ]
    if road.format == "jsonl":
        raw, problem = "r.json::VARCHAR", _object_problem()
    else:
        raw, problem = f"to_json({ROW})::VARCHAR", "NULL::VARCHAR"
    about = ["row_number() OVER () AS place", f"{raw} AS raw", f"{problem} AS problem"]
    with evened(road) as readable:
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS"
            f" SELECT {', '.join([*about, *found])}"
            f" FROM {from_sql(readable, columns, careful=True)}"
        )
    if road.format == "jsonl":
        _name_broken_lines(cursor, road, table)
    if road.format == "csv":
        _add_broken_csv_lines(cursor, table)
    constants = json.dumps(dict(road.constants)) if road.constants else None
    return Texts(table, names, road.format, constants)


def wider_columns(
    cursor: DuckDBPyConnection, texts: Texts, columns: Sequence[Column]
) -> list[Column]:
    """Give the columns again, with a wider type, whose numbers do not fit as they are.

    An integer of any length is a valid integer, so its column grows instead of
    refusing it: to 128 bits, then to text.
    """
    wider = []
    for column in columns:
        steps = wider_types(column.type)
        wide = next(
            step for step in steps if not _overflows(cursor, texts, column, step)
        )
        if wide != column.type:
            wider.append(replace(column, type=wide))
    return wider


def insert(
    cursor: DuckDBPyConnection,
    read: Texts,
    target: str,
    *,
    columns: Sequence[Column],
    keys: Sequence[Column],
    stamp: Marks,
) -> tuple[int, int]:
    """Move good rows to the target and the others to the rejects; count both."""
    table = read.table
    bad_rows = judge(cursor, read, columns=columns, keys=keys)
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
        " bad.name, bad.text, bad.reason, coalesce(raw, ''), ?, ?"
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
) -> str:
    """Make a table of the rows that cannot be loaded, and give its name.

    Its columns are `place`, and `bad` with a `name`, a `text` and a `reason`.
    """
    found = [read.names[column.property] for column in columns]
    values = [
        careful_value(text, column.type)
        for text, column in zip(found, columns, strict=True)
    ]
    problem = _problem_sql(columns, found, values, {column.property for column in keys})
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {read.table}_bad AS"
        f" FROM (SELECT place, {problem} AS bad FROM {read.table})"
        " WHERE bad IS NOT NULL"
    )
    return f"{read.table}_bad"


def typed_values(read: Texts, columns: Sequence[Column]) -> list[str]:
    """Give the SQL of each column's value in its type, over the table of texts."""
    return [
        f"({careful_value(read.names[column.property], column.type)})::{column.type}"
        for column in columns
    ]


def moment(at: datetime) -> str:
    return f"TIMESTAMPTZ {literal(at.isoformat())}"


def _problem_sql(
    columns: Sequence[Column],
    found: Sequence[str],
    values: Sequence[str],
    keys: set[str],
) -> str:
    cases = [
        "WHEN problem IS NOT NULL THEN " + _bad("NULL::VARCHAR", "NULL", "problem")
    ]
    for column, text, value in zip(columns, found, values, strict=True):
        name = literal(column.property)
        if column.property in keys:
            why = literal(NO_KEY)
            cases.append(f"WHEN {text} IS NULL THEN {_bad(name, 'NULL', why)}")
        if column.type not in ("VARCHAR", "JSON"):
            why = literal(reason(column.type))
            cases.append(
                f"WHEN {text} IS NOT NULL AND ({value}) IS NULL"
                f" THEN {_bad(name, text, why)}"
            )
    return f"CASE {' '.join(cases)} END"


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


def _name_broken_lines(cursor: DuckDBPyConnection, road: Road, table: str) -> None:
    """Give the rejects of lines that are not JSON the text of their line.

    DuckDB leaves such a line out as a NULL; read as plain lines, the same file has
    it at the same place among the lines that are not blank.
    """
    places = cursor.execute(f"SELECT place FROM {table} WHERE raw IS NULL").fetchall()
    if not places:
        return
    found = lines_at(road.path, road.encoding.compression, {one for (one,) in places})
    cursor.execute(
        f"UPDATE {table} SET raw = line.text"
        " FROM (SELECT unnest(?) AS place, unnest(?) AS text) AS line"
        f" WHERE {table}.place = line.place",
        [[*found.keys()], [*found.values()]],
    )


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
    text = texts.names[column.property]
    shape = right_but_for_size(text, type_)
    if shape is None:
        return False
    row = cursor.execute(
        f"SELECT count(*) FROM {texts.table} WHERE {shape}"
        f" AND ({careful_value(text, type_)}) IS NULL"
    ).fetchone()
    return bool(row and row[0])
