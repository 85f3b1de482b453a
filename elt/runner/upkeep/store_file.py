"""The store's file itself, below what `elt.runner.store` makes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from elt.errors import EltError, Unavailable

_BUSY_TIMEOUT_SECONDS = 5.0


@contextmanager
def left_alone(path: Path) -> Iterator[None]:
    """Hold the store as one file, which nobody else has open.

    Raises Unavailable when somebody has, EltError when it is damaged.
    """
    if not path.exists():
        yield
        return
    with closing(_connected(path, _BUSY_TIMEOUT_SECONDS)) as connection:
        try:
            # Only who is alone may leave WAL: what is in the log goes into the file.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            raise _explained(error, path) from error
        yield
        connection.rollback()


def is_busy(path: Path) -> bool:
    """Say whether another program is writing at this moment."""
    with closing(_connected(path, 0.2)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        except sqlite3.OperationalError as error:
            return "locked" in str(error) or "busy" in str(error)
    return False


def damage(path: Path, *, deep: bool = False) -> str:
    """Let SQLite check its file; empty when it is whole."""
    check = "integrity_check" if deep else "quick_check"
    try:
        with closing(_connected(path, _BUSY_TIMEOUT_SECONDS)) as connection:
            found = connection.execute(f"PRAGMA {check}(3)").fetchall()
    except sqlite3.DatabaseError as error:
        return str(error)
    text = "; ".join(str(row[0]) for row in found)
    return "" if text == "ok" else text


def _connected(path: Path, timeout: float) -> sqlite3.Connection:
    # `mode=rw`: a file that is not there is not made.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=timeout,
        isolation_level=None,
    )


def _explained(error: sqlite3.DatabaseError, path: Path) -> EltError:
    if "locked" in str(error) or "busy" in str(error):
        return Unavailable(
            "the store is in use by another program",
            where=str(path),
            hint="Close what has `.elt/elt.db` open and try again",
        )
    return EltError(f"the store is damaged: {error}", where=str(path))
