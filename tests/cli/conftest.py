from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from elt.cli.app import main


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run_elt(capsys) -> Run:
    """Run a command line in this process; the real program is slower to start."""

    def run(*arguments: str | Path) -> Done:
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def program() -> Run:
    """Run the program as a shell would."""

    def run(*arguments: str | Path, **settings: object) -> Done:
        command = [sys.executable, "-m", "elt", *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, **settings
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def project(tmp_path) -> Path:
    """Give a project with a tap of its own, and nothing run yet."""
    folder = tmp_path / "shop"
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "days.py").write_text(
        "from elt import stream\n\n\n"
        '@stream(key="id")\n'
        "def days(config):\n"
        "    for number in range(3):\n"
        '        yield {"id": number, "name": f"day {number}"}\n'
    )
    (folder / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.days]\nplugin = "days"\n'
    )
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """Run a project once, for tests that only need what a run leaves."""
    folder = tmp_path_factory.mktemp("finished") / "shop"
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "days.py").write_text(
        "from elt import stream\n\n\n"
        '@stream(key="id")\n'
        "def days(config):\n"
        "    for number in range(3):\n"
        '        yield {"id": number}\n'
    )
    (folder / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.days]\nplugin = "days"\n'
    )
    assert main(["-C", str(folder), "run", "--log-format", "json"]) == 0
    return folder


@pytest.fixture
def ran(finished, tmp_path) -> Path:
    """Give a copy of a project whose first run is over."""
    return Path(shutil.copytree(finished, tmp_path / "ran"))


@pytest.fixture
def warehouse(project) -> Path:
    """Give the project a warehouse with one table of awkward values."""
    path = project / "warehouse.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("""
        CREATE TABLE odd AS
        SELECT
            1.10::DECIMAL(9, 2) AS price,
            123456789012345678901234567890::HUGEINT AS big,
            0.1::DOUBLE AS ratio,
            'nan'::DOUBLE AS nothing,
            TIMESTAMPTZ '2026-11-21 09:00:00.123456+01' AS at,
            TIMESTAMP '2026-11-21 09:00:00' AS local,
            DATE '2026-11-21' AS day,
            'a "quoted", line' || chr(10) || 'break' AS text,
            '' AS empty,
            NULL::VARCHAR AS missing,
            '{"n": 1.10}'::JSON AS document,
            {'x': [1, 2], 'y': 'z'} AS nested,
            true AS yes
    """)
    connection.close()
    return path
