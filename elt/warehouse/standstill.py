"""The DuckDB file held still: whole in itself, and nobody can write to it meanwhile.

For whoever copies the file or puts another in its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from elt.errors import Unavailable
from elt.warehouse.dialect import literal
from elt.warehouse.duckdb import Warehouse, busy, unreadable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HELD = "held"  # the name of the file's database in the connection that is lent
_POLL_SECONDS = 0.1


@contextmanager
def standstill(
    warehouse: Warehouse, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[DuckDBPyConnection]:
    """Lend a connection to which the file is attached, as `held`, for reading.

    The file has no write-ahead log then. Raises Unavailable when another process has
    it open for longer than the busy timeout. The lock is DuckDB's, which belongs to
    the process: whoever opens the file himself inside the block must not close it
    before the block ends, or the system gives the lock back.
    """
    import duckdb

    path = real_path(warehouse)
    with duckdb.connect(config=warehouse.config) as connection:
        for name, value in warehouse.settings.items():
            connection.execute(f"SET GLOBAL {name} = {literal(str(value))}")
        _Attached(connection, path, warehouse.busy_timeout_seconds, sleep).still()
        yield connection


def real_path(warehouse: Warehouse) -> Path:
    """Follow links: what is put in the file's place must not replace a link to it."""
    return warehouse.path.resolve()


def log_of(path: Path) -> Path:
    """Name the write-ahead log that DuckDB keeps beside a file."""
    return path.with_name(f"{path.name}.wal")


class _Attached:
    def __init__(
        self,
        connection: DuckDBPyConnection,
        path: Path,
        timeout_seconds: float,
        sleep: Callable[[float], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._deadline = time.monotonic() + timeout_seconds
        self._sleep = sleep

    def still(self) -> None:
        """Write the log into the file, and keep others from writing a new one.

        Between the two somebody may write; then it begins again.
        """
        import duckdb

        while True:
            self._attach("")
            try:
                self._connection.execute(f"FORCE CHECKPOINT {HELD}")
                self._connection.execute(f"DETACH {HELD}")
            except duckdb.Error as error:
                raise unreadable(self._path, error) from error
            self._attach(" (READ_ONLY)")
            if not log_of(self._path).exists():
                return
            self._connection.execute(f"DETACH {HELD}")
            if time.monotonic() >= self._deadline:
                raise Unavailable(
                    "the warehouse is written to by another program again and again",
                    where=str(self._path),
                    hint="Close that program, or try again when it has ended",
                )
            self._sleep(_POLL_SECONDS)

    def _attach(self, options: str) -> None:
        import duckdb

        while True:
            try:
                self._connection.execute(
                    f"ATTACH {literal(str(self._path))} AS {HELD}{options}"
                )
            except duckdb.Error as error:
                if "Could not set lock" not in str(error):
                    raise unreadable(self._path, error) from error
                if time.monotonic() >= self._deadline:
                    raise busy(self._path, error) from error
            else:
                return
            self._sleep(_POLL_SECONDS)
