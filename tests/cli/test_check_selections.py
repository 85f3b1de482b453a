from __future__ import annotations

import json

SELECTIONS = """
[selections.morning]
select = ["tap:days+", "tags:daily"]
exclude = "state:modifed,tap:days"
[selections.evening]
select = "selector:morning @a+"
"""


def test_words_of_named_selections_are_read_before_they_are_needed(run_elt, project):
    with (project / "elt.toml").open("a") as file:
        file.write(SELECTIONS)

    done = run_elt("-C", project, "check", "--json")

    found = json.loads(done.out)["findings"]
    assert done.code == 2
    assert [(f["problem"], f["where"], f["hint"]) for f in found if f["problem"]] == [
        (
            "`tags:daily` is not a selection",
            "elt.toml:7  [selections.morning]",
            "Did you mean `tag:`?",
        ),
        (
            "`state:modifed` is not a selection",
            "elt.toml:7  [selections.morning]",
            "Did you mean `state:modified`?",
        ),
        (
            "`@a+` has an `@` before it and a `+` behind it",
            "elt.toml:10  [selections.evening]",
            "`@` takes all that needs it already; leave the `+` out",
        ),
    ]


def test_a_selection_that_can_be_read_is_fine(run_elt, project):
    with (project / "elt.toml").open("a") as file:
        file.write("[selections.all]\nselect = 'tap:days+ state:new'\n")

    done = run_elt("-C", project, "check")

    assert done.code == 0
    assert "✓ selections: 1 selection" in done.out


def test_a_selection_without_words_would_choose_everything(run_elt, project):
    with (project / "elt.toml").open("a") as file:
        file.write("[selections.none]\nselect = ['']\n")

    done = run_elt("-C", project, "check", "--json")

    assert done.code == 2
    assert [f["problem"] for f in json.loads(done.out)["findings"] if f["problem"]] == [
        "a selection is empty"
    ]
