"""What must be known of a part before its rows are written: its keys, its columns.

JSON records are looked at for keys that the schema lacks; a part that was refused
once is read as text first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from elt.errors import EltError
from elt.targets.columns import Column, named, type_held, widened
from elt.targets.nested import is_nested
from elt.targets.reading import careful
from elt.targets.reading.columnar import COLUMNAR, described, opened
from elt.targets.reading.growth import growth
from elt.targets.reading.maps import NO_MAPS, Maps, mapped
from elt.targets.reading.packing import check_end, check_whole
from elt.targets.reading.parts import check_unchanged
from elt.targets.reading.roads import Road, objects_sql, pointer
from elt.targets.reading.shapes import type_of
from elt.targets.reading.texts import Texts, keys_in, read_texts
from elt.targets.reading.told import may_leave_out
from elt.targets.reading.usual import as_read, usual_rows
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


class NoLines(Exception):
    """JSON lines cannot be told apart by their newlines alone: read them as objects."""


class UnusualValues(Exception):
    """The fast road refused the part: read it carefully."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What a refused attempt has taught about a stream's parts."""

    look_at_all_keys: bool = False
    by_objects: bool = False
    careful: bool = False
    every_row: bool = False  # not only what is unusual

    def with_more_care(self) -> Caution:
        return replace(self, careful=True, every_row=self.careful)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A road, and what was learnt about it before its rows are written."""

    road: Road
    number: int  # tells the parts of a commit apart
    extra: tuple[Column, ...] = ()
    key_sets: tuple[tuple[str, ...], ...] | None = None  # None: keys are known good
    texts: Texts | None = None  # set where the road is read carefully
    leaves_out: bool = False  # a record may be gone and tell only a part of its row

    def own(self, columns: Sequence[Column]) -> list[Column]:
        """Give those of the columns that the part may have values for."""
        known = {c.property for c in (*self.road.columns, *self.extra)}
        return [column for column in columns if column.property in known]


def prepare(
    cursor: DuckDBPyConnection,
    road: Road,
    number: int,
    *,
    caution: Caution,
    maps: Maps = NO_MAPS,
    keys: Collection[str] = (),
) -> Reading:
    """Look into a part before the table is made to fit.

    `keys` are what its rows are known by, `number` tells the parts of a commit apart.
    Raises UnusualValues when it must be read carefully, Unavailable when a named file
    changed meanwhile.
    """
    if road.named:
        check_unchanged(road.named)
    if caution.by_objects:
        road = replace(road, by_objects=True)
    if caution.careful and not caution.every_row:
        sifted = _sifted(cursor, road, number, maps=maps, keys=keys)
        if sifted is not None:
            return sifted
    return _whole(cursor, road, number, caution=caution, maps=maps)


def _whole(
    cursor: DuckDBPyConnection,
    road: Road,
    number: int,
    *,
    caution: Caution,
    maps: Maps,
) -> Reading:
    """Look into all rows of a part."""
    extra: tuple[Column, ...] = ()
    key_sets: tuple[tuple[str, ...], ...] | None = None
    leaves_out = False
    if road.format == "jsonl":
        seen, sampled = _keys(cursor, road, caution)
        key_sets = seen if sampled else None
        extra = _inferred(cursor, road, seen, caution)
        leaves_out = may_leave_out(seen, road.columns)
    elif road.format in COLUMNAR:
        with _in_our_words(road):
            road, extra = described(cursor, opened(cursor, road, number))
    grown = growth(lambda sql: run(cursor, road, sql), road, careful=caution.careful)
    if grown.odd and not caution.careful:
        raise UnusualValues
    extra = mapped((*extra, *grown.columns), maps)
    check_end(road.path, road.encoding.compression)
    if not caution.careful:
        return Reading(
            road=road,
            number=number,
            extra=extra,
            key_sets=key_sets,
            leaves_out=leaves_out,
        )
    columns = union(road.columns, extra)
    check_whole(road.path, road.encoding.compression)
    with _in_our_words(road):
        read = read_texts(cursor, road, columns, number=number)
    wider = careful.wider_columns(cursor, read, columns)
    return Reading(
        road=road,
        number=number,
        extra=(*extra, *wider),
        texts=replace(read, maps=maps),
        leaves_out=leaves_out,
    )


def _sifted(
    cursor: DuckDBPyConnection,
    road: Road,
    number: int,
    *,
    maps: Maps,
    keys: Collection[str],
) -> Reading | None:
    """Read with care only what is unusual: one bad row must not make all others slow.

    None where that does not tell enough: a key that the schema lacks, many sets of
    keys, columns with parts of their own.
    """
    columns = as_read(road.columns)
    if road.format != "jsonl" or any(is_nested(column.type) for column in columns):
        return None
    check_whole(road.path, road.encoding.compression)
    sample = _key_sets(cursor, road, limit=_SAMPLE_RECORDS, careful=True)
    sets = tuple(keys for keys in sample if keys and len(set(keys)) == len(keys))
    unknown = {key for one in sets for key in one} - road.known
    if not sets or len(sets) > _FEW_KEY_SETS or unknown:
        return None
    usual = usual_rows(road, columns, keys, sets)
    with _in_our_words(road):
        read = read_texts(cursor, road, columns, number=number, usual=usual)
    if not road.known.issuperset(keys_in(cursor, read)):
        return None
    wider = careful.wider_columns(cursor, read, columns)
    texts = replace(read, maps=maps)
    return Reading(
        road=road,
        number=number,
        extra=tuple(wider),
        key_sets=sets,
        texts=texts,
        leaves_out=may_leave_out(sets, road.columns),
    )


def read_rest(
    cursor: DuckDBPyConnection,
    reading: Reading,
    columns: Sequence[Column],
    taken: tuple[str, str],
    maps: Maps,
) -> Texts:
    """Read as texts the rows of a part that were not taken.

    `taken` is a `FROM`, and the condition of those of its rows that were.
    """
    columns = [replace(c, type="VARCHAR") if c.hashed else c for c in columns]
    with _in_our_words(reading.road):
        read = read_texts(
            cursor, reading.road, columns, number=reading.number, usual=taken
        )
    return replace(read, maps=maps)


def _keys(
    cursor: DuckDBPyConnection, road: Road, caution: Caution
) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """Find the sets of keys that the records have; say whether of a sample only."""
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
        sampled = False
    return tuple(key_sets), sampled


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
    cursor: DuckDBPyConnection,
    road: Road,
    key_sets: Sequence[Sequence[str]],
    caution: Caution,
) -> tuple[Column, ...]:
    """Choose columns for keys that the schema lacks; none where all values are null."""
    keys = sorted({key for one in key_sets for key in one} - road.known)
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
    kinds: dict[str, set[str]] = {}
    for key, kind in rows:
        kinds.setdefault(key, set()).add(kind or "NULL")
    found = {key: type_of(kinds.get(key, set())) for key in keys}
    return tuple(Column(key, key, type_) for key, type_ in found.items() if type_)


def outgrown(
    cursor: DuckDBPyConnection,
    readings: Sequence[Reading],
    wanted: Sequence[Column],
    types: Mapping[str, str],
) -> list[Column]:
    """Widen also what fits the stream's type and not the one that its table has.

    `types` are those of the table, by the names of its columns: an integer may be one
    that the DOUBLE there would round.
    """
    held = [
        replace(column, type=wide)
        for column in named(wanted, list(types))
        if column.name in types
        and (wide := widened(type_held(types[column.name]), column.type)) != column.type
    ]
    wider = [
        column
        for reading in readings
        if reading.texts and held
        for column in careful.wider_columns(cursor, reading.texts, reading.own(held))
    ]
    return union(wanted, wider)


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
    with _in_our_words(road):
        return cursor.execute(sql).fetchall()


@contextmanager
def _in_our_words(road: Road) -> Iterator[None]:
    import duckdb

    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        if UNKNOWN_KEYS in str(error):
            raise UnknownKeys from error
        if road.format == "jsonl" and not road.by_objects and "CSV" in str(error):
            raise NoLines from error
        # Our own refusal, or a line that DuckDB cannot read at all.
        raise UnusualValues(str(error).splitlines()[0]) from error
    except (duckdb.IOException, duckdb.NotImplementedException) as error:
        raise EltError(
            f"a batch cannot be loaded: {str(error).splitlines()[0]}",
            where=str(road.path),
        ) from error
