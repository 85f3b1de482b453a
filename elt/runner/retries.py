"""Whether another try is worth it, when it is made, and what to say after the last."""

from __future__ import annotations

from typing import TypeGuard

from elt.errors import EltError, Unavailable
from elt.runner.limits import StepLimits

# A source that asks for a longer pause is left for the next run: a run that sleeps for
# hours keeps the lock, and nobody knows why.
LONGEST_RETRY_AFTER_SECONDS = 3600.0
LONGEST_DELAY_SECONDS = 600.0


def worth_another(
    error: BaseException | None, attempt: int, limits: StepLimits
) -> TypeGuard[Unavailable]:
    """Say whether what failed so, at this attempt, is to be tried again."""
    return (
        isinstance(error, Unavailable)
        and _asked(error) <= LONGEST_RETRY_AFTER_SECONDS
        and attempt <= limits.retries
    )


def delay_seconds(
    error: Unavailable, attempt: int, limits: StepLimits, *, chance: float
) -> float:
    """Give the wait before the next try; `chance` is from 0 to 1."""
    own = backoff_seconds(attempt, limits.retry_delay_seconds, chance)
    return max(_asked(error), own)


def backoff_seconds(attempt: int, first: float, chance: float) -> float:
    """Give the wait after this attempt: it doubles, with up to half taken off.

    It grows to ten minutes at most, unless the first one is longer.
    """
    doublings = min(attempt - 1, 62)  # more would not be a float any more
    longest = max(first, LONGEST_DELAY_SECONDS)
    return float(min(first * 2**doublings, longest) * (1 - chance / 2))


def way_out(error: EltError, limits: StepLimits, *, tried_again: bool) -> str:
    """Give the hint of a failure; where it was tried in vain, with how often."""
    if not isinstance(error, Unavailable):
        return error.hint or ""
    if _asked(error) > LONGEST_RETRY_AFTER_SECONDS:
        asked = f"{_asked(error):,.0f} s"
        return f"It asks to be left alone for {asked}: run again after that"
    if not tried_again:
        return error.hint or "Perhaps it is over soon: `retries` tries it again"
    tries = f"It was tried {limits.retries + 1} times"
    return f"{error.hint}. {tries}" if error.hint else f"{tries}: see `retries`"


def _asked(error: Unavailable) -> float:
    return error.retry_after_seconds or 0.0
