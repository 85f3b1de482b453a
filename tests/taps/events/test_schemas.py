from __future__ import annotations

import json

import pytest

from elt.errors import ConfigError
from elt.taps.events.registry import entity_of, read_plan, read_registry
from elt.taps.events.schemas import Judge, merged_properties

ROOT = "com.acme/thing/jsonschema"


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_schemas_are_found_in_iglus_layout_however_deep(tmp_path):
    write(tmp_path, f"schemas/{ROOT}/1-0-0", {"required": ["a"]})
    write(tmp_path, f"schemas/{ROOT}/1-0-1.json", {"required": ["b"]})
    write(tmp_path, f"schemas/{ROOT}/README", "not a schema")

    registry = read_registry(tmp_path)

    for version, missing in (("1-0-0", "a"), ("1-0-1", "b")):
        judge = registry.judge(entity_of(f"iglu:{ROOT}/{version}"))
        assert judge.reasons({}) == [f'"{missing}" is a required property']
    assert registry.judge(entity_of(f"iglu:{ROOT}/1-0-2")) is None


def test_columns_are_of_all_versions_of_a_table(tmp_path):
    write(tmp_path, f"{ROOT}/1-0-0", {"properties": {"a": {"type": "integer"}}})
    newer = {"a": {"type": "string"}, "userId": {"type": "string"}, "user_id": {}}
    write(tmp_path, f"{ROOT}/1-1-0", {"properties": newer})
    write(tmp_path, f"{ROOT}/2-0-0", {"properties": {"b": {"type": "string"}}})

    columns = read_registry(tmp_path).columns("com_acme_thing_1", taken=["data"])

    assert set(columns.properties) == {"a", "user_id", "user_id_2"}
    assert columns.properties["a"] == {"type": ["null", "integer", "string"]}


@pytest.mark.parametrize(
    ("declared", "column"),
    [
        ({"type": "string"}, {"type": ["null", "string"]}),
        ({"type": ["string", "null"]}, {"type": ["null", "string"]}),
        ({"enum": ["a", None]}, {"type": ["null", "string"]}),
        (
            {"type": "number", "multipleOf": 0.01},
            {"type": ["null", "number"], "multipleOf": 0.01},
        ),
        (
            {"type": "string", "format": "date-time"},
            {"type": ["null", "string"], "format": "date-time"},
        ),
        ({"type": "string", "format": "uuid"}, {"type": ["null", "string"]}),
        (
            {"type": "array", "items": {"type": "string"}},
            {"type": ["null", "array"]},
        ),
    ],
)
def test_a_property_becomes_a_column(declared, column):
    assert merged_properties([{"properties": {"a": declared}}]) == {"a": column}


@pytest.mark.parametrize("declared", [{}, {"$ref": "#/x"}, {"enum": [1, "a"]}, True])
def test_a_property_that_may_be_anything_is_json(declared):
    [column] = merged_properties([{"properties": {"a": declared}}]).values()

    assert {"object", "array", "string"} < set(column["type"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "is not an object"),
        ({"type": "strin"}, "is not valid"),
        ({"$ref": "http://example.com/a.json"}, "nothing is fetched"),
        ({"pattern": "("}, "is not valid"),
    ],
)
def test_a_broken_schema_is_named(tmp_path, content, message):
    write(tmp_path, f"{ROOT}/1-0-0", content)

    with pytest.raises(ConfigError, match=message) as raised:
        read_registry(tmp_path)

    assert "thing" in raised.value.where


def test_a_folder_without_schemas_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError, match="has no schema in it"):
        read_registry(tmp_path)
    with pytest.raises(ConfigError, match="is not a folder"):
        read_registry(tmp_path / "nowhere")


def test_a_tracking_plan_is_a_file_or_a_folder(tmp_path):
    plan = {"Order Completed": {"type": "object"}}
    write(tmp_path, "plan.json", plan)
    write(tmp_path, "plan/Order Completed.json", {"type": "object"})

    assert read_plan(tmp_path / "plan.json") == plan
    assert read_plan(tmp_path / "plan") == plan


def test_a_tracking_plan_that_is_none_is_a_mistake(tmp_path):
    write(tmp_path, "plan.json", {"Order Completed": "object"})

    with pytest.raises(ConfigError, match="`Order Completed` of the tracking plan"):
        read_plan(tmp_path / "plan.json")
    with pytest.raises(ConfigError, match="does not exist"):
        read_plan(tmp_path / "other.json")


def test_many_reasons_are_cut_short():
    judge = Judge({"additionalProperties": {"type": "integer"}})

    reasons = judge.reasons({str(i): "x" * 1000 for i in range(50)})

    assert len(reasons) == 11
    assert max(map(len, reasons)) <= 300


def test_formats_are_judged():
    judge = Judge({"properties": {"at": {"type": "string", "format": "date-time"}}})

    assert judge.fits({"at": "2026-01-01T00:00:00Z"})
    assert not judge.fits({"at": "tomorrow"})
