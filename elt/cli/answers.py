"""The rows of a query: asked for once, written as a table, as CSV or as JSON.

DuckDB writes every value as text, so that decimals, big integers and times are
exactly what the warehouse holds, whatever Python's types can hold.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from elt.cli.options import note, project_warehouse
from elt.errors import ConfigError
from elt.project.settings import Project
from elt.report import figures, tables
from elt.report.clean import cell

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = tuple[str | None, ...]

_ROWS_AT_A_TIME = 1_000
# On a terminal a longer value is cut, and columns that do not fit are left out.
_WIDEST_CELL = 40
_NUMBERS = frozenset(
    {
        *("tinyint", "smallint", "integer", "bigint", "hugeint"),
        *("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
        *("bignum", "decimal"),
    }
)
_NESTED = frozenset({"struct", "list", "map", "array", "union"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; `kind` is DuckDB's name of its type, in small letters."""

    name: str
    kind: str
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that DuckDB has understood and not yet been made to answer."""

    connection: DuckDBPyConnection
    sql: str
    columns: tuple[Column, ...]

    def rows(self, values: Sequence[str]) -> Iterator[Row]:
        """Begin to answer, with an expression for each column: `#1` is the first."""
        chosen = ", ".join(values)
        self.connection.execute(f"SELECT {chosen} FROM (\n{self.sql}\n)")
        return self._fetched()

    def _fetched(self) -> Iterator[Row]:
        while rows := self.connection.fetchmany(_ROWS_AT_A_TIME):
            yield from rows


@contextmanager
def ask(project: Project, sql: str) -> Iterator[Answer]:
    """Open the warehouse for reading only, and check the question.

    Raises ConfigError for SQL that cannot run or is not a question.
    """
    import duckdb

    with project_warehouse(project).reader() as connection:
        try:
            yield _understood(connection, sql)
        except duckdb.Error as error:
            raise _refused(error) from error


def write_csv(answer: Answer, out: TextIO) -> None:
    """Write RFC 4180 with a header; NULL is nothing, an empty text is `""`."""
    texts = [_text(n, column) for n, column in enumerate(answer.columns, 1)]
    rows = answer.rows(texts)
    out.write(_csv_line(column.name for column in answer.columns))
    out.writelines(map(_csv_line, rows))


def write_json(answer: Answer, out: TextIO) -> None:
    """Write an array of objects, one a line, as the rows arrive."""
    names = [json.dumps(column.name, ensure_ascii=False) for column in answer.columns]
    fragments = [_json(n, column) for n, column in enumerate(answer.columns, 1)]
    begin = "[\n"
    for row in answer.rows(fragments):
        pairs = ", ".join(
            f"{n}: {v or 'null'}" for n, v in zip(names, row, strict=True)
        )
        out.write(f"{begin}  {{{pairs}}}")
        begin = ",\n"
    out.write("[]\n" if begin == "[\n" else "\n]\n")


def print_as_table(answer: Answer, limit: int) -> None:
    """Draw the first rows; say on stderr what is not shown."""
    texts = [f"#{n}::VARCHAR" for n in range(1, len(answer.columns) + 1)]
    rows = list(islice(answer.rows(texts), limit + 1))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    shown, hidden = _fitting(answer.columns, rows[:limit], width)
    tables.print_table(
        [tables.Column(c.name, right=c.kind in _NUMBERS) for c in shown],
        [[_shown(value) for value in row[: len(shown)]] for row in rows[:limit]],
    )
    _say_what_is_missing(limit if len(rows) > limit else None, hidden, width)


def _understood(connection: DuckDBPyConnection, sql: str) -> Answer:
    """Let DuckDB read the question, and refuse what is not one."""
    import duckdb

    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise ConfigError(
            f"one statement is asked for, this has {len(statements)}",
            hint='Write one question: `elt query "FROM customers"`',
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError(
            "only questions can be asked here, this would do something",
            hint="Begin with SELECT, FROM, WITH, SHOW, DESCRIBE or SUMMARIZE",
        )
    text = _without_end(statements[0].query)
    found = connection.sql(text)
    kinds = zip(found.columns, found.types, strict=True)
    columns = (Column(name, kind.id, str(kind) == "JSON") for name, kind in kinds)
    return Answer(connection, text, tuple(columns))


def _without_end(sql: str) -> str:
    """Take the semicolon off, so that the statement fits into brackets."""
    import duckdb

    text = sql.encode()  # DuckDB counts in bytes
    for start, kind in reversed(duckdb.tokenize(sql)):
        if text[start : start + 1] == b";":
            return text[:start].decode()
        if kind != duckdb.token_type.comment:
            break
    return sql


def _refused(error: Exception) -> ConfigError:
    first, _, rest = str(error).strip().partition("\n")
    return ConfigError(f"DuckDB says: {first}", where=rest.strip("\n") or None)


def _text(number: int, column: Column) -> str:
    """Give SQL for a value as text; times as ISO 8601 writes them."""
    value = f"#{number}::VARCHAR"
    if column.kind == "timestamp with time zone":
        # The session is in UTC, so the offset is always +00.
        return f"replace(replace({value}, ' ', 'T'), '+00', 'Z')"
    if column.kind.startswith("timestamp"):
        return f"replace({value}, ' ', 'T')"
    if column.kind in _NESTED:
        return f"to_json(#{number})::VARCHAR"
    return value


def _json(number: int, column: Column) -> str:
    """Give SQL for a value as JSON text; numbers with all of their digits."""
    value = f"#{number}::VARCHAR"
    if column.is_json or column.kind in _NUMBERS or column.kind == "boolean":
        return value
    if column.kind in {"float", "double"}:
        return f"CASE WHEN isfinite(#{number}) THEN {value} END"
    if column.kind in _NESTED:
        return f"to_json(#{number})::VARCHAR"
    return f"to_json({_text(number, column)})::VARCHAR"


def _csv_line(values: Iterable[str | None]) -> str:
    return ",".join(map(_csv_field, values)) + "\n"


def _csv_field(value: str | None) -> str:
    if value is None:
        return ""
    if value == "" or any(mark in value for mark in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _shown(value: str | None) -> tables.Cell:
    if value is None:
        return tables.Styled("NULL", "dim")
    text = cell(value)
    if sys.stdout.isatty() and len(text) > _WIDEST_CELL:
        return text[: _WIDEST_CELL - 1] + "…"
    return text


def _fitting(
    columns: Sequence[Column], rows: Sequence[Row], width: int | None
) -> tuple[Sequence[Column], Sequence[Column]]:
    """Part the columns that fit on the screen from those that do not."""
    if width is None:
        return columns, ()
    used = 0
    for n, column in enumerate(columns):
        longest = max((len(row[n] or "NULL") for row in rows), default=0)
        used += max(len(column.name), min(longest, _WIDEST_CELL)) + 2
        if n and used - 2 > width:
            return columns[:n], columns[n:]
    return columns, ()


def _say_what_is_missing(
    cut_at: int | None, hidden: Sequence[Column], width: int | None
) -> None:
    if hidden:
        names = ", ".join(column.name for column in hidden)
        cut = textwrap.shorten(names, (width or 80) - 25, placeholder=" ...")
        note(f"{figures.counted(len(hidden), 'more column')}: {cut}")
    if cut_at is not None:
        rows = figures.counted(cut_at, "row")
        note(f"the first {rows}; `--limit N` shows more, `--format csv` all")
