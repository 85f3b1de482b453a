"""Several calls at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Unit = TypeVar("Unit")
Outcome = TypeVar("Outcome")


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
