"""What MySQL's catalog says about a table, and how a new one is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from elt.errors import ConfigError
from elt.reverse.destination import Column, Route
from elt.reverse.sql.columns import (
    NESTED,
    ColumnKind,
    Field,
    Table,
    TableColumn,
    base_type,
    parameters,
)
from elt.reverse.sql.names import written
from elt.reverse.sql.session import Name

Ask = Callable[[str, list[object]], list[tuple[Any, ...]]]
KINDS: dict[str, ColumnKind] = {
    **dict.fromkeys(
        ("tinyint", "smallint", "mediumint", "int", "bigint", "bit"), "integer"
    ),
    "decimal": "decimal",
    "double": "double",
    **dict.fromkeys(
        ("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), "text"
    ),
    **dict.fromkeys(
        ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "bytes"
    ),
    "json": "json",
    "date": "date",
    "time": "time",
    **dict.fromkeys(("datetime", "timestamp"), "timestamp"),
}
UTF8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
KEY_TYPE = f"VARCHAR(255) {UTF8}"  # an index holds no longer texts
TYPES = {
    "BOOLEAN": "BOOLEAN",
    "TINYINT": "TINYINT",
    "UTINYINT": "TINYINT UNSIGNED",
    "SMALLINT": "SMALLINT",
    "USMALLINT": "SMALLINT UNSIGNED",
    "INTEGER": "INT",
    "UINTEGER": "INT UNSIGNED",
    "BIGINT": "BIGINT",
    "UBIGINT": "BIGINT UNSIGNED",
    **dict.fromkeys(("HUGEINT", "UHUGEINT"), "DECIMAL(39, 0)"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "DOUBLE"),
    "UUID": "CHAR(36)",
    "DATE": "DATE",
    "TIME": "TIME(6)",
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "DATETIME(6)"
    ),
    "TIMESTAMP WITH TIME ZONE": "DATETIME(6)",
    "BLOB": "LONGBLOB",
    **dict.fromkeys(NESTED, "JSON"),
}
LARGEST_SCALE = 30


def quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def quoted(schema: str, table: str) -> str:
    return f"{quote(schema)}.{quote(table)}" if schema else quote(table)


def find(ask: Ask, name: Name) -> Table | None:
    """Find a table. Raises ConfigError for one that knows no transactions."""
    found = ask(
        """
        SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.ENGINE, e.TRANSACTIONS
        FROM information_schema.TABLES AS t
        LEFT JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE
        WHERE t.TABLE_SCHEMA = COALESCE(NULLIF(%s, ''), DATABASE())
            AND t.TABLE_NAME = %s
        ORDER BY CAST(t.TABLE_NAME AS BINARY) = CAST(%s AS BINARY) DESC
        """,
        [*name, name[1]],
    )
    if not found:
        return None
    schema, table, engine, transactions = found[0]
    if transactions == "NO":
        raise ConfigError(
            f"`{written(schema, table)}` is a {engine} table, without transactions",
            hint=f"ALTER TABLE {quoted(schema, table)} ENGINE = InnoDB",
        )
    return Table(
        schema=schema,
        name=table,
        columns=_columns(ask, schema, table),
        unique=_unique(ask, schema, table),
    )


def _columns(ask: Ask, schema: str, table: str) -> tuple[TableColumn, ...]:
    rows = ask(
        """
        SELECT
            COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, NUMERIC_SCALE, DATETIME_PRECISION,
            CHARACTER_MAXIMUM_LENGTH, CHARACTER_SET_NAME, COLLATION_NAME,
            COALESCE(GENERATION_EXPRESSION, '')
        FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
        ORDER BY ORDINAL_POSITION
        """,
        [schema, table],
    )
    return tuple(_column(row) for row in rows)


def _column(row: tuple[Any, ...]) -> TableColumn:
    name, type_, base, scale, precision, length, charset, collation, generated = row
    kind = KINDS.get(base.lower(), "other")
    return TableColumn(
        name=name,
        type=type_,
        kind=kind,
        digits=scale if kind == "decimal" else precision,
        length=length if base.lower() in {"char", "varchar"} else None,
        charset=charset or "",
        collation=collation or "",
        is_generated=bool(generated),
    )


def _unique(ask: Ask, schema: str, table: str) -> frozenset[str]:
    rows = ask(
        """
        SELECT MAX(COLUMN_NAME)
        FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0
        GROUP BY INDEX_NAME
        HAVING COUNT(*) = 1 AND COUNT(SUB_PART) = 0 AND COUNT(COLUMN_NAME) = 1
        """,
        [schema, table],
    )
    return frozenset(name for (name,) in rows)


def names(ask: Ask, schema: str) -> list[str]:
    rows = ask(
        """
        SELECT TABLE_NAME
        FROM information_schema.TABLES
        WHERE TABLE_SCHEMA = COALESCE(NULLIF(%s, ''), DATABASE())
        """,
        [schema],
    )
    return [name for (name,) in rows]


def create_sql(name: Name, route: Route) -> str:
    keyed = route.mode != "append"
    columns = [
        f"{quote(c.name)} {_type(c, is_key=keyed and c.name == route.key)}"
        for c in route.columns
    ]
    if keyed:
        columns.append(f"PRIMARY KEY ({quote(route.key)})")
    return f"CREATE TABLE {quoted(*name)} ({', '.join(columns)}) ENGINE = InnoDB"


def index_sql(table: Table, key: Field) -> str:
    place, name = quoted(table.schema, table.name), quote(key.column.name)
    index = f"CREATE UNIQUE INDEX {name} ON {place} ({name})"
    if key.column.type.lower().endswith(("text", "blob")):
        # Only its beginning could be indexed, which does not tell long ones apart.
        return f"ALTER TABLE {place} MODIFY {name} VARCHAR(255) NOT NULL; {index}"
    return index


def _type(column: Column, *, is_key: bool) -> str:
    base = base_type(column.type)
    if base == "DECIMAL" and parameters(column.type)[1] <= LARGEST_SCALE:
        return column.type
    if base in TYPES:
        return TYPES[base]
    return KEY_TYPE if is_key else f"LONGTEXT {UTF8}"
