from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.project.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("0s", 0),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "m", "10 m", "10min", "-1h", "1h,30m", "1h x"]
)
def test_what_is_no_duration_is_told_with_examples(text: str):
    with pytest.raises(ConfigError) as raised:
        seconds_of(text)

    assert raised.value.what == f"`{text}` is no duration"
    assert "`1h30m`" in (raised.value.hint or "")


@pytest.mark.parametrize("text", ["1000000000d", "9" * 400 + "d", "9999999999w"])
def test_a_duration_is_one_that_python_can_hold(text: str):
    with pytest.raises(ConfigError) as raised:
        seconds_of(text)

    assert raised.value.what.endswith("is longer than 999999999 days")
