"""docs/guides/when-a-run-fails.md names commands and options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from elt.cli.app import app
from elt.cli.run_marks import Said

FOLDER = Path(__file__).parents[2] / "docs" / "guides"
PAGE = (FOLDER / "when-a-run-fails.md").read_text("utf-8")
LINES = re.findall(r"^elt .*$", PAGE, re.MULTILINE)
SHOWN = sorted({*LINES, *re.findall(r"`(elt [^`]*)`", PAGE)})


@pytest.mark.parametrize("line", SHOWN)
def test_every_line_of_the_guide_is_a_command_with_its_options(line):
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]

    known = {option for each in command.params for option in each.opts}
    assert command.name != "elt"
    assert {word for word in words if word.startswith("--")} <= known


def test_the_words_of_the_table_are_those_that_can_be_said():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert rows == ["success", "skipped", "failed"]
    assert {each.value for each in Said} == set(rows)
