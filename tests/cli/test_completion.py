from __future__ import annotations

import os

import pytest


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
        ("tag:", ["tag:daily"]),
        ("owner:", ["owner:ann"]),
        ("selector:", ["selector:morning"]),
        ("+tap:", ["+tap:days"]),
        ("2+tap:", ["2+tap:days"]),
        ("@tap:", ["@tap:days"]),
        ("tap:days,ta", ["tap:days,tag:daily", "tap:days,tap:days"]),
        ("state:", ["state:modified", "state:new", "state:unmodified"]),
        ("source_status:", ["source_status:fresher"]),
        (
            "resource_type:s",
            [
                "resource_type:seed",
                "resource_type:snapshot",
                "resource_type:stream",
                "resource_type:sync",
            ],
        ),
    ],
)
def test_the_words_of_selections_are_completed(complete, typed, words):
    assert complete(f"elt run {typed}") == words
