"""Postgres: a batch is one JSON array, taken apart by `json_to_recordset`.

100,000 rows of 7 fields in batches of 1,000: with it 105,000 rows/s (UPDATE, then
INSERT of the others), COPY into a temporary table 107,000, `unnest` 66,000, VALUES
with parameters 39,000. It alone gives Postgres the exact text of each value to read as
the column's own type, so that what does not fit is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elt.errors import Rejected, Unavailable
from elt.reverse.destination import Route
from elt.reverse.sql.columns import NESTED, TEXTS, Field, Shape, Table
from elt.reverse.sql.names import quoted
from elt.reverse.sql.postgres import tables
from elt.reverse.sql.postgres.errors import committing, translated
from elt.reverse.sql.rows import Row
from elt.reverse.sql.session import Name
from elt.warehouse.dialect import quote

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

DROPPED = "the database dropped the row without a word: a trigger or a rule does that"


class PostgresSession:
    """One connection. Nothing of a transaction's settings outlives it."""

    extra_checks = ()
    row_bytes = 200_000_000  # Postgres takes a text of 1 GB, and makes copies of it

    def __init__(
        self,
        connection: Connection,
        *,
        statement_timeout_seconds: float,
        lock_timeout_seconds: float,
    ) -> None:
        self._connection = connection
        # With SET LOCAL, since a pooler may give this session to somebody else next.
        self._begin = (
            "BEGIN; SET LOCAL TimeZone = 'UTC';"
            f" SET LOCAL statement_timeout = {int(statement_timeout_seconds * 1000)};"
            f" SET LOCAL lock_timeout = {int(lock_timeout_seconds * 1000)};"
            # Or a row would be refused by COMMIT, and every other one with it.
            " SET CONSTRAINTS ALL IMMEDIATE"
        )

    def prove(self) -> None:
        self._run("SELECT 1")

    def close(self) -> None:
        self._connection.close()

    def find(self, name: Name) -> Table | None:
        with translated():
            return tables.find(self._connection, name)

    def names(self, schema: str) -> list[str]:
        with translated():
            return tables.names(self._connection, schema)

    def create_sql(self, name: Name, route: Route) -> str:
        return tables.create_sql(name, route)

    def index_sql(self, table: Table, key: Field) -> str:
        return tables.index_sql(table, key)

    def create(self, sql: str) -> None:
        self._run(sql)

    def begin(self) -> None:
        self._run(self._begin)

    def commit(self) -> None:
        with committing():
            done = self._connection.execute("COMMIT").statusmessage
        if done != "COMMIT":
            raise Unavailable(f"Postgres took nothing: it answered COMMIT by {done}")

    def save(self) -> None:
        self._run("SAVEPOINT batch")

    def release(self) -> None:
        self._run("RELEASE SAVEPOINT batch")

    def go_back(self) -> None:
        self._run("ROLLBACK TO SAVEPOINT batch; RELEASE SAVEPOINT batch")

    def present(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        key = shape.only_key
        sql = f"SELECT v.n FROM {_source(key)} JOIN {_table(key)} ON {_same_key(key)}"
        return _places(self._run(sql, rows))

    def update(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        into = shape.others or (shape.key,)
        values = ", ".join(f"{_name(f)} = {_value(shape, f)}" for f in into)
        sql = f"""
            UPDATE {_table(shape)}
            SET {values}
            FROM {_source(shape)}
            WHERE {_same_key(shape)}
            RETURNING v.n
        """
        return _places(self._run(sql, rows))

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        names = ", ".join(_name(field) for field in shape.fields)
        values = ", ".join(_value(shape, field) for field in shape.fields)
        sql = f"""
            INSERT INTO {_table(shape)} ({names})
            SELECT {values}
            FROM {_source(shape)}
        """
        if self._run(sql, rows).rowcount != len(rows):
            raise Rejected(DROPPED)

    def delete(self, shape: Shape, rows: Sequence[Row]) -> None:
        self._run(
            f"DELETE FROM {_table(shape)} USING {_source(shape)}"
            f" WHERE {_same_key(shape)}",
            rows,
        )

    def equals(self, shape: Shape, row: Row) -> bool:
        # As text, because a json has no `=`.
        alike = "".join(
            f" AND t.{_name(field)}::text IS NOT DISTINCT FROM"
            f" ({_value(shape, field)})::{_escaped(field.column.type)}::text"
            for field in shape.others
        )
        sql = (
            f"SELECT 1 FROM {_table(shape)}, {_source(shape)} WHERE {_same_key(shape)}"
        )
        return self._run(sql + alike, [row]).fetchone() is not None

    def lookalike(self, shape: Shape, row: Row) -> str | None:
        key, name = shape.only_key, _name(shape.key)
        sql = f"""
            SELECT t.{name}::text
            FROM {_table(key)}, {_source(key)}
            WHERE t.{name} = {_value(key, shape.key)}
        """
        found = self._run(sql, [row]).fetchone()
        return None if found is None else str(found[0])

    def culprit(self, shape: Shape, row: Row) -> str | None:
        for field in shape.fields:
            alone = Shape(table=shape.table, key=field, fields=(field,))
            self.save()
            try:
                self._run(
                    f"SELECT {_value(alone, field)} FROM {_source(alone)}",
                    [row.only(field.name)],
                )
            except Rejected:
                return field.name
            finally:
                self.go_back()
        return None

    def _run(self, sql: str, rows: Sequence[Row] | None = None) -> Cursor[Any]:
        texts = None if rows is None else [f"[{','.join(row.text for row in rows)}]"]
        with translated():
            return self._connection.execute(sql.encode(), texts)


def _source(shape: Shape) -> str:
    """Write rows as a relation `v`: columns in the fields' order, and `n` from 1."""
    types = ", ".join(
        f"{_escaped(quote(field.name))} {_escaped(_read_as(field))}"
        for field in shape.fields
    )
    names = ", ".join(f"c{n}" for n in range(len(shape.fields)))
    return (
        f"ROWS FROM (json_to_recordset(%s::json) AS ({types}))"
        f" WITH ORDINALITY AS v({names}, n)"
    )


def _read_as(field: Field) -> str:
    """Name the type as which Postgres reads a value from JSON."""
    kind, source = field.column.kind, field.source
    if (kind == "bytes" and source == "BLOB") or (kind == "json" and source in TEXTS):
        return "text"
    return "json" if kind == "text" and source in NESTED else field.column.type


def _value(shape: Shape, field: Field) -> str:
    value, read = f"v.c{shape.fields.index(field)}", _read_as(field)
    if read == field.column.type:
        return value
    if field.column.kind == "bytes":
        return f"decode({value}, 'base64')"
    if field.column.kind == "json":
        return f"{value}::{_escaped(field.column.type)}"
    return f"{value}::text" if read == "json" else value


def _same_key(shape: Shape) -> str:
    """Compare keys by their index, and texts letter for letter besides."""
    ours, value = f"t.{_name(shape.key)}", _value(shape, shape.key)
    same = f"{ours} = {value}"
    if shape.key.column.kind != "text":
        return same
    return f'{same} AND {ours}::text COLLATE "C" = {value}::text COLLATE "C"'


def _table(shape: Shape) -> str:
    return f"{_escaped(quoted(shape.table.schema, shape.table.name))} AS t"


def _name(field: Field) -> str:
    return _escaped(quote(field.column.name))


def _escaped(sql: str) -> str:
    # To the driver a % starts a parameter.
    return sql.replace("%", "%%")


def _places(cursor: Cursor[Any]) -> set[int]:
    return {n - 1 for (n,) in cursor}
