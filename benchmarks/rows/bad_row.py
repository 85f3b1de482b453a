"""One bad row in a million: what it costs beside the clean load of the same file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
from generated import events_sql, write_lines
from measuring import FailedError
from pairs import Bench, Side, take_turns
from projects import Folder, files_project
from results import Result, ratio_result


def bad_row(bench: Bench) -> Iterator[Result]:
    clean = write_lines(bench.folder / "clean.jsonl", events_sql(bench.rows))
    bad = _spoil(clean, bench.folder / "bad.jsonl", bench.rows * 3 // 5)
    one = write_lines(bench.folder / "one.jsonl", events_sql(1))
    short = files_project(bench.folder / "short", one)
    start = Side(program=short.run(), prepare=short.empty)
    limit, ours = (
        _side(_project(bench.folder, path), bench.rows, rejects, start)
        for path, rejects in ((clean, 0), (bad, 1))
    )
    turns = take_turns(limit, ours, bench)
    yield ratio_result(
        turns,
        work=f"one row in {bench.rows:,} whose number is a text, files tap and `elt"
        " run`; it goes to `_elt.rejects`",
        against="the clean file",
        allowed=2.0,
        note=f"peak {max(one.rss_mb for one in turns.ours):,.0f} MB, clean"
        f" {max(one.rss_mb for one in turns.limit):,.0f} MB",
    )


def _project(folder: Path, lines: Path) -> Folder:
    """Say the type: at a small size the tap would see the text and take texts."""
    told = 'columns = { user_id = "integer" }'
    return files_project(folder / lines.stem, lines, settings=told)


def _spoil(clean: Path, bad: Path, number: int) -> Path:
    """Write the file again with `user_id` of one line a text."""
    with clean.open("rb") as lines, bad.open("wb") as out:
        for at, line in enumerate(lines):
            if at == number:
                before, rest = line.split(b'"user_id":', 1)
                _, after = rest.split(b",", 1)
                out.write(before + b'"user_id":"nobody",' + after)
            else:
                out.write(line)
    return bad


def _side(project: Folder, rows: int, rejects: int, start: Side) -> Side:
    def check() -> None:
        with duckdb.connect(str(project.warehouse), read_only=True) as connection:
            found = connection.execute(
                "SELECT (SELECT count(DISTINCT id) FROM raw_bench.events),"
                " (SELECT count(*) FROM _elt.rejects)"
            ).fetchall()
        if found != [(rows - rejects, rejects)]:
            raise FailedError(f"wrong: {found} rows and rejects")

    return Side(
        program=project.run(),
        prepare=project.empty,
        check=check,
        start=start,
    )
