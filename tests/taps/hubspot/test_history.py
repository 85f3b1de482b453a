from __future__ import annotations

from datetime import timedelta

HOUR = timedelta(hours=1)
STAGES = {"history": {"deals": ["dealstage"]}}


def values(told):
    return [
        (row["id"], row["timestamp"], row["value"])
        for row in told.rows("deals_history")
    ]


def test_every_value_that_a_property_had_is_a_row(company, read):
    told = read(company, "deals_history", **STAGES)

    records = company.api.portal.records["deals"]
    expected = {
        (str(deal), value)
        for deal in company.api.records("deals")
        for _, value in records.history(deal, "dealstage")
    }
    assert {(deal, value) for deal, _, value in values(told)} == expected
    assert {row["property"] for row in told.rows("deals_history")} == {"dealstage"}
    assert {row["sourceType"] for row in told.rows("deals_history")} == {"CRM_UI"}


def test_only_records_that_changed_are_read_again(hubspot, read):
    first, second = hubspot.api.add("deals", {"dealstage": "appointmentscheduled"}, n=2)
    hubspot.api.clock.advance(HOUR)
    hubspot.api.update("deals", first, {"dealstage": "qualifiedtobuy"})
    hubspot.api.clock.advance(HOUR)
    before = read(hubspot, "deals_history", **STAGES)
    hubspot.api.update("deals", second, {"dealstage": "closedwon"})
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "deals_history", state=before.state, **STAGES)

    assert len(values(before)) == 3
    assert sorted(values(told)) == [
        (str(first), "2025-06-01T12:00:00Z", "appointmentscheduled"),
        (str(first), "2025-06-01T13:00:00Z", "qualifiedtobuy"),
        (str(second), "2025-06-01T12:00:00Z", "appointmentscheduled"),
        (str(second), "2025-06-01T14:00:00Z", "closedwon"),
    ]
    assert told.mark("deals_history") == "2025-06-01T14:00:00Z"


def test_no_names_are_all_properties_and_batches_are_of_fifty(hubspot, read):
    hubspot.api.add("deals", {"dealname": "{n}"}, n=230)

    told = read(hubspot, "deals_history", history={"deals": []})

    names = {row["property"] for row in told.rows("deals_history")}
    assert {"dealname", "hs_object_id"} <= names
    path = "/crm/v3/objects/deals/batch/read"
    asked = [r for r in hubspot.api.front.requests if r.path == path]
    assert max(len(r.json["inputs"]) for r in asked) == 50
    found = {row["id"] for row in told.rows("deals_history")}
    assert len(found) == 230


def test_the_history_of_custom_objects_is_called_by_their_name(company, read):
    told = read(company, "site_history", history={"site": ["site_name"]})

    assert len(told.rows("site_history")) == len(company.api.records("sites"))


def test_without_the_setting_there_is_no_history(hubspot, read):
    told = read(hubspot)

    assert [name for name in told.ends if name.endswith("_history")] == []
