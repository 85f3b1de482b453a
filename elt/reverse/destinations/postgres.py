"""Tables in Postgres. See docs/guides/syncs-to-databases.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elt.reverse.destination import Change, Receipt, Route, Traits, read_config
from elt.reverse.sql.names import table_name
from elt.reverse.sql.postgres.connection import (
    PostgresConfig,
    address_of,
    connect,
    is_local,
)
from elt.reverse.sql.postgres.session import PostgresSession
from elt.reverse.sql.sender import DELIVERY, TableSender


class PostgresDestination:
    """Writes a sync's rows into a table, by its key."""

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        del root
        self._config = read_config(PostgresConfig, config)
        self._address = address_of(self._config)
        self._sender = TableSender(self._connect, may_create=self._config.create_table)
        self.traits = Traits(
            batch_size=self._config.batch_size,
            is_local=is_local(self._address),
            delivery=DELIVERY,
        )

    def check(self) -> None:
        self._sender.check()

    def check_route(self, route: Route) -> None:
        table_name(route.object)

    def send(self, route: Route, changes: Sequence[Change]) -> list[Receipt]:
        return self._sender.send(route, changes)

    def _connect(self) -> PostgresSession:
        return PostgresSession(
            connect(self._address),
            statement_timeout_seconds=self._config.statement_timeout_seconds,
            lock_timeout_seconds=self._config.lock_timeout_seconds,
        )
