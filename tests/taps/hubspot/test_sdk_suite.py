from __future__ import annotations

from datetime import datetime

import pytest
from sdk_suite import check_tap
from taps.hubspot.account import FAST

from elt.taps.hubspot.tap import HubSpotTap


@pytest.mark.filterwarnings("ignore:No records were available to test")
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
def test_the_tap_passes_the_suite_of_singer_sdk(company):
    class Tap(HubSpotTap):
        def now(self) -> datetime:
            return company.api.clock.now()

    given = {"base_url": company.origin, "access_token": company.api.token, **FAST}
    check_tap(Tap, given)
