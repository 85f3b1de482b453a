"""The tap as a program."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from elt.taps.github.streams import STREAMS


@pytest.fixture(scope="module")
def config(tmp_path_factory, company):
    given = {
        "token": company.api.token,
        "base_url": company.origin,
        "organizations": ["kettle-and-crew"],
    }
    path = tmp_path_factory.mktemp("github") / "config.json"
    path.write_text(json.dumps(given))
    return path


def run(*arguments):
    command = [sys.executable, "-m", "elt.taps.github", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_tells_about_itself():
    done = run("--about", "--format=json")

    about = json.loads(done.stdout)
    settings = about["settings"]["properties"]
    assert settings["token"]["secret"] is True
    assert settings["more_tokens"]["secret"] is True
    assert settings["organizations"]["x-elt-ask"] is True
    assert about["settings"]["x-elt-window"]["start"] == "start_date"


def test_it_discovers_without_asking_and_tests_its_connection(config, company):
    before = len(company.api.front.requests)
    found = json.loads(run("--config", config, "--discover").stdout)
    asked = len(company.api.front.requests) - before
    tested = run("--config", config, "--test")

    assert asked == 0
    assert {s["tap_stream_id"] for s in found["streams"]} == {
        kind.name for kind in STREAMS
    }
    assert tested.returncode == 0, tested.stderr


def test_a_setting_that_is_missing_is_told(tmp_path):
    (tmp_path / "empty.json").write_text("{}")

    done = run("--config", tmp_path / "empty.json", "--discover")

    assert done.returncode != 0
    assert "`token` is missing" in done.stderr
