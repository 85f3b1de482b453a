"""Tables in MySQL and MariaDB. See docs/guides/syncs-to-databases.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elt.reverse.destination import read_config
from elt.reverse.sql.mysql.connection import (
    MysqlConfig,
    address_of,
    connect,
    is_local,
    place_of,
)
from elt.reverse.sql.mysql.session import MysqlSession
from elt.reverse.sql.sender import TableDestination


class MysqlDestination(TableDestination):
    """Writes a sync's rows into a table, by its key."""

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        del root
        self._config = read_config(MysqlConfig, config)
        self._address = address_of(self._config)
        super().__init__(
            self._connect,
            may_create=self._config.create_table,
            batch_size=self._config.batch_size,
            is_local=is_local(self._address),
        )

    def _connect(self) -> MysqlSession:
        return MysqlSession(
            connect(self._address, self._config),
            where=place_of(self._address),
            statement_timeout_seconds=self._config.statement_timeout_seconds,
            lock_timeout_seconds=self._config.lock_timeout_seconds,
        )
