"""Two programs are run in turns, and the ratios of the pairs count.

Whatever else the machine does hits both of a pair. Starts are measured beside them, by
the same programs with almost nothing to do, and taken off.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring import Measured, Program, measure

# What elt may need to start (Python, command line, tap, DuckDB); more counts as work.
START_ALLOWED_SECONDS = 1.3
_LEAST_WORK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How much is measured, and where."""

    folder: Path  # empty, and removed after the row
    rows: int
    times: int
    seconds: float  # no further pair is begun after so long
    peers: Path | None = None
    only_peers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two; `prepare` and `check` (raises FailedError) are not measured.

    `start` is the same program with almost nothing to do.
    """

    program: Program
    prepare: Callable[[], object] = lambda: None
    check: Callable[[], object] = lambda: None
    start: Side | None = None

    def run(self, *, pss: bool = False) -> Measured:
        self.prepare()
        os.sync()
        found = measure(self.program, pss=pss)
        self.check()
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """What the pairs took, in order, and the starts that are taken off."""

    limit: tuple[Measured, ...]
    ours: tuple[Measured, ...]
    limit_start: float = 0.0
    our_start: float = 0.0
    limit_cpu_start: float = 0.0
    our_cpu_start: float = 0.0

    @property
    def can_be_compared(self) -> bool:
        """Whether the limit does enough beside its start to tell them apart."""
        work_seconds = median_seconds(self.limit) - self.limit_start
        return not self.limit_start or work_seconds >= _LEAST_WORK_SECONDS

    @property
    def ratios(self) -> list[float]:
        off = min(self.our_start, START_ALLOWED_SECONDS)
        least = _LEAST_WORK_SECONDS if self.limit_start else 0.0
        return [
            (ours.seconds - off) / max(limit.seconds - self.limit_start, least)
            for limit, ours in zip(self.limit, self.ours, strict=True)
        ]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def pairs(self) -> str:
        return "1 pair" if len(self.ours) == 1 else f"{len(self.ours)} pairs"

    @property
    def spread(self) -> str:
        if len(self.ours) == 1:
            return self.pairs
        return f"{min(self.ratios):.2f} to {max(self.ratios):.2f}, {self.pairs}"


def take_turns(limit: Side, ours: Side, bench: Bench) -> Turns:
    """Run pairs until there are enough, or until they have taken long enough."""
    limits, mine = [], []
    starts: list[Measured] = []
    our_starts: list[Measured] = []
    begun = time.perf_counter()
    while len(mine) < bench.times:
        if mine and time.perf_counter() - begun > bench.seconds:
            break
        if limit.start and ours.start:
            starts.append(limit.start.run())
            our_starts.append(ours.start.run())
        limits.append(limit.run())
        mine.append(ours.run())
    return Turns(
        limit=tuple(limits),
        ours=tuple(mine),
        limit_start=median_seconds(starts) if starts else 0.0,
        our_start=median_seconds(our_starts) if starts else 0.0,
        limit_cpu_start=_median_cpu(starts) if starts else 0.0,
        our_cpu_start=_median_cpu(our_starts) if starts else 0.0,
    )


def median_seconds(found: Sequence[Measured]) -> float:
    return statistics.median(one.seconds for one in found)


def _median_cpu(found: Sequence[Measured]) -> float:
    return statistics.median(one.cpu_seconds for one in found)
