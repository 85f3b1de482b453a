from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.access import TOKEN
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.serving import Served, served

OPENS = datetime(2025, 6, 1, 12, tzinfo=UTC)


class Stage:
    """A server that stays, for accounts that come and go: it stops slowly."""

    name = "stage"
    token = TOKEN

    def __init__(self):
        self.plays = None
        self.front = self

    async def __call__(self, scope, receive, send):
        await self.plays.front(scope, receive, send)


@pytest.fixture(scope="module")
def stage():
    with served(Stage()) as stage:
        yield stage


@pytest.fixture
def serve(stage):
    """Serve one account, instead of the one before it."""

    def play(hubspot):
        stage.api.plays = hubspot
        return Served(hubspot, stage.origin)

    return play


@pytest.fixture
def empty(serve):
    """Serve an account with nothing in it, where no time passes by itself."""
    return serve(HubSpot(company=False, clock=Clock(OPENS, elapsed=lambda: 0.0)))


@pytest.fixture(scope="module")
def company():
    """Serve the made-up company's account; it is only for reading."""
    with served(HubSpot()) as hubspot:
        yield hubspot


@pytest.fixture
def ask():
    """Make a client that has the token, for a simulation's address."""
    clients = []

    def make(hubspot, token=TOKEN):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # Nothing here is encrypted: reading certificates would be most of a test.
        client = httpx.Client(base_url=hubspot.origin, headers=headers, verify=False)  # noqa: S501
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
