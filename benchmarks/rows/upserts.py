"""50,000 upserts into a million rows: `elt run` against a MERGE typed by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generated import (
    EVENTS_COLUMNS,
    Sums,
    check_events,
    delta_sql,
    event_sums,
    events_sql,
    merged_sql,
    write_lines,
)
from measuring import Program
from pairs import Bench, Side, take_turns
from projects import PYTHON, Folder, files_project
from results import Result, ratio_result

from rows.events import typed_insert

_FEW = 100  # rows of the table whose upserts are the start
_MERGE = f"""
import duckdb, sys
duckdb.connect(sys.argv[2]).execute(f'''
    MERGE INTO events USING (SELECT * FROM read_json('{{sys.argv[1]}}',
        format = 'newline_delimited', columns = {{{EVENTS_COLUMNS}}})) AS new
    USING (id) WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT''')
"""


@dataclass(frozen=True, slots=True)
class Delta:
    """A project that has loaded the events, and the file that is to come."""

    project: Folder
    lines: Path
    wanted: Sums

    def side(self, *, start: Side | None = None) -> Side:
        def prepare() -> None:
            self.project.put_back()
            shutil.copy(self.lines, self.project.path / "files" / "2.jsonl")

        return Side(
            program=self.project.run(),
            prepare=prepare,
            check=lambda: check_events(
                self.project.warehouse, "raw_bench.events", self.wanted
            ),
            start=start,
        )


def upserts(bench: Bench) -> Iterator[Result]:
    many = loaded(bench.folder / "many", bench.rows)
    few = loaded(bench.folder / "few", _FEW)
    limit = by_hand(many, start=by_hand(few))
    ours = many.side(start=few.side())
    yield ratio_result(
        take_turns(limit, ours, bench),
        work=f"{bench.rows // 20:,} upserts into {bench.rows:,} rows, files tap with a"
        " key and `elt run`",
        against="the same MERGE typed by hand",
        allowed=2.0,
    )


def loaded(folder: Path, rows: int) -> Delta:
    """Load the events with a key, and keep the project as it is then."""
    folder.mkdir()
    project = files_project(
        folder / "keyed", Path("files/*.jsonl"), settings='key = "id"'
    )
    (project.path / "files").mkdir()
    write_lines(project.path / "files" / "1.jsonl", events_sql(rows))
    Side(program=project.run()).run()
    project.save()
    lines = write_lines(folder / "delta.jsonl", delta_sql(rows))
    return Delta(project, lines, event_sums(merged_sql(rows)))


def by_hand(delta: Delta, *, start: Side | None = None) -> Side:
    """Merge the same lines into the same rows; DuckDB has put them there itself."""
    folder = delta.lines.parent
    saved, database = folder / "saved.duckdb", folder / "merged.duckdb"
    if not saved.exists():
        files = delta.project.path / "files" / "1.jsonl"
        Side(program=typed_insert(files, saved)).run()
    return Side(
        program=Program(
            command=(PYTHON, "-c", _MERGE, str(delta.lines), str(database)), cwd=folder
        ),
        prepare=lambda: shutil.copy(saved, database),
        check=lambda: check_events(database, "events", delta.wanted),
        start=start,
    )
