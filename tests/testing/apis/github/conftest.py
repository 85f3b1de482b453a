from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import httpx
import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub
from elt.testing.apis.serving import served

ROSTER = "/repos/kettle-and-crew/roster"


class Asking:
    """A client of a simulation, as far from a tap as it can be."""

    def __init__(self, served_api) -> None:
        self.api = served_api.api
        self.origin = served_api.origin
        self._client = httpx.Client(base_url=self.origin)

    def get(self, path, *, token=GitHub.token, params=None, **headers):
        return self.ask("GET", path, token=token, params=params, **headers)

    def ask(self, method, path, *, token=GitHub.token, params=None, json=None, **more):
        headers = {"User-Agent": "tests"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        return self._client.request(
            method, path, headers=headers, params=params, json=json
        )

    def every(self, path, **params):
        """Follow the links to the end; give all rows, and the pages' answers."""
        rows, answers = [], []
        answer = self.get(path, params=params)
        while True:
            answers.append(answer)
            rows += answer.json()
            if "next" not in answer.links:
                return rows, answers
            answer = self.get(answer.links["next"]["url"])

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def asked(**arguments):
    with served(GitHub(**arguments)) as running:
        client = Asking(running)
        yield client
        client.close()


@pytest.fixture(scope="session")
def github():
    """Give a client of the made-up company, in which no test changes anything."""
    with asked() as client:
        client.api.callers.points_per_minute = 1_000_000
        client.api.callers.requests_per_hour = 1_000_000
        yield client


@pytest.fixture
def own():
    """Give a client of the made-up company while it was young, for one test."""
    early = datetime(2024, 10, 1, 12, tzinfo=UTC)
    with asked(clock=Clock(early, elapsed=lambda: 0.0)) as client:
        yield client


@pytest.fixture
def empty():
    """Give a client of an organisation in whose repositories nothing is."""
    with asked(company=False) as client:
        yield client
