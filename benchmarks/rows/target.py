"""RECORD lines into `elt-target-duckdb`: from `cat`, and from a stock tap."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from generated import (
    EVENTS_PROPERTIES,
    ORDERS_PROPERTIES,
    Sums,
    check_events,
    check_orders,
    event_sums,
    events_sql,
    order_sums,
    orders_sql,
    write_lines,
    write_messages,
)
from measuring import Measured, Program
from pairs import Bench, Side, median_seconds
from projects import PYTHON
from results import Result, verdict

from rows.peer_tools import Peers, the_peers

_PROGRAM = (PYTHON, "-m", "elt.targets.pipe", "--config", "config.json")
_STOCK_SHARE = 10  # the stock target gets one row in so many


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    stream: str
    about: str
    sql: Callable[[int], str]
    sums: Callable[[str], Sums]
    check: Callable[[Path, str, Sums], None]
    properties: dict[str, object]
    must_a_second: int

    def write(self, folder: Path, rows: int) -> Path:
        return write_messages(
            folder / f"{self.stream}-{rows}.singer",
            self.sql(rows),
            stream=self.stream,
            properties=self.properties,
        )


_KINDS = (
    _Kind(
        stream="orders",
        about="12 plain columns",
        sql=orders_sql,
        sums=order_sums,
        check=check_orders,
        properties=ORDERS_PROPERTIES,
        must_a_second=300_000,
    ),
    _Kind(
        stream="events",
        about="nested, every digit kept",
        sql=events_sql,
        sums=event_sums,
        check=check_events,
        properties=EVENTS_PROPERTIES,
        must_a_second=200_000,
    ),
)


def target(bench: Bench) -> Iterator[Result]:
    start = _start(bench)
    for kind in _KINDS:
        messages = kind.write(bench.folder, bench.rows)
        found = [_ours(bench.folder, kind, messages, bench.rows)]
        found += [
            _ours(bench.folder, kind, messages, bench.rows)
            for _ in range(bench.times - 1)
        ]
        rates = [bench.rows / (one.seconds - start) for one in found]
        rate = statistics.median(rates)
        used = statistics.median(one.cpu_seconds for one in found)
        line_bytes = messages.stat().st_size / bench.rows
        yield Result(
            work=f"{bench.rows:,} RECORD lines of {line_bytes:.0f} bytes,"
            f" {kind.about}, from `cat` into `elt-target-duckdb`",
            ours=f"{rate:,.0f} rows/s, its start of {start:.2f} s taken off;"
            f" {used:.1f} s of both cores, {max(one.rss_mb for one in found):,.0f} MB",
            ratio="once"
            if len(rates) == 1
            else f"{min(rates):,.0f} to {max(rates):,.0f}, {len(rates)} times",
            must=f">= {kind.must_a_second:,} rows/s",
            verdict=verdict(-rate, -kind.must_a_second),
        )


def stock_target(bench: Bench) -> Iterator[Result]:
    """Compare with what a Singer user has today, on fewer rows: it is slow."""
    peers = the_peers(bench)
    missing = peers.missing("target-duckdb")
    for kind in _KINDS:
        work = f"rows/s of the same, {kind.about}, against a stock target's"
        if missing:
            yield Result(work=work, must=">= 40 x", verdict="skipped", note=missing)
            continue
        yield _against_stock(bench, kind, peers, work=work)


def _against_stock(bench: Bench, kind: _Kind, peers: Peers, *, work: str) -> Result:
    few = max(bench.rows // _STOCK_SHARE, 1)
    stock_messages = kind.write(bench.folder, few)
    begin = kind.write(bench.folder, 1)
    stock_start = _stock(bench.folder, peers, begin).seconds
    stock = _stock(bench.folder, peers, stock_messages)
    stock_rate = few / (stock.seconds - stock_start)
    start = _start(bench)
    messages = kind.write(bench.folder, bench.rows)
    found = _ours(bench.folder, kind, messages, bench.rows)
    rate = bench.rows / (found.seconds - start)
    return Result(
        work=work,
        against=f"target-duckdb 0.8.0: {stock_rate:,.0f} rows/s ({few:,} rows in"
        f" {stock.seconds:.1f} s, {stock_start:.1f} s of start)",
        ours=f"{rate:,.0f} rows/s",
        ratio=f"{rate / stock_rate:.0f} x (1 pair)",
        must=">= 40 x",
        verdict=verdict(-rate / stock_rate, -40),
        note=f"the stock target got {few:,} rows: its time grows with them",
    )


def stock_tap(bench: Bench) -> Iterator[Result]:
    """Compare our processor time with that of the tap that writes the lines."""
    peers = the_peers(bench)
    missing = peers.missing("tap-jsonl")
    work = f"{bench.rows:,} events from tap-jsonl 0.3.1 into `elt-target-duckdb`"
    if missing:
        yield Result(work=work, must="<= 15 %", verdict="skipped", note=missing)
        return
    lines = write_lines(bench.folder / "events.jsonl", events_sql(bench.rows))
    found = _side(
        bench.folder,
        peers.tap_jsonl(bench.folder, lines, key=False),
        check=lambda database: check_events(
            database, "main.events", event_sums(events_sql(bench.rows))
        ),
    ).run()
    share = found.cpu_seconds / found.source_cpu_seconds
    reading = found.first_thread_seconds
    yield Result(
        work=work,
        against=f"the tap's processor time: {found.source_cpu_seconds:.1f} s",
        ours=f"{found.cpu_seconds:.1f} s with its start, of which {reading:.1f} s in"
        " the thread that reads, the rest DuckDB's and the committing thread's",
        ratio=f"{share:.1%} ({reading / found.source_cpu_seconds:.1%} without DuckDB;"
        " once)",
        must="<= 15 %",
        verdict=verdict(share, 0.15),
        note=f"{found.seconds:.0f} s, {bench.rows / found.seconds:,.0f} rows/s: the"
        " tap's pace",
    )


def _start(bench: Bench) -> float:
    """Give the seconds of the program with an empty input."""
    (bench.folder / "empty").touch()
    side = _side(bench.folder, ("/bin/cat", "empty"), check=lambda _: None)
    return median_seconds([side.run() for _ in range(3)])


def _ours(folder: Path, kind: _Kind, messages: Path, rows: int) -> Measured:
    wanted = kind.sums(kind.sql(rows))
    return _side(
        folder,
        ("/bin/cat", str(messages)),
        check=lambda database: kind.check(database, f"main.{kind.stream}", wanted),
    ).run()


def _side(
    folder: Path, source: tuple[str, ...], *, check: Callable[[Path], object]
) -> Side:
    database = folder / "w.duckdb"
    (folder / "config.json").write_text(json.dumps({"path": str(database)}))
    return Side(
        program=Program(command=_PROGRAM, cwd=folder, source=source),
        prepare=lambda: database.unlink(missing_ok=True),
        check=lambda: check(database),
    )


def _stock(folder: Path, peers: Peers, messages: Path) -> Measured:
    database = folder / "stock.duckdb"
    return Side(
        program=Program(
            command=peers.target_duckdb(folder, database),
            cwd=folder,
            source=("/bin/cat", str(messages)),
        ),
        prepare=lambda: database.unlink(missing_ok=True),
    ).run()
