from __future__ import annotations

import http.client

import httpx
import pytest
import recurly

from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.serving import served

ACCEPT = "application/vnd.recurly.v2021-02-25"


@pytest.fixture
def site(serve):
    """Serve an empty site."""
    return serve(Recurly(company=False))


@pytest.fixture(scope="session")
def company():
    """Serve the company's site as of one day, for tests that only read it."""
    with served(Recurly(requests_a_minute=1_000_000)) as site:
        yield site


@pytest.fixture
def ask():
    """Open an HTTP client for a served site, with its key and the version."""
    opened = []

    def open_client(site, token=None, **headers):
        client = httpx.Client(
            base_url=site.origin,
            auth=(token or site.api.token, ""),
            headers={"Accept": ACCEPT, **headers},
        )
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def sdk(monkeypatch):
    """Open Recurly's own client for a served site, strict about keys.

    It speaks TLS only, so its connection is replaced by one without.
    """
    monkeypatch.setattr(recurly, "STRICT_MODE", True)
    opened = []

    def open_client(site, token=None):
        client = recurly.Client(token or site.api.token)
        host = site.origin.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=20)
        client._BaseClient__conn = connection
        opened.append(connection)
        return client

    yield open_client
    for connection in opened:
        connection.close()
