from __future__ import annotations

import json

PROBLEMS = """
[project]
name = "shop"

[taps.crm]
plugin = "fiels"

[taps.billing]
executable = "tap-that-nobody-has"

[taps.days]
plugin = "days"
[taps.days.config]
token = "${env:NOT_SET_ANYWHERE}"

[transform]
project_dir = "nowhere"

[destinations.out]
plugin = "fiel"
"""


def test_a_sound_project_is_told_what_is_fine(run_elt, project):
    done = run_elt("-C", project, "check")

    assert done.code == 0
    assert "✓ tap days: plugin `days`, project" in done.out
    assert "✓ warehouse" in done.out


def test_every_problem_is_told_at_once_with_its_way_out(run_elt, project):
    (project / "elt.toml").write_text(PROBLEMS)

    done = run_elt("-C", project, "check", "--json")

    told = json.loads(done.out)
    problems = {f["subject"]: f for f in told["findings"] if f["problem"]}
    assert done.code == 2
    assert told["ok"] is False
    assert set(problems) == {
        "tap crm",
        "tap billing",
        "tap days",
        "dbt project",
        "destination out",
    }
    assert "`files`" in problems["tap crm"]["hint"]
    assert "NOT_SET_ANYWHERE" in problems["tap days"]["problem"]
    assert all(problem["hint"] for problem in problems.values())


def test_problems_of_the_file_itself_are_findings_too(run_elt, project):
    (project / "elt.toml").write_text("[project]\nnmae = 1\n")

    done = run_elt("-C", project, "check")

    assert done.code == 2
    assert "✗ elt.toml" in done.out
    assert "elt.toml:2" in done.out
