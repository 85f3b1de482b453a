"""A project that is run as a user does, killed on the way, and looked at afterwards."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from elt.faults import VARIABLE
from elt.runner.remembered import remembered
from tests.crashes.modes import WriteMode

KILLED = -9


def start(folder: Path, *words: str, fault: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "elt", "run", *words],
        cwd=folder,
        env={**os.environ, VARIABLE: fault},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, *words: str, fault: str = "") -> tuple[int, str]:
    """Run to the end, or to the point where it dies; give the code and what it said."""
    program = start(folder, *words, fault=fault)
    try:
        _, said = program.communicate(timeout=240)
    finally:
        program.kill()  # nothing that hangs outlives its test
    return program.returncode, said


def finish(folder: Path, *words: str) -> None:
    code, said = run(folder, *words)
    assert code == 0, said


def passed(trace: Path) -> list[str]:
    return trace.read_text().split() if trace.exists() else []


def contents(folder: Path, mode: WriteMode) -> dict[str, Any]:
    """Give all that a run leaves, but for its name and its times.

    What lies about afterwards, and the store's copy of the bookmark, are part of it.
    """
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as db:
        db.execute("SET TimeZone = 'UTC'")
        found = _tables(db, mode) | {
            name: db.execute(sql).fetchall() for name, sql in _BOOKKEEPING.items()
        }
        if not mode.once:
            del found["loads"]
        (bookmark,) = found["bookmarks"]
        found["broken streams"] = remembered(db, "default", "t").broken
    copy = _copy_of_bookmark(folder)
    found["copy of the bookmark"] = "the same" if copy == bookmark[0] else copy
    found["bookmarks"] = _OF_THE_FILE_SYSTEM.sub("", bookmark[0])
    found["left behind"] = _left_behind(folder)
    return found


def _tables(db: duckdb.DuckDBPyConnection, mode: WriteMode) -> dict[str, Any]:
    names = db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw_t'"
        " ORDER BY table_name"
    ).fetchall()
    found = {}
    for (name,) in names:
        columns = [
            (column, type_)
            for column, type_, *_ in db.execute(f"DESCRIBE raw_t.{name}").fetchall()
            if not column.startswith("_elt_") and column not in mode.ignored
        ]
        listed = ", ".join(f'"{column}"' for column, _ in columns)
        rows = db.execute(f"SELECT {listed} FROM raw_t.{name} ORDER BY ALL").fetchall()
        found[f"columns of {name}"] = columns
        found[f"rows of {name}"] = rows
    return found


_BOOKKEEPING = {
    "bookmarks": "SELECT state FROM _elt.bookmarks WHERE tap = 't'",
    "streams": "SELECT environment, tap, stream, table_schema, table_name,"
    " starts_with(generation, 'reset ') FROM _elt.streams ORDER BY ALL",
    "rejects": 'SELECT environment, tap, stream, "column", value, reason, record,'
    " form, constants FROM _elt.rejects WHERE stale IS NULL ORDER BY ALL",
    "loads": "SELECT environment, tap, stream, mode, sum(rows), sum(rejects)"
    " FROM _elt.loads GROUP BY ALL ORDER BY ALL",
    "schema changes": 'SELECT DISTINCT table_name, "column", change'
    " FROM _elt.schema_changes ORDER BY ALL",
}


# What the files tap notes of a file, and what differs between copies of it.
_OF_THE_FILE_SYSTEM = re.compile(r'"(mtime_ns|ctime_ns|inode)":\d+')


def _copy_of_bookmark(folder: Path) -> str | None:
    with closing(sqlite3.connect(folder / ".elt" / "elt.db")) as db:
        row = db.execute(
            "SELECT state FROM states WHERE tap = 't' ORDER BY version DESC LIMIT 1"
        ).fetchone()
        (running,) = db.execute(
            "SELECT count(*) FROM runs WHERE status = 'running'"
        ).fetchone()
    assert running == 0, "a run that was killed is still said to be running"
    return row[0] if row else None


def _left_behind(folder: Path) -> list[str]:
    """Name what a run has left that it should have taken along."""
    places = [folder / ".elt" / name for name in ("spool", "tmp")]
    found = [path for place in places for path in place.rglob("*") if path.is_file()]
    found += folder.glob("*.wal")
    return sorted(str(path.relative_to(folder)) for path in found)
