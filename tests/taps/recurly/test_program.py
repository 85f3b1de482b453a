"""The tap as a program."""

from __future__ import annotations

import json
import subprocess
import sys

import duckdb
import pytest


@pytest.fixture(scope="module")
def config(tmp_path_factory, company):
    given = {"api_key": company.api.token, "base_url": company.origin}
    path = tmp_path_factory.mktemp("recurly") / "config.json"
    path.write_text(json.dumps(given))
    return path


def run(*arguments):
    command = [sys.executable, "-m", "elt.taps.recurly", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_tells_about_itself():
    done = run("--about", "--format=json")

    about = json.loads(done.stdout)
    settings = about["settings"]["properties"]
    assert settings["api_key"]["secret"] is True
    assert about["settings"]["x-elt-window"]["start"] == "start_date"


def test_it_discovers_without_asking_and_tests_its_connection(config):
    found = json.loads(run("--config", config, "--discover").stdout)
    tested = run("--config", config, "--test")

    assert len(found["streams"]) == 19
    assert tested.returncode == 0, tested.stderr


def test_a_setting_that_is_missing_is_told(tmp_path):
    (tmp_path / "empty.json").write_text("{}")

    done = run("--config", tmp_path / "empty.json", "--discover")

    assert done.returncode != 0
    assert "`api_key` is missing" in done.stderr


PROJECT = """
[project]
name = "books"
[warehouse]
type = "duckdb"
path = "warehouse.duckdb"
[taps.recurly]
plugin = "books"
select = ["transactions"]
[taps.recurly.config]
api_key = "{key}"
base_url = "{origin}"
"""
PLUGIN = """
from elt.taps.recurly.tap import RecurlyTap


class Books(RecurlyTap):
    name = "books"
"""


@pytest.fixture
def project(tmp_path, empty):
    """Run a project that loads the transactions of an empty site."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/books.py").write_text(PLUGIN)
    settings = PROJECT.format(key=empty.api.token, origin=empty.origin)
    (tmp_path / "elt.toml").write_text(settings)

    def run_and_ask(sql):
        command = [sys.executable, "-m", "elt", "run"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with duckdb.connect(tmp_path / "warehouse.duckdb", read_only=True) as file:
            return file.execute(sql).fetchall()

    return run_and_ask


def test_amounts_are_exact_decimals_in_the_warehouse(project, empty):
    (account,) = empty.api.add("accounts", {"code": "a1"})
    empty.api.add("transactions", {"amount": 1234567.89}, of={"account": account})

    found = project(
        "SELECT amount::VARCHAR, typeof(amount) FROM raw_recurly.transactions"
    )

    assert found == [("1234567.890000", "DECIMAL(38,6)")]


@pytest.mark.slow
def test_a_row_that_shows_up_late_is_loaded_and_none_is_there_twice(project, empty):
    ids = "SELECT id FROM raw_recurly.transactions"
    known = empty.api.add("transactions", 3)
    first = project(ids)
    late = empty.api.add("transactions", 2, each_seconds=300)

    second = project(ids)

    assert sorted(first) == sorted((identity,) for identity in known)
    assert sorted(second) == sorted((identity,) for identity in known + late)
