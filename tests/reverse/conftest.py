"""A warehouse with a model, and syncs of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from elt.project.sync_settings import SyncTable
from elt.reverse.plan import Sync
from elt.reverse.sync import SyncResult, Watch, run_sync
from elt.testing.destinations import Memory
from elt.warehouse.duckdb import Warehouse

Row = dict[str, Any]


class World:
    """One model, `people`, and the sync of it into a destination."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = Warehouse(folder / "warehouse.duckdb")
        self.destination: Any = Memory()
        self.table: dict[str, Any] = {
            "model": "people",
            "destination": "memory",
            "object": "people",
            "key": "email",
        }
        self.events: list[object] = []
        self.slept: list[float] = []
        self.runs = 0

    def model(self, select: str) -> None:
        with self.warehouse.session() as cursor:
            cursor.execute(f"CREATE OR REPLACE TABLE people AS {select}")

    def people(self, *rows: tuple[str | None, int | None]) -> None:
        """Make the model from emails and scores."""
        with self.warehouse.session() as cursor:
            cursor.execute("CREATE OR REPLACE TABLE people (email TEXT, score BIGINT)")
            if rows:
                cursor.executemany("INSERT INTO people VALUES (?, ?)", list(rows))

    def sync(self, **changes: Any) -> Sync:
        fields: dict[str, Any] = {
            "name": "people",
            "table": msgspec.convert(self.table, SyncTable),
            "relation": '"main"."people"',
            "environment": "default",
            "warehouse": self.warehouse,
            "destination": self.destination,
            "spool_dir": self.folder / "spool",
        }
        return Sync(**fields | changes)

    def run(self, *, sends: bool = True, **options: Any) -> SyncResult:
        self.runs += 1
        watch = Watch(listen=self.events.append, sleep=self.slept.append)
        return run_sync(
            self.sync(**options.pop("sync", {})),
            run_id=f"run-{self.runs}",
            sends=sends,
            watch=options.pop("watch", watch),
            **options,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.session() as cursor:
            return cursor.execute(sql).fetchall()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def keys() -> Callable[[Sequence[Any]], list[str]]:
    return lambda changes: [change.key for change in changes]
