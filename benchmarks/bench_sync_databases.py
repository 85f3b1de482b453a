"""Syncs into databases: the first 100,000 rows of seven fields, then 1,000 changes.

    python benchmarks/bench_sync_databases.py [URL ...]

Each URL names a database that may be written to (`postgresql://...`, `mysql://...`);
its table `elt_bench` is made anew. SQLite, in a file of its own, is always among them.
The times are of whole syncs: diff, guards, spool, sending, receipts; and of those
the seconds that the database took.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from elt.project.sync_settings import SyncTable
from elt.reverse.destination import Change, Receipt, Route, make_destination
from elt.reverse.destinations.mysql import MysqlDestination
from elt.reverse.destinations.postgres import PostgresDestination
from elt.reverse.destinations.sqlite import SqliteDestination
from elt.reverse.plan import Sync
from elt.reverse.sync import run_sync
from elt.warehouse.duckdb import Warehouse

ROWS, CHANGES = 100_000, 1_000
BATCHES = (1_000, 5_000)
MODEL = """
    CREATE OR REPLACE TABLE people AS SELECT
        'user' || i || '@example.com' AS email,
        'First Last ' || i AS name,
        i + {more} * (i % 100 = 0)::BIGINT AS orders,
        i * 1.1::DOUBLE AS score,
        (i % 100000 / 7)::DECIMAL(18, 2) AS mrr,
        i % 2 = 0 AS active,
        TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_seconds(i) AS seen_at
    FROM range({rows}) AS numbers(i)
"""


def destination_of(url: str, folder: Path, **config: Any) -> Any:
    config = {"create_table": True, **config}
    if url == "sqlite":
        return make_destination(SqliteDestination, {"path": "b.db", **config}, folder)
    kind = PostgresDestination if url.startswith("postgres") else MysqlDestination
    return make_destination(kind, {"dsn": url, **config}, folder)


class Timed:
    """A destination, and the seconds that its calls took."""

    def __init__(self, destination: Any) -> None:
        self._destination = destination
        self.traits = destination.traits
        self.check = destination.check
        self.seconds = 0.0

    def send(self, route: Route, changes: Sequence[Change]) -> list[Receipt]:
        started = time.perf_counter()
        receipts: list[Receipt] = self._destination.send(route, changes)
        self.seconds += time.perf_counter() - started
        return receipts


def seconds_to_sync(folder: Path, destination: Timed, run: str) -> tuple[float, int]:
    table = {
        "model": "people",
        "destination": "d",
        "object": "elt_bench",
        "key": "email",
    }
    sync = Sync(
        name="people",
        table=msgspec.convert(table, SyncTable),
        relation='"main"."people"',
        environment="default",
        warehouse=Warehouse(folder / "warehouse.duckdb"),
        destination=destination,
        spool_dir=folder / "spool",
    )
    started = time.perf_counter()
    result = run_sync(sync, run_id=run, sends=True)
    assert result.status == "done", result
    return time.perf_counter() - started, result.tally.accepted


def make_model(folder: Path, more: int) -> None:
    with Warehouse(folder / "warehouse.duckdb").session() as cursor:
        cursor.execute(MODEL.format(rows=ROWS, more=more))


def drop(destination: Any) -> None:
    sender = destination._sender  # noqa: SLF001
    sender._open().create("DROP TABLE IF EXISTS elt_bench")  # noqa: SLF001
    sender.close()


def main() -> None:
    for url in [*sys.argv[1:], "sqlite"]:
        for batch_size in BATCHES:
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                destination = destination_of(url, folder, batch_size=batch_size)
                drop(destination)
                make_model(folder, 0)
                timed = Timed(destination)
                first, rows = seconds_to_sync(folder, timed, "run-1")
                inside = timed.seconds
                make_model(folder, 1)
                second, changes = seconds_to_sync(folder, timed, "run-2")
            name = url.partition(":")[0]
            print(
                f"{name:<12} batches of {batch_size:>5,}:"
                f" {rows:,} rows in {first:5.2f} s ({rows / first:>6,.0f} rows/s;"
                f" in the database {inside:5.2f} s, {rows / inside:>7,.0f} rows/s),"
                f" {changes:,} changes in {second:5.2f} s"
            )


if __name__ == "__main__":
    main()
