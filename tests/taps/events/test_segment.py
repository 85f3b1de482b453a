from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest

from elt.taps.events.found import Bad, Event
from elt.taps.events.segment import Segment


def read(event, **given):
    """Read one line; give what it holds, the one thing alone if it is one."""
    options = {"split": False, **given}
    plan = options.pop("plan", {})
    line = event if isinstance(event, bytes) else json.dumps(event).encode()
    found = list(Segment(plan, **options).read(line))
    return found[0] if len(found) == 1 else found


def row(found: Event) -> dict:
    return found.rows[0][1]


def test_a_track_becomes_a_row_with_its_json_kept(samples):
    found = read(samples.track(userId=12345678901234567890, integrations={"All": True}))

    assert found.key == "m-1"
    assert found.rows == [
        (
            "events",
            {
                "message_id": "m-1",
                "type": "track",
                "event": "Order Completed",
                "anonymous_id": "a-1",
                "user_id": "12345678901234567890",
                "properties": {"total": Decimal("9.9")},
                "integrations": {"All": True},
                "original_timestamp": "2026-01-01T10:00:00.000Z",
                "sent_at": "2026-01-01T10:00:01.000Z",
                "received_at": "2026-03-01T09:01:00.000Z",
                "corrected_timestamp": "2026-03-01T09:00:59.000Z",
            },
        )
    ]


def test_numbers_are_written_again_as_they_were():
    line = b'{"messageId":"m","type":"page","userId":"u","properties":{"n":1.10}}'

    encoder = msgspec.json.Encoder(decimal_format="number")

    assert b'"n":1.10' in encoder.encode(row(read(line)))


def test_a_wrong_clock_is_corrected_beside_the_original(samples):
    years_ahead = {
        "originalTimestamp": "2029-05-01T00:00:00Z",
        "sentAt": "2029-05-01T00:01:30+00:00",
    }

    found = row(read(samples.track(**years_ahead)))

    assert found["original_timestamp"] == "2029-05-01T00:00:00Z"
    assert found["corrected_timestamp"] == "2026-03-01T08:59:30.000Z"
    assert "timestamp" not in found


def test_a_timestamp_that_is_there_stays_what_it_is(samples):
    found = row(read(samples.track(timestamp="2026-02-02T00:00:00.5+01:00")))

    assert found["timestamp"] == "2026-02-02T00:00:00.5+01:00"
    assert found["corrected_timestamp"] == "2026-02-02T00:00:00.5+01:00"


def test_without_the_time_of_sending_the_collectors_time_counts(samples):
    found = row(read(samples.track(sentAt=None)))

    assert found["corrected_timestamp"] == "2026-03-01T09:01:00.000Z"


def test_unknown_fields_are_kept_and_the_write_key_is_not(samples):
    found = row(read(samples.track(writeKey="secret", _metadata={"bundled": []})))

    assert found["extra"] == {"_metadata": {"bundled": []}}
    assert "secret" not in str(found)


def test_events_of_a_batch_share_what_stands_beside_them(samples):
    bare = samples.track(2)
    del bare["sentAt"]
    batch = {
        "batch": [samples.track(1), bare, {"type": "page"}],
        "sentAt": "2026-01-01T10:00:05.000Z",
        "context": {"ip": "203.0.113.9"},
        "writeKey": "secret",
    }

    first, second, bad = read(batch)

    assert row(first)["sent_at"] == "2026-01-01T10:00:01.000Z"
    assert row(second)["sent_at"] == "2026-01-01T10:00:05.000Z"
    assert row(second)["context"] == {"ip": "203.0.113.9"}
    assert json.loads(bad.raw)["type"] == "page"
    assert b"secret" not in bad.raw


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"messageId": None}, 'messageId: null is not of type "string"'),
        ({"messageId": "m" * 101}, "is longer than 100 characters"),
        ({"type": "shout"}, 'type: "shout" is not one of'),
        ({"anonymousId": None}, "is not valid under any of the schemas"),
        ({"event": None}, 'event: null is not of type "string"'),
        ({"properties": [1]}, 'properties: [1] is not of types "null", "object"'),
        ({"sentAt": "yesterday"}, "sentAt: is not a date and time"),
        ({"receivedAt": 17}, "receivedAt: is not a date and time"),
        ({"type": "group"}, '"groupId" is a required property'),
        ({"type": "alias"}, '"previousId" is a required property'),
    ],
)
def test_a_bad_event_says_why(samples, changes, reason):
    found = read(samples.track(**changes))

    assert isinstance(found, Bad)
    assert any(reason in one for one in found.reasons), found.reasons


@pytest.mark.parametrize("line", [b"{", b"[1]", b'"x"', b"\xff{}", b"[" * 100_000])
def test_what_is_no_object_is_bad(line):
    assert isinstance(read(line), Bad)


def test_a_bad_event_is_known_as_far_as_it_can_be(samples):
    found = read(samples.track(sentAt="yesterday"))

    assert found.event_id == "m-1"
    assert found.schema == "segment/track"
    assert found.collected_at.isoformat() == "2026-03-01T09:01:00+00:00"


PLAN = {
    "Order Completed": {
        "type": "object",
        "properties": {"total": {"type": "number"}, "type": {"type": "string"}},
        "required": ["total"],
    },
    "$identify": {"properties": {"email": {"type": "string", "format": "email"}}},
}


def test_properties_are_judged_by_the_tracking_plan(samples):
    assert isinstance(read(samples.track(), plan=PLAN), Event)

    found = read(samples.track(properties={"total": "9.90"}), plan=PLAN)

    assert found.reasons == ['properties.total: "9.90" is not of type "number"']
    assert found.schema == "plan:Order Completed"


def test_traits_are_judged_by_the_tracking_plan(samples):
    event = samples.track(type="identify", traits={"email": "nobody"})

    assert read(event, plan=PLAN).reasons == ['traits.email: "nobody" is not a "email"']


def test_an_event_outside_the_plan_is_bad_only_if_asked_for(samples):
    event = samples.track(event="Surprise")

    assert isinstance(read(event, plan=PLAN), Event)
    assert isinstance(read(event, plan=PLAN, only_planned=True), Bad)


def test_split_gives_a_stream_for_each_type_and_each_event(samples):
    names = [
        name
        for event in (
            samples.track(),
            samples.track(type="page"),
            samples.track(type="identify"),
        )
        for name, _ in read(event, split=True).rows
    ]

    assert names == ["tracks", "order_completed", "pages", "identifies"]


@pytest.mark.parametrize(
    ("event", "stream"),
    [
        ("productViewed", "product_viewed"),
        ("order-completed", "order_completed"),
        ("Tracks", "event_tracks"),
        ("bad events", "event_bad_events"),
    ],
)
def test_names_of_events_become_names_of_streams(samples, event, stream):
    assert read(samples.track(event=event), split=True).rows[1][0] == stream


def test_names_that_would_lose_letters_stay_apart(samples):
    names = {
        read(samples.track(event=event), split=True).rows[1][0]
        for event in ("注文", "支払", "Größe", "Grösse", "x" * 300, "x" * 301)
    }

    assert len(names) == 6
    assert all(name.isascii() and len(name) < 75 for name in names)


def test_planned_properties_are_columns_and_the_others_stay_together(samples):
    event = samples.track(properties={"total": 5, "type": "gift", "note": "hi"})

    own = read(event, plan=PLAN, split=True).rows[1][1]

    assert (own["total"], own["type_2"], own["type"]) == (5, "gift", "track")
    assert own["properties"] == {"note": "hi"}


def test_planned_events_have_their_stream_before_the_first_of_them():
    shapes = Segment(PLAN, split=True).fixed()

    assert set(shapes) == {
        "tracks",
        "identifies",
        "pages",
        "screens",
        "groups",
        "aliases",
        "order_completed",
    }
    assert shapes["order_completed"].properties["total"] == {"type": ["null", "number"]}
