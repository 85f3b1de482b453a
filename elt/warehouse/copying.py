"""A DuckDB file copied without the space that it no longer uses.

DuckDB's own COPY FROM DATABASE does it. What it does not say is whether everything
came along, so both catalogs are compared afterwards, and every table is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elt.errors import EltError
from elt.warehouse.dialect import literal, quote, relation
from elt.warehouse.standstill import HELD

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MADE = "made"

# What DuckDB lists of a database; later versions know kinds that earlier ones do not.
_KINDS = (
    "schemas",
    "types",
    "sequences",
    "tables",
    "columns",
    "constraints",
    "indexes",
    "views",
    "functions",
    "triggers",
)
# What differs between two equal databases: numbers, estimates, the file's own name.
_PASSING = re.compile(r"database_name|path|estimated_size|constraint_index|.*oid")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds; views may need a database that is not in the file."""

    tables: int
    rows: int
    unreadable_views: tuple[str, ...]


def copy_database(connection: DuckDBPyConnection, to: Path) -> Copied:
    """Copy what is attached as `held` into a new file, whole and closed afterwards.

    Raises EltError when DuckDB cannot copy it, or not all of it came along.
    """
    import duckdb

    version = storage_version(connection)
    made_for = f" (STORAGE_VERSION {literal(version)})" if version else ""
    try:
        connection.execute(f"ATTACH {literal(str(to))} AS {MADE}{made_for}")
        connection.execute(f"COPY FROM DATABASE {HELD} TO {MADE}")
        connection.execute(f"DETACH {MADE}")  # writes everything into the file
        # Opened again: what counts is what is on the disk.
        connection.execute(f"ATTACH {literal(str(to))} AS {MADE} (READ_ONLY)")
        copied = _compared(connection)
        connection.execute(f"DETACH {MADE}")
    except duckdb.Error as error:
        raise EltError(
            f"DuckDB cannot copy the warehouse: {str(error).splitlines()[0]}",
            hint="Nothing was changed. Drop or alter what it names, then try again",
        ) from error
    return copied


def storage_version(connection: DuckDBPyConnection, database: str = HELD) -> str | None:
    """Name the oldest DuckDB that reads the file: `v1.4.0`; None where unknown."""
    row = connection.execute(
        "SELECT tags['storage_version'] FROM duckdb_databases()"
        " WHERE database_name = ?",
        [database],
    ).fetchone()
    found = re.match(r"v\d+\.\d+\.\d+", str(row[0])) if row else None
    return found[0] if found else None


def used_bytes(connection: DuckDBPyConnection) -> int:
    """Say how much of the file is in use: about what a copy will need."""
    row = connection.execute(
        "SELECT used_blocks * block_size FROM pragma_database_size()"
        " WHERE database_name = ?",
        [HELD],
    ).fetchone()
    return int(row[0]) if row else 0


def _compared(connection: DuckDBPyConnection) -> Copied:
    for kind in _KINDS:
        before, after = (_listed(connection, kind, name) for name in (HELD, MADE))
        if before != after:
            lost = next(iter(set(before) ^ set(after)), "")
            raise EltError(
                f"the copy differs from the warehouse in its {kind}: {lost}",
                hint="Nothing was changed; please report it as a bug of elt",
            )
    tables = _tables(connection)
    rows = 0
    for schema, table in tables:
        before_rows, after_rows = (
            _count(connection, name, schema, table) for name in (HELD, MADE)
        )
        if before_rows != after_rows:
            raise EltError(
                f"the copy of `{schema}.{table}` has {after_rows:,} rows, the table"
                f" has {before_rows:,}",
                hint="Nothing was changed; please report it as a bug of elt",
            )
        rows += after_rows
    return Copied(len(tables), rows, _unreadable_views(connection))


def _listed(connection: DuckDBPyConnection, kind: str, database: str) -> list[str]:
    """List one kind of things, each as a text of all that is lasting about it."""
    import duckdb

    try:
        found = connection.execute(
            f"SELECT * FROM duckdb_{kind}() WHERE database_name = ? AND NOT"
            f" {_internal(kind)}",
            [database],
        )
    except duckdb.CatalogException:
        return []
    names = [column[0] for column in found.description]
    rows: list[tuple[Any, ...]] = found.fetchall()
    return sorted(
        ", ".join(
            f"{name} {value}"
            for name, value in zip(names, row, strict=True)
            if not _PASSING.fullmatch(name) and value not in (None, "", {}, [])
        )
        for row in rows
    )


def _internal(kind: str) -> str:
    listed = {"schemas", "types", "tables", "columns", "views", "functions"}
    return "internal" if kind in listed else "false"


def _tables(connection: DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
        " WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [HELD],
    ).fetchall()


def _count(
    connection: DuckDBPyConnection, database: str, schema: str, table: str
) -> int:
    row = connection.execute(
        f"SELECT count(*) FROM {quote(database)}.{relation(schema, table)}"
    ).fetchone()
    return int(row[0]) if row else 0


def _unreadable_views(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Find views that need something which is not in the file."""
    import duckdb

    # So that a view over files or addresses is not asked for them.
    connection.execute("SET enable_external_access = false")
    views = connection.execute(
        "SELECT schema_name, view_name FROM duckdb_views()"
        " WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [HELD],
    ).fetchall()
    found = []
    for schema, view in views:
        try:
            connection.execute(
                f"SELECT * FROM {quote(HELD)}.{relation(schema, view)} LIMIT 0"
            )
        except duckdb.PermissionException:
            continue
        except duckdb.Error:
            found.append(f"{schema}.{view}")
    return tuple(found)
