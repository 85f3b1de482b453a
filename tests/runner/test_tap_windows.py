from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.project.tap_settings import WindowTable
from elt.runner.tap_windows import note_of_window, told_to_tap
from elt.runner.windows import Window

START = datetime(2026, 11, 1, 6, 30, 15, 500, tzinfo=UTC)
END = datetime(2026, 11, 2, 6, 30, 15, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("format_", "start", "end"),
    [
        (None, "2026-11-01T06:30:15Z", "2026-11-02T06:30:16Z"),
        ("%Y-%m-%dT%H:%M:%S.%f", "2026-11-01T06:30:15.000500", None),
        ("%d.%m.%Y %H:%M", "01.11.2026 06:30", "02.11.2026 06:31"),
        ("%Y%m%dT%H", "20261101T06", "20261102T07"),
        ("%Y-%m-%d", "2026-11-01", "2026-11-03"),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-11-01T06:30:15+0000", "2026-11-02T06:30:16+0000"),
        ("%Y-%m", "2026-11", "2026-11"),
    ],
)
def test_what_a_format_cannot_tell_is_rounded_away_from_the_window(format_, start, end):
    table = WindowTable(start="a", end="b", **({"format": format_} if format_ else {}))

    told = told_to_tap(table, Window(START, END))

    assert told == {"a": start, "b": end or "2026-11-02T06:30:15.000500"}


def test_a_tap_without_a_setting_for_an_end_is_told_the_start_alone():
    table = WindowTable(start="a")
    window = Window(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    )

    assert told_to_tap(table, window) == {"a": "2026-11-01T00:00:00Z"}
    assert note_of_window(table, window) == (
        "reads from 2026-11-01 on: the tap has no setting for an end;"
        " its bookmark stays"
    )
    assert note_of_window(WindowTable(start="a", end="b"), window) == (
        "reads 2026-11-01 .. 2026-11-02; its bookmark stays"
    )


def test_a_window_that_ends_with_a_day_ends_with_that_day():
    table = WindowTable(start="a", end="b", format="%Y-%m-%d")
    cet = timezone(timedelta(hours=1))
    window = Window(
        datetime(2026, 11, 1, 1, tzinfo=cet), datetime(2026, 11, 2, 1, tzinfo=cet)
    )

    assert told_to_tap(table, window) == {"a": "2026-11-01", "b": "2026-11-02"}


MOMENTS = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)


@given(
    moments=st.lists(MOMENTS, min_size=2, max_size=2, unique=True),
    format_=st.sampled_from(
        ["%Y-%m-%d", "%d/%m/%Y %H", "%Y%m%d %H%M", "%Y-%m-%dT%H:%M:%SZ", "%j %Y"]
    ),
)
def test_for_all_windows_what_a_tap_is_told_holds_all_of_it(moments, format_):
    window = Window(*sorted(moments))
    table = WindowTable(start="a", end="b", format=format_)

    told = told_to_tap(table, window)

    read = {
        name: datetime.strptime(text, format_).replace(tzinfo=UTC)
        for name, text in told.items()
    }
    assert read["a"] <= window.start
    assert read["b"] >= window.end
