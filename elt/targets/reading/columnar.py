"""Parquet and Arrow files: what their columns are, and how DuckDB gets at them.

DuckDB reads Parquet by itself. Arrow files are opened with pyarrow, whose record
batches DuckDB takes over without a copy; no value becomes a Python object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elt.errors import ConfigError, EltError
from elt.targets.columns import Column, type_for
from elt.targets.reading.roads import Road, columnar_sql, path_literal
from elt.targets.reading.typed import short_name

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNAR = ("parquet", "arrow")
_WIDEST_DECIMAL = 38
_ARROW_FILE = b"ARROW1"


def opened(cursor: DuckDBPyConnection, road: Road, number: int) -> Road:
    """Let SQL read the file; `number` tells the files of a commit apart.

    Raises ConfigError where pyarrow is missing, EltError where the file is damaged.
    """
    if road.format != "arrow":
        return road
    name = f"_elt_arrow_{number}"
    with _damage(road.path):
        cursor.register(name, _ArrowFile(road.path))
    return replace(road, relation=name)


def described(
    cursor: DuckDBPyConnection, road: Road
) -> tuple[Road, tuple[Column, ...]]:
    """Look up the file's columns, and those among them that the schema lacks.

    Raises DuckDB's error where the file is damaged, EltError where DuckDB would not
    read all digits of a column.
    """
    rows = cursor.execute(f"DESCRIBE FROM {columnar_sql(road)}").fetchall()
    called = _by_property([name for name, *_ in rows], road.known)
    types = {called[name]: short_name(type_) for name, type_, *_ in rows}
    if road.format == "parquet" and "DOUBLE" in "".join(types.values()):
        _refuse_wide_decimals(cursor, road.path)
    extra = tuple(
        Column(name, name, type_for(type_))
        for name, type_ in types.items()
        if name not in road.known and type_ != _NOTHING
    )
    return replace(road, types=types), extra


def _by_property(names: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Give the property of each column: a file may have it in another case."""
    free = {one.lower(): one for one in sorted(known) if one not in names}
    return {
        name: name if name in known else free.pop(name.lower(), name) for name in names
    }


# The type of a column without any value.
_NOTHING = '"NULL"'


def _refuse_wide_decimals(cursor: DuckDBPyConnection, path: Path) -> None:
    """Raise EltError for decimals that DuckDB reads as DOUBLE, without saying so."""
    row = cursor.execute(
        f"SELECT name, precision FROM parquet_schema({path_literal(path)})"
        f" WHERE precision > {_WIDEST_DECIMAL}"
    ).fetchone()
    if row:
        raise EltError(
            f"column `{row[0]}` of a Parquet file has decimals of {row[1]} digits;"
            f" DuckDB holds {_WIDEST_DECIMAL}",
            where=str(path),
            hint="Have it written as text or with fewer digits",
        )


@dataclass(frozen=True, slots=True)
class _ArrowFile:
    """An Arrow IPC file or stream, opened anew for each statement that reads it."""

    path: Path

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        with _damage(self.path):
            batches = _batches(self.path)
            return batches.__arrow_c_stream__(requested_schema)


def _batches(path: Path) -> Any:
    """Give a pyarrow.RecordBatchReader over the mapped file."""
    pa = _pyarrow()
    mapped = pa.memory_map(str(path))
    if mapped.read(len(_ARROW_FILE)) != _ARROW_FILE:
        mapped.seek(0)
        return _readable(pa, pa.ipc.open_stream(mapped))
    file = pa.ipc.open_file(mapped)
    batches = (file.get_batch(n) for n in range(file.num_record_batches))
    return _readable(pa, pa.RecordBatchReader.from_batches(file.schema, batches))


def _readable(pa: Any, batches: Any) -> Any:
    """Cast the types that DuckDB does not read to wider ones; the digits stay."""
    schema = batches.schema
    for index, field in enumerate(schema):
        wider = _wider(pa, field.type)
        if wider is not None:
            schema = schema.set(index, field.with_type(wider))
    return batches if schema is batches.schema else batches.cast(schema)


def _wider(pa: Any, type_: Any) -> Any:
    if pa.types.is_float16(type_):
        return pa.float32()
    if not pa.types.is_decimal256(type_):
        return None
    if type_.precision > _WIDEST_DECIMAL:
        return pa.string()
    return pa.decimal128(type_.precision, type_.scale)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    pa = _pyarrow()
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise EltError(
            f"an Arrow file of a BATCH cannot be read: {str(error).splitlines()[0]}",
            where=str(path),
        ) from error


def _pyarrow() -> Any:
    try:
        pa = import_module("pyarrow")
        import_module("pyarrow.ipc")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the tap sent a BATCH of Arrow files, and pyarrow is missing",
            hint="pip install 'elt-toolkit[arrow]'",
        ) from error
    return pa
