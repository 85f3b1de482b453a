from __future__ import annotations

from pathlib import Path

import pytest
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


def test_it_can_be_written_to_stdout(run_elt, project):
    done = run_elt("-C", project, "ci", "init", "gitlab", "--output", "-")

    assert done.code == 0
    assert "elt" in yaml.safe_load(done.out)
    assert not Path("-").exists()


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ('{"url": "file:///src/my%20elt", "dir_info": {}}', "/src/my elt"),
        (
            '{"url": "https://a.example/elt",'  # noqa: ISC004
            ' "vcs_info": {"vcs": "git", "commit_id": "4f0c"}}',
            "git+https://a.example/elt@4f0c",
        ),
        ("", ""),
    ],
)
def test_an_elt_that_came_from_no_index_is_told(
    run_elt, project, tmp_path, monkeypatch, origin, told
):
    info = tmp_path / "site" / "elt_toolkit-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: elt-toolkit\nVersion: 9.9\n")
    if origin:
        (info / "direct_url.json").write_text(origin)
    monkeypatch.syspath_prepend(info.parent)

    done = run_elt("-C", project, "ci", "init")

    first = "1. Say in it where pip finds elt, as its comment shows: here it came from"
    assert (first in done.err) is bool(told)
    assert told in done.err


def test_of_a_time_is_told_only_where_the_workflow_has_one(run_elt, project):
    github = run_elt("-C", project, "ci", "init", "github")
    gitlab = run_elt("-C", project, "ci", "init", "gitlab")

    assert "Look at its time, and at what it says of the cache" in github.err
    assert "Look at what it says of the cache" in gitlab.err


def test_a_place_that_cannot_be_written_is_told(run_elt, project, tmp_path):
    (tmp_path / "ci").write_text("a file")

    done = run_elt("-C", project, "ci", "init", "--output", tmp_path / "ci" / "x.yml")

    assert done.code == 2
    assert "cannot be written" in done.err
