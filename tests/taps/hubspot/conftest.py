from __future__ import annotations

import pytest
from taps.hubspot.account import Told, account, make_tap

from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.serving import served


@pytest.fixture
def hubspot():
    with served(account()) as one:
        yield one


@pytest.fixture(scope="module")
def company():
    """Serve the made-up company's account; it is only for reading."""
    with served(account(company=True)) as one:
        assert isinstance(one.api, HubSpot)
        yield one


@pytest.fixture
def read(capsysbinary):
    """Run the tap against an account; give what it wrote.

    `only` are patterns of streams, `fails` is the error that it ends with.
    """

    def run(hubspot, *only, fails=None, **given):
        tap = make_tap(hubspot, only=only, **given)
        capsysbinary.readouterr()
        error = None
        if fails is None:
            tap.sync_all()
        else:
            with pytest.raises(fails) as caught:
                tap.sync_all()
            error = caught.value
        return Told(capsysbinary.readouterr().out, error, tap.slept, tap.portal)

    return run
