from __future__ import annotations

from typing import Any

import pytest
import tomli
from jsonschema import Draft202012Validator

from elt.project.reference import EXAMPLES
from elt.project.schema import json_schema

SCHEMA = json_schema()


def complaints(text: str) -> list[str]:
    file: dict[str, Any] = {"project": {"name": "acme"}, **tomli.loads(text)}
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(file)]


def test_it_is_a_schema_of_its_draft():
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_accepts_the_examples_of_the_reference():
    assert complaints("\n".join(EXAMPLES.values())) == []


@pytest.mark.parametrize(
    "text",
    [
        "[tap.x]",
        "[taps.x]\nplugn = 'x'",
        "[run]\njobs = 0",
        "[run]\njobs = 'two'",
        "[syncs.x]\nmodel = 'x'",
        "[environments.prod.warehouse]\npth = 'x'",
        "[environments.prod.syncs.x]\nmode = 'upsrt'",
    ],
)
def test_it_refuses_what_the_check_refuses(text):
    assert complaints(text) != []


def test_an_environment_needs_no_key_of_the_tables_that_it_changes():
    assert complaints("[environments.prod.syncs.x]\nmode = 'update'") == []


def test_keys_have_descriptions_defaults_and_examples_and_no_null():
    tap = SCHEMA["$defs"]["TapTable"]["properties"]

    assert all("description" in key for key in tap.values())
    assert tap["reject_limit"]["default"] == 1000
    assert tap["executable"]["examples"] == ["tap-github"]
    assert "'type': 'null'" not in str(SCHEMA)
