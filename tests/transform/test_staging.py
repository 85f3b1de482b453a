from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.transform.staging import packs, write_models


@pytest.fixture
def dbt_project(tmp_path):
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: elt\n")
    return tmp_path


def text_of(paths):
    return "".join(path.read_text() for path in paths)


@pytest.mark.parametrize("pack", packs())
def test_files_are_named_after_the_tap_and_read_its_schema(dbt_project, pack):
    written = write_models(dbt_project, pack, tap="billing", schema="raw_money")

    folder = dbt_project / "models" / "staging" / "billing"
    assert {path.parent for path in written} == {folder}
    assert set(folder.iterdir()) == set(written)
    names = "".join(path.name for path in written) + text_of(written)
    assert "TAP_NAME" not in names
    assert "SCHEMA_NAME" not in names
    assert "source('raw_money', " in text_of(written)
    assert "ref('stg_billing__" in text_of(written)
    assert folder / "_billing__sources.yml" in written


def test_two_taps_of_one_vendor_have_models_side_by_side(dbt_project):
    europe = write_models(dbt_project, "stripe", tap="stripe_eu", schema="raw_eu")
    rest = write_models(dbt_project, "stripe", tap="stripe", schema="raw_stripe")

    assert not {path.name for path in europe} & {path.name for path in rest}


def test_packs_of_all_vendors_have_models_side_by_side(dbt_project):
    written = [
        path
        for pack in packs()
        for path in write_models(dbt_project, pack, tap=pack, schema=f"raw_{pack}")
    ]

    # dbt takes each name once, in whichever folder it is.
    assert len({path.name for path in written}) == len(written)


def test_nothing_is_written_where_one_file_is_there_already(dbt_project):
    folder = dbt_project / "models" / "staging" / "stripe"
    folder.mkdir(parents=True)
    own = folder / "stg_stripe__customers.sql"
    own.write_text("SELECT 1")

    with pytest.raises(ConfigError, match="there are models of `stripe` already") as no:
        write_models(dbt_project, "stripe", tap="stripe", schema="raw_stripe")

    assert no.value.where == str(folder)
    assert list(folder.iterdir()) == [own]
    assert own.read_text() == "SELECT 1"


def test_they_go_to_the_first_folder_in_which_dbt_looks_for_models(dbt_project):
    project = dbt_project / "dbt_project.yml"
    project.write_text("name: shop\nprofile: elt\nmodel-paths: [sql, more]\n")

    written = write_models(dbt_project, "github", tap="code", schema="raw_code")

    assert written[0].parent == dbt_project / "sql" / "staging" / "code"
