from __future__ import annotations


def test_a_selection_may_name_others(folder):
    project = folder.load("""
        [project]
        name = "acme"
        [selections.crm]
        select = "tap:crm+"
        description = "All of the CRM"
        [selections.morning]
        select = ["selector:crm", "tag:daily"]
        exclude = "selector:slow"
        [selections.slow]
        select = "tag:slow"
    """)

    assert list(project.file.selections) == ["crm", "morning", "slow"]
    assert project.file.selections["crm"].exclude == []


def test_a_selection_that_is_not_there_is_told_with_the_nearest(folder):
    error = folder.error("""
        [selections.crm]
        select = "tap:crm+"
        [selections.morning]
        select = "tap:billing @selector:crn,tag:daily"
    """)

    assert error.what == (
        "selection `morning` names `crn`, which is not under `[selections]`"
    )
    assert error.where == "elt.toml:5  [selections.morning]"
    assert error.hint == "Did you mean `crm`?"


def test_a_circle_of_selections_is_told_wherever_it_can_be_cut(folder):
    errors = folder.errors("""
        [selections.a]
        select = "selector:b"
        [selections.b]
        select = "tap:crm"
        exclude = ["tag:x", "+selector:c"]
        [selections.c]
        select = "selector:a"
        [selections.outside]
        select = "selector:a"
    """)

    assert [error.what for error in errors] == [
        "selection `a` contains itself, through `b`",
        "selection `b` contains itself, through `c`",
        "selection `c` contains itself, through `a`",
    ]


def test_a_selection_has_a_plain_name_and_words(folder):
    name, words = folder.errors("""
        [selections."a b"]
        select = "tap:crm"
        [selections.empty]
        exclude = "tap:crm"
    """)

    assert name.what == "`a b` cannot be a name in `[selections]`"
    assert words.what == "`[selections.empty]` needs a `select`"
