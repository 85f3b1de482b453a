"""200,000 records of a paged JSON API, beside fetching them and dropping them."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from generated import order_sums, orders_sql
from measuring import FailedError, Program
from pairs import Bench, Side, Turns, median_seconds, take_turns
from projects import PYTHON, Folder
from results import Result, verdict

ROWS = 200_000
_ALLOWED_MICROSECONDS, _ALLOWED_SECONDS = 15.0, 4.0
_SCRIPT = Path(__file__).parents[1] / "paged_api.py"
_TOML = """
[project]
name = "bench"

[taps.bench]
plugin = "rest"
[taps.bench.config]
base_url = "{address}"
[taps.bench.config.streams.orders]
path = "/orders"
records = "data"
key = "id"
paging = {{ type = "cursor", path = "next", param = "cursor" }}
"""


def api(bench: Bench) -> Iterator[Result]:
    with _served(ROWS) as many, _served(1) as one:
        turns = take_turns(
            Side(program=_drop(many), start=Side(program=_drop(one))),
            _loaded(
                bench.folder / "many",
                many,
                ROWS,
                _loaded(bench.folder / "one", one, 1, None),
            ),
            bench,
        )
    each = _own_microseconds(turns)
    seconds = median_seconds(turns.ours)
    limit = median_seconds(turns.limit)
    work = f"{ROWS:,} records of a paged JSON API, through the rest tap, into a table"
    yield Result(
        work=f"{work}: own processor time",
        against=f"httpx alone, dropping them: {limit:.2f} s",
        ours=f"{seconds:.2f} s",
        ratio=f"{each:.1f} µs a record",
        must=f"<= {_ALLOWED_MICROSECONDS:.0f} µs",
        verdict=verdict(each, _ALLOWED_MICROSECONDS),
        note="of all processes, without starts and what httpx alone takes",
    )
    yield Result(
        work=f"{work}: the whole command",
        against=f"httpx alone, dropping them: {limit:.2f} s",
        ours=f"{seconds:.2f} s",
        must=f"<= {_ALLOWED_SECONDS:.0f} s",
        verdict=verdict(seconds, _ALLOWED_SECONDS),
    )


def _own_microseconds(turns: Turns) -> float:
    """Take from our processor time the starts of all programs, and httpx's own."""
    ours, limit = (
        statistics.median(one.cpu_seconds for one in found)
        for found in (turns.ours, turns.limit)
    )
    start = turns.our_cpu_start
    return (ours - start - (limit - turns.limit_cpu_start)) / ROWS * 1e6


@contextmanager
def _served(rows: int) -> Iterator[str]:
    command = [PYTHON, str(_SCRIPT), "serve", str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def _drop(address: str) -> Program:
    return Program(command=(PYTHON, str(_SCRIPT), "drop", address), cwd=_SCRIPT.parent)


def _loaded(path: Path, address: str, rows: int, start: Side | None) -> Side:
    path.mkdir(parents=True)
    (path / "elt.toml").write_text(_TOML.format(address=address))
    project = Folder(path)

    def check() -> None:
        with duckdb.connect(str(project.warehouse), read_only=True) as connection:
            found = connection.execute(
                "SELECT count(*), count(DISTINCT id), sum(items) FROM raw_bench.orders"
            ).fetchall()
        wanted = order_sums(orders_sql(rows))
        if found[0] != (rows, wanted.ids, wanted.quantity):
            raise FailedError(f"wrong: {found}")

    return Side(
        program=project.run(), prepare=project.empty_warehouse, check=check, start=start
    )
