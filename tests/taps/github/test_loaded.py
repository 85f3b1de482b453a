"""What becomes of a part that cannot be read, from GitHub to the table."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import Says

PROJECT = """
[project]
name = "acme"
[warehouse]
type = "duckdb"
path = "warehouse.duckdb"
[taps.code]
plugin = "github"
select = ["labels", "repositories"]
[taps.code.streams.labels]
replication_method = "FULL_TABLE"
[taps.code.config]
token = "${{env:CODE_TOKEN}}"
organizations = ["kettle-and-crew"]
base_url = "{origin}"
tries = 1
"""
BY_REPOSITORY = """
SELECT split_part(repository, '/', 2), count(*) FROM raw_code.labels
GROUP BY ALL ORDER BY ALL
"""


@pytest.fixture
def github():
    with served(GitHub(clock=Clock(datetime.now(UTC), runs=True))) as running:
        yield running


@pytest.fixture
def run(github, tmp_path):
    (tmp_path / "elt.toml").write_text(PROJECT.format(origin=github.origin))

    def run():
        command = [sys.executable, "-m", "elt", "-C", str(tmp_path), "run"]
        environment = {**os.environ, "CODE_TOKEN": github.api.token}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def labels(folder):
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        return dict(connection.execute(BY_REPOSITORY).fetchall())


@pytest.mark.slow
def test_a_repository_that_is_taken_down_keeps_its_rows_in_a_table_read_in_full(
    github, run, tmp_path
):
    assert run()[0] == 0
    before = labels(tmp_path)
    github.api.block("roster")
    of_another = github.api.repository("warehouse").tables["labels"]
    of_another.remove(next(iter(of_another.rows)))

    code, said = run()

    assert code == 0, said
    assert labels(tmp_path) == {**before, "warehouse": before["warehouse"] - 1}
    assert "Repository access blocked; its rows stay as they were" in said


@pytest.mark.slow
def test_a_repository_that_fails_leaves_such_a_table_as_it_was(github, run, tmp_path):
    assert run()[0] == 0
    before = labels(tmp_path)
    broken = "/repos/kettle-and-crew/roster/labels"
    github.api.front.troubles.add(Says(500), path=broken, times=99)

    code, said = run()

    assert code == 1, said
    assert labels(tmp_path) == before
    assert "kettle-and-crew/roster" in said
