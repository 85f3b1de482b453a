from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.runner.spans import (
    Size,
    moment_of,
    shown,
    shown_window,
    size_of,
    span_of,
    split,
)
from elt.runner.windows import Window

NOW = datetime(2026, 11, 21, 9, 30, 15, 5, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cut(begins: str, ends: str | None, size: str) -> list[str]:
    until = None if ends is None else at(ends)
    span = span_of(at(begins), until, size_of(size), now=NOW)
    return [shown_window(each) for each in span.windows]


MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
SIZES = st.one_of(
    st.builds(lambda months: Size(months=months), months=st.integers(1, 40)),
    st.builds(
        lambda hours: Size(time=timedelta(hours=hours)),
        hours=st.sampled_from([1, 6, 7, 24, 48, 168, 9999 * 168]),
    ),
)


@given(MOMENTS, st.timedeltas(timedelta(microseconds=1), timedelta(days=60)), SIZES)
def test_windows_cover_their_span_exactly_in_order_and_none_overlaps(
    begins: datetime, length: timedelta, size: Size
):
    windows = list(split(begins, begins + length, size))

    assert windows[0].start == begins
    assert windows[-1].end == begins + length
    assert all(one.end == two.start for one, two in pairwise(windows))
    assert all(each.start < each.end for each in windows)


@given(MOMENTS, SIZES)
def test_no_window_is_longer_than_was_said_and_months_end_where_they_do(
    begins: datetime, size: Size
):
    ends = begins + timedelta(days=90)
    whole = list(split(begins, ends, size))[:-1]

    for each in whole:
        if size.months:
            assert (each.end.day, each.end.hour, each.end.minute) == (1, 0, 0)
        else:
            assert each.end - each.start == size.time


@given(MOMENTS)
def test_a_moment_is_shown_as_it_can_be_read_again(moment: datetime):
    assert moment_of(shown(moment)) == moment


def test_days_are_cut_at_midnight_and_the_end_is_not_in_them():
    assert cut("2026-11-01", "2026-11-03", "1d") == [
        "2026-11-01 .. 2026-11-02",
        "2026-11-02 .. 2026-11-03",
    ]


def test_the_last_window_is_cut_short_where_an_end_was_said():
    assert cut("2026-11-01", "2026-11-10", "1w") == [
        "2026-11-01 .. 2026-11-08",
        "2026-11-08 .. 2026-11-10",
    ]


def test_months_are_those_of_the_calendar():
    assert cut("2026-01-15", "2026-04-01", "1mo") == [
        "2026-01-15 .. 2026-02-01",
        "2026-02-01 .. 2026-03-01",
        "2026-03-01 .. 2026-04-01",
    ]
    assert cut("2025-11-01", "2026-03-01", "2mo") == [
        "2025-11-01 .. 2026-01-01",
        "2026-01-01 .. 2026-03-01",
    ]


def test_without_an_end_days_go_until_midnight_and_hours_until_now():
    assert cut("2026-11-19", None, "1d")[-1] == "2026-11-20 .. 2026-11-21"
    assert cut("2026-11-21T00:00", None, "6h") == ["2026-11-21 .. 2026-11-21T06:00Z"]


def test_without_an_end_what_is_no_whole_window_is_left_off():
    span = span_of(at("2026-11-01"), None, size_of("1w"), now=NOW)

    assert [shown_window(each) for each in span.windows] == [
        "2026-11-01 .. 2026-11-08",
        "2026-11-08 .. 2026-11-15",
    ]
    assert span.left_off == Window(at("2026-11-15"), at("2026-11-21"))
    assert span_of(at("2026-11-07"), None, size_of("1w"), now=NOW).left_off is None


@pytest.mark.parametrize("begins", ["2026-11-21", "2026-11-20", "2026-11-15"])
def test_where_no_window_is_over_yet_the_ways_out_are_told(begins):
    with pytest.raises(ConfigError, match="no whole window") as error:
        span_of(at(begins), None, size_of("1w"), now=NOW)

    assert "--to" in str(error.value.hint)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2026-11-03", "2026-11-03"), ("2026-11-03", "2026-11-02")],
)
def test_an_end_that_is_not_after_the_begin_is_refused(begins, ends):
    with pytest.raises(ConfigError, match="is not before") as error:
        cut(begins, ends, "1d")

    assert "`--from 2026-11-03 --to 2026-11-04`" in str(error.value.hint)


@pytest.mark.parametrize(
    ("begins", "ends", "option"),
    [("2026-12-01", None, "from"), ("2026-11-01", "2026-11-22", "to")],
)
def test_what_has_not_come_yet_is_refused(begins, ends, option):
    with pytest.raises(ConfigError, match=f"`--{option} .*has not come yet"):
        cut(begins, ends, "1d")


def test_more_than_a_thousand_windows_are_refused_with_a_part_that_is_not():
    with pytest.raises(ConfigError, match="more than 1,000 windows") as error:
        cut("2020-01-01", "2026-01-01", "1d")

    assert "`--from 2020-01-01 --to 2022-09-27`" in str(error.value.hint)
    assert len(cut("2020-01-01", "2022-09-27", "1d")) == 1000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-03", datetime(2026, 11, 3, tzinfo=UTC)),
        ("2026-11-03T06:00", datetime(2026, 11, 3, 6, tzinfo=UTC)),
        ("2026-11-03T06:00+01:00", datetime(2026, 11, 3, 5, tzinfo=UTC)),
        (" 2026-11-03 06:00:01Z ", datetime(2026, 11, 3, 6, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_without_an_offset_is_in_utc(text, moment):
    assert moment_of(text) == moment
    assert moment_of(text).tzinfo == UTC


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "3.11.2026", "0001-01-01T00:00+05:00"]
)
def test_what_is_no_moment_is_told_with_the_form(text):
    with pytest.raises(ConfigError, match="neither a date nor a moment") as error:
        moment_of(text)

    assert "UTC" in str(error.value.hint)


@pytest.mark.parametrize(
    "text", ["", "d", "0d", "1", "1m", "1.5d", "-1d", "1day", "٣d"]
)
def test_what_is_no_length_of_a_window_is_told(text):
    with pytest.raises(ConfigError, match="no length of a window"):
        size_of(text)


def test_an_offset_is_shown_in_utc():
    berlin = timezone(timedelta(hours=1))

    assert shown(datetime(2026, 11, 3, 1, tzinfo=berlin)) == "2026-11-03"
    assert shown(datetime(2026, 11, 3, 7, 0, 5, tzinfo=berlin)) == (
        "2026-11-03T06:00:05Z"
    )
