from __future__ import annotations

import threading

import pytest

from elt.reverse.rest.concurrent_calls import side_by_side


def test_no_more_run_side_by_side_than_are_allowed():
    running, most = [0], [0]
    lock = threading.Lock()
    all_there = threading.Barrier(3)

    def do(unit):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        all_there.wait(10)
        with lock:
            running[0] -= 1
        return unit

    assert sorted(side_by_side(range(6), do, workers=3)) == [0, 1, 2, 3, 4, 5]
    assert most == [3]


@pytest.mark.parametrize("workers", [1, 2])
def test_after_an_error_nothing_is_begun_and_what_was_done_is_given(workers):
    begun = []

    def do(unit):
        begun.append(unit)
        if unit == 1:
            raise ValueError("down")
        return unit

    given = []
    with pytest.raises(ValueError, match="down"):
        given.extend(side_by_side(range(50), do, workers=workers))

    assert len(begun) < 50


def test_outcomes_under_way_at_an_error_are_not_lost():
    failed = threading.Event()

    def do(unit):
        if unit == 0:
            failed.set()
            raise ValueError("down")
        failed.wait(10)
        return unit

    outcomes = side_by_side(range(9), do, workers=2)

    assert next(outcomes) == 1
    with pytest.raises(ValueError, match="down"):
        next(outcomes)
