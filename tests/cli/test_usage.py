from __future__ import annotations

import json

import pytest


def test_outside_of_a_project_one_is_told_how_to_make_one(program, tmp_path):
    done = program("status", cwd=tmp_path)

    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: there is no elt.toml here")
    assert "\n\nhint: Run `elt init" in done.err


def test_everything_wrong_with_the_file_is_told_at_once(program, tmp_path):
    (tmp_path / "elt.toml").write_text(
        '[project]\nnmae = "shop"\n\n[taps.days]\nplugin = 3\n'
    )

    done = program("-C", tmp_path, "run")

    assert done.code == 2
    assert "elt.toml:2" in done.err
    assert "elt.toml:5" in done.err
    assert "`name`" in done.err
    assert done.err.count("error: ") >= 2
    assert "Traceback" not in done.err


def test_a_file_that_is_no_toml_is_told_with_its_line(run_elt, tmp_path):
    (tmp_path / "elt.toml").write_text("[project\n")

    done = run_elt("-C", tmp_path, "status")

    assert done.code == 2
    assert "elt.toml:1" in done.err


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["rnu"], "`run`"),
        (["run", "--full-refesh"], "`--full-refresh`"),
        (["run", "-C", "elsewhere"], "`elt -C DIR run`"),
        (["query"], "`elt query --help`"),
        (["query", "SELECT 1", "--format", "xml"], "`elt query --help`"),
        (["runs", "--limit", "0"], "`elt runs --help`"),
        (["run", "--on-overlap", "never"], "`wait=10m`"),
        (["run", "--on-overlap", "wait=soon"], "`1h30m`"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_offers_the_nearest(run_elt, arguments, nearest):
    done = run_elt(*arguments)

    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert nearest in done.err.split("\n\nhint: ")[1]


def test_elt_alone_shows_its_help(run_elt):
    done = run_elt()

    assert done.code == 0
    assert "elt init NAME" in done.out


def test_the_version_is_one_line(run_elt):
    done = run_elt("--version")

    assert done.out.startswith("elt ")
    assert done.out.count("\n") == 1


def test_an_unknown_sync_offers_the_nearest(run_elt, project):
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[transform]\n\n[destinations.out]\nplugin = "file"'
        '\n\n[syncs.health]\nmodel = "m"\ndestination = "out"\nobject = "o.csv"\n'
        'key = "id"\n'
    )

    done = run_elt("-C", project, "sync", "plan", "helth")

    assert done.code == 2
    assert "`health`" in done.err


def test_what_has_not_run_yet_has_no_logs(run_elt, project):
    done = run_elt("-C", project, "logs")

    assert done.code == 2
    assert "nothing has run yet" in done.err


def test_schema_is_json_on_stdout(run_elt):
    done = run_elt("schema")

    assert json.loads(done.out)["title"] == "elt.toml"


def test_plugins_are_listed_with_the_projects_own(run_elt, project):
    done = run_elt("-C", project, "plugins", "--json")

    found = {(p["kind"], p["name"]): p["origin"] for p in json.loads(done.out)}
    assert found["tap", "days"] == "project"
    assert found["tap", "files"] == "built in"
    assert found["destination", "webhook"] == "built in"
