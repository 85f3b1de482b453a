"""A thousand columns: JSON lines through the files tap, against DuckDB's own read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
from generated import write_lines
from measuring import FailedError, Program
from pairs import Bench, Side, take_turns
from projects import PYTHON, files_project
from results import Result, ratio_result

COLUMNS = 1000
_VALUES = {
    "BIGINT": "i * {n} % 1000003",
    "VARCHAR": "'v' || i % {n}",
    "DOUBLE": "(i % 1000) / 8.0 + {n} + 0.0625",
    "BOOLEAN": "(i + {n}) % 2 = 0",
    "TIMESTAMPTZ": "strftime(TIMESTAMP '2025-01-01' + to_seconds(i + {n}),"
    " '%Y-%m-%dT%H:%M:%SZ')",
}
_TYPES = [(f"c{n:03d}", list(_VALUES)[n % len(_VALUES)]) for n in range(COLUMNS)]
_TYPED = """
import duckdb, sys
columns = '{' + ', '.join(f"{name}: '{type_}'" for name, type_ in %s) + '}'
duckdb.connect(sys.argv[2]).execute(f'''CREATE TABLE wide AS SELECT * FROM read_json(
    '{sys.argv[1]}', format = 'newline_delimited', columns = {columns})''')
"""


def wide(bench: Bench) -> Iterator[Result]:
    rows = bench.rows // 10
    lines = write_lines(bench.folder / "wide.jsonl", _sql(rows))
    limit, ours = _sides(bench.folder, lines, rows)
    size_mb = lines.stat().st_size / 1_000_000
    turns = take_turns(limit, ours, bench)
    yield ratio_result(
        turns,
        work=f"{COLUMNS:,} columns x {rows:,} rows, {size_mb:,.0f} MB of JSON lines,"
        " files tap and `elt run` into an empty warehouse",
        against="DuckDB's own typed `read_json`",
        allowed=3.0,
        note=f"peak {max(one.rss_mb for one in turns.ours):,.0f} MB, DuckDB alone"
        f" {max(one.rss_mb for one in turns.limit):,.0f} MB",
    )


def _sql(rows: int) -> str:
    values = ", ".join(
        f"{_VALUES[type_].format(n=n + 1)} AS {name}"
        for n, (name, type_) in enumerate(_TYPES)
    )
    return f"SELECT {values} FROM range(1, {rows + 1}) AS numbers(i)"


def _sides(folder: Path, lines: Path, rows: int) -> tuple[Side, Side]:
    one = write_lines(folder / "one.jsonl", _sql(1))
    short = files_project(folder / "short", one, stream="wide")
    project = files_project(folder / "project", lines, stream="wide")
    typed = folder / "typed.duckdb"
    limit = Side(
        program=_typed(lines, typed),
        prepare=lambda: typed.unlink(missing_ok=True),
        check=lambda: _check(typed, "wide", rows),
        start=Side(
            program=_typed(one, typed),
            prepare=lambda: typed.unlink(missing_ok=True),
        ),
    )
    ours = Side(
        program=project.run(),
        prepare=project.empty,
        check=lambda: _check(project.warehouse, "raw_bench.wide", rows),
        start=Side(program=short.run(), prepare=short.empty),
    )
    return limit, ours


def _typed(lines: Path, database: Path) -> Program:
    code = _TYPED % repr(_TYPES)
    return Program(
        command=(PYTHON, "-c", code, str(lines), str(database)), cwd=database.parent
    )


def _check(database: Path, table: str, rows: int) -> None:
    """Compare rows and the sums of the first and the last column of numbers."""
    last = COLUMNS - len(_VALUES)
    sums = f"count(*), sum(c000)::BIGINT, sum(c{last})::BIGINT"
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(f"SELECT {sums} FROM {table}").fetchall()
    wanted = duckdb.execute(
        f"SELECT count(*), sum({_VALUES['BIGINT'].format(n=1)})::BIGINT,"
        f" sum({_VALUES['BIGINT'].format(n=last + 1)})::BIGINT"
        f" FROM range(1, {rows + 1}) AS numbers(i)"
    ).fetchall()
    if found != wanted:
        raise FailedError(f"wrong: {found}, but it should be {wanted}")
