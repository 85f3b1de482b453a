"""A vendor's API for the made-up company, played by the process that asks it.

    stripe = Playing("stripe")
    ...  # ask stripe.origin, with elt.testing.apis.stripe.api's token

It listens when its address is first asked for, and ends with its owner, at the latest
with the process: no port is fixed, and nothing is left running. Its clock stands at
the end of the company's day.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, time
from functools import cached_property, partial
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from elt.errors import ConfigError
from elt.testing.apis.registry import make
from elt.testing.apis.serving import answering
from elt.testing.company import CLOCK, Day, day_of

DATA = "data"
WRITES = "writes.jsonl"


class Playing:
    """The simulation of a name for the company whose data are in a project's folder.

    folder: the project's, by default the working folder; `data/clock.json` in it says
        which day it is.
    keep: a folder in it, in whose `writes.jsonl` is kept what was written to the API,
        from one process to the next. Without it, nothing that is written lasts.
    """

    def __init__(
        self, name: str, folder: Path = Path(), *, keep: str | None = None
    ) -> None:
        self._name = name
        self._folder = folder
        self._writes = folder / keep / WRITES if keep else None

    def now(self) -> datetime:
        """Give the last second of the company's day. Raises ConfigError for none."""
        return _end_of(_day(self._folder))

    @cached_property
    def origin(self) -> str:
        """Listen, and give the address; the simulation is made when it is asked.

        Raises ConfigError where there is no company.
        """
        making = partial(_front, self._name, _day(self._folder), self._writes)
        stack = ExitStack()
        weakref.finalize(self, stack.close)
        return stack.enter_context(answering(_MadeLate(making)))


def _front(name: str, day: Day, writes: Path | None) -> ASGIApp:
    at = _end_of(day)
    api = make(name, seed=day.seed, at=at, runs=False, limited=False, writes=writes)
    return api.front


def _end_of(day: Day) -> datetime:
    return datetime.combine(day.today, time(23, 59, 59), UTC)


def _day(folder: Path) -> Day:
    data = folder / DATA
    try:
        return day_of(data)
    except FileNotFoundError:
        raise ConfigError(
            "the made-up company is not there",
            where=str(data / CLOCK),
            hint="`elt init DIR --template demo` makes a project with its data",
        ) from None


class _MadeLate:
    """An application that is made when the first request comes."""

    def __init__(self, making: Callable[[], ASGIApp]) -> None:
        self._making = making
        self._app: ASGIApp | None = None
        self._one_makes = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._one_makes:
            if self._app is None:
                # In a thread: what was written before is repeated in a loop of its own.
                self._app = await asyncio.to_thread(self._making)
        await self._app(scope, receive, send)
