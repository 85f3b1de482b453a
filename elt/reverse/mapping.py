"""From a sync's fields to one SELECT: nothing runs per row in Python.

The SELECT gives one column per field, still typed; the key and the payload are SQL
expressions over those columns.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, listed
from elt.project.sync_settings import FieldTable, SyncTable
from elt.reverse.canonical import ENCODING, json_name, json_sql, text_sql
from elt.reverse.destination import Column
from elt.warehouse.dialect import literal, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from duckdb.sqltypes import DuckDBPyType

    Types = Mapping[str, DuckDBPyType]

SOURCES = ("column", "value", "sql", "template")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """What a sync sends, as SQL."""

    select: str
    key_sql: str  # the key as text; NULL where a row has none
    payload_sql: str  # canonical JSON; NULL where a value has no canonical text
    columns: tuple[Column, ...]
    hash: str  # of what the person wrote, and of the encoding's version

    def ignoring_case(self) -> FieldMapping:
        """Take keys for the same that differ in case alone."""
        return replace(self, key_sql=f"lower({self.key_sql})")


def compile_mapping(
    cursor: DuckDBPyConnection, name: str, table: SyncTable, *, relation: str
) -> FieldMapping:
    """Compile a sync's fields against the model as it is in the warehouse now.

    Raises ConfigError for a model, a column or an expression that does not exist.
    """
    where = f"[syncs.{name}]"
    model = _model_types(cursor, table.model, relation)
    fields = _fields(table, model, where)
    sources = {
        field: _source_sql(source, model, f"{where} field `{field}`")
        for field, source in fields.items()
    }
    select = _select(sources, relation)
    types = _types(cursor, sources, relation, where=where)
    with _at(f"{where} key = `{table.key}`"):
        key = text_sql(types[table.key], quote(table.key))
    return FieldMapping(
        select=select,
        key_sql=f"NULLIF({key}, '')",
        payload_sql=_payload_sql(fields, types, table.key, where),
        columns=tuple(Column(name=n, type=str(t)) for n, t in types.items()),
        hash=_mapping_hash(table, fields),
    )


def _model_types(cursor: DuckDBPyConnection, model: str, relation: str) -> Types:
    import duckdb

    try:
        empty = cursor.sql(f"SELECT * FROM {relation} LIMIT 0")
    except duckdb.CatalogException as error:
        raise ConfigError(
            f"model `{model}` is not in the warehouse",
            where=relation,
            hint=f"Build it first: `elt run +{model}`",
        ) from error
    return dict(zip(empty.columns, empty.types, strict=True))


def _fields(table: SyncTable, model: Types, where: str) -> dict[str, FieldTable]:
    """List the fields with their sources, the key always among them."""
    given: Mapping[str, str | FieldTable] = table.fields or {
        # Loading stamps these anew; as fields they would change every row.
        column: column
        for column in model
        if not column.startswith("_elt_")
    }
    fields = {
        name: FieldTable(column=source) if isinstance(source, str) else source
        for name, source in given.items()
    }
    if table.key in fields:
        return fields
    _known_column(table.key, model, f"{where} key = `{table.key}`")
    return {table.key: FieldTable(column=table.key), **fields}


def _source_sql(source: FieldTable, model: Types, where: str) -> str:
    given = [name for name in SOURCES if getattr(source, name) is not None]
    if len(given) != 1:
        raise ConfigError(
            f"a field needs exactly one of {listed(SOURCES)}",
            where=where,
            hint="Keep one of them",
        )
    if source.column is not None:
        return quote(_known_column(source.column, model, where))
    if source.sql is not None:
        return f"(\n{source.sql}\n)"
    if source.template is not None:
        return _template_sql(source.template, model, where)
    return _constant_sql(source.value)


def _known_column(column: str, model: Types, where: str) -> str:
    """Find a column as SQL does: without regard to case."""
    for known in model:
        if known.lower() == column.lower():
            return known
    raise ConfigError(
        f"the model has no column `{column}`",
        where=where,
        hint=did_you_mean(column, model),
    )


def _constant_sql(value: str | float | None) -> str:
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, float):
        return f"'{value!r}'::DOUBLE"
    return str(value).upper()  # an integer, TRUE or FALSE


def _template_sql(template: str, model: Types, where: str) -> str:
    """Join a template's texts and columns; NULL when one of the columns is NULL."""
    parts = []
    for text, column, form, conversion in _parse(template, where):
        if text:
            parts.append(literal(text))
        if form or conversion:
            raise ConfigError(
                "a template holds plain `{column}`s only",
                where=where,
                hint="Use `sql` for anything more",
            )
        if column is not None:
            known = _known_column(column, model, where)
            with _at(f"{where}, column `{known}`"):
                parts.append(text_sql(model[known], quote(known)))
    return " || ".join(parts) or "''"


def _parse(
    template: str, where: str
) -> Iterable[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(string.Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(
            f"the template cannot be read: {error}",
            where=where,
            hint="Write a brace that is meant as text twice: `{{`",
        ) from error


def _select(sources: Mapping[str, str], relation: str) -> str:
    columns = ",\n    ".join(f"{sql} AS {quote(name)}" for name, sql in sources.items())
    return f"SELECT\n    {columns}\nFROM {relation}"


def _types(
    cursor: DuckDBPyConnection, sources: Mapping[str, str], relation: str, *, where: str
) -> Types:
    """Ask for the fields' types one by one, so that an error names its field."""
    import duckdb

    types: dict[str, DuckDBPyType] = {}
    for field, sql in sources.items():
        try:
            types[field] = cursor.sql(f"SELECT {sql} FROM {relation} LIMIT 0").types[0]
        except duckdb.Error as error:
            raise ConfigError(
                f"field `{field}`: {str(error).splitlines()[0]}",
                where=where,
                hint=f"The words are DuckDB's; try `SELECT {sql} FROM {relation}`",
            ) from error
    return types


def _payload_sql(
    fields: Mapping[str, FieldTable], types: Types, key: str, where: str
) -> str:
    """Join the fields by name: those before the key end in a comma, others begin so.

    The key is always there, whichever others are left out, so no comma has to be cut
    off afterwards, which would copy every payload once more.
    """
    members = []
    for name in sorted(fields):
        before, after = (",", "") if name > key else ("", "," if name < key else "")
        with _at(f"{where} field `{name}`"):
            value = json_sql(types[name], quote(name))
        member = f"{literal(f'{before}{json_name(name)}:')} || {value}"
        member = f"{member} || ','" if after else member
        if fields[name].on_null == "skip" and name != key:
            member = f"CASE WHEN {quote(name)} IS NULL THEN '' ELSE {member} END"
        members.append(f"({member})")
    return f"'{{' || {' || '.join(members)} || '}}'"


def _mapping_hash(table: SyncTable, fields: Mapping[str, FieldTable]) -> str:
    written = {name: msgspec.to_builtins(fields[name]) for name in sorted(fields)}
    text = json.dumps([ENCODING, table.model, table.key, written], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Say where a value stands that has no canonical text."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.what, where=where, hint=error.hint) from error
