from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from elt.taps.rest.marks import (
    ISO,
    PLAIN,
    UNIX_MILLISECONDS,
    UNIX_SECONDS,
    Cursor,
    Marks,
)

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def marks(state=None, kind=ISO, *, start=None, part_field=None):
    cursor = Cursor("at", kind)
    found = {} if state is None else state
    return Marks(found, cursor, run_start=NOON, start=start, part_field=part_field)


def test_without_a_mark_a_stream_begins_at_the_start_that_was_set():
    assert marks().since() is None
    assert marks(start=NOON).since() == NOON


def test_a_mark_of_another_field_counts_for_nothing():
    state = {"replication_key": "created", "replication_key_value": "2025-01-01"}

    assert marks(state, start=NOON).since() == NOON


def test_times_are_compared_as_moments_and_not_as_texts():
    state = {}
    found = marks(state)

    found.see(["2025-05-31T10:00:01Z", "2025-05-31T10:00:01.5Z", "", None, "never"])
    found.checkpoint()

    assert state["replication_key_value"] == "2025-05-31T10:00:01.5Z"


def test_a_mark_never_passes_the_runs_start_and_is_written_as_the_api_writes():
    late = NOON + timedelta(hours=1)
    for kind, value, written in (
        (ISO, late.isoformat(), "2025-06-01T12:00:00.000Z"),
        (UNIX_SECONDS, int(late.timestamp()), 1748779200),
        (UNIX_MILLISECONDS, int(late.timestamp() * 1000), 1748779200000),
    ):
        state = {}
        found = marks(state, kind)
        found.see([value])

        assert found.checkpoint()
        assert state["replication_key_value"] == written


def test_a_cursor_that_is_no_time_knows_no_start_of_a_run():
    state = {}
    found = marks(state, PLAIN)

    found.see([7, 1_000_000])
    found.checkpoint()

    assert state == {"replication_key": "at", "replication_key_value": 1_000_000}


def test_each_part_has_a_mark_of_its_own():
    state = {}
    found = marks(state, part_field="repository")

    found.see(["2025-05-01"], "a/b")
    found.see(["2025-05-03"], "a/c")
    found.checkpoint("a/b")
    found.memory("a/c")["etag"] = "x"

    assert found.since("a/b") == datetime(2025, 5, 1, tzinfo=UTC)
    assert found.since("a/c") is None
    assert state["partitions"][1] == {
        "context": {"repository": "a/c"},
        "memory": {"etag": "x"},
    }


moments = st.integers(-700, 700).map(lambda hours: NOON + timedelta(hours=hours))


@given(st.lists(st.lists(moments, max_size=4), max_size=5))
def test_for_all_runs_a_mark_goes_forward_and_stays_behind_the_start(runs):
    state, before = {}, None
    for seen in runs:
        found = marks(state)
        found.see([moment.isoformat() for moment in seen])
        found.checkpoint()
        since = found.since()
        assert since is None or since <= NOON
        assert before is None or since >= before
        before = since


def test_a_memory_is_looked_at_without_being_made_and_can_be_forgotten():
    state = {}
    found = marks(state, part_field="account")

    assert found.remembered() == {}
    assert found.remembered("a") == {}
    assert state == {}

    found.memory("a")["until"] = 7
    assert found.remembered("a") == {"until": 7}
    found.forget_memory("a")
    assert found.remembered("a") == {}


def test_a_mark_alone_is_told_apart_from_a_start():
    state = {}
    found = marks(state, start=NOON)

    assert found.mark() is None
    found.see(["2025-05-01T00:00:00Z"])
    found.checkpoint()
    assert found.mark() == datetime(2025, 5, 1, tzinfo=UTC)
    assert found.is_kept
    assert not Marks({}, None, run_start=NOON, start=None).is_kept
