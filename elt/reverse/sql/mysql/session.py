"""MySQL and MariaDB: rows are a UNION of SELECTs to join with, and VALUES to insert.

ON DUPLICATE KEY UPDATE would be twice as fast (100,000 rows/s against 53,000 for new
ones), but goes by any unique index: a row with a key of its own and the email of
somebody else would be written over that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elt.errors import Rejected
from elt.reverse.destination import Route
from elt.reverse.sql.columns import Field, Shape, Table
from elt.reverse.sql.mysql import tables
from elt.reverse.sql.mysql.errors import committing, translated
from elt.reverse.sql.mysql.tables import quote
from elt.reverse.sql.mysql.values import key_value, value, values
from elt.reverse.sql.rows import Row
from elt.reverse.sql.session import Name

if TYPE_CHECKING:
    from pymysql.connections import Connection

    Parameters = Sequence[object]

# Values that do not fit are errors, and 0 is a number in a counted column, too.
MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_AUTO_VALUE_ON_ZERO"
# SELECTs in one UNION: more are no faster, and cost the server memory.
UNION = 500
DROPPED = "the database did not take the row, and does not say why"


class MysqlSession:
    """One connection, with settings of its own: strict, and in UTC."""

    extra_checks = ()

    def __init__(
        self,
        connection: Connection[Any],
        *,
        where: str,
        statement_timeout_seconds: float,
        lock_timeout_seconds: float,
    ) -> None:
        self._connection = connection
        self._where = where
        lock = max(1, round(lock_timeout_seconds))
        self._run(
            f"SET SESSION sql_mode = '{MODE}', SESSION time_zone = '+00:00',"
            f" SESSION innodb_lock_wait_timeout = {lock}"
        )
        ((packet, version),) = self._ask("SELECT @@max_allowed_packet, VERSION()", [])
        if "MariaDB" in version:
            self._run(f"SET SESSION max_statement_time = {statement_timeout_seconds}")
        self.row_bytes = int(packet) // 2  # quotes and zeros are written as two

    def prove(self) -> None:
        self._run("SELECT 1")

    def close(self) -> None:
        if self._connection.open:
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
        self._run(sql)

    def begin(self) -> None:
        self._run("BEGIN")

    def commit(self) -> None:
        with committing(self._where):
            self._connection.query("COMMIT")

    def save(self) -> None:
        self._run("SAVEPOINT batch")

    def release(self) -> None:
        self._run("RELEASE SAVEPOINT batch")

    def go_back(self) -> None:
        self._run("ROLLBACK TO SAVEPOINT batch")
        self.release()

    def present(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        key, places = shape.only_key, set[int]()
        for start in range(0, len(rows), UNION):
            source, parameters = _source(key, rows[start : start + UNION])
            sql = f"SELECT v.n FROM {source} JOIN {_table(key)} ON {_same_key(key)}"
            places |= {start + n for (n,) in self._ask(sql, parameters)}
        return places

    def update(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        places = self.present(shape, rows)
        there = [row for place, row in enumerate(rows) if place in places]
        for start in range(0, len(there) if shape.others else 0, UNION):
            self._update(shape, there[start : start + UNION])
        return places

    def _update(self, shape: Shape, rows: Sequence[Row]) -> None:
        source, parameters = _source(shape, rows)
        into = ", ".join(
            f"t.{_name(field)} = v.c{n}"
            for n, field in enumerate(shape.fields)
            if field != shape.key
        )
        self._write(
            f"UPDATE {_table(shape)} JOIN {source} ON {_same_key(shape)} SET {into}",
            parameters,
            rows=len(rows),
        )

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        names = ", ".join(_name(field) for field in shape.fields)
        row = f"({', '.join(['%s'] * len(shape.fields))})"
        all_rows = ", ".join([row] * len(rows))
        self._write(
            f"INSERT INTO {_place(shape)} ({names}) VALUES {all_rows}",
            [each for row in rows for each in values(shape, row)],
            rows=len(rows),
        )

    def delete(self, shape: Shape, rows: Sequence[Row]) -> None:
        key = shape.only_key
        for start in range(0, len(rows), UNION):
            source, parameters = _source(key, rows[start : start + UNION])
            sql = f"DELETE t FROM {_table(key)} JOIN {source} ON {_same_key(key)}"
            self._run(sql, parameters)

    def equals(self, shape: Shape, row: Row) -> bool:
        key = shape.only_key
        source, parameters = _source(key, [row])
        alike = "".join(f" AND {_equal(field)}" for field in shape.others)
        others = [value(field, row.members[field.name]) for field in shape.others]
        sql = f"SELECT 1 FROM {_table(key)} JOIN {source} ON {_same_key(key)}{alike}"
        return bool(self._ask(sql, [*parameters, *others]))

    def lookalike(self, shape: Shape, row: Row) -> str | None:
        source, parameters = _source(shape.only_key, [row])
        key = f"t.{_name(shape.key)}"
        # The transaction's own view of the table may be older than the row.
        sql = f"""
            SELECT CAST({key} AS CHAR)
            FROM {_table(shape)}
            JOIN {source} ON {key} = v.c0
            LOCK IN SHARE MODE
        """
        found = self._ask(sql, parameters)
        return str(found[0][0]) if found else None

    def culprit(self, shape: Shape, row: Row) -> str | None:
        del shape, row
        return None  # the messages name the column

    def _ask(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        with translated(self._where), self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    def _run(self, sql: str, parameters: Parameters | None = None) -> int:
        with translated(self._where), self._connection.cursor() as cursor:
            return int(cursor.execute(sql, parameters))

    def _write(self, sql: str, parameters: Parameters, *, rows: int) -> None:
        if self._run(sql, parameters) != rows:
            raise Rejected(DROPPED)


def _source(shape: Shape, rows: Sequence[Row]) -> tuple[str, list[object]]:
    """Write rows as a relation `v`: `n`, the columns, and a text key's bytes."""
    has_letters = bool(shape.key.column.collation)
    parts = ["%s", *(_part(shape, field) for field in shape.fields)]
    if has_letters:
        parts.append("CAST(%s AS BINARY)")
    names = ["n", *(f"c{n}" for n in range(len(shape.fields))), "letters"]
    named = (f"{part} AS {name}" for part, name in zip(parts, names, strict=False))
    first, others = f"SELECT {', '.join(named)}", f"SELECT {', '.join(parts)}"
    parameters: list[object] = []
    for n, row in enumerate(rows):
        given = values(shape, row)
        key = key_value(shape.key, row.members[shape.key.name])
        given[shape.fields.index(shape.key)] = key
        parameters += [n, *given, *([key] if has_letters else ())]
    return (
        f"({' UNION ALL '.join([first, *[others] * (len(rows) - 1)])}) AS v",
        parameters,
    )


def _part(shape: Shape, field: Field) -> str:
    """Write a parameter; the key's so that it is compared by its column's index."""
    column = field.column
    if field != shape.key:
        return "%s"
    if column.collation:
        return f"CONVERT(%s USING {column.charset}) COLLATE {column.collation}"
    if column.kind == "timestamp":
        return "CAST(%s AS DATETIME(6))"
    return "CAST(%s AS DATE)" if column.kind == "date" else "%s"


def _same_key(shape: Shape) -> str:
    """Compare keys by their index, and texts letter for letter besides."""
    ours = f"t.{_name(shape.key)}"
    same = f"{ours} = v.c{shape.fields.index(shape.key)}"
    if not shape.key.column.collation:
        return same
    return f"{same} AND CAST(CONVERT({ours} USING utf8mb4) AS BINARY) = v.letters"


def _equal(field: Field) -> str:
    ours = f"t.{_name(field)}"
    if field.column.kind == "json":
        return f"{ours} <=> CAST(%s AS JSON)"
    if field.column.collation:
        return f"CAST(CONVERT({ours} USING utf8mb4) AS BINARY) <=> CAST(%s AS BINARY)"
    return f"{ours} <=> %s"


def _table(shape: Shape) -> str:
    return f"{_place(shape)} AS t"


def _place(shape: Shape) -> str:
    return _escaped(tables.quoted(shape.table.schema, shape.table.name))


def _name(field: Field) -> str:
    return _escaped(quote(field.column.name))


def _escaped(sql: str) -> str:
    # To the driver a % starts a parameter.
    return sql.replace("%", "%%")
