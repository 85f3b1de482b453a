"""Our schemas beside the vendors', where those are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from elt.taps.events import atomic
from elt.taps.events.registry import entity_of, read_registry
from elt.taps.events.tracker import SEEN

SHARED = Path(__file__).parents[4] / "shared/api-data/snowplow"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the vendors' schemas are not beside the repository"
)
VENDOR = SHARED / "com.snowplowanalytics.snowplow"
# Parameters that no tracker sends any more and no column holds.
RETIRED = (
    "ad_ad",
    "ad_ba",
    "ad_ca",
    "ad_uid",
    "ctype",
    "mac",
    "sa",
    "sn",
    "sp",
    "st",
    "ue_na",
)
TYPES = {
    "text": "string",
    "time": "string",
    "integer": "integer",
    "number": "number",
    "money": "number",
    "boolean": "boolean",
}


def test_columns_and_types_are_those_of_the_atomic_schema():
    declared = json.loads((VENDOR / "atomic/jsonschema/1-0-0.json").read_text())

    ours = {n: holds for n, holds in atomic.COLUMNS.items() if holds != "json"}

    assert set(ours) == set(declared["properties"])
    for name, about in declared["properties"].items():
        assert TYPES[ours[name]] in about["type"], name
        assert (ours[name] == "time") == (about.get("format") == "date-time"), name


def test_every_parameter_of_a_payload_has_a_column():
    path = VENDOR / "payload_data/jsonschema/1-0-4.json"
    known = json.loads(path.read_text())["items"]["properties"]

    assert set(known) - SEEN == set(RETIRED)


def test_the_vendors_schemas_can_be_used_as_they_are():
    registry = read_registry(SHARED)

    session = "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2"
    reasons = registry.judge(entity_of(session)).reasons({"userId": "nobody"})

    assert any(reason.startswith("userId: ") for reason in reasons)
