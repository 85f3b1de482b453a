"""Answers that come while the last ones are written, in the order of the asking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from elt.remote.pace import Pace
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import records_at
from elt.taps.rest.paging import LoopGuard, Next, Page

Item = TypeVar("Item")
Found = TypeVar("Found")
Read = Callable[[Answer], Page]


class Asks(Protocol):
    """What pages are asked of: an `Api`, or what stands before several of them."""

    def ask(
        self,
        call: Call,
        read: Callable[[Answer], Found],
        *,
        pace: Pace | None = None,
    ) -> Found: ...

    def name(self, call: Call) -> str: ...


def read_at(*path: str) -> Read:
    """Make the reader of pages whose records are at a path of keys."""

    def read(answer: Answer) -> Page:
        return Page(records_at(answer.body, path), answer)

    return read


def pages(
    api: Asks, first: Call, read: Read, following: Next, *, pace: Pace | None = None
) -> Iterator[Page]:
    """Give the pages of a list; the next one is fetched while one is written.

    Raises EltError when a page comes again, and the problems of asking.
    """
    guard = LoopGuard(api.name(first))
    with ThreadPoolExecutor(1, thread_name_prefix="page") as pool:

        def ask(call: Call) -> Future[Page]:
            return pool.submit(api.ask, call, read, pace=pace)

        call: Call | None = first
        coming = ask(first) if guard.is_new(first) else None
        while coming is not None and call is not None:
            page = coming.result()
            call = following(call, page)
            coming = ask(call) if call is not None and guard.is_new(call) else None
            yield page
        if call is not None:
            raise guard.error()


def side_by_side(
    function: Callable[[Item], Found], items: Iterable[Item], *, most: int
) -> Iterator[tuple[Item, Found]]:
    """Call for many items, so many at a time; results come in the items' order.

    An exception is raised in its item's place; what was begun meanwhile is waited for.
    """
    waiting: deque[tuple[Item, Future[Found]]] = deque()
    with ThreadPoolExecutor(most, thread_name_prefix="child") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(partial(function, item))))
                if len(waiting) >= 2 * most:
                    done, found = waiting.popleft()
                    yield done, found.result()
            while waiting:
                done, found = waiting.popleft()
                yield done, found.result()
        finally:
            for _, begun in waiting:
                begun.cancel()
