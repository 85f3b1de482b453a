"""A sync's diff: a million rows of seven fields, 1 % changed. Limit: 3 s, flat memory.

    python benchmarks/bench_sync_diff.py [ROWS]

Each part runs in a process of its own, so that its peak memory is its own; DuckDB may
use 256 MB. The times hold everything: opening the file, mapping, diff, guards, spool.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec

from elt.project.sync_settings import SyncTable
from elt.reverse.destination import Change, Route
from elt.reverse.plan import Sync, plan_sync
from elt.reverse.sync import run_sync
from elt.testing.destinations import MemoryFile
from elt.warehouse.duckdb import Warehouse

LIMIT_SECONDS = 3.0
MODEL = """
    CREATE TABLE people AS SELECT
        'user' || i || '@example.com' AS email,
        'First Last ' || i AS name,
        i AS orders,
        i * 1.1::DOUBLE AS score,
        (i % 100000 / 7)::DECIMAL(18, 2) AS mrr,
        i % 2 = 0 AS active,
        TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_seconds(i) AS seen_at
    FROM range({rows}) AS numbers(i)
"""


class Discard(MemoryFile):
    """Takes every change and keeps none."""

    def write(
        self, route: Route, changes: Iterator[Change], rows: Iterator[str]
    ) -> str:
        del route, rows
        return f"{sum(1 for _ in changes):,} changes"


def sync_in(folder: Path) -> Sync:
    table = {"model": "people", "destination": "d", "object": "o", "key": "email"}
    return Sync(
        name="people",
        table=msgspec.convert(table, SyncTable),
        relation='"main"."people"',
        environment="default",
        warehouse=Warehouse(
            folder / "warehouse.duckdb", settings={"memory_limit": "256MB"}
        ),
        destination=Discard(),
        spool_dir=folder / "spool",
    )


def first(folder: Path, rows: int) -> str:
    sync = sync_in(folder)
    with sync.warehouse.session() as cursor:
        cursor.execute(MODEL.format(rows=rows))
    return run_sync(sync, run_id="run-1", sends=True).message


def change(folder: Path, rows: int) -> str:
    with sync_in(folder).warehouse.session() as cursor:
        cursor.execute("UPDATE people SET score = score + 1 WHERE orders % 100 = 0")
    return f"{rows // 100:,} rows"


def nothing(folder: Path, rows: int) -> str:
    del rows
    with sync_in(folder).warehouse.session():
        return "opened and closed"


def diff(folder: Path, rows: int) -> str:
    with plan_sync(sync_in(folder)) as plan:
        assert plan.counts.changed == rows // 100
        assert plan.counts.unchanged == rows - rows // 100
        return f"{sum(1 for _ in plan.changes()):,} changes read"


def send(folder: Path, rows: int) -> str:
    del rows
    return run_sync(sync_in(folder), run_id="run-2", sends=True).message


PARTS = {part.__name__: part for part in (first, change, nothing, diff, send)}


def measured(part: str, folder: Path, rows: int) -> dict[str, object]:
    ran = subprocess.run(
        [sys.executable, __file__, part, str(folder), str(rows)],
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def main() -> None:
    if len(sys.argv) > 2:
        part, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
        began = time.perf_counter()
        said = PARTS[part](folder, rows)
        seconds = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_SELF)
        peak = used.ru_maxrss // 1024
        figures = {
            "seconds": round(seconds, 2),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
            "peak_mb": peak,
            "said": said,
        }
        print(json.dumps(figures))
        return
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{platform.platform()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}")
    for rows in (largest // 10, largest):
        with tempfile.TemporaryDirectory() as folder:
            for part in PARTS:
                found = measured(part, Path(folder), rows)
                print(f"{rows:>10,} {part:8} {found}")
                if part == "diff":
                    assert float(str(found["seconds"])) <= LIMIT_SECONDS


if __name__ == "__main__":
    main()
