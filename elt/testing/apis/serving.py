"""A simulation as a real HTTP server on this machine.

with served(Stripe(seed=7)) as stripe:
    ...  # ask stripe.origin
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import uvicorn
from starlette.types import ASGIApp

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front

HOST = "127.0.0.1"
_START_SECONDS = 20.0


class Simulation(Protocol):
    """What every simulated API has: its front answers requests.

    `token` is a credential that it knows, for examples and the demo.
    """

    name: str
    token: str

    @property
    def front(self) -> Front: ...

    @property
    def clock(self) -> Clock: ...


Kind = TypeVar("Kind", bound=Simulation)


@dataclass(frozen=True, slots=True)
class Served(Generic[Kind]):
    """A simulation that listens."""

    api: Kind
    origin: str  # without a slash at its end


@contextlib.contextmanager
def served(api: Kind, port: int = 0) -> Iterator[Served[Kind]]:
    """Serve from a thread of this process; port 0 is any free one.

    Raises OSError where the port is taken.
    """
    with answering(api.front, port) as origin:
        yield Served(api, origin)


@contextlib.contextmanager
def answering(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve any application as `served` does; give its address."""
    with listening(port) as listener:
        server = _Server(_config(app))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        _wait_for_start(server, thread)
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.end()
            thread.join()


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    # asyncio sends small answers at once only where the protocol is said to be TCP;
    # otherwise each one waits some 40 ms for the client's acknowledgement.
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with socket.socket(*kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        yield listener


class _Server(uvicorn.Server):
    """Ends when it is told to.

    uvicorn looks ten times a second whether it should, and rests a tenth of one more:
    tests start a thousand of these.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._told.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # those that are idle close now
        if self.server_state.connections:
            await super().shutdown(sockets)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        # h11 and asyncio are always there; others would answer as they do in no test.
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,  # the front tells the simulation's own time
        timeout_graceful_shutdown=1,
        # Too long an address is refused as the vendor does, not by the server.
        h11_max_incomplete_event_size=256 * 1024,
    )


def _wait_for_start(server: _Server, thread: threading.Thread) -> None:
    until = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the simulated API did not start")
        time.sleep(0.005)
