"""`elt add tap NAME --models`: models of its tables, beside the tap or alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli


@pytest.fixture
def project(project) -> Path:
    (project / "transform").mkdir()
    (project / "transform" / "dbt_project.yml").write_text("name: s\nprofile: elt\n")
    with (project / "elt.toml").open("a") as file:
        file.write("\n[transform]\n")
    return project


def add_table(project, table):
    with (project / "elt.toml").open("a") as file:
        file.write(table)


def staging(project):
    return project / "transform" / "models" / "staging"


def test_a_tap_comes_with_its_models(run_elt, project):
    done = run_elt("-C", project, "add", "tap", "stripe", "--models")

    assert done.code == 0, done.err
    taps = tomli.loads((project / "elt.toml").read_text())["taps"]
    assert taps["stripe"]["plugin"] == "stripe"
    files = {path.name for path in (staging(project) / "stripe").iterdir()}
    assert {"_stripe__sources.yml", "stripe__customers.sql"} <= files
    said = f"Wrote {len(files)} files to transform/models/staging/stripe"
    assert said in done.err


def test_a_tap_by_another_name_has_models_by_that_name(run_elt, project):
    named = ("stripe", "--name", "billing-eu")

    done = run_elt("-C", project, "add", "tap", *named, "--models")

    assert done.code == 0, done.err
    model = staging(project) / "billing_eu" / "stg_billing_eu__customers.sql"
    assert "source('raw_billing_eu', 'customers')" in model.read_text()


def test_a_tap_that_is_there_already_gets_its_models_alone(run_elt, project):
    add_table(project, '[taps.money]\nplugin = "stripe"\nschema = "paid"\n')
    before = (project / "elt.toml").read_text()

    done = run_elt("-C", project, "add", "tap", "money", "--models")

    assert done.code == 0, done.err
    assert (project / "elt.toml").read_text() == before
    model = staging(project) / "money" / "stg_money__invoices.sql"
    assert "source('paid', 'invoices')" in model.read_text()


def test_models_are_never_written_over(run_elt, project):
    add_table(project, '[taps.stripe]\nplugin = "stripe"\n')
    run_elt("-C", project, "add", "tap", "stripe", "--models")
    model = staging(project) / "stripe" / "stg_stripe__customers.sql"
    model.write_text("SELECT 'mine' AS customer_id\n")

    done = run_elt("-C", project, "add", "tap", "stripe", "--models")

    assert done.code == 2
    assert "there are models of `stripe` already" in done.err
    assert model.read_text() == "SELECT 'mine' AS customer_id\n"


def test_where_models_are_already_no_tap_is_added(run_elt, project):
    before = (project / "elt.toml").read_text()
    model = staging(project) / "stripe" / "stripe__customers.sql"
    model.parent.mkdir(parents=True)
    model.write_text("SELECT 'mine' AS customer_id\n")

    done = run_elt("-C", project, "add", "tap", "stripe", "--models")

    assert done.code == 2
    assert "there are models of `stripe` already" in done.err
    assert (project / "elt.toml").read_text() == before
    assert list(model.parent.iterdir()) == [model]


def test_a_tap_without_a_pack_is_told_and_not_added(run_elt, project):
    before = (project / "elt.toml").read_text()

    done = run_elt("-C", project, "add", "tap", "files", "--models")

    assert done.code == 2
    assert "there are no models for the tap `files`" in done.err
    assert "There are some for github, hubspot, recurly, stripe" in done.err
    assert (project / "elt.toml").read_text() == before


@pytest.mark.parametrize("program", ["--package", "--executable"])
def test_a_foreign_tap_of_a_vendor_gets_no_models(run_elt, project, program):
    before = (project / "elt.toml").read_text()

    done = run_elt(
        *("-C", project, "add", "tap", "stripe", program, "tap-stripe", "--models")
    )

    assert done.code == 2
    assert "elt's own taps, and `stripe` is another one" in done.err
    assert "Leave `--models` out" in done.err
    assert (project / "elt.toml").read_text() == before
    assert not staging(project).exists()


def test_a_foreign_tap_that_is_there_gets_none_either(run_elt, project):
    add_table(project, '[taps.stripe]\npackage = "tap-stripe"\n')

    done = run_elt("-C", project, "add", "tap", "stripe", "--models")

    assert done.code == 2
    assert "elt's own taps, and `stripe` is another one" in done.err
    assert "[taps.stripe]" in done.err
    assert not staging(project).exists()


def test_without_a_dbt_project_nothing_is_added(run_elt, project):
    toml = (project / "elt.toml").read_text().replace("\n[transform]\n", "")
    (project / "elt.toml").write_text(toml)

    done = run_elt("-C", project, "add", "tap", "stripe", "--models")

    assert done.code == 2
    assert "there is no dbt project that models could be written to" in done.err
    assert "[transform]" in done.err
    assert (project / "elt.toml").read_text() == toml
