from __future__ import annotations

from datetime import UTC, datetime

import pytest
from taps.told import Told

from elt.taps.recurly.tap import RecurlyTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.serving import served

NOW = datetime(2025, 6, 2, 8, tzinfo=UTC)


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
