"""The far side of a sync into a table, the same for every database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databases import Database

from elt.reverse.destination import Added, Column, Removed, Route, make_destination
from elt.reverse.destinations.mysql import MysqlDestination
from elt.reverse.destinations.postgres import PostgresDestination
from elt.reverse.destinations.sqlite import SqliteDestination

KINDS = {
    "postgres": PostgresDestination,
    "mariadb": MysqlDestination,
    "sqlite": SqliteDestination,
}
# The table of most tests, as each database writes it.
PEOPLE = {
    "postgres": "email text PRIMARY KEY, name text, score numeric(10, 2)",
    "mariadb": "email varchar(100) COLLATE utf8mb4_bin PRIMARY KEY,"
    " name longtext, score decimal(10, 2)",
    "sqlite": "email text PRIMARY KEY, name text, score numeric",
}
COLUMNS = {"email": "VARCHAR", "name": "VARCHAR", "score": "DECIMAL(10,2)"}


@dataclass
class FarSide:
    """A database, and a sync's destination that writes into it."""

    database: Database
    root: Path

    @property
    def kind(self) -> str:
        return self.database.kind

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.database.run(sql, *values)

    def people(self, more: str = "") -> None:
        """Make the table `people`, with further columns or constraints."""
        self.run(f"CREATE TABLE people ({PEOPLE[self.kind]}{more})")

    def rows(self, table: str = "people", columns: str = "*") -> list[tuple[Any, ...]]:
        return self.run(f"SELECT {columns} FROM {table} ORDER BY 1")

    def destination(self, **config: Any) -> Any:
        return make_destination(
            KINDS[self.kind], {**self.database.settings, **config}, self.root
        )

    def send(self, *changes: Any, route: Route | None = None, **config: Any) -> Any:
        """Send one batch, and give each key's status and message."""
        receipts = self.destination(**config).send(route or route_to(), changes)
        answers = {receipt.key: receipt for receipt in receipts}
        assert len(answers) == len(receipts) == len(changes)
        return {c.key: (answers[c.key].status, answers[c.key].message) for c in changes}

    def quote(self, name: str) -> str:
        mark = "`" if self.kind == "mariadb" else '"'
        return mark + name.replace(mark, mark * 2) + mark


def route_to(
    table: str = "people",
    mode: Any = "upsert",
    columns: dict[str, str] = COLUMNS,
    key: str = "email",
) -> Route:
    return Route(
        sync="people",
        run_id="run-1",
        object=table,
        key=key,
        mode=mode,
        columns=tuple(Column(name=n, type=t) for n, t in columns.items()),
    )


def person(email: str, name: str | None = "x", score: float | None = 1) -> Added:
    row = {"email": email, "name": name, "score": score}
    return Added(email, json.dumps(row, ensure_ascii=False))


def gone(email: str) -> Removed:
    return Removed(email, json.dumps({"email": email, "name": "x", "score": 1}))
