"""What MySQL and MariaDB say, as our errors: whose fault it is decides.

The numbers are those of mariadb.com/kb/en/mariadb-error-codes and
dev.mysql.com/doc/mysql-errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from elt.errors import ConfigError, EltError, Rejected, Unavailable
from elt.reverse.sql.session import AnswerLost, Duplicate

DUPLICATES = frozenset((1062, 1586))
SETTINGS = frozenset(
    {
        *(1044, 1045, 1049, 1054, 1064, 1095, 1130, 1142, 1143, 1146, 1227, 1251),
        *(1370, 1410, 1665, 1698, 1820, 1862, 2026, 2059, 2061),
    }
)
PASSING = frozenset(
    {
        # full, shutting down, too many connections, no memory
        *(1021, 1037, 1038, 1040, 1041, 1053, 1077, 1079, 1080, 1114, 1135, 1203),
        # the network, a killed statement, a cluster that is not ready, read-only
        *(1047, 1158, 1159, 1160, 1161, 1180, 1290, 1317, 1792, 1836, 1927, 1969),
        # locks and deadlocks, statement timeouts
        *(1205, 1213, 1614, 3024, 3572, 4000),
    }
)
CLIENT_ERRORS = range(2000, 3000)  # the connection, as the client sees it
LOST_AT_COMMIT = frozenset((0, 1053, 1180, 1317, 1927, *CLIENT_ERRORS))


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn an error of the driver into ours."""
    import pymysql

    try:
        yield
    except pymysql.MySQLError as error:
        raise _ours(error, where) from error


@contextmanager
def committing(where: str) -> Iterator[None]:
    """Tell a COMMIT that failed from one whose answer was lost."""
    import pymysql

    try:
        yield
    except pymysql.MySQLError as error:
        number, said = _read(error)
        if number in LOST_AT_COMMIT:
            raise AnswerLost(f"no answer to COMMIT: {said}") from error
        raise _ours(error, where) from error


def _ours(error: Exception, where: str) -> EltError:
    number, said = _read(error)
    if number in DUPLICATES:
        return Duplicate(said)
    if number in SETTINGS:
        return ConfigError(
            f"the database refuses us: {said}",
            where=where,
            hint="Look at the destination's config, at the user's rights, and at what"
            " was changed in the table",
        )
    if number in PASSING or number in CLIENT_ERRORS or number == 0:
        return Unavailable(f"the database took nothing: {said}", where=where)
    return Rejected(said)


def _read(error: Exception) -> tuple[int, str]:
    """Give the error's number, 0 for a connection that was lost before, and words."""
    number, *words = error.args or (0,)
    if not isinstance(number, int):
        number, words = 0, [number]
    text = " ".join(str(word) for word in words if word)
    return number, " ".join(text.split()) or "the connection was lost"
