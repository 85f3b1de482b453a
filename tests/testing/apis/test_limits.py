from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.limits import RollingLimit, WindowLimit

START = datetime(2025, 6, 1, tzinfo=UTC)


def still() -> float:
    return 0.0


def test_a_rolling_limit_frees_each_request_by_itself():
    clock = Clock(START, elapsed=still)
    limit = RollingLimit(2, 10, clock)

    assert limit.take()
    clock.advance(timedelta(seconds=6))
    assert limit.take()
    assert not limit.take()
    assert limit.frees_in == 4
    clock.advance(timedelta(seconds=4))

    assert limit.take()
    assert limit.remaining == 0


def test_a_window_begins_with_its_first_request_and_frees_all_at_once():
    clock = Clock(START, elapsed=still)
    limit = WindowLimit(2, 3600, clock)

    assert limit.take()
    clock.advance(timedelta(minutes=59))
    assert limit.take()
    assert not limit.take()
    assert limit.resets_at == (START + timedelta(hours=1)).timestamp()
    clock.advance(timedelta(minutes=1))

    assert limit.remaining == 2


@pytest.mark.parametrize("limit", [RollingLimit, WindowLimit])
def test_who_waits_is_let_in_again_also_by_a_clock_that_stands(limit):
    waited = [0.0]
    clock = Clock(START, elapsed=lambda: waited[0])
    allowed = limit(1, 10, clock)

    assert allowed.take()
    waited[0] = 9.5
    assert not allowed.take()
    waited[0] = 10.0
    assert allowed.take()

    assert clock.now() == START
