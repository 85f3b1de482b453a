from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from elt.taps.events.atomic import COLUMNS
from elt.taps.events.found import Bad, Event
from elt.taps.events.registry import Registry, entity_of
from elt.taps.events.snowplow import Snowplow
from elt.taps.events.snowplow_tsv import SnowplowTsv


def reader(*, tables=False, schemas=None, only_known=False) -> SnowplowTsv:
    known = {entity_of(uri): schema for uri, schema in (schemas or {}).items()}
    events = Snowplow(Registry(known), tables=tables, only_known=only_known)
    return SnowplowTsv(events)


def read(line: str, **given) -> Event | Bad:
    [found] = reader(**given).read(line.encode())
    return found


def row(found: Event) -> dict:
    return found.rows[0][1]


def test_there_are_131_columns():
    assert len(COLUMNS) == 131


def test_values_have_the_types_of_their_columns(samples):
    found = row(
        read(
            samples.tsv(
                txn_id="7",
                geo_latitude="52.520",
                se_value="1.0E-7",
                tr_total="12.90",
                br_cookies="1",
                dvce_ismobile="0",
                page_title="Zoë — s shop",
                pp_yoffset_min="-3",
                dvce_created_tstamp="2026-03-01 08:00:00.123",
            )
        )
    )

    assert found["txn_id"] == 7
    assert str(found["geo_latitude"]) == "52.520"
    assert found["se_value"] == Decimal("1.0E-7")
    assert str(found["tr_total"]) == "12.90"
    assert (found["br_cookies"], found["dvce_ismobile"]) == (True, False)
    assert found["page_title"] == "Zoë — s shop"
    assert found["pp_yoffset_min"] == -3
    assert found["dvce_created_tstamp"] == "2026-03-01T08:00:00.123Z"
    assert found["collector_tstamp"] == "2026-03-01T09:01:00.000Z"
    assert "geo_city" not in found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"txn_id": "1.5"}, "txn_id: is not an integer"),
        ({"txn_id": "1_000"}, "txn_id: is not an integer"),
        ({"geo_latitude": "NaN"}, "geo_latitude: is not a number"),
        ({"tr_total": "1.0000000001"}, "tr_total: has more than 9 decimals"),
        ({"tr_total": "1e40"}, "tr_total: is too large"),
        ({"br_cookies": "yes"}, "br_cookies: is not 0 or 1"),
        (
            {"collector_tstamp": "2026-02-30 00:00:00"},
            "collector_tstamp: is not a date and time",
        ),
        ({"contexts": "{"}, "contexts: is not JSON: Input data was truncated"),
        (
            {"contexts": {"data": {}}},
            "contexts: is not a self-describing list of entities",
        ),
        (
            {"unstruct_event": {"data": {"schema": "x", "data": 1}}},
            "unstruct_event.0: has no `schema` of Iglu's form, or no `data`",
        ),
        ({"event_id": ""}, '"event_id" is a required property'),
        ({"event_id": "x" * 37}, "is longer than 36 characters"),
    ],
)
def test_a_bad_value_makes_a_bad_event(samples, changes, reason):
    found = read(samples.tsv(**changes))

    assert isinstance(found, Bad)
    assert any(reason in one for one in found.reasons), found.reasons


def test_all_that_is_wrong_is_said_at_once(samples):
    found = read(samples.tsv(txn_id="x", br_cookies="y", contexts="["))

    assert len(found.reasons) == 3
    assert found.event_id == "00000000-0000-4000-8000-000000000001"
    assert found.collected_at is not None


def test_too_few_columns_are_a_bad_event(samples):
    found = read(samples.tsv().rsplit("\t", 3)[0])

    assert found.reasons == ["has 128 columns and not 131"]
    assert found.event_id == "00000000-0000-4000-8000-000000000001"


def test_more_columns_are_kept_and_told_once(samples):
    format_ = reader()

    [found] = format_.read((samples.tsv() + "\tmore\t").encode())

    assert row(found)["extra"] == ["more", ""]
    assert format_.notes() == [
        "1 lines have more than 131 columns; what is behind them is in `extra`"
    ]
    assert format_.notes() == []


def test_json_columns_stay_as_they_were_written(samples):
    text = (
        '{"schema":"iglu:x/contexts/jsonschema/1-0-0", "data":'
        '[{"schema":"iglu:com.acme/thing/jsonschema/1-0-0","data":{"n":1.10}}]}'
    )

    found = row(read(samples.tsv(contexts=text)))

    assert bytes(found["contexts"]).decode() == text


def test_the_same_id_with_another_fingerprint_is_another_event(samples):
    one, other = read(samples.tsv()), read(samples.tsv(event_fingerprint="fp-x"))

    assert one.key != other.key


def test_a_missing_fingerprint_is_computed_over_the_payload(samples):
    line = {"event_fingerprint": "", "page_url": "https://shop.example.com/"}
    later = {
        "collector_tstamp": "2026-03-01 09:05:00.000",
        "etl_tstamp": "2026-03-01 09:06:00.000",
        "dvce_sent_tstamp": "2026-03-01 09:05:00.000",
        "network_userid": "n",
        "geo_city": "Berlin",
    }

    first, again = read(samples.tsv(**line)), read(samples.tsv(**line, **later))
    other = read(samples.tsv(**line | {"page_url": "https://shop.example.com/x"}))

    assert first.key == again.key != other.key
    assert row(first)["event_fingerprint"].startswith("elt1-")


def test_entities_are_part_of_a_computed_fingerprint(samples):
    keys = {
        read(
            samples.tsv(
                event_fingerprint="",
                contexts=samples.contexts((samples.THING, {"n": number})),
            )
        ).key
        for number in (1, 2)
    }

    assert len(keys) == 2


def test_entities_have_their_own_tables_with_the_events_id_and_their_place(samples):
    line = samples.tsv(
        contexts=samples.contexts(
            (samples.WEB_PAGE, {"id": "p"}), (samples.THING, {"n": 1})
        ),
        derived_contexts=samples.contexts((samples.THING, {"n": 2})),
        unstruct_event=samples.unstruct("iglu:com.acme/addToCart/jsonschema/2-0-1", {}),
    )

    found = read(line, tables=True)

    assert [
        (stream, r.get("source"), r.get("position")) for stream, r in found.rows
    ] == [
        ("events", None, None),
        ("contexts_com_snowplowanalytics_snowplow_web_page_1", "contexts", 0),
        ("contexts_com_acme_thing_1", "contexts", 1),
        ("unstruct_event_com_acme_add_to_cart_2", "unstruct_event", 0),
        ("contexts_com_acme_thing_1", "derived_contexts", 0),
    ]
    assert "contexts" not in row(found)
    assert found.rows[2][1] == {
        "event_id": "00000000-0000-4000-8000-000000000001",
        "event_fingerprint": "fp-1",
        "collector_tstamp": "2026-03-01T09:01:00.000Z",
        "source": "contexts",
        "position": 1,
        "schema": samples.THING,
        "data": {"n": 1},
    }


def test_columns_of_entities_come_from_the_schemas(samples):
    schemas = {samples.THING: samples.THING_SCHEMA}
    entity = {"thingId": 3, "seenAt": "2026-01-01T00:00:00Z", "more": [1]}
    line = samples.tsv(contexts=samples.contexts((samples.THING, entity)))

    found = read(line, tables=True, schemas=schemas).rows[1][1]
    shape = reader(tables=True, schemas=schemas).shape_of("contexts_com_acme_thing_1")

    assert (found["thing_id"], found["seen_at"]) == (3, "2026-01-01T00:00:00Z")
    assert found["data"] == {"more": [1]}
    assert shape.properties["thing_id"] == {"type": ["null", "integer"], "minimum": 0}
    assert shape.properties["seen_at"]["format"] == "date-time"
    assert shape.key == ("event_id", "event_fingerprint", "source", "position")


def test_an_entity_that_its_schema_refuses_makes_the_event_bad(samples):
    line = samples.tsv(contexts=samples.contexts((samples.THING, {"thingId": -1})))

    found = read(line, schemas={samples.THING: samples.THING_SCHEMA})

    assert found.reasons == ["contexts.thingId: -1 is less than the minimum of 0"]
    assert found.schema == samples.THING


def test_data_of_a_newer_schema_that_does_not_fit_the_columns_stays_together(samples):
    newer = samples.THING.replace("1-0-0", "1-1-0")
    line = samples.tsv(contexts=samples.contexts((newer, {"thingId": "three"})))

    found = read(line, tables=True, schemas={samples.THING: samples.THING_SCHEMA})

    assert found.rows[1][1]["data"] == {"thingId": "three"}


def test_a_schema_that_is_not_there_is_told_once_or_makes_bad_events(samples):
    schemas = {samples.THING: samples.THING_SCHEMA}
    line = samples.tsv(contexts=samples.contexts((samples.WEB_PAGE, {"id": "p"})))
    format_ = reader(schemas=schemas)

    list(format_.read(line.encode()))

    assert format_.notes() == [
        f"`schemas` has no {samples.WEB_PAGE}; its data is not judged"
    ]
    assert format_.notes() == []
    assert isinstance(read(line, schemas=schemas, only_known=True), Bad)


def test_what_the_pipeline_derived_needs_no_schema_of_the_users(samples):
    line = samples.tsv(derived_contexts=samples.contexts((samples.WEB_PAGE, {})))

    assert isinstance(read(line, only_known=True), Event)


def test_a_line_that_is_not_utf_8_is_bad():
    [found] = reader().read(b"\xff" * 10)

    assert found.reasons == ["not UTF-8: invalid start byte at byte 0"]


def test_a_row_can_be_written_as_json(samples):
    line = samples.tsv(tr_total="0.00000001", contexts=samples.contexts())

    text = msgspec.json.Encoder(decimal_format="number").encode(row(read(line)))

    assert msgspec.json.decode(text)["tr_total"] == 1e-8


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-03-01 09:01:00", "2026-03-01T09:01:00Z"),
        ("2026-03-01T09:01:00Z", "2026-03-01T09:01:00Z"),
        ("2026-03-01 09:01:00+02:00", "2026-03-01T09:01:00+02:00"),
        ("2026-03-01T09:01:00.1-0500", "2026-03-01T09:01:00.1-0500"),
        ("2026-03-01 09:01:00.123456789", "2026-03-01T09:01:00.123456789Z"),
    ],
)
def test_a_time_keeps_its_offset_and_is_utc_without_one(samples, text, written):
    found = row(read(samples.tsv(collector_tstamp=text)))

    assert found["collector_tstamp"] == written
