"""Arrays of objects become tables of their own, with the keys of the rows they are in.

A stream's rows are read with such arrays as lists of STRUCTs, so that all of it is
checked as one: a record with an element that does not fit is a reject as a whole. The
rows wait aside with their lists; then the lists leave them and are unfolded into the
child tables, in the same transaction. When a row comes again all its elements do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elt.errors import ConfigError, EltError
from elt.targets.columns import LOADED_AT, RUN_ID, Column, table_name
from elt.targets.nested import Items, Leaf, Struct, converted, parse, render
from elt.targets.reading.maps import NO_MAPS
from elt.targets.reading.told import TOLD
from elt.targets.writing.evolve import Change, Table, place_of, tables_in
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.targets.writing.policies import fit
from elt.targets.writing.settling import make_empty
from elt.warehouse.dialect import literal, quote, relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ASIDE = "_elt_aside"
PARENT = "_parent_"
POSITION = "_position"
# What no key of an object can be, because no STRUCT could have it as a field.
_OURS = "\x00"


@dataclass(frozen=True, slots=True)
class Child:
    """A child table: its key, the fields of its elements, and the tables below it.

    `path` are the properties that lead to its list, from the stream's record on.
    """

    table: str
    path: tuple[str, ...]
    key: tuple[Column, ...]
    fields: tuple[Column, ...]
    children: tuple[Child, ...]


def split(
    plan: StreamPlan, columns: Sequence[Column], *, declared: Sequence[Column]
) -> tuple[list[Column], list[Column]]:
    """Part the columns of a stream's table from the lists that are tables themselves.

    Lists have names by which they wait aside. Raises ConfigError for a stream whose
    elements would not know the row that they are of, EltError where the elements of a
    declared list can be no table.
    """
    own = [column for column in columns if not _is_list(plan, column)]
    lists = [column for column in columns if _is_list(plan, column)]
    if lists and not (plan.keyed and plan.mode.name in ("upsert", "overwrite")):
        raise ConfigError(
            f'stream `{plan.stream}` cannot have `nested = "tables"`: it is written by'
            f" `{plan.mode.name}`{'' if plan.key else ' and has no key'}, and the rows"
            " of child tables are known by the key of the row that they are in",
            hint="Name its `key`, with mode `upsert` or `overwrite`, or use"
            ' `nested = "struct"`',
        )
    _check_kept(plan, declared, {column.property for column in lists})
    named = enumerate(lists)
    return own, [replace(column, name=f"_elt_list_{n}") for n, column in named]


def _check_kept(
    plan: StreamPlan, declared: Sequence[Column], kept: Collection[str]
) -> None:
    """Raise EltError for a list that was declared and has outgrown every STRUCT."""
    for column in declared:
        if _is_list(plan, column) and column.property not in kept:
            raise EltError(
                f"the elements of `{column.property}` of stream `{plan.stream}` have"
                " keys that no table can have, such as two that differ in case only",
                hint='Use `nested = "json"` for the stream',
            )


def make_aside(
    cursor: DuckDBPyConnection, plan: StreamPlan, lists: Sequence[Column]
) -> None:
    """Make a place where rows wait with their lists, and with what they tell."""
    table = relation(plan.schema, plan.table)
    make_empty(cursor, ASIDE, f"SELECT *{beside(lists)} FROM {table}")


def beside(lists: Sequence[Column]) -> str:
    """Give the SQL of the lists and of TOLD as further columns, without values."""
    columns = (*lists, TOLD)
    return "".join(f", NULL::{each.type} AS {quote(each.name)}" for each in columns)


def move_rows(cursor: DuckDBPyConnection, target: str, lists: Sequence[Column]) -> None:
    """Move the rows on to where they go without their lists, which stay for a while."""
    names = ", ".join(quote(each.name) for each in (*lists, TOLD))
    cursor.execute(
        f"INSERT INTO {target} BY NAME SELECT * EXCLUDE ({names})"
        f" FROM {ASIDE} ORDER BY rowid"
    )


def children_of(
    plan: StreamPlan, table: str, columns: Sequence[Column], lists: Sequence[Column]
) -> Iterator[Child]:
    """Give the child tables of a stream's `table`, whose key is among the columns."""
    by_property = {column.property: column for column in columns}
    keys = [by_property[key] for key in plan.key if key in by_property]
    taken: set[str] = set()
    for column in lists:
        wish = plan.maps.rename.get(column.property, column.property)
        shape = parse(column.type)
        assert isinstance(shape, Items)  # noqa: S101  what `split` takes for a list
        name = _free(f"{table}__{table_name(wish)}", taken)
        yield _child(name, (column.property,), keys, shape)


def all_children(children: Iterator[Child] | Sequence[Child]) -> Iterator[Child]:
    """Give child tables with those below them."""
    for child in children:
        yield child
        yield from all_children(child.children)


def write_children(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    columns: Sequence[Column],
    lists: Sequence[Column],
    stamp: Stamp,
    *,
    rows: str = ASIDE,
) -> list[Change]:
    """Put the lists of `rows` into their tables; give what was changed for that.

    Of rows that the stream's table has not taken, the elements are not taken either.
    Those of a row that is gone and does not tell a list stay as they are.
    """
    found = tables_in(cursor, {plan.schema})
    by_property = {column.property: column for column in columns}
    keys = [by_property[key] for key in plan.key]
    same = " AND ".join(f"old.{quote(k.name)} = new.{quote(k.name)}" for k in keys)
    taken = f"EXISTS (FROM {relation(plan.schema, plan.table)} AS old WHERE {same})"
    listed = ", ".join(f"{quote(k.name)} AS k{n}" for n, k in enumerate(keys))
    changes = []
    for child, column in zip(
        children_of(plan, plan.table, columns, lists), lists, strict=True
    ):
        told = (
            f"({TOLD.name} IS NULL"
            f" OR list_contains({TOLD.name}, {literal(column.property)}))"
        )
        source = (
            f"SELECT {listed}, {quote(column.name)} AS list FROM {rows} AS new"
            f" WHERE {told} AND {taken}"
        )
        came = f"SELECT DISTINCT {listed} FROM {rows} WHERE {told}"
        work = _Work(plan, stamp, found, came)
        changes += _write(cursor, work, child, source)
    return changes


def delete_orphans(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    columns: Sequence[Column],
    lists: Sequence[Column],
) -> None:
    """Delete the elements of rows that have left the stream's table."""
    by_property = {column.property: column for column in columns}
    names = [by_property[key].name for key in plan.key]
    for child in all_children(children_of(plan, plan.table, columns, lists)):
        pairs = zip(names, child.key, strict=False)
        same = " AND ".join(f"up.{quote(n)} = old.{quote(k.name)}" for n, k in pairs)
        cursor.execute(
            f"DELETE FROM {relation(plan.schema, child.table)} AS old WHERE NOT EXISTS"
            f" (FROM {relation(plan.schema, plan.table)} AS up WHERE {same})"
        )


def tabled(type_: str) -> str:
    """Give a nested type with all but lists of objects as JSON."""
    shape = parse(type_)
    return render(_tabled(shape)) if _is_list_of_objects(shape) else "JSON"


def _tabled(shape: Items | Struct | Leaf) -> Items | Struct | Leaf:
    match shape:
        case Items(each=Struct(fields=fields)):
            return Items(Struct(tuple((name, _tabled(one)) for name, one in fields)))
        case Leaf():
            return shape
        case _:
            return Leaf("JSON")


def _is_list_of_objects(shape: Items | Struct | Leaf) -> bool:
    return isinstance(shape, Items) and isinstance(shape.each, Struct)


def _is_list(plan: StreamPlan, column: Column) -> bool:
    return (
        plan.nested == "tables"
        and not column.pinned
        and _is_list_of_objects(parse(column.type))
    )


def _child(
    table: str, path: tuple[str, ...], above: Sequence[Column], shape: Items
) -> Child:
    assert isinstance(shape.each, Struct)  # noqa: S101  what `tabled` leaves as a list
    key = [
        Column(f"{_OURS}{PARENT}{column.name}", f"{PARENT}{column.name}", column.type)
        for column in above
    ]
    key.append(Column(f"{_OURS}{POSITION}", POSITION, "BIGINT"))
    fields, children = [], []
    taken: set[str] = set()
    for name, one in shape.each.fields:
        if isinstance(one, Items) and isinstance(one.each, Struct):
            below = _free(f"{table}__{table_name(name)}", taken)
            children.append(_child(below, (*path, name), key, one))
        else:
            fields.append(Column(name, name, render(one)))
    return Child(table, path, tuple(key), tuple(fields), tuple(children))


def _free(wish: str, taken: set[str]) -> str:
    """Give each of the lists of one object a table of its own."""
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name


@dataclass(frozen=True, slots=True)
class _Work:
    """One commit of a stream: `came` is SQL of the keys that have come, k0, k1, ..."""

    plan: StreamPlan
    stamp: Stamp
    found: dict[tuple[str, str], Table]
    came: str


def _write(
    cursor: DuckDBPyConnection, work: _Work, child: Child, source: str
) -> list[Change]:
    """Replace the elements of the rows that came; `source` has keys and a `list`."""
    plan = _plan_of(work.plan, child)
    table = relation(plan.schema, plan.table)
    shape = fit(
        cursor,
        plan,
        [*child.key, *child.fields],
        found=work.found.get(place_of(plan.schema, plan.table)),
    )
    _make_way(cursor, work, child, table)
    depth = len(child.key) - 1
    keys = ", ".join(f"k{n}" for n in range(depth))
    elements = (
        f"SELECT {keys}, generate_subscripts(list, 1) - 1 AS k{depth},"
        f" unnest(list) AS e FROM ({source})"
    )
    columns = {column.property: column for column in shape.columns}
    values = [
        _value(column, columns[column.property], f"k{n}")
        for n, column in enumerate(child.key)
    ]
    values += [
        _value(column, columns[column.property], f"e.{quote(column.property)}")
        for column in child.fields
    ]
    names = [
        quote(columns[column.property].name) for column in (*child.key, *child.fields)
    ]
    at = f"TIMESTAMPTZ {literal(work.stamp.at.isoformat())}"
    cursor.execute(
        f"INSERT INTO {table} ({', '.join([*names, LOADED_AT, RUN_ID])})"
        f" SELECT {', '.join([*values, at, literal(work.stamp.run_id)])}"
        f" FROM ({elements})"
    )
    changes = [
        replace(change, column=f"{child.table}.{change.column}", before_text="")
        for change in shape.changes
    ]
    for below in child.children:
        inner = f"SELECT * EXCLUDE (e), e.{quote(below.path[-1])} AS list"
        changes += _write(cursor, work, below, f"{inner} FROM ({elements})")
    return changes


def _plan_of(plan: StreamPlan, child: Child) -> StreamPlan:
    """Plan a child table.

    Its elements are no records of their own that could be set aside: what its policy
    does not allow stops the stream.
    """
    anew = plan.mode if plan.mode.makes_anew else Mode("append", "a child table")
    return replace(
        plan,
        table=child.table,
        mode=anew,
        key=tuple(column.property for column in child.key),
        replication_key=None,
        policy="evolve" if plan.policy == "evolve" else "freeze",
        nested="json",
        types={},
        maps=NO_MAPS,
    )


def _make_way(
    cursor: DuckDBPyConnection, work: _Work, child: Child, table: str
) -> None:
    """Delete the elements of rows that came again, all of them in an overwrite."""
    if work.plan.mode.name == "overwrite":
        cursor.execute(f"DELETE FROM {table}")
        return
    same = " AND ".join(
        f"old.{quote(column.name)} = new.k{n}"
        for n, column in enumerate(child.key[: len(work.plan.key)])
    )
    cursor.execute(
        f"DELETE FROM {table} AS old USING ({work.came}) AS new WHERE {same}"
    )


def _value(column: Column, held: Column, sql: str) -> str:
    """Give a value in the type of its column, which may be wider than asked for."""
    return converted(parse(column.type), parse(held.type), sql)
