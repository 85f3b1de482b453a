"""A million nested events in JSON lines: files tap, `elt run`, append.

The limit is DuckDB's own typed insert of the same file.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from generated import (
    EVENTS_COLUMNS,
    Sums,
    check_events,
    event_sums,
    events_sql,
    write_lines,
)
from measuring import Measured, Program
from pairs import Bench, Side, median_seconds, take_turns
from projects import PYTHON, Folder, files_project
from projects import events as told
from results import Result, ratio_result

from rows.commands import MODELS, write_models

_TYPED = f"""
import duckdb, sys
duckdb.connect(sys.argv[2]).execute(f'''CREATE TABLE events AS SELECT * FROM read_json(
    '{{sys.argv[1]}}', format = 'newline_delimited', columns = {{{EVENTS_COLUMNS}}})''')
"""
_TRANSFORM = '[transform]\nproject_dir = "."\n'


def events(bench: Bench) -> Iterator[Result]:
    lines = write_lines(bench.folder / "events.jsonl", events_sql(bench.rows))
    limit, ours = sides(bench.folder, lines, bench.rows)
    size_mb = lines.stat().st_size / 1_000_000
    turns = take_turns(limit, ours, bench)
    yield ratio_result(
        turns,
        work=f"{bench.rows:,} nested events, {size_mb:,.0f} MB of JSON lines, files"
        " tap and `elt run` into an empty warehouse, nested JSON exact",
        against="DuckDB's own typed `read_json`",
        allowed=1.3,
        note=f"peak {max(one.rss_mb for one in turns.ours):,.0f} MB, DuckDB alone"
        f" {max(one.rss_mb for one in turns.limit):,.0f} MB",
    )


def sides(folder: Path, lines: Path, rows: int) -> tuple[Side, Side]:
    """Give DuckDB's own insert and elt's, with their starts."""
    wanted = event_sums(events_sql(rows))
    one = write_lines(folder / "one.jsonl", events_sql(1))
    short = files_project(folder / "short", one)
    project = files_project(folder / "project", lines)
    typed = folder / "typed.duckdb"
    limit = Side(
        program=typed_insert(lines, typed),
        prepare=lambda: typed.unlink(missing_ok=True),
        check=lambda: check_events(typed, "events", wanted),
        start=Side(
            program=typed_insert(one, typed),
            prepare=lambda: typed.unlink(missing_ok=True),
        ),
    )
    ours = Side(
        program=project.run(),
        prepare=project.empty,
        check=lambda: check_events(project.warehouse, "raw_bench.events", wanted),
        start=Side(program=short.run(), prepare=short.empty),
    )
    return limit, ours


def typed_insert(lines: Path, database: Path) -> Program:
    return Program(
        command=(PYTHON, "-c", _TYPED, str(lines), str(database)), cwd=database.parent
    )


def events_beside_models(bench: Bench) -> Iterator[Result]:
    """Show what dbt costs a load that runs while dbt is imported."""
    lines = write_lines(bench.folder / "events.jsonl", events_sql(bench.rows))
    plain = files_project(bench.folder / "plain", lines)
    beside = files_project(bench.folder / "beside", lines, more=_TRANSFORM)
    write_models(beside.path)
    wanted = event_sums(events_sql(bench.rows))
    turns = take_turns(_in_use(plain, wanted), _in_use(beside, wanted), bench)
    plain_loaded, loaded = (_loaded_at(runs) for runs in (turns.limit, turns.ours))
    rss, rss_beside = (
        max(one.rss_mb for one in runs) for runs in (turns.limit, turns.ours)
    )
    yield Result(
        work=f"the same in a project that also has {MODELS} dbt models, in use (found"
        " and parsed before)",
        against=f"without them, until all rows are in: {plain_loaded:.2f} s with the"
        f" start, peak {rss:,.0f} MB",
        ours=f"{loaded:.2f} s, peak {rss_beside:,.0f} MB; with the models built"
        f" {median_seconds(turns.ours):.2f} s",
        ratio=f"{loaded / plain_loaded:.2f} ({turns.pairs})",
        verdict="shown",
        note=f"extra {loaded - plain_loaded:.2f} s and {rss_beside - rss:,.0f} MB",
    )


def _in_use(project: Folder, wanted: Sums) -> Side:
    def check() -> None:
        check_events(project.warehouse, "raw_bench.events", wanted)

    side = Side(program=project.run(), prepare=project.empty_warehouse, check=check)
    side.run()
    return side


def _loaded_at(runs: Sequence[Measured]) -> float:
    """Give the seconds from a run's start until the tap's step has ended."""
    return statistics.median(
        at
        for run in runs
        for at, event in told(run)
        if event["event"] == "step_finished" and event["step"].startswith("tap:")
    )
