from __future__ import annotations

import json
import os

import pytest

from elt.cli.completed_words import selection_words
from elt.project.load import load_project
from elt.transform.setup import Setup


@pytest.fixture
def complete(program, project):
    """Complete a command line as bash asks for it."""

    def completed(line: str) -> list[str]:
        asked = {
            "_ELT_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        }
        return program(cwd=project, env=os.environ | asked).out.split()

    return completed


def test_commands_are_completed(complete):
    assert complete("elt ru") == ["run", "runs"]


def test_the_projects_taps_are_completed_in_a_selection(complete):
    assert complete("elt run tap:") == ["tap:days"]
    assert complete("elt backfill tap:") == ["tap:days"]


@pytest.fixture
def bigger(project):
    """Give the project a selection, an owner and tags to be completed."""
    file = project / "elt.toml"
    file.write_text(
        f"{file.read_text()}owner = 'ann'\ntags = ['daily']\n"
        "[selections.morning]\nselect = 'tag:daily'\n"
    )
    return project


@pytest.mark.usefixtures("bigger")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("2+tap:", ["2+tap:days"]),
        ("tap:days,ta", ["tap:days,tag:daily", "tap:days,tap:days"]),
    ],
)
def test_what_stands_before_a_name_in_a_word_stays(complete, typed, words):
    assert complete(f"elt run {typed}") == words


def test_words_of_every_method_are_completed(bigger):
    (bigger / "elt.toml").write_text(
        (bigger / "elt.toml").read_text() + "[transform]\nproject_dir = 'dbt'\n"
        "[taps.days.streams.days]\nowner = 'Sales team'\n"
    )
    known = {
        "unique_id": "model.shop.customers",
        "resource_type": "model",
        "name": "customers",
        "package_name": "shop",
        "original_file_path": "models/marts/customers.sql",
    }
    source = {
        "unique_id": "source.shop.web.visits",
        "source_name": "web",
        "name": "visits",
        "schema": "web",
        "identifier": "visits",
    }
    project = load_project(bigger)
    manifest = Setup(project).manifest_path
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        json.dumps(
            {
                "nodes": {known["unique_id"]: known},
                "sources": {source["unique_id"]: source},
                "metadata": {"project_name": "shop"},
            }
        )
    )

    words = selection_words(project)

    assert words >= {
        "tap:days",
        "tag:daily",
        "owner:ann",
        "owner:Sales?team",
        "selector:morning",
        "state:modified",
        "result:failed",
        "source_status:fresher",
        "resource_type:stream",
        "source:web.visits",
        "path:dbt/models/marts",
        "path:dbt/models/marts/customers.sql",
    }
