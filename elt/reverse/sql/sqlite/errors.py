"""What SQLite says, as our errors: whose fault it is decides."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from elt.errors import ConfigError, EltError, Rejected, Unavailable
from elt.reverse.sql.session import Duplicate

DUPLICATES = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
    }
)
ROWS = frozenset(
    {
        *(sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH),
        *(sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE),
    }
)
PASSING = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL),
        sqlite3.SQLITE_INTERRUPT,
    }
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn an error of SQLite into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _ours(error, where) from error


def _ours(error: sqlite3.Error, where: str) -> EltError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, said = code & 0xFF, str(error)  # the low byte of an extended code
    if code in DUPLICATES:
        return Duplicate(said)
    if kind in ROWS:
        return Rejected(said)
    if kind in PASSING:
        return Unavailable(f"SQLite took nothing: {said}", where=where)
    return ConfigError(
        f"SQLite cannot write this table: {said}",
        where=where,
        hint="Look at the file, at its rights, and at what was changed in the table",
    )
