"""200 streams of 100 rows from one tap: what a stream costs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

import duckdb
from generated import ORDERS_PROPERTIES, order_sums, orders_sql
from measuring import FailedError, Measured
from pairs import Bench, Side, take_turns
from projects import Folder, tap_project
from results import Result, verdict

STREAMS = 200
ROWS = 100
_ALLOWED_MS = 15.0


def streams(bench: Bench) -> Iterator[Result]:
    many, one = (_project(bench.folder, count) for count in (STREAMS, 1))
    fresh = take_turns(_side(one, 1, anew=True), _side(many, STREAMS, anew=True), bench)
    again = take_turns(
        _side(one, 1, anew=False), _side(many, STREAMS, anew=False), bench
    )
    for turns, where in ((fresh, "an empty warehouse"), (again, "the same tables")):
        each = [
            (ours.seconds - limit.seconds) / (STREAMS - 1) * 1000
            for limit, ours in zip(turns.limit, turns.ours, strict=True)
        ]
        value = statistics.median(each)
        yield Result(
            work=f"{STREAMS} streams of {ROWS} rows from one tap into {where}",
            against=f"one such stream: {_median(turns.limit):.2f} s",
            ours=f"{_median(turns.ours):.2f} s",
            ratio=f"{value:.1f} ms a stream ({min(each):.1f} to {max(each):.1f},"
            f" {turns.pairs})",
            must=f"<= {_ALLOWED_MS:.0f} ms",
            verdict=verdict(value, _ALLOWED_MS),
        )


def _median(found: tuple[Measured, ...]) -> float:
    return statistics.median(one.seconds for one in found)


def _project(folder: Path, count: int) -> Folder:
    names = [f"s{number:03d}" for number in range(count)]
    messages = folder / f"{count}.singer"
    rows = duckdb.execute(
        f"SELECT to_json(one) FROM ({orders_sql(ROWS)}) AS one"
    ).fetchall()
    with messages.open("w") as out:
        for name in names:
            schema = {"type": "object", "properties": ORDERS_PROPERTIES}
            begin = {"type": "SCHEMA", "stream": name, "key_properties": []}
            out.write(json.dumps({**begin, "schema": schema}) + "\n")
            record = f'{{"type":"RECORD","stream":"{name}","record":%s}}\n'
            out.writelines(record % row for (row,) in rows)
            state = {"type": "STATE", "value": {"bookmarks": {name: {"at": ROWS}}}}
            out.write(json.dumps(state) + "\n")
    return tap_project(
        folder / f"of-{count}", dict.fromkeys(names, ORDERS_PROPERTIES), [messages]
    )


def _side(project: Folder, count: int, *, anew: bool) -> Side:
    def check() -> None:
        with duckdb.connect(str(project.warehouse), read_only=True) as connection:
            tables = connection.execute(
                "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw_bench'"
            ).fetchall()
            last = f"raw_bench.s{count - 1:03d}"
            rows = connection.execute(
                f"SELECT count(DISTINCT id), sum(items) FROM {last}"
            ).fetchall()
        wanted = order_sums(orders_sql(ROWS))
        if tables != [(count,)] or rows[0][0] != wanted.ids:
            raise FailedError(f"wrong: {tables} tables, the last has {rows}")

    return Side(
        program=project.run(),
        prepare=project.empty if anew else lambda: None,
        check=check,
    )
