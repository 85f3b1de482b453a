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
