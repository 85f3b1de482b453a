"""Chance that is the same on every machine: all of it hangs on a name."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """Throws that depend on nothing but the names that it was made with."""

    def __init__(self, *names: object) -> None:
        # `random()` is the one method whose numbers Python promises to keep.
        self._next = random.Random("/".join(map(str, names))).random  # noqa: S311

    def chance(self, probability: float) -> bool:
        return self._next() < probability

    def share(self) -> float:
        """Give a number from 0 up to, not including, 1."""
        return self._next()

    def between(self, low: int, high: int) -> int:
        """Give a whole number, both ends included."""
        return low + int(self._next() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.between(0, len(items) - 1)]
