from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
import stripe as sdk

from elt.testing.apis.serving import Served, served
from elt.testing.apis.stripe.api import Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS

Client = Callable[..., sdk.StripeClient]


@pytest.fixture
def account(serve) -> Served[Stripe]:
    """Make an empty account, to which a test adds what it needs."""
    return serve(Stripe(company=False, limits=NO_LIMITS))


@pytest.fixture(scope="package")
def company():
    """Serve the account of the made-up company, which no test changes."""
    with served(Stripe(limits=NO_LIMITS)) as company:
        yield company


@pytest.fixture(scope="session")
def _connections():
    """Keep connections for all clients: each of its own would read certificates."""
    connections = sdk.RequestsClient()
    yield connections
    connections.close()


@pytest.fixture
def client(_connections) -> Client:
    """Make a client of Stripe's own SDK, which we did not write."""

    def make(to: Served[Stripe], key: str = "", **options: object) -> sdk.StripeClient:
        return sdk.StripeClient(
            key or to.api.token,
            base_addresses={"api": to.origin},
            max_network_retries=0,
            http_client=_connections,
            **options,
        )

    return make


@pytest.fixture
def ask() -> Callable[..., httpx.Response]:
    """Ask without the SDK, as it would refuse to send what is wrong."""

    def make(
        to: Served[Stripe], path: str, method: str = "GET", **options: object
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {to.api.token}"}
        headers |= options.pop("headers", {})
        return httpx.request(method, f"{to.origin}{path}", headers=headers, **options)

    return make
