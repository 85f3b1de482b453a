"""Every command on input that is wrong: one clear message, the right code, no trace."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from elt.cli.app import app

# A command line for each command, on the project of tests/cli/conftest.py. A new
# command has to be added here, so that it is tried on bad input too.
LINES: dict[str, list[str]] = {
    "check": [],
    "plan": [],
    "run": [],
    "retry": [],
    "backfill": ["tap:days", "--from", "2026-11-01", "--to", "2026-11-03"],
    "status": [],
    "runs": [],
    "runs show": ["last"],
    "runs mark": ["tap:days", "success", "--reason", "x"],
    "runs clear": ["tap:days", "--yes"],
    "runs undo": ["tap:days"],
    "runs changes": [],
    "runs result": ["last"],
    "logs": ["last"],
    "ci init": ["github"],
    "query": ["SELECT 1"],
    "sync plan": ["people"],
    "tap discover": ["days"],
    "tap select": ["days"],
    "tap preview": ["days"],
    "tap test": ["days"],
    "tap diff": ["days"],
    "dbt": ["ls"],
    "install": [],
    "doctor": [],
    "clean": ["--dry-run"],
    "compact": [],
    "backup": [],
    "restore": ["no-such-backup.tar"],
    "pull": ["no-such-place"],
    "push": ["ftp://example.com/warehouse"],
    "add tap": ["files", "--name", "more"],
    "add target": ["lake", "--package", "target-lake"],
    "add destination": ["file", "--name", "out"],
    "rejects list": [],
    "rejects show": ["1"],
    "rejects retry": [],
    "rejects drop": ["--yes"],
    "state list": [],
    "state show": ["days"],
    "state set": ["days", "{}", "--yes"],
    "state reset": ["days", "--yes"],
    "state history": ["days"],
    "state undo": ["days", "--yes"],
    "state export": [],
    "state import": ["no-such-file.json"],
}
# These make a project, or say something that needs none.
WITHOUT_PROJECT = {"demo", "init", "schema", "plugins", "import meltano"}
WITHOUT_PROJECT |= {"testing serve"}


def commands() -> set[str]:
    found = set()
    for name, command in typer.main.get_command(app).commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {second}" for second in below or ()}
        if not below or command.invoke_without_command:
            found.add(name)
    return found


# What is wrong is what these were asked for, so it goes to stdout with the rest.
FINDS = {"check", "doctor"}


def is_clear(done) -> bool:
    """One error with its way out, and nothing that only a programmer understands."""
    return done.err.count("error:") == 1 and "Traceback" not in done.err + done.out


def line_of(command: str) -> list[str]:
    return [*command.split(), *LINES[command]]


def test_every_command_is_tried_on_bad_input():
    assert commands() - WITHOUT_PROJECT == set(LINES)


@pytest.mark.parametrize("command", LINES)
def test_without_a_project_the_way_to_one_is_told(command, tmp_path, run_elt):
    done = run_elt("-C", tmp_path, *line_of(command))

    assert done.code == 2, done.err
    assert is_clear(done) or command in FINDS, done.err
    assert "elt init" in done.err + done.out


@pytest.mark.parametrize("command", LINES)
def test_a_broken_file_is_told_with_its_line(command, project, run_elt):
    (project / "elt.toml").write_text('[project]\nname = "shop\n')

    done = run_elt("-C", project, *line_of(command))

    assert done.code == 2, done.err
    assert "elt.toml:2" in done.err + done.out
    assert "Traceback" not in done.err + done.out


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize(
    "content", [b"no database at all\n" * 100, b"SQLite format 3\0"]
)
def test_a_store_that_cannot_be_read_is_told(command, content, project, run_elt):
    (project / ".elt").mkdir()
    (project / ".elt" / "elt.db").write_bytes(content)

    done = run_elt("-C", project, *line_of(command))

    assert done.code in {0, 1, 2, 75}, done.err
    assert "Traceback" not in done.err + done.out
    assert "this should not have happened" not in done.err


HOLDER = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE held AS SELECT 1")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def held(project) -> Path:
    """Give a project whose warehouse another process has open."""
    with (project / "elt.toml").open("a") as file:
        file.write("\n[warehouse]\nbusy_timeout_seconds = 0.1\n")
    path = project / "warehouse.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield project
        holder.kill()


NEED_THE_WAREHOUSE = [
    *("plan", "run", "query", "compact", "backup"),
    *("state list", "state show", "state reset", "state export", "rejects list"),
]


def test_a_warehouse_that_somebody_holds_is_waited_for_then_told(held, run_elt):
    for command in NEED_THE_WAREHOUSE:
        started = time.monotonic()
        done = run_elt("-C", held, *line_of(command))

        assert (command, done.code) == (command, 75), done.err
        assert is_clear(done), done.err
        assert "python" in done.err.lower(), done.err  # who holds it
        assert time.monotonic() - started < 20
