from __future__ import annotations

import pytest
from taps.stripe.kettle import Reads, Stage, company_less

from elt.testing.apis.serving import Served, served


@pytest.fixture(scope="session")
def stage():
    with served(Stage()) as served_stage:
        yield served_stage


@pytest.fixture
def stripe(stage):
    stage.api.stripe = company_less()
    return Served(stage.api.stripe, stage.origin)


@pytest.fixture
def read(stripe, capsysbinary):
    return Reads(stripe, capsysbinary)
