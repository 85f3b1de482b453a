from __future__ import annotations

import pytest
from sdk_suite import check_tap

from elt.taps.recurly.tap import RecurlyTap


@pytest.mark.filterwarnings("ignore:No records were available to test")
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
def test_the_tap_passes_the_suite_of_singer_sdk(company):
    check_tap(RecurlyTap, {"base_url": company.origin, "api_key": company.api.token})
