"""How fast calls may go out, and how many at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Unit = TypeVar("Unit")
Outcome = TypeVar("Outcome")


class Pace:
    """Lets calls go at even distances, whatever thread they come from."""

    def __init__(
        self,
        per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._distance = 0.0 if per_second is None else 1.0 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self._distance:
            return
        with self._lock:
            now = self._clock()
            mine = max(now, self._next)
            self._next = mine + self._distance
        if mine > now:
            self._sleep(mine - now)


def side_by_side(
    units: Sequence[Unit], do: Callable[[Unit], Outcome], *, workers: int
) -> Iterator[Outcome]:
    """Do all units, at most so many at a time, and give each outcome as it comes.

    After an error no unit is begun; those under way are waited for, their outcomes
    given, and then the first error is raised.
    """
    if workers == 1 or len(units) <= 1:
        for unit in units:
            yield do(unit)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from _in_pool(pool, units, do, workers)


def _in_pool(
    pool: ThreadPoolExecutor,
    units: Sequence[Unit],
    do: Callable[[Unit], Outcome],
    workers: int,
) -> Iterator[Outcome]:
    left = iter(units)
    running: set[Future[Outcome]] = set()
    errors: list[BaseException] = []
    while True:
        # Never more handed over than can run, so an error leaves nothing in a queue.
        while not errors and len(running) < workers:
            try:
                running.add(pool.submit(do, next(left)))
            except StopIteration:
                break
        if not running:
            break
        done, running = wait(running, return_when=FIRST_COMPLETED)
        errors += [e for e in (future.exception() for future in done) if e]
        yield from (future.result() for future in done if not future.exception())
    if errors:
        raise errors[0]
