from __future__ import annotations

import pytest

from elt.report import figures


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (0.123, "0.12 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (125.0, "2 m 05 s"),
        (3725.0, "1 h 02 m"),
    ],
)
def test_durations_keep_three_digits(seconds, text):
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "just now"),
        (300, "5 min ago"),
        (7300, "2 h ago"),
        (100_000, "27 h ago"),
        (400_000, "4 days ago"),
    ],
)
def test_ages_are_rough(seconds, text):
    assert figures.ago(seconds) == text


def test_one_is_not_a_plural():
    assert figures.counted(1, "row") == "1 row"
    assert figures.counted(1_200, "row") == "1,200 rows"


def test_a_running_clock_counts_minutes_and_hours():
    assert [figures.clock(s) for s in (7.9, 67, 3723)] == ["0:07", "1:07", "1:02:03"]
