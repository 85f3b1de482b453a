from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.access import TOKEN
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.serving import served

OPENS = datetime(2025, 6, 1, 12, tzinfo=UTC)


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
