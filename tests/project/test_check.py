from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.project.check import problems
from elt.project.settings import File, RunTable
from elt.project.sync_settings import SyncTable
from elt.project.tap_settings import TapTable


def check(**tables: Any) -> list[str]:
    return [problem.what for problem in problems({"project": {"name": "a"}, **tables})]


def test_a_right_file_has_no_problems():
    assert (
        check(taps={"x": {"plugin": "files", "config": {"any": [{"thing": 1}]}}}) == []
    )


def test_an_unknown_key_names_the_nearest_one():
    (problem,) = problems({"project": {"name": "a", "nmae": "b"}})

    assert problem.what == "unknown key `nmae` in `[project]`"
    assert problem.hint == "Did you mean `name`?"
    assert problem.key == ("project", "nmae")


def test_a_plugins_own_setting_is_sent_to_its_config_table():
    taps = {"crm": {"plugin": "crm", "api_token": "x"}}

    (problem,) = problems({"project": {"name": "a"}, "taps": taps})

    assert problem.hint == "The plugin's own settings go into `[taps.crm.config]`"


def test_a_key_of_another_table_is_sent_home():
    (problem,) = problems({"project": {"name": "a"}, "warehouse": {"retries": 2}})

    assert problem.hint == "`retries` belongs to `[run]`"


def test_a_table_in_the_wrong_place_is_sent_home_too():
    (problem,) = problems({"project": {"name": "a"}, "run": {"transform": {}}})

    assert problem.hint == "`[transform]` is a table of its own"


POSITIVE = "a number above 0, 2000000 at most"
UP_TO_A_DAY = "a number from 0 to 86400"


@pytest.mark.parametrize(
    ("run", "what", "hint"),
    [
        (
            {"jobs": "2"},
            "`jobs` must be a whole number of at least 1, not the text `2`",
            "Write it without quotes: jobs = 2",
        ),
        (
            {"jobs": 2.5},
            "`jobs` must be a whole number of at least 1, not the number 2.5",
            None,
        ),
        (
            {"jobs": True},
            "`jobs` must be a whole number of at least 1, not true",
            None,
        ),
        (
            {"timeout_seconds": 0},
            f"`timeout_seconds` must be {POSITIVE}, not the number 0",
            None,
        ),
        (
            {"timeout_seconds": float("inf")},
            f"`timeout_seconds` must be {POSITIVE}, not the number inf",
            None,
        ),
        (
            {"retry_delay_seconds": float("inf")},
            f"`retry_delay_seconds` must be {UP_TO_A_DAY}, not the number inf",
            None,
        ),
    ],
)
def test_a_number_is_told_its_range_in_plain_words(run, what, hint):
    (problem,) = problems({"project": {"name": "a"}, "run": run})

    assert (problem.what, problem.hint) == (what, hint)


def test_other_mistyped_values_are_told_in_plain_words():
    stream = {"mode": "upset", "key": "id", "allow_shrink": "true"}
    tap = {"plugin": 5, "select": ["a", 3], "config": [], "streams": {"s": stream}}

    assert check(taps={"x": tap}, transform=[], warehouse={"path": ""}) == [
        "`plugin` must be a text, not the number 5",
        "entry 2 of `select` must be a text, not the number 3",
        "`config` must be a table, not a list",
        (
            "`mode` must be one of `append`, `history`, `overwrite`, `upsert`, not the"
            " text `upset`"
        ),
        "`key` must be a list of texts, not the text `id`",
        "`allow_shrink` must be true or false, not the text `true`",
        "`transform` must be a table, not a list",
        "`path` must be a text, not an empty one",
    ]


def test_a_field_is_a_column_or_a_table():
    fields = {"email": "email", "tier": {"value": 3}, "score": 5, "name": {"col": "n"}}
    sync = {
        "model": "m",
        "destination": "d",
        "object": "o",
        "key": "k",
        "fields": fields,
    }

    assert check(syncs={"s": sync}) == [
        "`score` must be a text or a table, not the number 5",
        "unknown key `col` in `[syncs.s.fields.name]`",
    ]


def test_missing_keys_are_named_one_by_one():
    assert check(syncs={"s": {"model": "m", "key": "k"}}) == [
        "sync `s` needs a `destination`",
        "sync `s` needs an `object`",
    ]


VALUES = st.recursive(
    st.booleans()
    | st.integers(-3, 3)
    | st.floats(-3, 3)
    | st.sampled_from(["", "a", "duckdb", "upsert", "skip", "FULL_TABLE"]),
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "column", "mode"]), below, max_size=2)
    ),
    max_leaves=4,
)


def keys_of(table: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    names = [*table.__struct_fields__, "other"]
    return st.dictionaries(st.sampled_from(names), VALUES, max_size=3)


@given(
    tap=keys_of(TapTable),
    sync=keys_of(SyncTable),
    run=keys_of(RunTable),
)
def test_for_all_files_no_problem_means_that_the_declarations_accept_it(tap, sync, run):
    file = {"project": {"name": "a"}, "taps": {"t": tap}, "syncs": {"s": sync}}
    file["run"] = run

    try:
        msgspec.convert(file, File)
        accepted = True
    except msgspec.ValidationError:
        accepted = False

    assert (problems(file) == []) == accepted
