from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from elt.report.result import Result, as_json, result_schema
from tests.report.outcomes import bad_night, result, unreadable

PUBLISHED = (
    Path(__file__).parents[2] / "docs" / "reference" / "elt-run-result.schema.json"
)


def test_the_published_schema_is_that_of_the_declarations():
    """`ELT_REWRITE_GOLDEN=1` writes it anew."""
    schema = json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("ELT_REWRITE_GOLDEN"):
        PUBLISHED.write_text(schema, encoding="utf-8")

    assert PUBLISHED.read_text(encoding="utf-8") == schema


def test_it_is_a_schema_of_its_draft():
    Draft202012Validator.check_schema(result_schema())

    assert result_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "told",
    [bad_night(), result(), result(status="failed", run="", errors=[unreadable()])],
)
def test_every_result_is_as_the_schema_says_and_read_as_it_was_written(told):
    document = as_json(told)

    Draft202012Validator(result_schema()).validate(json.loads(document))
    assert msgspec.json.decode(document, type=Result) == told


@pytest.mark.parametrize("key", ["version", "run", "exit_code", "steps"])
def test_the_schema_misses_what_is_not_told(key):
    document = json.loads(as_json(bad_night()))
    del document[key]

    assert not Draft202012Validator(result_schema()).is_valid(document)


def test_a_reader_of_this_version_takes_keys_that_a_later_one_adds():
    document = json.loads(as_json(bad_night())) | {"owner": "ann"}

    Draft202012Validator(result_schema()).validate(document)


def test_the_document_is_as_promised(golden):
    golden("result.json", as_json(bad_night()))
