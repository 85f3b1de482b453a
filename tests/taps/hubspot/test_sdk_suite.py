"""Singer SDK's own tests of taps, against the simulated account."""

from __future__ import annotations

from datetime import datetime

import pytest
from singer_sdk.testing import SuiteConfig
from singer_sdk.testing.runners import TapTestRunner
from singer_sdk.testing.suites import (
    tap_stream_attribute_tests,
    tap_stream_tests,
    tap_tests,
)
from taps.hubspot.account import FAST

from elt.taps.hubspot.tap import HubSpotTap

SUITE = SuiteConfig(max_records_limit=50)


@pytest.mark.filterwarnings("ignore:No records were available to test")
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
def test_the_tap_passes_the_suite_of_singer_sdk(company):
    made = []

    class Tap(HubSpotTap):
        def __init__(self, *args, **given):
            super().__init__(*args, **given)
            made.append(self)

        def now(self) -> datetime:
            return company.api.clock.now()

    given = {"base_url": company.origin, "access_token": company.api.token, **FAST}
    runner = TapTestRunner(Tap, given, SUITE, parse_env_config=False)
    try:
        runner.sync_all()
        tap = runner.new_tap()
        for suite_test in tap_tests.tests:
            suite_test().run(SUITE, None, runner)
        for stream in tap.streams.values():
            for stream_test in tap_stream_tests.tests:
                stream_test().run(SUITE, None, runner, stream)
            _check_attributes(runner, stream)
    finally:
        for one in made:
            one.api.close()


def _check_attributes(runner, stream):
    properties = stream.stream_maps[-1].transformed_schema["properties"]
    for name, declared in properties.items():
        for attribute_test in tap_stream_attribute_tests.tests:
            fits = attribute_test.evaluate(
                stream=stream, property_name=name, property_schema=declared
            )
            if fits:
                attribute_test().run(SUITE, None, runner, stream, name)
