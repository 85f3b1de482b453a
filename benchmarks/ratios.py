"""Speed as ratios: each row is measured against its limit, in turns, in one run.

    python benchmarks/ratios.py [--rows 1000000] [--times 5] [--only events,help,dbt]

A row is run in pairs (limit, ours, limit, ours, …), each as a whole process, and the
median of the pairs' ratios counts: whatever else the machine does hits both.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb

PYTHON = sys.executable
BIN = Path(PYTHON).parent
MODELS = 20
# Starting Python, the command line, a tap and DuckDB; shown apart from the work.
START_SECONDS = 1.3

EVENTS_SQL = """
    COPY (
        SELECT
            i AS id,
            ['page_view', 'click', 'signup', 'purchase'][1 + i % 4] AS event,
            1 + (hash(i) % 200000)::BIGINT AS user_id,
            md5(i::VARCHAR) AS anonymous_id,
            strftime(TIMESTAMP '2025-01-01' + to_milliseconds(hash(i, 1) % 31536000000),
                '%Y-%m-%dT%H:%M:%S.%gZ') AS "timestamp",
            'https://shop.example.com/p/' || hash(i, 2) % 10000 || '?ref=' || i % 100
                AS url,
            CASE WHEN i % 5 > 1 THEN 'https://www.example.org/' || i % 1000 END
                AS referrer,
            (hash(i, 3) % 50000)::BIGINT + 0.25 AS amount,
            i % 100 = 0 AS is_test,
            {plan: ['free', 'pro'][1 + i % 2], sku: 'SKU-' || hash(i, 4) % 1000000,
             quantity: i % 20, discount: (i % 10) * 0.5 + 0.25,
             coupon: CASE WHEN i % 5 = 0 THEN 'C' || i % 1000 END} AS properties,
            {ip: '10.1.' || i % 256 || '.' || hash(i, 5) % 256,
             user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
             locale: 'en-US', screen: {width: 1280, height: 720 + i % 300}} AS context
        FROM range(?) AS numbers(i)
    ) TO '{path}' (FORMAT json)
"""
TYPED = """
import duckdb, sys
duckdb.connect(sys.argv[2]).execute(f'''CREATE TABLE events AS SELECT * FROM read_json(
    '{sys.argv[1]}', format = 'newline_delimited', columns = {{id: 'BIGINT',
    event: 'VARCHAR', user_id: 'BIGINT', anonymous_id: 'VARCHAR',
    timestamp: 'TIMESTAMPTZ', url: 'VARCHAR', referrer: 'VARCHAR', amount: 'DOUBLE',
    is_test: 'BOOLEAN', properties: 'JSON', context: 'JSON'}})''')
"""
EVENTS_TOML = """
[project]
name = "events"
[taps.events]
plugin = "files"
[taps.events.config]
streams = [{{ name = "events", path = "{path}" }}]
"""
DBT_TOML = '[project]\nname = "models"\n[transform]\nproject_dir = "."\n'
DBT_PROJECT = """
name: bench
version: '1.0'
profile: bench
models: {bench: {+materialized: table}}
"""
PROFILES = """
bench:
  target: dev
  outputs: {dev: {type: duckdb, path: plain.duckdb, threads: 2}}
"""


@dataclass(frozen=True)
class Pair:
    """What is compared; `prepare` runs before each of the two, unmeasured."""

    name: str
    limit: list[str]
    ours: list[str]
    cwd: Path
    allowed: float
    ours_in: Path | None = None  # a folder of its own, where the two would meet
    prepare: Callable[[], object] = lambda: None
    start_seconds: float = 0.0


def measure(command: list[str], cwd: Path) -> float:
    environ = {**os.environ, "DO_NOT_TRACK": "1", "DBT_PROFILES_DIR": str(cwd)}
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, check=False
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    return seconds


def compare(pair: Pair, times: int) -> None:
    limits, ours, ratios = [], [], []
    for _ in range(times):
        pair.prepare()
        limits.append(measure(pair.limit, pair.cwd))
        pair.prepare()
        ours.append(measure(pair.ours, pair.ours_in or pair.cwd))
        ratios.append((ours[-1] - pair.start_seconds) / limits[-1])
    ratio = statistics.median(ratios)
    verdict = "met" if ratio <= pair.allowed else "MISSED"
    apart = f", {pair.start_seconds} s of start apart" if pair.start_seconds else ""
    print(
        f"{pair.name:<34} limit {statistics.median(limits):6.2f} s  ours"
        f" {statistics.median(ours):6.2f} s  ratio {ratio:5.2f}"
        f" (allowed {pair.allowed}, {verdict}; {min(ratios):.2f} to {max(ratios):.2f}"
        f" over {times} pairs{apart})",
        flush=True,
    )


def events(folder: Path, rows: int) -> Pair:
    path = folder / "events.jsonl"
    duckdb.execute(EVENTS_SQL.replace("{path}", str(path)), [rows])
    (folder / "elt.toml").write_text(EVENTS_TOML.format(path=path))

    def empty() -> None:
        for name in ("warehouse.duckdb", "typed.duckdb"):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / ".elt", ignore_errors=True)
        os.sync()

    return Pair(
        name=f"{rows:,} events, files tap, elt run",
        limit=[PYTHON, "-c", TYPED, str(path), str(folder / "typed.duckdb")],
        ours=[PYTHON, "-m", "elt", "run"],
        cwd=folder,
        allowed=1.6,
        prepare=empty,
        start_seconds=START_SECONDS,
    )


def help_(folder: Path, rows: int) -> Pair:
    del rows
    return Pair(
        name="elt --help / import typer",
        limit=[PYTHON, "-c", "import typer"],
        ours=[str(BIN / "elt"), "--help"],
        cwd=folder,
        allowed=1.5,
    )


def dbt(folder: Path, rows: int) -> Pair:
    """Each has a copy of its own: they would undo each other's partial parse."""
    del rows
    for name in ("plain", "ours"):
        write_models(folder / name)
    pair = Pair(
        name=f"elt run, {MODELS} models / dbt build",
        limit=[str(BIN / "dbt"), "build"],
        ours=[PYTHON, "-m", "elt", "run"],
        cwd=folder / "plain",
        ours_in=folder / "ours",
        allowed=0.9,
    )
    measure(pair.limit, folder / "plain")  # both have parsed, as a project in use has
    measure(pair.ours, folder / "ours")
    return pair


def write_models(folder: Path) -> None:
    models = folder / "models"
    models.mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(DBT_PROJECT)
    (folder / "profiles.yml").write_text(PROFILES)
    (folder / "elt.toml").write_text(DBT_TOML)
    for number in range(MODELS):
        sql = f"SELECT {number} AS model, range AS id, range * 2 AS v FROM range(1000)"
        if number % 5:
            first, second = f"m{number - 1:02d}", f"m{number // 2:02d}"
            sql = (
                f"SELECT {number} AS model, a.id, a.v + 1 AS v FROM"
                f" {{{{ ref('{first}') }}}} AS a JOIN {{{{ ref('{second}') }}}} AS b"
                " ON a.id = b.id"
            )
        (models / f"m{number:02d}.sql").write_text(sql)


PAIRS = {"events": events, "help": help_, "dbt": dbt}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", default=",".join(PAIRS))
    asked = parser.parse_args()
    tools = ", ".join(
        f"{name} {version(name)}"
        for name in ("elt-toolkit", "duckdb", "dbt-core", "singer-sdk", "typer")
    )
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {tools}")
    for name in asked.only.split(","):
        with tempfile.TemporaryDirectory(prefix="elt-bench-") as folder:
            compare(PAIRS[name](Path(folder), asked.rows), asked.times)


if __name__ == "__main__":
    main()
