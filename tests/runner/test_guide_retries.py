"""The guide on retries shows projects that are right, and names true keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elt.errors import Unavailable
from elt.project.load import load_project
from elt.project.step_settings import KindTable
from elt.runner.limits import run_limits, step_limits

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PAGE = (GUIDES / "retries-and-limits.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_right_project(tmp_path, example):
    (tmp_path / "elt.toml").write_text(f'{example}\n[project]\nname = "acme"\n')

    assert load_project(tmp_path).file.pools == {"crm_api": 1}


def test_the_first_example_means_what_the_page_says(tmp_path):
    (tmp_path / "elt.toml").write_text(f'{EXAMPLES[0]}\n[project]\nname = "acme"\n')
    file = load_project(tmp_path).file

    tap, dbt = step_limits(file, "tap:crm"), step_limits(file, "dbt")
    assert (tap.retries, tap.timeout_seconds, tap.pools) == (5, 1800, ("crm_api",))
    assert (dbt.retries, dbt.timeout_seconds) == (1, 3600)
    assert run_limits(file).timeout_seconds == 14400


def test_the_page_names_every_key():
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))

    assert {*KindTable.__struct_fields__, "pool", "priority"} <= named


def test_the_exit_code_of_unavailable_is_the_one_on_the_page():
    assert f"exit code {Unavailable.exit_code}" in PAGE.lower()
