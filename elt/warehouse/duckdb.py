"""The DuckDB file: who has it open, for how long, and what it was made for.

DuckDB lets one process write a file and keeps every other process out meanwhile. So
the file is open only while somebody in this process holds a session, and closed
between (opening and closing a 170 MB file costs about 40 ms).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from elt.errors import ConfigError, EltError, Unavailable
from elt.faults import reach
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.warehouse import tables
from elt.warehouse.dialect import literal

# The oldest DuckDB that must be able to read the file; without it DuckDB 2 writes
# files that no 1.x opens.
STORAGE_VERSION = "v1.4.0"

OnWait = Callable[[str], object]
# So long nobody is told that another process has the file.
_PATIENCE_SECONDS = 1.0


def _patient() -> None:
    """Wait on: nobody asked us to stop."""


class Warehouse:
    """One DuckDB file, opened while at least one session lives.

    Threads may hold sessions at the same time; each gets a cursor of its own.
    """

    def __init__(
        self,
        path: Path,
        *,
        config: Mapping[str, Any] | None = None,
        settings: Mapping[str, str | int] | None = None,
        busy_timeout_seconds: float = 30.0,
        on_wait: OnWait | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # Absolute: dbt works in another folder meanwhile.
        self.path = path.absolute()
        # Given when the file is opened. dbt-duckdb must open it with the same.
        self.config = dict(config or {})
        self.settings = dict(settings or {})
        self.busy_timeout_seconds = busy_timeout_seconds
        self._on_wait = on_wait
        self._sleep = sleep
        self._heed: Callable[[], object] = _patient
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._sessions = 0
        self._lock = threading.RLock()
        # DDL and what follows it in the same transaction: beside an open insert,
        # CREATE SCHEMA IF NOT EXISTS and ADD COLUMN conflict.
        self._writing = threading.RLock()

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor; the last one given back closes the file.

        Raises Unavailable, naming the holder, when another process keeps the file
        for longer than the busy timeout.
        """
        cursor = self._acquire()
        try:
            yield cursor
        finally:
            cursor.close()
            self._release()

    @contextmanager
    def writer(self, *, keep: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor inside one transaction, one writer at a time.

        Commits at the end; rolls back on any exception, and when not told to keep.
        """
        with self._writing, self.session() as cursor:
            # Of rows with the same key the last wins. Somebody else in this process,
            # or an option of the project, may have given the order up.
            cursor.execute("SET GLOBAL preserve_insertion_order = true")
            cursor.execute("RESET GLOBAL max_vacuum_tasks")  # a large commit set it
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                cursor.rollback()
                raise
            if keep:
                reach("commit-begins")
                cursor.commit()
                reach("commit-done")
            else:
                cursor.rollback()

    @contextmanager
    def reader(self, *, migrated: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection that cannot write; other readers may have the file too.

        For a program that only asks: not while this object has a session open. When
        it asks `_elt`, `migrated` brings older tables to this version first.
        Raises ConfigError where there is no warehouse yet.
        """
        if not self.exists():
            raise ConfigError(
                "there is no warehouse yet", where=str(self.path), hint="Run `elt run`"
            )
        connection = self._connect_when_free(read_only=True)
        if migrated and not tables.is_current(connection):
            connection.close()
            with self.session():
                pass
            connection = self._connect_when_free(read_only=True)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def heeding(self, heed: Callable[[], object]) -> Iterator[None]:
        """Let `heed` end, by raising, a wait for another program in this block."""
        self._heed = heed
        try:
            yield
        finally:
            self._heed = _patient

    @property
    def id(self) -> str:
        """The warehouse's own identity, made with it and kept in `_elt.meta`."""
        with self.session() as cursor:
            return tables.warehouse_id(cursor)

    def exists(self) -> bool:
        return self.path.exists()

    def _acquire(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            self._sessions += 1
            cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    def _release(self) -> None:
        with self._lock:
            self._sessions -= 1
            if self._sessions == 0 and self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> duckdb.DuckDBPyConnection:
        if not self.path.exists():
            self._create()
        connection = self._connect_when_free()
        try:
            for name, value in self.settings.items():
                connection.execute(f"SET GLOBAL {name} = {literal(str(value))}")
            tables.migrate(connection)
            reach("warehouse-opened")
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Make the file aside: a process that is killed here leaves none half made."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.path.parent, prefix=".elt-") as aside:
                made = Path(aside) / self.path.name
                with duckdb.connect() as maker:
                    maker.execute(
                        f"ATTACH {literal(str(made))} AS made"
                        f" (STORAGE_VERSION {literal(STORAGE_VERSION)})"
                    )
                reach("warehouse-made-aside")
                made.replace(self.path)
            reach("warehouse-in-place")
        except (OSError, duckdb.IOException) as error:
            raise unreadable(self.path, error) from error

    def _connect_when_free(
        self, *, read_only: bool = False
    ) -> duckdb.DuckDBPyConnection:
        began = time.monotonic()
        tell = self._on_wait
        while True:
            try:
                return duckdb.connect(
                    str(self.path), read_only=read_only, config=self.config
                )
            except duckdb.ConnectionException:
                raise  # a mistake of ours: it is open in this process otherwise
            except duckdb.Error as error:
                if "Could not set lock" not in str(error):
                    raise unreadable(self.path, error) from error
                waited = time.monotonic() - began
                if waited >= self.busy_timeout_seconds:
                    raise busy(self.path, error) from error
                if tell is not None and waited >= _PATIENCE_SECONDS:
                    tell(self._waiting_words(error))
                    tell = None
            self._heed()
            self._sleep(0.05)

    def _waiting_words(self, error: duckdb.Error) -> str:
        return (
            f"waiting up to {self.busy_timeout_seconds:g} s for the warehouse:"
            f" {self.path.name} is open elsewhere{_holder(error)}"
        )


def warehouse_of(
    project: Project, secrets: Secrets, *, on_wait: OnWait | None = None
) -> Warehouse:
    """Give the project's warehouse as elt and dbt open it; nothing is opened yet.

    `on_wait` is told once when another process keeps us waiting for the file.
    """
    table = project.file.warehouse
    settings = {"memory_limit": table.memory_limit, "threads": table.threads}
    return Warehouse(
        project.warehouse_path,
        config=secrets.resolve(
            table.dbt.config_options, project.where("warehouse", "dbt")
        ),
        settings={name: value for name, value in settings.items() if value},
        busy_timeout_seconds=table.busy_timeout_seconds,
        on_wait=on_wait,
    )


def busy(path: Path, error: duckdb.Error) -> Unavailable:
    return Unavailable(
        f"the warehouse is open elsewhere{_holder(error)}",
        where=str(path),
        hint="Close that program, or try again when it has ended",
    )


def _holder(error: duckdb.Error) -> str:
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", str(error))
    return f" by {holder[1]} (process {holder[2]})" if holder else ""


def unreadable(path: Path, error: Exception) -> EltError:
    return ConfigError(
        f"the warehouse cannot be opened: {str(error).splitlines()[0]}",
        where=str(path),
        hint="Is it a DuckDB file, readable and writable by you? `elt doctor` looks"
        " closer",
    )
