from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sdk_suite import check_tap
from taps.stripe.kettle import SLOW, kettle, tap_at, with_all

from elt.testing.apis.clock import Clock
from elt.testing.apis.stripe.api import TOKEN

AT = datetime(2024, 9, 10, 12, tzinfo=UTC)


@pytest.mark.filterwarnings("ignore:No records were available to test")
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
def test_the_tap_passes_the_suite_of_singer_sdk():
    with kettle(company=True, clock=Clock(AT)) as stripe:
        with_all(stripe.api)
        given = {"base_url": stripe.origin, "api_key": TOKEN}
        check_tap(tap_at(AT), {**given, "requests_per_second": SLOW})
