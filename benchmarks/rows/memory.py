"""Ten times the rows must not take more memory: DuckDB limited to 256 MB.

Twice: events through the files tap (one file, one commit), and RECORD lines from a tap
(a commit each 64 MB). The curve of both is kept for the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from curve import Curve, Point, keep
from generated import (
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
from measuring import Measured
from pairs import Bench, Side
from projects import Folder, files_project, tap_project
from projects import events as told
from results import Result

TIMES_AS_MANY = 10
_LIMITED = '[warehouse]\nmemory_limit = "256MB"\n'
_ALLOWED_MB = 500
_ALLOWED_GROWTH = 1.10

Make = Callable[[Path, int], Side]


@dataclass(frozen=True, slots=True)
class _Load:
    about: str
    make: Make


def memory(bench: Bench) -> Iterator[Result]:
    loads = {
        "files": _Load("events in one file through the files tap", _files),
        "records": _Load("RECORD lines of 12 columns from a tap", _records),
    }
    for name, load in loads.items():
        few = load.make(bench.folder / f"{name}-few", bench.rows).run(pss=True)
        rows = bench.rows * TIMES_AS_MANY
        many = load.make(bench.folder / f"{name}-many", rows).run(pss=True)
        keep(Curve(name=name, about=load.about, rows=rows, points=points(many)))
        yield _result(load.about, few, many, bench.rows)


def _result(about: str, few: Measured, many: Measured, rows: int) -> Result:
    growth = many.rss_mb / few.rss_mb
    met = growth <= _ALLOWED_GROWTH and many.rss_mb < _ALLOWED_MB
    return Result(
        work=f"peak memory of `elt run`, {rows * TIMES_AS_MANY:,} {about}, DuckDB"
        " limited to 256 MB; all processes added up",
        against=f"{rows:,} rows: {few.rss_mb:.0f} MB (PSS {few.pss_mb:.0f} MB) in"
        f" {few.seconds:.1f} s",
        ours=f"{many.rss_mb:.0f} MB (PSS {many.pss_mb:.0f} MB) in {many.seconds:.1f} s",
        ratio=f"{growth:.2f} (once)",
        must=f"<= {_ALLOWED_GROWTH} and < {_ALLOWED_MB} MB",
        verdict="met" if met else "MISSED",
    )


def points(run: Measured) -> tuple[Point, ...]:
    """Give the samples of memory, each with the rows that were committed by then."""
    commits = [
        (at, event["rows"])
        for at, event in told(run)
        if event["event"] == "rows_loaded"
    ]
    return tuple(
        Point(
            seconds=sample.seconds,
            rss_mb=round(sample.rss_mb, 1),
            pss_mb=round(sample.pss_mb, 1),
            rows=sum(rows for at, rows in commits if at <= sample.seconds),
        )
        for sample in run.samples
    )


def _files(folder: Path, rows: int) -> Side:
    folder.mkdir()
    lines = write_lines(folder / "events.jsonl", events_sql(rows))
    project = files_project(folder / "project", lines, more=_LIMITED)
    wanted = event_sums(events_sql(rows))
    return _side(
        project,
        lambda: check_events(project.warehouse, "raw_bench.events", wanted),
        lines,
    )


def _records(folder: Path, rows: int) -> Side:
    folder.mkdir()
    messages = write_messages(
        folder / "orders.singer",
        orders_sql(rows),
        stream="orders",
        properties=ORDERS_PROPERTIES,
    )
    streams = {"orders": ORDERS_PROPERTIES}
    project = tap_project(folder / "project", streams, [messages], more=_LIMITED)
    wanted: Sums = order_sums(orders_sql(rows))
    return _side(
        project,
        lambda: check_orders(project.warehouse, "raw_bench.orders", wanted),
        messages,
    )


def _side(project: Folder, check: Callable[[], None], source: Path) -> Side:
    def check_and_clear() -> None:
        check()
        project.empty()
        source.unlink()  # gigabytes

    return Side(program=project.run(), check=check_and_clear)
