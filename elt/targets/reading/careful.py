"""The slow road: a part is read as text, and every row is judged by itself.

Good rows load, bad rows go to `_elt.rejects` with the raw record, the column and the
reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.nested import is_nested, parse, render
from elt.targets.reading.maps import kept_digest, record_without
from elt.targets.reading.shapes import next_wider, outgrown_sql, problem_sql
from elt.targets.reading.texts import Texts
from elt.targets.reading.values import reason, right_but_for_size, wider_types
from elt.warehouse.dialect import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NO_KEY = "the key is missing or null"
NO_COLUMN = "the table has no such column"
Marks = tuple[str, str, str, str, datetime]  # run, environment, tap, stream, time


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
    told: Mapping[Column, str] = MappingProxyType({}),
) -> tuple[int, int]:
    """Move good rows to the target and the others to the rejects; count both.

    `told` is what the target has beside the columns, as SQL over the texts.
    """
    table = read.table
    bad_rows = judge(cursor, read, columns=columns, keys=keys, closed=closed)
    names = [quote(column.name) for column in (*columns, *told)] + [LOADED_AT, RUN_ID]
    stamped = moment(stamp[4]), literal(stamp[0])
    typed = [*typed_values(read, columns), *told.values(), *stamped]
    # Of rows with the same key the last wins: a join would not keep their order.
    good = cursor.execute(
        f"INSERT INTO {target} ({', '.join(names)}) SELECT {', '.join(typed)}"
        f" FROM {table} WHERE place NOT IN (SELECT place FROM {bad_rows})"
        " ORDER BY place"
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
