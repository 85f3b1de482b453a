from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml

from elt.project.load import load_project
from elt.project.workflows import (
    file_secret_name,
    needed_secrets,
    secret_name,
    workflow,
)

TOML = """
[project]
name = "the shop: no. 1"

[warehouse]
path = "data/shop.duckdb"
[warehouse.dbt]
settings = { password = "${env:LAKE_PASSWORD}" }

[taps.crm]
executable = "tap-crm"
[taps.crm.config]
token = "${env:CRM_TOKEN}"
url = "https://${env:CRM_USER}:${env:CRM_TOKEN}@crm"
text = "$${env:NO_SECRET}"
keys = [{ file = "${file:keys/crm key.json}" }]

[taps.hub]
package = "tap-hub"
config = { token = "${env:GITHUB_TOKEN}" }

[destinations.db]
plugin = "postgres"
config = { dsn = "${env:DB_DSN}" }

[environments.prod.taps.crm.config]
token = "${env:PROD_CRM_TOKEN}"
"""
VARIABLES = ("LAKE_PASSWORD", "CRM_TOKEN", "CRM_USER", "GITHUB_TOKEN", "DB_DSN")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "data team"
    folder.mkdir()
    (folder / "elt.toml").write_text(TOML)
    return tmp_path


def written(repository, place, environment=None):
    project = load_project(repository / "data team", environment)
    text = workflow(project, place, repository)
    return text, yaml.safe_load(text)


def steps_of(document):
    return {
        step.get("name", step.get("uses")): step
        for step in document["jobs"]["run"]["steps"]
    }


def test_the_secrets_are_those_that_the_project_refers_to(repository):
    needed = needed_secrets(load_project(repository / "data team"))

    assert set(needed.variables) == set(VARIABLES)
    assert needed.files == ("keys/crm key.json",)


def test_an_environment_needs_its_own_secrets(repository):
    needed = needed_secrets(load_project(repository / "data team", "prod"))

    assert "PROD_CRM_TOKEN" in needed.variables
    assert "CRM_USER" in needed.variables


def test_github_passes_every_secret_on(repository):
    text, document = written(repository, "github")

    environ = document["jobs"]["run"]["env"]
    assert {name: environ[name] for name in VARIABLES} == {
        "LAKE_PASSWORD": "${{ secrets.LAKE_PASSWORD }}",
        "CRM_TOKEN": "${{ secrets.CRM_TOKEN }}",
        "CRM_USER": "${{ secrets.CRM_USER }}",
        "GITHUB_TOKEN": "${{ secrets.ELT_GITHUB_TOKEN }}",  # GitHub's own is another
        "DB_DSN": "${{ secrets.DB_DSN }}",
    }
    file = steps_of(document)["Write keys/crm key.json"]
    assert file["env"] == {"CONTENT": "${{ secrets.KEYS_CRM_KEY_JSON }}"}
    assert "NO_SECRET" not in text


def test_github_lets_no_two_runs_overlap_and_stops_one_that_hangs(repository):
    _, document = written(repository, "github")

    assert document["concurrency"] == {
        "group": "elt-the-shop-no-1",
        "cancel-in-progress": False,
    }
    assert document["jobs"]["run"]["timeout-minutes"] == 120
    # YAML 1.1 takes the key `on` for true; GitHub does not.
    assert set(document[True]) == {"schedule", "workflow_dispatch"}
    assert document["permissions"] == {"contents": "read"}


def test_github_keeps_the_warehouse_and_the_result_after_a_failure_too(repository):
    _, document = written(repository, "github")

    steps = steps_of(document)
    kept = "data team/data/shop.duckdb*\ndata team/.elt/elt.db*\n"
    assert steps["Fetch the warehouse"]["with"]["path"] == kept
    assert steps["Keep the warehouse"]["with"]["path"] == kept
    assert steps["Keep the warehouse"]["if"] == "always()"
    assert steps["Keep the result"]["if"] == "always()"
    assert "elt-junit.xml" in steps["Keep the result"]["with"]["path"]
    assert steps["elt run"]["run"] == (
        "exec elt run --junit elt-junit.xml --json $ARGUMENTS > elt-result.json"
    )
    assert document["jobs"]["run"]["defaults"]["run"]["working-directory"] == (
        "data team"
    )


def test_what_a_person_types_is_no_part_of_the_script(repository):
    _, document = written(repository, "github")

    scripts = [step["run"] for step in steps_of(document).values() if "run" in step]
    assert not [script for script in scripts if "${{" in script]
    assert document["jobs"]["run"]["env"]["ARGUMENTS"] == "${{ inputs.arguments }}"


def test_gitlab_asks_for_every_secret_and_keeps_the_same(repository):
    text, document = written(repository, "gitlab")

    run = document["elt"]
    prepare = "\n".join(run["before_script"])
    for name in (*VARIABLES, "KEYS_CRM_KEY_JSON"):
        assert f"${{{name}:?" in prepare
        assert f"#       {name}" in text
    assert run["resource_group"] == "elt-the-shop-no-1"
    assert run["timeout"] == "2h"
    assert run["cache"]["paths"] == [
        "data team/data/shop.duckdb*",
        "data team/.elt/elt.db*",
    ]
    assert run["cache"]["when"] == run["artifacts"]["when"] == "always"
    assert run["artifacts"]["reports"]["junit"] == "data team/elt-junit.xml"


@pytest.mark.parametrize("place", ["github", "gitlab"])
def test_the_environment_and_what_the_plugins_need_are_in_it(repository, place):
    text, _ = written(repository, place, "prod")

    assert "elt run --env prod --junit elt-junit.xml" in text
    assert "elt-toolkit[postgres]==" in text
    assert "elt install" in text


def test_a_project_that_lists_its_packages_is_installed_from_the_list(repository):
    (repository / "data team" / "requirements.txt").write_text("elt-toolkit\n")

    text, _ = written(repository, "github")

    assert "pip install -r requirements.txt" in text
    assert 'pip install "elt' not in text


@pytest.mark.parametrize("place", ["github", "gitlab"])
def test_the_scripts_are_ones_that_a_shell_can_read(repository, place):
    _, document = written(repository, place)

    if place == "github":
        steps = document["jobs"]["run"]["steps"]
        scripts = [step["run"] for step in steps if "run" in step]
    else:
        scripts = [*document["elt"]["before_script"], *document["elt"]["script"]]
    for script in scripts:
        read = [shutil.which("sh") or "sh", "-n", "-c", script]
        assert subprocess.run(read, check=False).returncode == 0


@pytest.mark.parametrize(
    ("variable", "name"),
    [("CRM_TOKEN", "CRM_TOKEN"), ("github_pat", "ELT_github_pat")],
)
def test_a_secret_has_a_name_that_github_takes(variable, name):
    assert secret_name(variable) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("keys/crm.json", "KEYS_CRM_JSON"),
        ("/run/2/key", "RUN_2_KEY"),
        ("1.pem", "FILE_1_PEM"),
    ],
)
def test_a_file_has_a_secret_named_after_it(path, name):
    assert file_secret_name(path) == name
