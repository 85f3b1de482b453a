"""What a SQLite file says about a table, and how a new one is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from elt.reverse.destination import Route
from elt.reverse.sql.columns import (
    INTEGERS,
    ColumnKind,
    Field,
    Table,
    TableColumn,
    base_type,
)
from elt.reverse.sql.names import quoted
from elt.reverse.sql.session import Name
from elt.reverse.sql.sqlite.values import Affinity, affinity
from elt.warehouse.dialect import quote

Ask = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]
# What SQLite does to numbers is looked at in `values`, so those are `other` here.
KINDS: dict[Affinity, ColumnKind] = {"text": "text", "blob": "bytes"}
TYPES = {
    "BOOLEAN": "BOOLEAN",
    **dict.fromkeys(INTEGERS, "INTEGER"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "REAL"),
    "DECIMAL": "NUMERIC",
    "BLOB": "BLOB",
}
GENERATED = frozenset((2, 3))  # in `hidden` of pragma_table_xinfo


def find(ask: Ask, name: Name) -> Table | None:
    schema = name[0] or "main"
    found = ask(
        f"SELECT name FROM {quote(schema)}.sqlite_master"
        " WHERE type IN ('table', 'view') AND lower(name) = lower(?)",
        (name[1],),
    )
    if not found:
        return None
    ((table,),) = found
    columns = ask(
        'SELECT name, type, hidden, pk FROM pragma_table_xinfo(?, ?) ORDER BY "cid"',
        (table, schema),
    )
    return Table(
        schema=schema,
        name=table,
        columns=tuple(_column(*row[:3]) for row in columns),
        unique=frozenset([*_row_id(columns), *_indexed(ask, schema, table)]),
    )


def _column(name: str, type_: str, hidden: int) -> TableColumn:
    return TableColumn(
        name=name,
        type=type_,
        kind=KINDS.get(affinity(type_), "other"),
        is_generated=hidden in GENERATED,
    )


def _row_id(columns: list[tuple[Any, ...]]) -> Iterator[str]:
    """Find an INTEGER PRIMARY KEY, which has no index."""
    keys = [(name, type_) for name, type_, _, place in columns if place]
    if len(keys) == 1 and keys[0][1].upper() == "INTEGER":
        yield keys[0][0]


def _indexed(ask: Ask, schema: str, table: str) -> Iterator[str]:
    indexes = ask(
        'SELECT name FROM pragma_index_list(?, ?) WHERE "unique" AND NOT partial',
        (table, schema),
    )
    for (index,) in indexes:
        columns = ask("SELECT name FROM pragma_index_info(?, ?)", (index, schema))
        if len(columns) == 1 and columns[0][0] is not None:
            yield columns[0][0]


def names(ask: Ask, schema: str) -> list[str]:
    rows = ask(
        f"SELECT name FROM {quote(schema or 'main')}.sqlite_master"
        " WHERE type IN ('table', 'view')",
        (),
    )
    return [name for (name,) in rows]


def create_sql(name: Name, route: Route) -> str:
    columns = [
        f"{quote(c.name)} {TYPES.get(base_type(c.type), 'TEXT')}" for c in route.columns
    ]
    if route.mode != "append":
        columns.append(f"PRIMARY KEY ({quote(route.key)})")
    return f"CREATE TABLE {quoted(*name)} ({', '.join(columns)})"


def index_sql(table: Table, key: Field) -> str:
    index = quoted(table.schema, f"{table.name}_{key.column.name}")
    return (
        f"CREATE UNIQUE INDEX {index} ON {quote(table.name)} ({quote(key.column.name)})"
    )
