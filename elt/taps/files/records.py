"""The rows of files as Singer records, for targets that do not read files themselves.

Values are written as they stand: the text of a number is kept, and a value that is
not of its column's type stays text, for the target to judge.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb

from elt.errors import EltError
from elt.taps.files.csv import Dialect, literal, read_csv_sql
from elt.taps.files.schema import lines_of
from elt.taps.files.settings import File

_ROWS_AT_ONCE = 5000


def json_records(file: File) -> Iterator[dict[str, Any]]:
    """Decode JSON lines. Raises EltError that names the line for a broken one."""
    for number, line in enumerate(lines_of(file), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line, parse_float=Decimal)
        except ValueError as error:
            raise _broken(file, number, str(error)) from error
        if not isinstance(found, dict):
            raise _broken(file, number, "not an object")
        yield found


def csv_records(
    file: File,
    columns: Sequence[str],
    dialect: Dialect,
    properties: Mapping[str, Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Read CSV rows with their values typed.

    Raises EltError, after all good rows, when a row does not fit the header.
    """
    converters = [_converter(properties.get(name, {})) for name in columns]
    with duckdb.connect() as connection:
        source = read_csv_sql(file, columns, dialect, "store_rejects = true")
        connection.execute(f"FROM {source}")
        while rows := connection.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                yield {
                    name: None if text is None else convert(text)
                    for name, convert, text in zip(
                        columns, converters, row, strict=True
                    )
                }
        _check_rejects(connection, file)


def parquet_records(file: File) -> Iterator[dict[str, Any]]:
    """Read Parquet rows as values that JSON can hold."""
    with duckdb.connect() as connection:
        connection.execute(f"FROM read_parquet({literal(str(file.path))})")
        names = [column[0] for column in connection.description or ()]
        while rows := connection.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                yield dict(zip(names, map(_as_json, row), strict=True))


def _converter(schema: Mapping[str, Any]) -> Callable[[str], Any]:
    types = schema.get("type") or ()
    for name, convert in _CONVERTERS.items():
        if name in types and "string" not in types:
            return convert
    return str


def _integer(text: str) -> int | str:
    try:
        value = int(text)
    except ValueError:
        return text
    return value if str(value) == text else text


def _number(text: str) -> Decimal | str:
    plain = text.removeprefix("-")[:1].isdigit() and "_" not in text
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    return value if plain and value.is_finite() else text


def _boolean(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text.lower(), text)


def _nested(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "object": _nested,
    "array": _nested,
}


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | timedelta):
        return str(value)
    return value


def _check_rejects(connection: duckdb.DuckDBPyConnection, file: File) -> None:
    row = connection.execute(
        "SELECT count(*), min(line), arg_min(csv_line, line) FROM reject_errors"
    ).fetchone()
    count, line, text = row or (0, 0, "")
    if count:
        raise EltError(
            f"{count} rows do not fit the header; the first is line {line}: {text}",
            where=file.name,
            hint="Mend the file; all its other rows were written",
        )


def _broken(file: File, number: int, reason: str) -> EltError:
    return EltError(
        f"line {number} is not a JSON object: {reason}",
        where=file.name,
        hint="Mend the file; nothing after this line was read",
    )
