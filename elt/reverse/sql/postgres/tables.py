"""What Postgres' catalog says about a table, and how a new one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elt.reverse.destination import Route
from elt.reverse.sql.columns import (
    NESTED,
    ColumnKind,
    Field,
    Table,
    TableColumn,
    base_type,
)
from elt.reverse.sql.names import quoted
from elt.reverse.sql.session import Name
from elt.warehouse.dialect import quote

if TYPE_CHECKING:
    from psycopg import Connection

KINDS: dict[str, ColumnKind] = {
    **dict.fromkeys(("int2", "int4", "int8"), "integer"),
    "numeric": "decimal",
    "float8": "double",
    "bool": "boolean",
    **dict.fromkeys(("text", "varchar", "bpchar", "citext"), "text"),
    "bytea": "bytes",
    **dict.fromkeys(("json", "jsonb"), "json"),
    "date": "date",
    **dict.fromkeys(("time", "timetz"), "time"),
    **dict.fromkeys(("timestamp", "timestamptz"), "timestamp"),
}
TYPES = {
    "BOOLEAN": "boolean",
    **dict.fromkeys(("TINYINT", "UTINYINT", "SMALLINT"), "smallint"),
    **dict.fromkeys(("USMALLINT", "INTEGER"), "integer"),
    **dict.fromkeys(("UINTEGER", "BIGINT"), "bigint"),
    **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT"), "numeric(39, 0)"),
    "BIGNUM": "numeric",
    # Not `real`: a FLOAT is sent with the digits of a double.
    **dict.fromkeys(("FLOAT", "DOUBLE"), "double precision"),
    "UUID": "uuid",
    "DATE": "date",
    "TIME": "time",
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"
    ),
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "BLOB": "bytea",
    **dict.fromkeys(NESTED, "jsonb"),
}


def find(connection: Connection, name: Name) -> Table | None:
    found = connection.execute(
        """
        SELECT class.oid, space.nspname, class.relname
        FROM pg_class AS class
        JOIN pg_namespace AS space ON space.oid = class.relnamespace
        WHERE class.oid = to_regclass(%s) AND class.relkind IN ('r', 'p', 'v', 'f')
        """,
        [quoted(*name)],
    ).fetchone()
    if found is None:
        return None
    table, schema, relation = found
    return Table(
        schema=schema,
        name=relation,
        columns=_columns(connection, table),
        unique=_unique(connection, table),
    )


def _columns(connection: Connection, table: int) -> tuple[TableColumn, ...]:
    rows = connection.execute(
        """
        SELECT
            a.attname,
            format_type(a.atttypid, a.atttypmod),
            base.typname,
            CASE type.typtype WHEN 'd' THEN type.typtypmod ELSE a.atttypmod END,
            a.attgenerated <> '' OR a.attidentity = 'a'
        FROM pg_attribute AS a
        JOIN pg_type AS type ON type.oid = a.atttypid
        JOIN pg_type AS base
            ON base.oid = CASE type.typtype WHEN 'd' THEN type.typbasetype
                ELSE type.oid END
        WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
        """,
        [table],
    )
    return tuple(_column(*row) for row in rows)


def _column(
    name: str, type_: str, base: str, modifier: int, is_generated: bool
) -> TableColumn:
    kind = KINDS.get(base, "other")
    return TableColumn(
        name=name,
        type=type_,
        kind=kind,
        digits=_digits(kind, modifier),
        length=modifier - 4 if kind == "text" and modifier > 0 else None,
        is_generated=is_generated,
    )


def _digits(kind: ColumnKind, modifier: int) -> int | None:
    """Read a type's modifier; for a number it holds a signed scale of 11 bits."""
    if kind in {"time", "timestamp"}:
        return modifier if modifier >= 0 else 6
    if kind != "decimal" or modifier < 0:
        return None
    return (((modifier - 4) & 0x7FF) ^ 1024) - 1024


def _unique(connection: Connection, table: int) -> frozenset[str]:
    rows = connection.execute(
        """
        SELECT a.attname
        FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid
            AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1
        """,
        [table],
    )
    return frozenset(name for (name,) in rows)


def names(connection: Connection, schema: str) -> list[str]:
    rows = connection.execute(
        """
        SELECT relname
        FROM pg_class
        JOIN pg_namespace AS space ON space.oid = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'f')
            AND space.nspname = COALESCE(NULLIF(%s, ''), current_schema())
        """,
        [schema],
    )
    return [name for (name,) in rows]


def create_sql(name: Name, route: Route) -> str:
    columns = [f"{quote(c.name)} {_type(c.type)}" for c in route.columns]
    if route.mode != "append":
        columns.append(f"PRIMARY KEY ({quote(route.key)})")
    return f"CREATE TABLE {quoted(*name)} ({', '.join(columns)})"


def index_sql(table: Table, key: Field) -> str:
    place = quoted(table.schema, table.name)
    return f"CREATE UNIQUE INDEX ON {place} ({quote(key.column.name)})"


def _type(type_: str) -> str:
    base = base_type(type_)
    if base == "DECIMAL":
        return type_.replace("DECIMAL", "numeric")
    return TYPES.get(base, "text")
