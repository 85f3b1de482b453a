"""What Postgres says, as our errors: whose fault it is decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from elt.errors import ConfigError, EltError, Rejected, Unavailable
from elt.reverse.sql.session import AnswerLost, Duplicate

if TYPE_CHECKING:
    import psycopg

UNIQUE_VIOLATION = "23505"
# Classes of SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html) that say
# nothing against a row: connections, transactions, resources, interventions, I/O.
PASSING = ("08", "25", "40", "53", "55", "57", "58", "XX")
# Authorization, names that do not exist, syntax and privileges.
SETTINGS = ("28", "3D", "3F", "42", "0A", "0L", "0P")
ROW_LEVEL_SECURITY = "row-level security"


@contextmanager
def translated() -> Iterator[None]:
    """Turn an error of the driver into ours."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise _ours(error) from error


@contextmanager
def committing() -> Iterator[None]:
    """Tell a COMMIT that failed from one whose answer was lost."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        # An order to shut down may come before the commit or after it.
        if not state or state.startswith(("08", "57P")):
            raise AnswerLost(f"no answer to COMMIT: {said(error)}") from error
        raise _ours(error) from error


def said(error: psycopg.Error) -> str:
    """Give Postgres' own words on one line."""
    words = [error.diag.message_primary, error.diag.message_detail]
    text = "; ".join(word for word in words if word) or str(error)
    return " ".join(text.split()).rstrip(".")


def _ours(error: psycopg.Error) -> EltError:
    import psycopg

    state, what = error.sqlstate or "", said(error)
    if not state:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return Unavailable(f"the connection to Postgres broke: {what}")
        return Rejected(what)
    if state == UNIQUE_VIOLATION:
        return Duplicate(what)
    if state.startswith(PASSING):
        return Unavailable(f"Postgres took nothing: {what}")
    if state.startswith(SETTINGS) and ROW_LEVEL_SECURITY not in what:
        return ConfigError(
            f"Postgres refuses to write this table: {what}",
            hint="Look at the user's rights, and at what was changed in the table",
        )
    return Rejected(what)
