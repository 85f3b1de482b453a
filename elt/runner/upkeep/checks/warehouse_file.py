"""The DuckDB file: who has it open, who can read it, and what waits in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from elt.errors import EltError, Unavailable
from elt.project.settings import Project
from elt.runner.store.database import Store
from elt.runner.upkeep.backup import backups
from elt.runner.upkeep.disk import bytes_of, size
from elt.runner.upkeep.finding import Finding, Subject
from elt.runner.upkeep.holders import holders
from elt.runner.upkeep.remains import remains
from elt.warehouse import tables
from elt.warehouse.copying import storage_version
from elt.warehouse.dialect import relation
from elt.warehouse.duckdb import STORAGE_VERSION, Warehouse
from elt.warehouse.standstill import log_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AREA = "warehouse"
_WRITER_AT = slice(52, 84)  # of the file's header: the DuckDB that wrote it
_MUCH_FREE = 0.3
_MUCH_FREE_BYTES = 50_000_000


def look(subject: Subject) -> Iterator[Finding]:
    project = subject.project
    if project is None:
        return
    path = project.warehouse_path
    if not path.exists():
        yield Finding("note", AREA, "there is none yet", str(path), "elt run")
        return
    yield from _holders(project)
    warehouse = Warehouse(path, busy_timeout_seconds=0.0)
    try:
        with warehouse.reader() as connection:
            yield from _contents(subject, project, connection)
    except Unavailable:
        yield from _log(path, is_open=True)
        return  # told with its holders
    except EltError as error:
        yield _unreadable(project, error)
        return
    yield from _log(path, is_open=bool(holders(path)))


def _holders(project: Project) -> Iterator[Finding]:
    timeout = project.file.warehouse.busy_timeout_seconds
    found = holders(project.warehouse_path)
    for holder in found:
        yield Finding(
            "warning",
            AREA,
            f"{holder} has it open"
            f"{'' if holder.writes else ' for reading'}; a run waits {timeout:g} s for"
            " it, then ends with 75",
            str(project.warehouse_path),
            f"Close it there, or `kill {holder.pid}`",
        )


def _log(path: Path, *, is_open: bool) -> Iterator[Finding]:
    log = log_of(path)
    if log.exists() and not is_open:
        yield Finding(
            "note",
            AREA,
            f"a program that wrote was killed and left its log, {size(bytes_of(log))}:"
            " it belongs to the warehouse, never delete it",
            str(log),
            "elt run: the next program that writes takes it over",
        )


def _unreadable(project: Project, error: EltError) -> Finding:
    path = project.warehouse_path
    if "version number" in error.what or "newer version" in error.what:
        writer = _writer(path)
        return Finding(
            "problem",
            AREA,
            f"a newer DuckDB{f', {writer},' if writer else ''} wrote this file, and the"
            " one installed here cannot read it",
            str(path),
            "pip install --upgrade duckdb",
        )
    newest = next(iter(backups(project)), None)
    command = f"elt restore {newest.relative_to(project.root)}" if newest else ""
    return Finding(
        "problem",
        AREA,
        error.what,
        str(path),
        command or error.hint or "",
    )


def _writer(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_WRITER_AT.stop)[_WRITER_AT].rstrip(b"\0").decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def _contents(
    subject: Subject, project: Project, connection: DuckDBPyConnection
) -> Iterator[Finding]:
    path = project.warehouse_path
    name = connection.execute("SELECT current_database()").fetchone()
    made_for = storage_version(connection, str(name[0]) if name else "")
    if subject.deep:
        yield from _all_tables(connection)
    yield Finding(
        "ok",
        AREA,
        f"{path.name}, {size(bytes_of(path))}, for DuckDB"
        f" {made_for or 'of an unknown version'} and newer",
    )
    if made_for and _numbers(made_for) > _numbers(STORAGE_VERSION):
        yield Finding(
            "note",
            AREA,
            f"DuckDB before {made_for} cannot read it; elt makes its files for"
            f" {STORAGE_VERSION}",
            str(path),
        )
    yield from _free_space(connection)
    version = _version(connection)
    if version is None:
        yield Finding("note", AREA, "elt has not loaded into it yet", fix="elt run")
    elif version > len(tables.MIGRATIONS):
        yield Finding(
            "problem",
            AREA,
            f"a newer elt wrote it (its `_elt` tables are version {version}, this elt"
            f" knows {len(tables.MIGRATIONS)})",
            str(path),
            "pip install --upgrade elt-toolkit",
        )
    else:
        yield from _ours(project, connection)


def _ours(project: Project, connection: DuckDBPyConnection) -> Iterator[Finding]:
    yield from _identity(project, tables.warehouse_id(connection))
    row = connection.execute(
        "SELECT count(*) FROM _elt.rejects WHERE environment = ?",
        [project.environment],
    ).fetchone()
    if row and row[0]:
        rejects = "1 reject waits" if row[0] == 1 else f"{row[0]:,} rejects wait"
        yield Finding("note", AREA, rejects, fix="elt rejects list")
    for left in remains(connection, project):
        yield Finding(
            "note",
            AREA,
            f"it still holds {left.name}, {left.rows:,} rows: {left.why}",
            fix=f"elt clean --drop {left.name}",
        )


def _identity(project: Project, warehouse_id: str) -> Iterator[Finding]:
    """Compare with the warehouses that the run log has seen in this environment."""
    path = project.private_dir / "elt.db"
    if not path.exists():
        return
    try:
        store = Store(path)
    except EltError:
        return  # told with the run log
    try:
        rows = store.rows(
            "SELECT warehouse_id FROM states WHERE environment = ?1"
            " AND warehouse_id NOT LIKE 'target:%'"
            " UNION SELECT warehouse_id FROM baselines WHERE environment = ?1",
            (project.environment,),
        )
    finally:
        store.close()
    known = {row[0] for row in rows}
    if known and warehouse_id not in known:
        yield Finding(
            "warning",
            AREA,
            "this is not the warehouse that earlier runs loaded into: taps would begin"
            " from their starts, and syncs ask",
            str(project.warehouse_path),
            "Point `path` in [warehouse] to the right file, or `elt restore` a backup",
        )


def _free_space(connection: DuckDBPyConnection) -> Iterator[Finding]:
    row = connection.execute(
        "SELECT free_blocks * block_size, total_blocks * block_size"
        " FROM pragma_database_size() WHERE database_name = current_database()"
    ).fetchone()
    if row and row[0] > _MUCH_FREE_BYTES and row[0] > row[1] * _MUCH_FREE:
        yield Finding(
            "note",
            AREA,
            f"{size(row[0])} of it are empty, and DuckDB keeps them",
            fix="elt compact",
        )


def _all_tables(connection: DuckDBPyConnection) -> Iterator[Finding]:
    """Read everything: DuckDB compares the checksum of each block that it reads."""
    import duckdb

    found = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
        " WHERE database_name = current_database() ORDER BY ALL"
    ).fetchall()
    for schema, table in found:
        name = relation(schema, table)
        try:
            connection.execute(f"SELECT bit_xor(hash(t)) FROM {name} AS t").fetchone()
        except duckdb.Error as error:
            yield Finding(
                "problem",
                AREA,
                f"`{schema}.{table}` cannot be read: {str(error).splitlines()[0]}",
                fix="elt restore",
            )


def _version(connection: DuckDBPyConnection) -> int | None:
    import duckdb

    try:
        row = connection.execute(
            "SELECT value FROM _elt.meta WHERE key = 'version'"
        ).fetchone()
    except duckdb.CatalogException:
        return None
    return int(row[0]) if row else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.removeprefix("v").split("."))
