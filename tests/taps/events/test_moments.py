from __future__ import annotations

from datetime import UTC, datetime

import pytest

from elt.taps.events.moments import from_milliseconds, is_moment, moment

OF_NO_YEAR = ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00"]


@pytest.mark.parametrize("text", OF_NO_YEAR)
def test_a_time_that_no_calendar_has_in_utc_is_none(text):
    assert moment(text) is None
    assert not is_moment(text)


def test_an_offset_is_counted_into_utc():
    found = moment("2026-01-01T00:30:00+05:30")

    assert found == datetime(2025, 12, 31, 19, 0, tzinfo=UTC)
    assert is_moment("2026-01-01T00:30:00+05:30")


def test_milliseconds_in_digits_that_are_not_ascii_are_no_time():
    assert from_milliseconds("1767225600\u0665\u0665\u0665") is None
    assert from_milliseconds("1767225600555") == "2026-01-01T00:00:00.555Z"
