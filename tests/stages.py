"""A server for simulations that come and go: starting and stopping one takes longer."""

from __future__ import annotations

import pytest

from elt.testing.apis.serving import Served, answering


class Stage:
    """An application that is always the simulation which plays now."""

    now = None

    async def __call__(self, scope, receive, send) -> None:
        await self.now.front(scope, receive, send)


@pytest.fixture(scope="session")
def serve():
    """Serve a simulation until the next one is served."""
    stage = Stage()

    def play(api):
        stage.now = api
        return Served(api, origin)

    with answering(stage) as origin:
        yield play
