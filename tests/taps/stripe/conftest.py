from __future__ import annotations

import pytest
from taps.stripe.kettle import Reads, kettle


@pytest.fixture
def stripe():
    with kettle() as served_stripe:
        yield served_stripe


@pytest.fixture
def read(stripe, capsysbinary):
    return Reads(stripe, capsysbinary)
