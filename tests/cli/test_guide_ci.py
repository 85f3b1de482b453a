"""docs/guides/ci.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import typer

from elt.cli.app import app
from elt.report.result import result_schema

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "ci.md"
PAGE = GUIDE.read_text("utf-8")


def test_every_option_that_the_guide_shows_is_one_that_there_is():
    commands = typer.main.get_command(app).commands
    shown = (commands["run"], commands["status"], commands["ci"].commands["init"])
    known = {option for one in shown for each in one.params for option in each.opts}

    assert set(re.findall(r"--[a-z][a-z-]*", PAGE)) <= known


def test_the_keys_of_the_example_are_those_of_the_schema():
    example = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    schema = result_schema()

    assert set(example) <= set(schema["properties"])
    step = schema["$defs"]["StepResult"]["properties"]
    assert set(example["steps"][0]) <= set(step)


def test_what_the_guide_leads_to_is_there():
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (GUIDE.parent / link.partition("#")[0]).exists()
