from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from elt.taps.recurly.tap import RecurlyTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.serving import served

NOW = datetime(2025, 6, 2, 8, tzinfo=UTC)


class Told:
    """What a run of the tap wrote."""

    def __init__(self, out, error, log):
        self.messages = [json.loads(line) for line in out.splitlines()]
        self.text = out.decode()
        self.error = error
        self.log = log

    def rows(self, stream):
        return [
            m["record"]
            for m in self.messages
            if m["type"] == "RECORD" and m["stream"] == stream
        ]

    def ids(self, stream):
        return [row["id"] for row in self.rows(stream)]

    @property
    def ends(self):
        return {m["stream"]: m["elt"] for m in self.messages if "elt" in m}

    @property
    def state(self):
        return [m["value"] for m in self.messages if m["type"] == "STATE"][-1]

    def mark(self, stream):
        return self.state["bookmarks"][stream]["replication_key_value"]


@pytest.fixture
def empty():
    with served(Recurly(clock=Clock(NOW), company=False)) as site:
        yield site


@pytest.fixture(scope="session")
def company():
    """Give the made-up company, which tests only read."""
    with served(Recurly(clock=Clock(NOW))) as site:
        yield site


@pytest.fixture
def read(capsysbinary, caplog):
    """Run the tap for these streams against a site, at the time of its clock."""

    def run(site, *streams, state=None, fails=None, **config):
        given = {"api_key": site.api.token, "base_url": site.origin, "tries": 3}
        given |= config
        tap = RecurlyTap(config=given, state=state, parse_env_config=False)
        tap.run.began_at = site.api.clock.now()
        for name, stream in tap.streams.items():
            stream.selected = name in streams if streams else stream.selected
        tap.api._sleep = lambda _: None
        error = None
        if fails is None:
            tap.sync_all()
        else:
            with pytest.raises(fails) as caught:
                tap.sync_all()
            error = caught.value
        return Told(capsysbinary.readouterr().out, error, caplog.text)

    return run
