from __future__ import annotations

import base64
import json

import pytest

from elt.taps.events.found import Bad, Event
from elt.taps.events.registry import Registry, entity_of
from elt.taps.events.snowplow import Snowplow
from elt.taps.events.snowplow_json import SnowplowJson


def read(line, *, tables=False, schemas=None) -> list[Event | Bad]:
    known = {entity_of(uri): schema for uri, schema in (schemas or {}).items()}
    format_ = SnowplowJson(Snowplow(Registry(known), tables=tables))
    return list(format_.read(json.dumps(line).encode()))


def row(found: Event) -> dict:
    return found.rows[0][1]


def packed(data) -> str:
    text = json.dumps(data, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_a_payload_gives_its_events_under_the_names_of_the_columns(samples):
    events = [
        samples.sent(1, dtm="1772355600123", vp="1280x720", cookie="1", vid="3"),
        samples.sent(2, e="se", se_ca="shop", se_va="9.90", newParam="x"),
    ]

    first, second = map(row, read(samples.payload(*events)))

    assert first == {
        "event": "page_view",
        "event_vendor": "com.snowplowanalytics.snowplow",
        "event_name": "page_view",
        "event_format": "jsonschema",
        "event_version": "1-0-0",
        "event_id": "00000000-0000-4000-8000-000000000001",
        "event_fingerprint": first["event_fingerprint"],
        "platform": "web",
        "v_tracker": "js-3.0.0",
        "page_url": "https://shop.example.com/",
        "dvce_created_tstamp": "2026-03-01T09:00:00.123Z",
        "br_viewwidth": 1280,
        "br_viewheight": 720,
        "br_cookies": True,
        "domain_sessionidx": 3,
    }
    assert (second["event"], str(second["se_value"])) == ("struct", "9.90")
    assert second["extra"] == {"newParam": "x"}


def test_one_event_of_a_payload_may_stand_alone(samples):
    [found] = read(samples.sent())

    assert row(found)["event"] == "page_view"


def test_the_collectors_time_may_stand_beside_the_events(samples):
    late = samples.sent(dtm="1700000000000", stm="1700000060000")
    line = samples.payload(late, collector_tstamp="2026-03-01T09:00:00.000Z")

    [found] = read(line)

    assert row(found)["collector_tstamp"] == "2026-03-01T09:00:00.000Z"
    assert row(found)["derived_tstamp"] == "2026-03-01T08:59:00.000Z"
    assert row(found)["dvce_created_tstamp"] == "2023-11-14T22:13:20.000Z"
    assert found.collected_at is not None


@pytest.mark.parametrize("form", ["plain", "packed"])
def test_entities_and_self_describing_events_are_unpacked(samples, form):
    contexts = samples.contexts((samples.THING, {"name": "Zoë?>"}))
    event = samples.unstruct("iglu:com.acme/added/jsonschema/1-0-2", {"sku": "s"})
    nested = (
        {"co": json.dumps(contexts), "ue_pr": json.dumps(event)}
        if form == "plain"
        else {"cx": packed(contexts), "ue_px": packed(event)}
    )

    [found] = read(samples.payload(samples.sent(e="ue", **nested)))

    assert row(found)["contexts"] == contexts
    assert row(found)["unstruct_event"] == event
    assert row(found)["event_vendor"] == "com.acme"
    assert (row(found)["event_name"], row(found)["event_version"]) == ("added", "1-0-2")


def test_the_same_event_sent_twice_is_a_copy(samples):
    [first] = read(samples.payload(samples.sent(stm="1772355600123")))
    [again] = read(samples.payload(samples.sent(stm="1772355699999")))
    [other] = read(samples.payload(samples.sent(stm="1772355699999", page="x")))

    assert first.key == again.key != other.key


def test_an_event_without_an_id_gets_one_that_does_not_change(samples):
    bare = samples.sent()
    del bare["eid"]

    [one], [again] = read(bare), read(bare)

    assert row(one)["event_id"] == row(again)["event_id"]
    assert len(row(one)["event_id"]) == 36


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"e": "xx"}, 'e: "xx" is not one of'),
        ({"vid": "third"}, "domain_sessionidx: is not an integer"),
        ({"dtm": "now"}, "dtm: is not a number of milliseconds since 1970"),
        ({"dtm": "9" * 30}, "dtm: is not a number of milliseconds since 1970"),
        ({"vp": "wide"}, "vp: is not WIDTHxHEIGHT"),
        ({"cx": "!!"}, "contexts: is not base64"),
        ({"cx": "e30"}, "contexts: is not a self-describing list of entities"),
        ({"co": "{"}, "contexts: is not JSON"),
        ({"tv": 3}, 'tv: 3 is not of type "string"'),
    ],
)
def test_a_bad_event_says_why_and_leaves_the_others_alone(samples, changes, reason):
    line = samples.payload(samples.sent(1) | changes, samples.sent(2))

    bad, good = read(line)

    assert any(reason in one for one in bad.reasons), bad.reasons
    assert json.loads(bad.raw)["eid"] == bad.event_id
    assert isinstance(good, Event)


def test_enriched_json_is_the_same_event():
    event = {
        "event_id": "00000000-0000-4000-8000-000000000001",
        "event_fingerprint": "fp-1",
        "collector_tstamp": "2026-03-01T09:01:00.000Z",
        "txn_id": 7,
        "se_value": "9.90",
        "br_cookies": True,
        "geo_location": "52.5,13.4",
        "refr_device_tstamp": "2026-03-01T08:00:00.000Z",
        "contexts_com_acme_thing_1": [{"thingId": 1}, {"thingId": 2}],
        "unstruct_event_com_acme_added_1": {"sku": "s"},
        "something": "else",
    }

    [together], [apart] = read(event), read(event, tables=True)

    assert row(together)["contexts"] == {
        "contexts_com_acme_thing_1": [{"thingId": 1}, {"thingId": 2}]
    }
    assert str(row(together)["se_value"]) == "9.90"
    assert row(together)["refr_dvce_tstamp"] == "2026-03-01T08:00:00.000Z"
    assert row(together)["extra"] == {"something": "else"}
    assert [(stream, r.get("position")) for stream, r in apart.rows] == [
        ("events", None),
        ("contexts_com_acme_thing_1", 0),
        ("contexts_com_acme_thing_1", 1),
        ("unstruct_event_com_acme_added_1", 0),
    ]


def test_enriched_entities_are_judged_by_the_newest_schema_of_their_table(samples):
    event = {"event_id": "e", "contexts_com_acme_thing_1": [{"thingId": -1}]}

    [found] = read(event, schemas={samples.THING: samples.THING_SCHEMA})

    assert found.reasons == ["contexts.thingId: -1 is less than the minimum of 0"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"txn_id": "x"}, 'txn_id: "x" is not of types'),
        ({"br_cookies": 1}, "br_cookies: 1 is not of types"),
        ({"etl_tstamp": "soon"}, "etl_tstamp: is not a date and time"),
    ],
)
def test_an_enriched_value_of_another_type_is_bad(changes, reason):
    [found] = read({"event_id": "e", **changes})

    assert [one.startswith(reason) for one in found.reasons] == [True]


def test_a_bad_row_of_snowplow_stays_one():
    schema = (
        "iglu:com.snowplowanalytics.snowplow.badrows/size_violation/jsonschema/1-0-0"
    )
    failure = {"timestamp": "2026-03-01T09:00:00Z", "messages": ["too big", {"a": 1}]}

    [found] = read({"schema": schema, "data": {"failure": failure}})

    assert found.reasons == ["too big", '{"a":1}']
    assert found.schema == schema
    assert found.collected_at.hour == 9


def test_other_self_describing_json_is_no_event(samples):
    [found] = read({"schema": samples.THING, "data": {}})

    assert found.reasons == ["neither a tracker's payload nor an enriched event"]
    assert found.schema == samples.THING
