"""Whose turn it is: which steps nothing holds back, and which of them begins next."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from elt.runner.limits import RunLimits
from elt.runner.plan import Step


def ready(
    in_turn: Sequence[Step], running: Iterable[Step], limits: RunLimits
) -> Step | None:
    """Choose the step to begin, of those that need nothing any more.

    The first for which there is room: one whose pool is full lets others pass.
    """
    begun = list(running)
    if len(begun) >= limits.jobs:
        return None
    taken = Counter(pool for step in begun for pool in step.limits.pools)
    full = {pool for pool, places in limits.pools.items() if taken[pool] >= places}
    return next((s for s in in_turn if full.isdisjoint(s.limits.pools)), None)


class Turns:
    """The steps that have not begun, each told of once when nothing holds it back.

    A step that ends costs only what needed it, however many steps there are.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._place = {step.id: place for place, step in enumerate(steps)}
        self._waits_for = {
            step.id: {need for need in step.needs if need in self._place}
            for step in steps
        }
        self._needed_by: dict[str, list[Step]] = {step.id: [] for step in steps}
        for step in steps:
            for need in self._waits_for[step.id]:
                self._needed_by[need].append(step)
        self._free = deque(step for step in steps if not self._waits_for[step.id])
        self.in_turn: list[Step] = []

    def next_free(self) -> Step | None:
        """Give a step whose needs have all ended, once."""
        return self._free.popleft() if self._free else None

    def queue(self, step: Step) -> None:
        """Let a step wait for its turn: higher priorities first, then the plan."""
        insort(self.in_turn, step, key=self._turn)

    def leave(self, step: Step) -> None:
        """Take a step out of the queue, to begin or to be skipped."""
        del self.in_turn[bisect_left(self.in_turn, self._turn(step), key=self._turn)]

    def ended(self, step: Step) -> None:
        for below in self._needed_by[step.id]:
            self._waits_for[below.id].discard(step.id)
            if not self._waits_for[below.id]:
                self._free.append(below)

    def _turn(self, step: Step) -> tuple[int, int]:
        return -step.limits.priority, self._place[step.id]
