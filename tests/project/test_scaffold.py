from __future__ import annotations

import re

import pytest
import tomli

from elt.errors import ConfigError
from elt.project.load import load_project
from elt.project.scaffold import scaffold

TEMPLATES = pytest.mark.parametrize("template", ["blank", "demo"])


@TEMPLATES
def test_a_new_project_is_right_and_has_its_folders_name(tmp_path, template):
    written = scaffold(tmp_path / "acme", template)

    project = load_project(tmp_path / "acme")
    assert project.name == "acme"
    assert [path for path in written if not path.is_file()] == []
    assert project.transform_dir is not None
    assert (project.transform_dir / "dbt_project.yml").is_file()


@TEMPLATES
def test_git_is_told_what_to_leave_out_and_no_secret_is_made(tmp_path, template):
    root = tmp_path / "acme"

    written = {str(path.relative_to(root)) for path in scaffold(root, template)}

    assert ".gitignore" in written
    assert "gitignore" not in written
    assert ".env" not in written
    assert ".env" in (root / ".gitignore").read_text().splitlines()


def test_the_blank_project_shows_a_tap_a_model_and_where_secrets_go(tmp_path):
    root = tmp_path / "acme"

    written = [str(path.relative_to(root)) for path in scaffold(root)]

    assert written == [
        ".env.example",
        "README.md",
        "elt.toml",
        ".gitignore",
        "plugins/days.py",
        "transform/dbt_project.yml",
        "transform/models/months.sql",
        "transform/models/schema.yml",
    ]
    assert (root / "README.md").read_text().startswith("# acme\n")


def test_the_commented_examples_of_the_blank_project_are_right_too(tmp_path, folder):
    scaffold(tmp_path / "acme")
    text = (tmp_path / "acme" / "elt.toml").read_text()

    project = folder.load(re.sub(r"(?m)^# (?=\[|\w+ = )", "", text))

    assert set(project.file.taps) == {"days", "exports", "github"}
    assert set(project.file.syncs) == {"months"}


def test_a_name_that_toml_must_escape_is_escaped(tmp_path):
    scaffold(tmp_path / 'my "best" project')

    text = (tmp_path / 'my "best" project' / "elt.toml").read_text()
    assert tomli.loads(text)["project"]["name"] == 'my "best" project'


def test_a_folder_with_only_git_in_it_is_filled(tmp_path):
    (tmp_path / ".git").mkdir()

    scaffold(tmp_path)

    assert load_project(tmp_path).name == tmp_path.name


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ConfigError, match=r"is not empty: it has `notes\.txt`"):
        scaffold(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_project_is_not_written_over(tmp_path):
    scaffold(tmp_path / "acme")

    with pytest.raises(ConfigError, match="is a project already"):
        scaffold(tmp_path / "acme")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "acme").write_text("")

    with pytest.raises(ConfigError, match="is a file"):
        scaffold(tmp_path / "acme")
