from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.warehouse.duckdb import Warehouse, warehouse_of

ELT_TOML = """
[project]
name = "shop"

[warehouse]
busy_timeout_seconds = 0.2

[taps.crm]
plugin = "files"
[taps.crm.config]
files = [{ path = "crm.jsonl" }]
"""

HOLD = """
import sys, duckdb
held = duckdb.connect(sys.argv[1], read_only=len(sys.argv) > 2)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """Give the folder of a project in which nothing has run yet."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "elt.toml").write_text(ELT_TOML)
    return root


@pytest.fixture
def project(folder) -> Project:
    return load_project(folder)


@pytest.fixture(scope="session")
def _mostly_empty(tmp_path_factory) -> Path:
    made = Warehouse(tmp_path_factory.mktemp("mostly_empty") / "w.duckdb")
    with made.session() as cursor:
        cursor.execute("""
            CREATE SCHEMA raw_crm;
            CREATE TABLE raw_crm.people AS
            SELECT i AS id, md5(i::VARCHAR) AS name FROM range(200_000) AS r(i)
        """)
    with made.session() as cursor:
        cursor.execute("DELETE FROM raw_crm.people WHERE id % 4 <> 0")
    return made.path


@pytest.fixture
def warehouse(project, _mostly_empty) -> Warehouse:
    """Give the project's warehouse with a table, three quarters of which are empty."""
    made = warehouse_of(project, Secrets(project.root))
    shutil.copyfile(_mostly_empty, made.path)
    return made


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 21, 9, tzinfo=UTC)


Rows = Callable[[Path, str], list[tuple]]


@pytest.fixture
def rows() -> Rows:
    """Ask a DuckDB file a question, whoever made it."""

    def ask(path: Path, sql: str) -> list[tuple]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


@pytest.fixture
def somebody_has():
    """Let another process have a DuckDB file open."""

    @contextmanager
    def hold(path: Path, *, for_reading: bool = False) -> Iterator[subprocess.Popen]:
        command = [sys.executable, "-c", HOLD, str(path)]
        process = subprocess.Popen(
            [*command, "read"] if for_reading else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.communicate()

    return hold
