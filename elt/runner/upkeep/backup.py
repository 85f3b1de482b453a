"""Warehouse and store as they are at one moment, in one file."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from elt.errors import ConfigError
from elt.project.secrets import Secrets
from elt.project.settings import BASE_ENVIRONMENT, FILE_NAME, Project, plain_name
from elt.runner.alone import alone
from elt.runner.store import history
from elt.runner.store.database import Store, open_store
from elt.runner.store.moments import Now, now_utc
from elt.runner.upkeep.archive import (
    FORMAT,
    PARTIAL,
    STORE,
    WAREHOUSE,
    Manifest,
    Piece,
    digest_of,
    write_archive,
)
from elt.runner.upkeep.disk import bytes_of, make_durable, require_space, size
from elt.warehouse.copying import storage_version
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.standstill import HELD, real_path, standstill

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Tell = Callable[[str], None]

FOLDER = "backups"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, and the older ones that were deleted for it."""

    path: Path
    bytes: int
    manifest: Manifest
    removed: tuple[Path, ...] = ()


def backup(
    project: Project,
    to: Path | None = None,
    *,
    keep: int | None = None,
    secrets: Secrets | None = None,
    now: Now = now_utc,
    tell: Tell = lambda _: None,
) -> Backup:
    """Write warehouse and store into one file, complete under its name or not there.

    `to` may be a folder. With `keep`, only so many of the backups that bear names of
    ours stay in that folder. Raises Held or Unavailable when somebody is at work.
    """
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    if not warehouse.exists():
        raise ConfigError(
            "there is no warehouse yet", where=str(warehouse.path), hint="Run `elt run`"
        )
    moment = now().astimezone(UTC)
    path = _target(project, to, moment)
    with alone(project, "elt backup"):
        manifest = _write(project, warehouse, path, moment, tell)
    removed = _thin_out(path.parent, _name(project), keep) if keep else ()
    return Backup(path, path.stat().st_size, manifest, removed)


def backups(project: Project) -> list[Path]:
    """List the backups with names of ours in the usual folder, the newest first."""
    return _named(project.root / FOLDER, _name(project))


def _target(project: Project, to: Path | None, moment: datetime) -> Path:
    path = (project.root / FOLDER) if to is None else to.expanduser().absolute()
    if to is None or path.is_dir():
        path = _free(path, f"{_name(project)}-{moment.strftime(_STAMP)}")
    if path.exists():
        raise ConfigError(
            f"`{path.name}` is there already",
            where=str(path),
            hint="Choose another name; a backup never replaces a file",
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _free(folder: Path, name: str) -> Path:
    """Choose a name that nobody has, should two be made within a second."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(path for each in names if not (path := folder / f"{each}.tar").exists())


def _name(project: Project) -> str:
    name = plain_name(project.name) or "elt"
    other = project.environment != BASE_ENVIRONMENT
    return f"{name}-{project.environment}" if other else name


def _write(
    project: Project, warehouse: Warehouse, path: Path, moment: datetime, tell: Tell
) -> Manifest:
    source = real_path(warehouse)
    needed = bytes_of(source) + 2 * bytes_of(project.private_dir / "elt.db")
    require_space(path.parent, needed, "the backup")
    tell(f"copying {source.name}, {size(bytes_of(source))}, and the run log")
    partial = path.with_name(path.name + PARTIAL)
    try:
        with (
            # Closed last: closing a file gives back every lock that the process has
            # on it, DuckDB's too.
            source.open("rb") as warehouse_file,
            open_store(project.private_dir) as store,
            _copied_store(project, store) as store_file,
            standstill(warehouse) as connection,
        ):
            pieces = {WAREHOUSE: warehouse_file, STORE: store_file}
            manifest = _manifest(project, connection, store, pieces, moment)
            write_archive(partial, manifest, pieces)
        partial.replace(path)
        make_durable(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return manifest


@contextmanager
def _copied_store(project: Project, store: Store) -> Iterator[BinaryIO]:
    """Copy the store as SQLite does it: other programs may write to it meanwhile."""
    tmp = project.private_dir / "tmp"
    tmp.mkdir(mode=0o700, exist_ok=True)
    with TemporaryDirectory(dir=tmp) as folder:
        made = Path(folder) / STORE
        with closing(sqlite3.connect(made)) as copy:
            store.copy_to(copy)
            # One file, whatever the journal of the original is.
            copy.execute("PRAGMA journal_mode = DELETE")
        with made.open("rb") as file:
            yield file


def _manifest(
    project: Project,
    connection: DuckDBPyConnection,
    store: Store,
    pieces: Mapping[str, BinaryIO],
    moment: datetime,
) -> Manifest:
    tables_version = int(_meta(connection, "version") or 0)
    return Manifest(
        format=FORMAT,
        elt=version("elt-toolkit"),
        duckdb=version("duckdb"),
        made_at=moment.isoformat(timespec="seconds"),
        project=project.name,
        environment=project.environment,
        elt_toml_sha256=_digest(project.root / FILE_NAME),
        warehouse_id=_meta(connection, "warehouse_id"),
        storage_version=storage_version(connection),
        last_run=_last_run(store),
        warehouse=_piece(pieces[WAREHOUSE], tables_version),
        store=_piece(pieces[STORE], _store_version(store)),
    )


def _piece(file: BinaryIO, tables_version: int) -> Piece:
    digest = digest_of(file)
    file.seek(0, 2)
    length = file.tell()
    file.seek(0)
    return Piece(bytes=length, sha256=digest, version=tables_version)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return digest_of(file)


def _meta(connection: DuckDBPyConnection, key: str) -> str:
    """Read from `_elt.meta`; empty where elt has never loaded into the file."""
    import duckdb

    try:
        row = connection.execute(
            f"SELECT value FROM {HELD}._elt.meta WHERE key = ?", [key]
        ).fetchone()
    except duckdb.CatalogException:
        return ""
    return str(row[0]) if row else ""


def _last_run(store: Store) -> str | None:
    return next((run.run for run in history.runs(store, 1)), None)


def _store_version(store: Store) -> int:
    return int(store.rows("PRAGMA user_version")[0][0])


def _thin_out(folder: Path, name: str, keep: int) -> tuple[Path, ...]:
    old = _named(folder, name)[keep:]
    for path in old:
        path.unlink(missing_ok=True)
    return tuple(old)


def _named(folder: Path, name: str) -> list[Path]:
    """Find the backups with names of ours, the newest first."""
    ours = re.compile(re.escape(name) + r"-(\d{8}T\d{6}Z)(?:-(\d+))?\.tar")
    found = [
        ((match[1], int(match[2] or 1)), path)
        for path in folder.glob("*.tar")
        if (match := ours.fullmatch(path.name))
    ]
    return [path for _, path in sorted(found, reverse=True)]


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the backup cannot be written: {error.strerror or error}",
        where=str(path),
        hint="Choose a folder that you may write to: `elt backup FOLDER`",
    )
