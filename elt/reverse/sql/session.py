"""What a database has to be able to do, so that syncs can write into its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from elt.errors import ConfigError, EltError, Rejected
from elt.reverse.destination import Route
from elt.reverse.sql.columns import Field, Shape, Table
from elt.reverse.sql.flaws import Check
from elt.reverse.sql.rows import Row

Name = tuple[str, str]  # schema, or nothing, and table


class Duplicate(Rejected):
    """A unique index has this value already."""


class AnswerLost(EltError):
    """The connection broke during COMMIT: nobody knows whether it happened."""


class Session(Protocol):
    """One connection to one database.

    Every method raises Rejected when a row is at fault, Unavailable when the database
    is, and ConfigError when what we were told is.
    """

    @property
    def extra_checks(self) -> Sequence[Callable[[Field], Check | None]]: ...

    @property
    def row_bytes(self) -> int:
        """Give the size of the largest row that can be sent, about."""

    def prove(self) -> None:
        """Ask for something small."""

    def close(self) -> None: ...

    def find(self, name: Name) -> Table | None: ...

    def names(self, schema: str) -> list[str]:
        """Give the names of the tables in a schema."""

    def create_sql(self, name: Name, route: Route) -> str:
        """Write the statement that makes a table for a sync, the key its own."""

    def index_sql(self, table: Table, key: Field) -> str:
        """Write the statement that makes a key unique."""

    def create(self, sql: str) -> None: ...

    def begin(self) -> None: ...

    def commit(self) -> None:
        """Raise AnswerLost when nobody can say whether it happened."""

    def save(self) -> None:
        """Set a savepoint: the only one, until it is released or gone back to."""

    def release(self) -> None: ...

    def go_back(self) -> None: ...

    def present(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        """Find the rows, by their place, whose key is in the table letter for letter.

        With some collations, `Ann` equals `ann`; that is not the same key.
        """

    def update(self, shape: Shape, rows: Sequence[Row]) -> set[int]:
        """Change the rows that are `present`, and give their places."""

    def insert(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Add rows. Raises Duplicate when a unique index has one of them already."""

    def delete(self, shape: Shape, rows: Sequence[Row]) -> None:
        """Delete the rows that are `present`; others are gone already."""

    def equals(self, shape: Shape, row: Row) -> bool:
        """Say whether the table's row of this key has exactly these values."""

    def lookalike(self, shape: Shape, row: Row) -> str | None:
        """Give the key that the table takes for this row's, as it stands there."""

    def culprit(self, shape: Shape, row: Row) -> str | None:
        """Find the field that the database cannot take, where its message does not."""


def not_installed(driver: str, extra: str) -> ConfigError:
    return ConfigError(
        f"the driver `{driver}` is not installed",
        hint=f"pip install 'elt-toolkit[{extra}]'",
    )
