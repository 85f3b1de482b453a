"""The tap as a program."""

from __future__ import annotations

import json
import subprocess
import sys

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
    assert "'api_key' is a required property" in done.stderr
