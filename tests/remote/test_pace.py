from __future__ import annotations

import pytest

from elt.remote.pace import Pace


def test_calls_go_at_even_distances():
    now = [100.0]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(4, clock=lambda: now[0], sleep=sleep)
    for _ in range(3):
        pace.wait()
    now[0] += 10
    pace.wait()

    assert slept == [0.25, 0.25]


def test_without_a_limit_nothing_waits():
    pace = Pace(None, sleep=lambda _: pytest.fail("waited"))

    pace.wait()
    pace.wait()


def test_what_an_api_asks_for_holds_back_all_that_come():
    now = [100.0]
    slept = []
    pace = Pace(None, clock=lambda: now[0], sleep=slept.append)

    pace.hold(30)
    pace.hold(5)
    pace.wait()

    assert slept == [30.0]
