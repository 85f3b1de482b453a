"""Whether a sync fits the table that it names: asked before its first row."""

from __future__ import annotations

from elt.errors import ConfigError
from elt.project.nearest import listed, nearest
from elt.reverse.destination import Column, Route
from elt.reverse.sql.columns import (
    Field,
    Shape,
    Table,
    TableColumn,
    base_type,
    scale_of,
)
from elt.reverse.sql.names import table_name, written
from elt.reverse.sql.session import Session


def shape_of(session: Session, route: Route, *, may_create: bool) -> Shape:
    """Find the table and the columns that a sync writes; make the table if allowed.

    Raises ConfigError for a table that is not there, columns that it lacks or
    computes itself, and a key that it does not hold unique.
    """
    where = f"[syncs.{route.sync}]"
    name = table_name(route.object)
    table = session.find(name)
    if table is None and may_create:
        session.create(session.create_sql(name, route))
        table = session.find(name)
    if table is None:
        raise _no_table(session, route, name, where)
    fields = _fields(table, route, where)
    (key,) = [field for field in fields if field.name == route.key]
    if route.mode != "append" and key.column.name not in table.unique:
        raise ConfigError(
            f"`{key.column.name}` is not unique in"
            f" `{written(table.schema, table.name)}`, so it cannot be a key",
            where=f"{where} key",
            hint=f"Make it so: {session.index_sql(table, key)}",
        )
    return Shape(table=table, key=key, fields=fields)


def _no_table(
    session: Session, route: Route, name: tuple[str, str], where: str
) -> ConfigError:
    close = nearest(name[1], session.names(name[0]))
    ask = f"Did you mean `{written(name[0], close)}`? Or make it: " if close else ""
    make = ask or "Make it, or set `create_table = true` in the destination's config: "
    return ConfigError(
        f"there is no table `{written(*name)}`",
        where=f"{where} object",
        hint=make + session.create_sql(name, route),
    )


def _fields(table: Table, route: Route, where: str) -> tuple[Field, ...]:
    columns = {column.name: column for column in table.columns}
    found = [(column, _column(columns, column.name)) for column in route.columns]
    missing = [column.name for column, into in found if into is None]
    if missing:
        raise _lacking(table, missing, where)
    computed = [into.name for _, into in found if into and into.is_generated]
    if computed:
        raise ConfigError(
            f"the database computes {listed(computed)} itself",
            where=f"{where} fields",
            hint="Leave out what the database computes; `fields` says what is sent",
        )
    return tuple(_field(column, into) for column, into in found if into)


def _column(columns: dict[str, TableColumn], name: str) -> TableColumn | None:
    """Find a column by its exact name, or by the only one that differs in case."""
    if name in columns:
        return columns[name]
    alike = [c for known, c in columns.items() if known.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _lacking(table: Table, missing: list[str], where: str) -> ConfigError:
    known = [column.name for column in table.columns]
    close = {name: nearest(name, known) for name in missing}
    meant = [f"`{name}` may be `{near}`" for name, near in close.items() if near]
    return ConfigError(
        f"`{written(table.schema, table.name)}` has no {listed(missing)}",
        where=f"{where} fields",
        hint="; ".join(meant) or f"It has {listed(known)}",
    )


def _field(column: Column, into: TableColumn) -> Field:
    return Field(
        name=column.name,
        source=base_type(column.type),
        scale=scale_of(column.type),
        column=into,
    )
