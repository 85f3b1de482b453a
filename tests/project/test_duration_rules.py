from __future__ import annotations

import pytest

TABLES = """
    [taps.crm]
    plugin = "files"
    max_age = "26h"
    [taps.crm.streams.notes]
    max_age = "1h30m"
    [transform]
    [destinations.out]
    plugin = "file"
    [syncs.health]
    model = "health"
    destination = "out"
    object = "health.csv"
    key = "id"
    max_age = "2d"
    on_stale = "stop"
"""


def test_ages_are_durations_as_people_write_them(folder):
    file = folder.load(TABLES).file

    assert file.taps["crm"].max_age == "26h"
    assert file.taps["crm"].streams["notes"].max_age == "1h30m"
    assert file.syncs["health"].max_age == "2d"


@pytest.mark.parametrize(
    ("age", "place"),
    [
        ('"26h"', "elt.toml:4  [taps.crm]"),
        ('"1h30m"', "elt.toml:6  [taps.crm.streams.notes]"),
        ('"2d"', "elt.toml:15  [syncs.health]"),
    ],
)
def test_an_age_that_is_no_duration_is_told_at_its_line(folder, age, place):
    error = folder.error(TABLES.replace(age, '"a day"'))

    assert error.what == "`max_age`: `a day` is no duration"
    assert error.where == place
    assert "`1h30m`" in error.hint


def test_no_time_at_all_is_no_age(folder):
    error = folder.error(TABLES.replace("26h", "0s"))

    assert error.what == "`max_age` is no time at all: everything would be stale"


def test_a_number_is_no_age(folder):
    error = folder.error(TABLES.replace('"26h"', "26"))

    assert error.what == "`max_age` must be a text, not the number 26"


def test_what_a_sync_does_about_old_rows_is_one_of_three_words(folder):
    error = folder.error(TABLES.replace('"stop"', '"warm"'))

    assert "must be one of `send`, `stop`, `warn`" in error.what
    assert error.hint == "Did you mean `warn`?"


def test_an_environment_may_say_otherwise(folder):
    laid = '\n    [environments.dev.taps.crm]\n    max_age = "7d"\n'

    assert folder.load(TABLES + laid, "dev").file.taps["crm"].max_age == "7d"


CATCH_UP = """
    [run]
    max_catch_up = "{}"
"""


def test_how_far_a_run_may_catch_up_is_a_duration(folder):
    assert folder.load(CATCH_UP.format("30d")).file.run.max_catch_up == "30d"


@pytest.mark.parametrize("text", ["5x", "a week"])
def test_what_is_no_duration_is_told_with_its_line(folder, text):
    error = folder.error(CATCH_UP.format(text))

    assert error.what == f"`max_catch_up`: `{text}` is no duration"
    assert error.where == "elt.toml:3  [run]"
