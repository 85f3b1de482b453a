from __future__ import annotations

import pytest

from elt.errors import (
    ConfigError,
    EltError,
    Guarded,
    Interrupted,
    Rejected,
    Unavailable,
)
from elt.runner.limits import StepLimits
from elt.runner.retries import backoff_seconds, delay_seconds, way_out, worth_another


def asking_for(seconds: float) -> Unavailable:
    error = Unavailable("slow down")
    error.retry_after_seconds = seconds
    return error


def test_waits_double_with_up_to_half_taken_off_and_end_at_ten_minutes():
    assert [backoff_seconds(n, 5, 0.0) for n in (1, 2, 3)] == [5, 10, 20]
    assert backoff_seconds(3, 5, 1.0) == 10
    assert backoff_seconds(5000, 5, 0.0) == 600
    assert backoff_seconds(3, 1000, 0.0) == 1000
    assert backoff_seconds(9, 0, 0.0) == 0


@pytest.mark.parametrize(
    "kind", [EltError, ConfigError, Rejected, Guarded, Interrupted]
)
def test_only_what_is_unavailable_is_worth_another_try(kind):
    assert not worth_another(kind("no"), 1, StepLimits())
    assert not worth_another(ZeroDivisionError(), 1, StepLimits())
    assert not worth_another(None, 1, StepLimits())
    assert worth_another(Unavailable("busy"), 1, StepLimits())


def test_tries_are_counted_from_the_first():
    limits = StepLimits(retries=1)

    assert worth_another(Unavailable("busy"), 1, limits)
    assert not worth_another(Unavailable("busy"), 2, limits)
    assert not worth_another(Unavailable("busy"), 1, StepLimits(retries=0))


def test_the_other_side_is_given_its_time_up_to_an_hour():
    limits = StepLimits(retry_delay_seconds=10)

    assert delay_seconds(asking_for(3), 1, limits, chance=0.0) == 10
    assert delay_seconds(asking_for(3600), 1, limits, chance=0.0) == 3600
    assert worth_another(asking_for(3600), 1, limits)
    assert not worth_another(asking_for(3601), 1, limits)


@pytest.mark.parametrize(
    ("error", "tried_again", "hint"),
    [
        (EltError("no", hint="mend it"), True, "mend it"),
        (Unavailable("busy", hint="wait"), False, "wait"),
        (Unavailable("busy", hint="wait"), True, "wait. It was tried 3 times"),
        (Unavailable("busy"), True, "It was tried 3 times: see `retries`"),
        (
            asking_for(7200),
            False,
            "It asks to be left alone for 7,200 s: run again after that",
        ),
    ],
)
def test_a_hint_says_what_to_do_and_how_often_it_was_tried(error, tried_again, hint):
    assert way_out(error, StepLimits(), tried_again=tried_again) == hint
