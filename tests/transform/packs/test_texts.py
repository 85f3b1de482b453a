"""HubSpot's texts as numbers and moments, and its records by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from transform.packs.rendered import Rendered

BOND = {"category": "HUBSPOT_DEFINED", "from_id": "d1"}


@pytest.fixture
def hubspot(schemas):
    return Rendered("hubspot", schemas["hubspot"])


def test_a_text_in_a_property_of_numbers_is_empty(hubspot):
    for key, employees in (("1", "12"), ("2", "N/A"), ("3", "")):
        hubspot.add("companies", id=key, numberofemployees=employees)

    sql = "SELECT employees FROM stg_vendor__companies ORDER BY company_id"

    assert hubspot.rows(sql) == [(12,), (None,), (None,)]


def test_a_deal_has_the_stage_of_its_own_pipeline_and_its_primary_company(hubspot):
    for pipeline, probability in (("default", "0.4"), ("renewals", "1.0")):
        hubspot.add("pipelines", object_type="deals", id=pipeline, label=pipeline)
        metadata = {"isClosed": "true", "probability": probability}
        hubspot.add(
            "stages",
            object_type="deals",
            pipeline_id=pipeline,
            id="last",
            label=f"Last of {pipeline}",
            metadata=json.dumps(metadata),
        )
    deal = {"id": "d1", "pipeline": "renewals", "dealstage": "last", "amount": "9.90"}
    hubspot.add("deals", **deal, closedate="2025-03-01T10:00:00.5Z")
    for company, kind in (("c1", 341), ("c2", 341), ("c2", 5)):
        bond = {**BOND, "to_id": company, "type_id": kind}
        hubspot.add("associations_deals_companies", **bond)
        hubspot.add("companies", id=company, name=company) if kind == 341 else None

    found = hubspot.rows(
        "SELECT company, pipeline, stage, is_won, amount, closes_at FROM vendor__deals"
    )

    closes_at = datetime(2025, 3, 1, 10, 0, 0, 500_000)  # noqa: DTZ001  UTC
    told = ("c2", "renewals", "Last of renewals", True, Decimal("9.9"), closes_at)
    assert found == [told]


def test_who_was_archived_or_merged_is_in_no_mart(hubspot):
    hubspot.add("contacts", id="1", email="ANN@x.example")
    hubspot.add("contacts", id="2", _sdc_deleted_at=datetime(2025, 3, 1, tzinfo=UTC))

    assert hubspot.rows("SELECT email FROM vendor__contacts") == [("ann@x.example",)]
    sql = "SELECT contact_id, is_deleted FROM stg_vendor__contacts ORDER BY ALL"
    assert hubspot.rows(sql) == [("1", False), ("2", True)]
