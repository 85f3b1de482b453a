from __future__ import annotations

import pytest

BASE = """
    [warehouse]
    path = "dev.duckdb"
    threads = 2
    [taps.shop]
    plugin = "shop"
    tags = ["a", "b"]
    config = { url = "http://localhost", page = { size = 10, sort = "id" } }
"""


def test_tables_merge_and_values_replace(folder):
    project = folder.load(
        BASE
        + """
        [environments.prod.warehouse]
        path = "/srv/prod.duckdb"
        [environments.prod.taps.shop]
        tags = ["c"]
        config.page.size = 500
        """,
        "prod",
    )

    shop = project.file.taps["shop"]
    assert project.environment == "prod"
    assert str(project.warehouse_path) == "/srv/prod.duckdb"
    assert project.file.warehouse.threads == 2
    assert shop.tags == ["c"]
    assert shop.config == {
        "url": "http://localhost",
        "page": {"size": 500, "sort": "id"},
    }


def test_without_an_environment_the_base_stands(folder):
    project = folder.load(BASE + '[environments.prod.warehouse]\npath = "p.duckdb"')

    assert project.file.warehouse.path == "dev.duckdb"


def test_another_program_takes_the_place_of_the_first(folder):
    project = folder.load(
        BASE + '[environments.prod.taps.shop]\nexecutable = "tap-shop"', "prod"
    )

    assert project.file.taps["shop"].plugin is None
    assert project.file.taps["shop"].executable == "tap-shop"


def test_an_environment_may_bring_a_tap_of_its_own(folder):
    text = BASE + '[environments.prod.taps.audit]\nplugin = "audit"'

    assert set(folder.load(text).file.taps) == {"shop"}
    assert set(folder.load(text, "prod").file.taps) == {"shop", "audit"}


def test_errors_in_an_environment_point_into_it_even_when_it_is_not_asked_for(folder):
    unknown, mistyped, rule = folder.errors("""
        [taps.shop]
        plugin = "shop"
        [environments.prod.warehouse]
        pth = "x"
        [environments.prod.taps.shop]
        reject_limit = "5"
        [environments.prod.taps.other]
    """)

    assert unknown.where == "elt.toml:5  [environments.prod.warehouse]"
    assert mistyped.where == "elt.toml:7  [environments.prod.taps.shop]"
    assert rule.where == "elt.toml:8  [environments.prod.taps.other]"


def test_an_error_of_the_base_is_told_once(folder):
    error = folder.error("""
        [taps.shop]
        schema = "a"
        [environments.prod.taps.shop]
        schema = "b"
        [environments.test.run]
        jobs = 1
    """)

    assert error.where == "elt.toml:2  [taps.shop]"


def test_an_error_made_again_in_an_environment_is_told_again(folder):
    errors = folder.errors("""
        [run]
        jobs = 0
        [environments.prod.run]
        jobs = 0
    """)

    assert [error.where for error in errors] == [
        "elt.toml:3  [run]",
        "elt.toml:5  [environments.prod.run]",
    ]


@pytest.mark.parametrize("text", ["environments = 5", "[environments]\nprod = 5"])
def test_an_environment_is_a_table(folder, text):
    error = folder.error(text + '\n[project]\nname = "acme"')

    assert "must be a table" in error.what


def test_an_unknown_environment_names_the_nearest(folder):
    error = folder.error(BASE + "[environments.production]", "prodution")

    assert error.what == "there is no environment `prodution`"
    assert error.hint == "Did you mean `production`?"


def test_the_base_can_be_asked_for_by_name_and_not_declared(folder):
    assert folder.load(BASE, "default").environment == "default"

    assert "without an environment" in folder.error("[environments.default]").what
