"""SQLite: a statement for each row, in one transaction; there is no network to save."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from elt.errors import Rejected
from elt.reverse.destination import Route
from elt.reverse.sql.columns import Field, Shape, Table
from elt.reverse.sql.names import quoted
from elt.reverse.sql.rows import Row
from elt.reverse.sql.session import Name
from elt.reverse.sql.sqlite import tables
from elt.reverse.sql.sqlite.errors import translated
from elt.reverse.sql.sqlite.values import affinity, exactness, value, values
from elt.warehouse.dialect import quote

DROPPED = "a trigger dropped the row"
UNDONE = "a trigger or the table itself undid the whole batch"


class SqliteSession:
    """One connection to one file."""

    extra_checks = (exactness,)
    row_bytes = 500_000_000

    def __init__(self, connection: sqlite3.Connection, *, where: str) -> None:
        self._connection = connection
        self._where = where

    def prove(self) -> None:
        self._ask("SELECT count(*) FROM sqlite_master", ())

    def close(self) -> None:
        self._connection.close()

    def find(self, name: Name) -> Table | None:
        return tables.find(self._ask, name)

    def names(self, schema: str) -> list[str]:
        return tables.names(self._ask, schema)

    def create_sql(self, name: Name, route: Route) -> str:
        return tables.create_sql(name, route)

    def index_sql(self, table: Table, key: Field) -> str:
        return tables.index_sql(table, key)

    def create(self, sql: str) -> None:
        self._ask(sql, ())

    def begin(self) -> None:
        self._ask("BEGIN IMMEDIATE", ())

    def commit(self) -> None:
        self._ask("COMMIT", ())

    def save(self) -> None:
        self._ask("SAVEPOINT batch", ())

    def release(self) -> None:
        self._ask("RELEASE batch", ())

    def go_back(self) -> None:
        if not self._connection.in_transaction:
            raise Rejected(UNDONE)
        self._ask("ROLLBACK TO batch", ())
        self.release()

    def present(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        sql = f"SELECT 1 FROM {_table(shape)} WHERE {_same_key(shape)}"
        return {
            place for place, row in enumerate(rows) if self._ask(sql, _key(shape, row))
        }

    def update(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        into = shape.others or (shape.key,)
        names = ", ".join(f"{_name(field)} = ?" for field in into)
        # ABORT overrules what the table says, which may be REPLACE.
        sql = f"UPDATE OR ABORT {_table(shape)} SET {names} WHERE {_same_key(shape)}"
        places = set()
        with translated(self._where):
            for place, row in enumerate(rows):
                given = [value(field, row.members[field.name]) for field in into]
                done = self._connection.execute(sql, [*given, *_key(shape, row)])
                if done.rowcount:
                    places.add(place)
        return places

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        names = ", ".join(_name(field) for field in shape.fields)
        marks = ", ".join("?" * len(shape.fields))
        sql = f"INSERT OR ABORT INTO {_table(shape)} ({names}) VALUES ({marks})"
        with translated(self._where):
            given = (values(shape, row) for row in rows)
            if self._connection.executemany(sql, given).rowcount != len(rows):
                raise Rejected(DROPPED)

    def delete(self, shape: Shape, rows: Sequence[Row]) -> None:
        sql = f"DELETE FROM {_table(shape)} WHERE {_same_key(shape)}"
        with translated(self._where):
            self._connection.executemany(sql, [_key(shape, row) for row in rows])

    def equals(self, shape: Shape, row: Row) -> bool:
        alike = "".join(f" AND {_name(field)} IS ?" for field in shape.others)
        others = [value(field, row.members[field.name]) for field in shape.others]
        sql = f"SELECT 1 FROM {_table(shape)} WHERE {_same_key(shape)}{alike}"
        return bool(self._ask(sql, (*_key(shape, row), *others)))

    def lookalike(self, shape: Shape, row: Row) -> str | None:
        key = _name(shape.key)
        found = self._ask(
            f"SELECT CAST({key} AS TEXT) FROM {_table(shape)} WHERE {key} = ?",
            _key(shape, row)[:1],
        )
        return str(found[0][0]) if found else None

    def culprit(self, shape: Shape, row: Row) -> str | None:
        del shape, row
        return None  # the messages name the column

    def _ask(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        with translated(self._where):
            return self._connection.execute(sql, parameters).fetchall()


def _same_key(shape: Shape) -> str:
    """Compare keys by their index, and texts letter for letter besides."""
    key = _name(shape.key)
    if affinity(shape.key.column.type) != "text":
        return f"{key} = ?"
    return f"{key} = ? AND {key} = ? COLLATE BINARY"


def _key(shape: Shape, row: Row) -> tuple[object, ...]:
    key = value(shape.key, row.members[shape.key.name])
    return (key, key) if affinity(shape.key.column.type) == "text" else (key,)


def _table(shape: Shape) -> str:
    return quoted(shape.table.schema, shape.table.name)


def _name(field: Field) -> str:
    return quote(field.column.name)
