from __future__ import annotations

import yaml


def test_a_workflow_is_written_at_the_top_of_the_repository(run_elt, project):
    (project.parent / ".git").mkdir()

    done = run_elt("-C", project, "ci", "init", "github")

    path = project.parent / ".github" / "workflows" / "elt-shop.yml"
    assert done.code == 0
    assert str(path) in done.err
    assert "Next:" in done.err
    assert yaml.safe_load(path.read_text())["name"] == "elt-shop"


def test_without_git_it_is_written_in_the_project(run_elt, project):
    done = run_elt("-C", project, "ci", "init")

    assert done.code == 0
    assert (project / ".github" / "workflows" / "elt.yml").exists()


def test_where_the_repository_is_decides_what_is_written(run_elt, project):
    (project / ".git").mkdir()
    (project / ".git" / "config").write_text(
        '[remote "origin"]\n\turl = git@gitlab.com:shop/data.git\n'
    )

    run_elt("-C", project, "ci", "init")

    assert (project / ".gitlab-ci.yml").exists()


def test_the_secrets_to_set_are_told(run_elt, project):
    with (project / "elt.toml").open("a") as file:
        file.write('[taps.days.config]\ncode = "${env:DAYS_CODE}"\n')

    done = run_elt("-C", project, "ci", "init", "gitlab")

    assert "DAYS_CODE" in done.err


def test_a_file_that_is_there_is_never_written_over_unasked(run_elt, project):
    path = project / ".gitlab-ci.yml"
    path.write_text("mine: 1\n")

    refused = run_elt("-C", project, "ci", "init", "gitlab")

    assert refused.code == 2
    assert path.read_text() == "mine: 1\n"
    assert "--output" in refused.err
    assert "--force" in refused.err

    forced = run_elt("-C", project, "ci", "init", "gitlab", "--force")

    assert forced.code == 0
    assert "elt run" in path.read_text()


def test_it_can_be_written_elsewhere(run_elt, project, tmp_path):
    path = tmp_path / "ci" / "elt.yml"

    done = run_elt("-C", project, "ci", "init", "gitlab", "--output", path)

    assert done.code == 0
    assert path.exists()
    assert "include:" in done.err


def test_a_place_that_cannot_be_written_is_told(run_elt, project, tmp_path):
    (tmp_path / "ci").write_text("a file")

    done = run_elt("-C", project, "ci", "init", "--output", tmp_path / "ci" / "x.yml")

    assert done.code == 2
    assert "cannot be written" in done.err
