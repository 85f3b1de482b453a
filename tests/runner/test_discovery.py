from __future__ import annotations

import os
import sys

import pytest

from elt.errors import EltError
from elt.events import Event, LogLine
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.attempt import Edges, Stop
from elt.runner.catalog_memory import identity_of
from elt.runner.discovery import Again, discover_all

EVENTS = """
[project]
name = "shop"
[taps.web]
plugin = "events"
config = { path = "in/", format = "segment" }
"""


def test_files_that_cannot_be_looked_at_do_not_keep_a_catalog_from_being_sought(
    tmp_path,
):
    (tmp_path / "elt.toml").write_text(EVENTS)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / os.fsdecode(b"\xff.json")).touch()

    project = load_project(tmp_path)

    assert identity_of(project, "web") == identity_of(project, "web")


# Fails as often as a file says, in the way that it says, and then has a stream.
FAILING_TAP = """
import json, os, sys
left = int(open("left").read())
open("left", "w").write(str(left - 1))
if left > 0:
    sys.exit(eval(open("end").read()))
json.dump({"streams": [{"tap_stream_id": "deals", "stream": "deals", "schema": {}}]},
          sys.stdout)
"""


@pytest.fixture
def asked(tmp_path):
    """Ask a tap that fails so often, `end`ing so; give the events and the waits."""
    tap = tmp_path / "tap.py"
    tap.write_text(f"#!{sys.executable}\n{FAILING_TAP}")
    tap.chmod(0o755)
    (tmp_path / "elt.toml").write_text(
        '[project]\nname = "shop"\n[run.taps]\nretries = 2\n'
        'retry_delay_seconds = 4\n[taps.crm]\nexecutable = "./tap.py"\n'
    )
    project = load_project(tmp_path)
    heard: list[Event] = []
    slept: list[float] = []
    edges = Edges(sleep=lambda _, seconds: slept.append(seconds), random=lambda: 0.5)

    def ask(times, end, *, again=True, stop=None):
        (tmp_path / "left").write_text(str(times))
        (tmp_path / "end").write_text(end)
        found = discover_all(
            project,
            Secrets(tmp_path),
            preview=not again,
            listen=heard.append,
            again=Again(stop or Stop(), edges) if again else None,
        )
        said = [e.text for e in heard if isinstance(e, LogLine) and e.source == "elt"]
        return found, said, slept

    return ask


def test_a_tap_whose_source_is_not_there_is_asked_again_before_the_plan(asked):
    found, said, slept = asked(2, "'Connection refused'")

    assert "crm" in found.catalogs
    assert found.errors == {}
    assert slept == [3, 6]
    assert "Connection refused; it is asked again in 3 s" in said[0]


def test_a_tap_that_says_by_its_exit_code_that_it_is_temporary_is_asked_again(asked):
    found, _, slept = asked(1, "75")

    assert "crm" in found.catalogs
    assert slept == [3]


def test_asking_again_comes_to_an_end(asked):
    found, _, slept = asked(9, "75")

    assert isinstance(found.errors["crm"], EltError)
    assert slept == [3, 6]


def test_a_wrong_password_is_not_asked_with_again(asked):
    found, _, slept = asked(9, "'401 Unauthorized'")

    assert "401" in found.errors["crm"].what
    assert slept == []


def test_a_preview_asks_once(asked):
    found, _, slept = asked(1, "75", again=False)

    assert "crm" in found.errors
    assert slept == []


OFFERING_TAP = """
import json, sys
streams = [{"tap_stream_id": name, "stream": name, "schema": {}}
    for name in open("offers").read().split()]
json.dump({"streams": streams}, sys.stdout)
"""


def test_a_stream_that_the_source_offers_no_more_is_told_of_once(tmp_path):
    tap = tmp_path / "tap.py"
    tap.write_text(f"#!{sys.executable}\n{OFFERING_TAP}")
    tap.chmod(0o755)
    (tmp_path / "elt.toml").write_text(
        '[project]\nname = "shop"\n[taps.crm]\nexecutable = "./tap.py"\n'
        'select = ["!notes"]\n'
    )
    said = []

    for offers in ("deals cars notes", "deals", "deals"):
        (tmp_path / "offers").write_text(offers)
        found = discover_all(
            load_project(tmp_path),
            Secrets(tmp_path),
            preview=False,
            listen=lambda event: said.append(event.text),
        )
        assert found.errors == {}

    assert said == ["`cars` is not offered any more; its table stays"]
