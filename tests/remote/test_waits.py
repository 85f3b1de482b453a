from __future__ import annotations

import pytest

from elt.remote.waits import retry_after, until

NOON = 1748779200.0  # 2025-06-01 12:00 UTC


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Sun, 01 Jun 2025 12:00:30 GMT", 30.0),
        ("Sun, 01 Jun 2025 11:59:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("\u00b2", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after({"retry-after": text}, lambda: NOON) == seconds


def test_a_date_is_compared_with_that_of_the_answer():
    headers = {
        "date": "Sun, 01 Jun 2025 11:00:00 GMT",
        "retry-after": "Sun, 01 Jun 2025 11:00:08 GMT",
    }

    assert retry_after(headers, lambda: NOON) == 8.0


def test_a_limit_that_resets_at_a_moment_is_waited_for():
    headers = {"x-ratelimit-reset": "1748779245"}

    assert until(headers, "x-ratelimit-reset", lambda: NOON) == 45.0
    assert until({}, "x-ratelimit-reset", lambda: NOON) is None
