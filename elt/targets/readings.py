"""What must be known of a part before its rows are written: its keys, its columns.

JSON records are looked at for keys that the schema lacks; a part that was refused
once is read as text first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from elt.errors import EltError
from elt.targets import careful
from elt.targets.columns import Column, type_for, widened
from elt.targets.parts import check_unchanged
from elt.targets.roads import Road, objects_sql, pointer
from elt.warehouse.dialect import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE_RECORDS = 2_000
# With more sets of keys than this, comparing each record's keys with all of them
# costs more than a pass of its own.
_FEW_KEY_SETS = 8
UNKNOWN_KEYS = "elt: unknown keys"
UNUSUAL_VALUES = "elt: unusual values"


class UnknownKeys(Exception):
    """A record has keys that the sample did not show: look at all keys first."""


class UnusualValues(Exception):
    """The fast road refused the part: read it carefully."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What a refused attempt has taught about a stream's parts."""

    look_at_all_keys: bool = False
    careful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A road, and what was learnt about it before its rows are written."""

    road: Road
    extra: tuple[Column, ...] = ()
    key_sets: tuple[tuple[str, ...], ...] | None = None  # None: keys are known good
    texts: careful.Texts | None = None  # set where the road is read carefully


def prepare(
    cursor: DuckDBPyConnection,
    road: Road,
    number: int,
    *,
    caution: Caution,
) -> Reading:
    """Look into a part before the table is made to fit.

    `number` tells the parts of a commit apart. Raises UnusualValues when it must be
    read carefully, Unavailable when a named file changed meanwhile.
    """
    if road.named:
        check_unchanged(road.named)
    extra: tuple[Column, ...] = ()
    key_sets: tuple[tuple[str, ...], ...] | None = None
    if road.format == "jsonl":
        key_sets, extra = _keys(cursor, road, caution)
    if road.format == "parquet" and not road.encoding.columns:
        road, extra = _described(cursor, road)
    if not caution.careful:
        return Reading(road=road, extra=extra, key_sets=key_sets)
    columns = union(road.columns, extra)
    read = careful.read_texts(cursor, road, columns, number=number)
    wider = careful.wider_columns(cursor, read, columns)
    return Reading(road=road, extra=(*extra, *wider), texts=read)


def _keys(
    cursor: DuckDBPyConnection, road: Road, caution: Caution
) -> tuple[tuple[tuple[str, ...], ...] | None, tuple[Column, ...]]:
    """Find the sets of keys that the records have, and columns for unknown ones.

    The first result is None when all records were looked at.
    """
    key_sets = _key_sets(cursor, road, limit=_SAMPLE_RECORDS, careful=caution.careful)
    sampled = not caution.look_at_all_keys and len(key_sets) <= _FEW_KEY_SETS
    if not sampled or caution.careful:
        key_sets = _key_sets(cursor, road, careful=caution.careful)
        sampled = False
    odd = any(not keys or len(set(keys)) < len(keys) for keys in key_sets)
    if odd and not caution.careful:
        raise UnusualValues
    unknown = {key for keys in key_sets for key in keys} - road.known
    if unknown and sampled:
        key_sets = _key_sets(cursor, road)
        unknown = {key for keys in key_sets for key in keys} - road.known
        sampled = False
    extra = _inferred(cursor, road, sorted(unknown), caution)
    return (tuple(key_sets) if sampled else None), extra


def _key_sets(
    cursor: DuckDBPyConnection,
    road: Road,
    *,
    limit: int | None = None,
    careful: bool = False,
) -> list[tuple[str, ...]]:
    bound = f" LIMIT {limit}" if limit else ""
    rows = run(
        cursor,
        road,
        "SELECT DISTINCT json_keys(json)"
        f" FROM (SELECT json FROM {objects_sql(road, careful=careful)}{bound})"
        " WHERE json IS NOT NULL",
    )
    return [tuple(keys or ()) for (keys,) in rows]


def _inferred(
    cursor: DuckDBPyConnection, road: Road, keys: Sequence[str], caution: Caution
) -> tuple[Column, ...]:
    """Choose columns for keys that the schema lacks; none where all values are null."""
    if not keys:
        return ()
    listed = ", ".join(literal(key) for key in keys)
    pointers = ", ".join(literal(pointer(key)) for key in keys)
    rows = run(
        cursor,
        road,
        # All keys in one pass: a file may be large and have hundreds of them.
        f"SELECT DISTINCT unnest([{listed}]), unnest(json_type(json, [{pointers}]))"
        f" FROM {objects_sql(road, careful=caution.careful)} WHERE json IS NOT NULL",
    )
    types: dict[str, str] = {}
    for key, seen in rows:
        if seen not in (None, "NULL"):
            type_ = _SEEN_TYPES.get(seen, "JSON")
            types[key] = widened(types.get(key, type_), type_)
    return tuple(Column(key, key, types[key]) for key in keys if key in types)


_SEEN_TYPES = {
    "BIGINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "VARCHAR",
}


def _described(
    cursor: DuckDBPyConnection, road: Road
) -> tuple[Road, tuple[Column, ...]]:
    """Look up a Parquet file's columns, and those among them that the schema lacks."""
    path = literal(str(road.path))
    rows = run(cursor, road, f"DESCRIBE FROM read_parquet({path})")
    types = {name: type_for(type_) for name, type_, *_ in rows}
    extra = tuple(
        Column(name, name, type_)
        for name, type_ in types.items()
        if name not in road.known
    )
    encoding = msgspec.structs.replace(road.encoding, columns=list(types))
    return replace(road, encoding=encoding), extra


def union(first: Sequence[Column], second: Sequence[Column]) -> list[Column]:
    """Join columns by property; a type that differs becomes one that holds both."""
    joined: dict[str, Column] = {}
    for column in (*first, *second):
        known = joined.get(column.property)
        if known is None:
            joined[column.property] = column
        elif known.type != column.type:
            wide = widened(known.type, column.type)
            joined[column.property] = replace(known, type=wide)
    return list(joined.values())


def run(cursor: DuckDBPyConnection, road: Road, sql: str) -> list[tuple[Any, ...]]:
    """Run a statement that reads a part; say in our words why it could not."""
    import duckdb

    try:
        return cursor.execute(sql).fetchall()
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        if UNKNOWN_KEYS in str(error):
            raise UnknownKeys from error
        # Our own refusal, or a line that DuckDB cannot read at all.
        raise UnusualValues(str(error).splitlines()[0]) from error
    except duckdb.IOException as error:
        raise EltError(
            f"a batch cannot be loaded: {str(error).splitlines()[0]}",
            where=str(road.path),
        ) from error
