"""Tables in a SQLite file. See docs/guides/syncs-to-databases.md."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

from elt.errors import ConfigError
from elt.project.table import Seconds
from elt.reverse.destination import read_config
from elt.reverse.sql.sender import TableDestination
from elt.reverse.sql.sqlite.errors import translated
from elt.reverse.sql.sqlite.session import SqliteSession


class SqliteConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a SQLite destination."""

    path: str  # a file, from the project's folder
    create_table: bool = False  # and the file, if there is none
    batch_size: Annotated[int, Meta(ge=1)] = 5000
    lock_timeout_seconds: Seconds = 30.0


class SqliteDestination(TableDestination):
    """Writes a sync's rows into a table, by its key."""

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        self._config = read_config(SqliteConfig, config)
        self._path = root / self._config.path
        super().__init__(
            self._connect,
            may_create=self._config.create_table,
            batch_size=self._config.batch_size,
            is_local=self._path.resolve().is_relative_to(root.resolve()),
        )

    def check(self) -> None:
        if self._config.create_table and not self._path.exists():
            return  # the first row makes it
        super().check()

    def _connect(self) -> SqliteSession:
        if not self._path.exists() and not self._config.create_table:
            raise ConfigError(
                "there is no such file",
                where=str(self._path),
                hint="Look at `path`, or set `create_table = true` in the"
                " destination's config",
            )
        mode = "rwc" if self._config.create_table else "rw"
        where = str(self._path)
        with translated(where):
            connection = sqlite3.connect(
                f"file:{quote(where)}?mode={mode}",
                uri=True,
                timeout=self._config.lock_timeout_seconds,
                isolation_level=None,
                check_same_thread=False,
            )
            # SQLite keeps them only for those who ask.
            connection.execute("PRAGMA foreign_keys = ON")
        return SqliteSession(connection, where=where)
