"""docs/guides/backfills.md names commands and options that there are."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from elt.cli.app import app
from elt.project.load import load_project

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "backfills.md").read_text(
    "utf-8"
)
LINES = re.findall(r"^elt .*$", PAGE, re.MULTILINE)
SHOWN = sorted({*LINES, *re.findall(r"`(elt [^`]*)`", PAGE)})
DOCUMENT = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])


@pytest.mark.parametrize("line", SHOWN)
def test_every_line_of_the_guide_is_a_command_with_its_options(line):
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]

    known = {option for each in command.params for option in each.opts}
    assert command.name != "elt"
    assert {word for word in words if word.startswith("--")} <= known


def test_the_example_is_a_right_project(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "elt.toml").write_text(f'{example}\n[project]\nname = "acme"\n')

    assert load_project(tmp_path).file.run.max_catch_up == "30d"


def test_the_document_has_the_keys_that_the_page_shows():
    (window,) = DOCUMENT["windows"]

    assert list(window) == ["start", "end", "run", "status", "exit_code", "skipped"]
