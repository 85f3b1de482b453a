"""The project's own SQLite database: the run log, and copies of what matters.

Every write is one BEGIN IMMEDIATE transaction: a deferred one that turns from reading
to writing fails at once under WAL, whatever the busy timeout.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elt.errors import MAKE_ROOM, ConfigError, EltError, Unavailable
from elt.runner.store.migrations import MIGRATIONS

APPLICATION_ID = 0x656C7400  # "elt" and a zero
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables

# Shared memory, which WAL needs, does not work across these.
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"}


class Store:
    """An open store, safe to use from several threads."""

    def __init__(self, path: Path, *, busy_timeout_seconds: float = 10.0) -> None:
        """Open or make the file and bring it to this version.

        Raises ConfigError when a newer elt wrote it or it is something else.
        """
        self.path = path
        self._lock = threading.RLock()
        _require_strict_tables()
        _make_private(path)
        with self._explained():
            self._connection = _connect(path, busy_timeout_seconds)
            # Of a rollback journal, NORMAL is no promise that the file stays whole.
            self._has_wal = _has_wal(self._connection)
            self._waits_for_the_disk = True
            try:
                self._migrate()
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def writing(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        """Lend the connection inside one transaction, durable when it ends.

        What is not `synced` outlives this process too, but a loss of power only once
        the next transaction that is has ended; it does not wait for the disk.
        """
        with self._lock, self._explained():
            self._wait_for_the_disk(synced or not self._has_wal)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def _wait_for_the_disk(self, waits: bool) -> None:
        if waits != self._waits_for_the_disk:
            level = "FULL" if waits else "NORMAL"
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._waits_for_the_disk = waits

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock, self._explained():
            return self._connection.execute(sql, values).fetchall()

    def copy_to(self, copy: sqlite3.Connection) -> None:
        """Copy everything into another database, as it is at one moment."""
        with self._lock, self._explained():
            self._connection.backup(copy)

    def vacuum(self) -> None:
        """Give the space of what was deleted back to the disk."""
        with self._lock, self._explained():
            self._connection.execute("VACUUM")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self.writing() as connection:
            # Read again: another process may have been faster.
            version = self._version()
            for migration in MIGRATIONS[version:]:
                for statement in migration.split(";\n"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute(
            "SELECT count(*) FROM sqlite_schema"
        ).fetchone()
        if application != APPLICATION_ID and tables:
            raise ConfigError(
                "this is not a store of elt, but another program's database",
                where=str(self.path),
                hint="Move it away; the next run writes a new store",
            )
        if version > len(MIGRATIONS):
            raise ConfigError(
                f"the store was written by a newer elt (version {version}, this elt"
                f" knows {len(MIGRATIONS)})",
                where=str(self.path),
                hint="Upgrade elt: `pip install --upgrade elt-toolkit`",
            )
        return int(version)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise _explained(error, self.path) from error


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """Open the store in a project's private folder, which is made when missing."""
    store = Store(folder / "elt.db")
    try:
        yield store
    finally:
        store.close()


def _require_strict_tables() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigError(
            f"this Python has SQLite {sqlite3.sqlite_version}; elt needs 3.37 or newer",
            hint="Use a Python from python.org, uv or your system's newer release",
        )


def _make_private(path: Path) -> None:
    # What SQLite writes beside the file takes its permissions from it.
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(
            f"the store cannot be written: {error.strerror}",
            where=str(path),
            hint="elt keeps its run log beside elt.toml, in `.elt/`",
        ) from error


def _connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=busy_timeout_seconds,
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    _choose_journal(connection, path)
    return connection


def _choose_journal(connection: sqlite3.Connection, path: Path) -> None:
    wanted = "DELETE" if file_system(path) in NETWORK_FILE_SYSTEMS else "WAL"
    try:
        connection.execute(f"PRAGMA journal_mode = {wanted}")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
        connection.execute("PRAGMA journal_mode = DELETE")


def _has_wal(connection: sqlite3.Connection) -> bool:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return bool(mode == "wal")


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Name the kind of file system under a path; empty where nobody says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = [line.split() for line in lines]
    inside = [
        (len(fields[1]), fields[2])
        for fields in found
        if len(fields) > 2  # noqa: PLR2004  proc(5): device, folder, kind
        and path.resolve().is_relative_to(fields[1].replace("\\040", " "))
    ]
    return max(inside, default=(0, ""))[1]


def _explained(error: sqlite3.DatabaseError, path: Path) -> EltError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return Unavailable(
            "the store is in use by another program",
            where=str(path),
            hint="Close what has `.elt/elt.db` open and try again",
        )
    if "malformed" in text or "not a database" in text:
        return ConfigError(
            f"the store is damaged: {text}",
            where=str(path),
            hint=f"`mv {path} {path}.damaged`, or `elt restore` a backup. The next run"
            " writes a new one and takes the bookmarks from the warehouse, so nothing"
            " is loaded twice; the run log is lost",
        )
    if "full" in text:
        return Unavailable("the disk is full", where=str(path), hint=MAKE_ROOM)
    if "disk I/O" in text:
        return Unavailable(
            f"the store cannot be written: {text}",
            where=str(path),
            hint="Is there room on the disk? `elt doctor` looks closer",
        )
    if "readonly" in text or "unable to open" in text:
        return ConfigError(
            f"the store cannot be written: {text}",
            where=str(path),
            hint="Is there room on the disk, and may you write there? `elt doctor`"
            " looks closer",
        )
    return ConfigError(f"the store cannot be used: {text}", where=str(path))
