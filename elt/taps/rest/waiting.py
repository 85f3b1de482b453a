"""How long to wait before another try: what the API asks for, else ever longer.

Where it asks for too little again and again, as `Retry-After: 0`, ever longer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tenacity

from elt.errors import Unavailable

FIRST_SECONDS, LONGEST_SECONDS = 1.0, 60.0
_TAKEN_AT_ITS_WORD = 2  # times of one request


class Again(Exception):
    """A try that did not do, and another may; `after_seconds` is what was asked for."""

    def __init__(self, error: Unavailable, after_seconds: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_seconds = after_seconds


def tries(
    most: int,
    *,
    sleep: Callable[[float], Any],
    before_sleep: Callable[[Again, float, int], None],
) -> tenacity.Retrying:
    """Try up to so many times; the last failure is raised as its error.

    `before_sleep` hears the failure, the seconds to wait, and the number of the try.
    """

    def say(state: tenacity.RetryCallState) -> None:
        outcome, action = state.outcome, state.next_action
        error = outcome.exception() if outcome else None
        if isinstance(error, Again) and action is not None:
            before_sleep(error, action.sleep, state.attempt_number)

    def give_up(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, Again)  # noqa: S101
        raise error.error from error

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(most),
        wait=_wait,
        retry=tenacity.retry_if_exception_type(Again),
        sleep=sleep,
        before_sleep=say,
        retry_error_callback=give_up,
    )


# Half of it is by chance, so that many programs do not come back at the same moment.
_growing = tenacity.wait_exponential(multiplier=FIRST_SECONDS, max=LONGEST_SECONDS / 2)
_by_chance = tenacity.wait_random_exponential(
    multiplier=FIRST_SECONDS / 2, max=LONGEST_SECONDS / 2
)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.after_seconds if isinstance(error, Again) else None
    longer = _growing(state) + _by_chance(state)
    if not asked or (state.attempt_number > _TAKEN_AT_ITS_WORD and asked < longer):
        return longer
    # A little more than asked for: clocks differ, and limits count from theirs.
    return asked + 0.1 * _by_chance(state)
