"""Singer SDK's own tests of taps, against a simulated Stripe with a company's data."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from singer_sdk.testing import SuiteConfig
from singer_sdk.testing.runners import TapTestRunner
from singer_sdk.testing.suites import (
    tap_stream_attribute_tests,
    tap_stream_tests,
    tap_tests,
)
from taps.stripe.kettle import SLOW, kettle, tap_at, with_all

from elt.testing.apis.clock import Clock
from elt.testing.apis.stripe.api import TOKEN

AT = datetime(2024, 9, 10, 12, tzinfo=UTC)
SUITE = SuiteConfig(max_records_limit=50)


@pytest.mark.filterwarnings("ignore:No records were available to test")
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
def test_the_tap_passes_the_suite_of_singer_sdk():
    with kettle(company=True, clock=Clock(AT)) as stripe:
        with_all(stripe.api)
        made = []

        class Tap(tap_at(AT)):
            def __init__(self, *args, **given):
                super().__init__(*args, **given)
                made.append(self)

        given = {
            "base_url": stripe.origin,
            "api_key": TOKEN,
            "requests_per_second": SLOW,
        }
        runner = TapTestRunner(Tap, given, SUITE, parse_env_config=False)
        try:
            runner.sync_all()
            tap = runner.new_tap()
            for suite_test in tap_tests.tests:
                suite_test().run(SUITE, None, runner)
            for stream in tap.streams.values():
                for stream_test in tap_stream_tests.tests:
                    stream_test().run(SUITE, None, runner, stream)
                check_attributes(runner, stream)
        finally:
            for one in made:
                one.api.close()


def check_attributes(runner, stream):
    properties = stream.stream_maps[-1].transformed_schema["properties"]
    for name, declared in properties.items():
        for attribute_test in tap_stream_attribute_tests.tests:
            fits = attribute_test.evaluate(
                stream=stream, property_name=name, property_schema=declared
            )
            if fits:
                attribute_test().run(SUITE, None, runner, stream, name)
