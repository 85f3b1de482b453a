from __future__ import annotations

from pathlib import Path

import certifi
import pytest
from taps.hubspot.account import ContactsTold, account, make_tap

from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.serving import served


@pytest.fixture(autouse=True, scope="session")
def one_certificate(tmp_path_factory):
    """Let clients trust one authority: reading all of them is a fifth of a test."""
    first, end, _ = (
        Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    )
    file = tmp_path_factory.mktemp("trust") / "one.pem"
    file.write_text(first[first.index("-----BEGIN") :] + end + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


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
        return ContactsTold(capsysbinary.readouterr().out, error, tap.slept, tap.portal)

    return run
