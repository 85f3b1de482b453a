"""The guide on freshness shows a project that is right, and says what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import typer

from elt.cli.app import app
from elt.project.load import load_project
from elt.project.sync_settings import OnStale
from elt.runner.freshness import Freshness

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "freshness.md"
TEXT = PAGE.read_text("utf-8")
[TOML] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_is_a_right_project(tmp_path):
    (tmp_path / "elt.toml").write_text(f'{TOML}\n[project]\nname = "acme"\n')
    file = load_project(tmp_path).file

    assert file.taps["crm"].max_age == "26h"
    assert file.taps["crm"].streams["notes"].max_age == "8d"
    assert file.syncs["health"].on_stale == "stop"


def test_every_verdict_and_every_way_has_its_line():
    listed = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))

    titles = {"freshness", "on_stale"}
    assert listed - titles == {*get_args(Freshness), *get_args(OnStale)}


def test_every_option_of_status_on_the_page_is_one_that_there_is():
    command = typer.main.get_command(app).commands["status"]
    known = {option for each in command.params for option in each.opts}

    shown = re.findall(r"^elt status.*", TEXT, re.MULTILINE)
    assert set(re.findall(r"--[a-z-]+", " ".join(shown))) <= known
