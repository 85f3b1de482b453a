"""Every pack fits the tap that it is for; its SQL binds to what the tap declares."""

from __future__ import annotations

import re

import pytest

from elt.transform.staging import packs

ALL = pytest.mark.parametrize("pack", packs())


def test_there_is_a_pack_for_each_vendor():
    assert packs() == ["github", "hubspot", "recurly", "stripe"]


@ALL
def test_models_read_what_the_tap_declares_and_nothing_else(rendered, pack):
    # Views are bound when they are made, so an unknown column would be an error.
    models = rendered(pack)

    assert all(models.columns(model) for model in models.sql)


@ALL
def test_sources_are_the_taps_streams_with_their_columns(rendered, pack):
    models = rendered(pack)
    (source,) = models.sources

    assert source["name"] == "raw_vendor"
    for table in source["tables"]:
        named = {column["name"] for column in table.get("columns", ())}
        declared = models.tables[table["name"]]["properties"]
        assert named <= set(declared), table["name"]


@ALL
def test_every_source_is_used(rendered, pack):
    models = rendered(pack)
    used = set(re.findall(r"source\('raw_vendor', '(\w+)'\)", str(models.sql)))

    assert used == {table["name"] for table in models.sources[0]["tables"]}


@ALL
def test_every_model_is_described_and_has_the_columns_of_its_description(
    rendered, pack
):
    models = rendered(pack)

    assert {model["name"] for model in models.models} == set(models.sql)
    for model in models.models:
        named = {column["name"] for column in model["columns"]}
        assert model["description"]
        assert named <= set(models.columns(model["name"])), model["name"]


@ALL
def test_the_first_column_of_a_staging_model_is_its_tested_key(rendered, pack):
    models = rendered(pack)
    tests = {
        (model["name"], column["name"]): column.get("data_tests", [])
        for model in models.models
        for column in model["columns"]
    }
    # The lines of an invoice had ids of their own only since 2019; a stage's key is
    # of three columns.
    exceptions = {"stg_vendor__invoice_line_items", "stg_vendor__stages"}

    for model in set(models.sql) - exceptions:
        if model.startswith("stg_"):
            key = models.columns(model)[0]
            assert tests[model, key][:2] == ["unique", "not_null"], model


@ALL
def test_keywords_are_in_capitals(rendered, pack):
    models = rendered(pack)
    words = r"\b(select|from|where|join|left|inner|cast|case|when|null|and|or|as)\b"

    for model, text in models.sql.items():
        code = re.sub(r"--.*|'[^']*'", "", text)
        assert not re.findall(words, code), model
