"""Singer SDK's own tests of taps, run in one test: each tap is made and read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from singer_sdk import Tap
from singer_sdk.testing import SuiteConfig
from singer_sdk.testing.runners import TapTestRunner
from singer_sdk.testing.suites import (
    tap_stream_attribute_tests,
    tap_stream_tests,
    tap_tests,
)

_SUITE = SuiteConfig(max_records_limit=50)


def check_tap(kind: type[Tap], config: Mapping[str, Any]) -> None:
    """Raise what one of the SDK's tests raises for a tap of an API."""
    made = []

    class Kept(kind):  # type: ignore[misc,valid-type]
        def __init__(self, *args, **given):
            super().__init__(*args, **given)
            made.append(self)

    runner = TapTestRunner(Kept, dict(config), _SUITE, parse_env_config=False)
    try:
        runner.sync_all()
        tap = runner.new_tap()
        for suite_test in tap_tests.tests:
            suite_test().run(_SUITE, None, runner)
        # To the SDK a stream that nobody selected has no columns to compare.
        chosen = [s for s in tap.streams.values() if s.selected_by_default]
        for stream in chosen:
            for stream_test in tap_stream_tests.tests:
                stream_test().run(_SUITE, None, runner, stream)
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
                attribute_test().run(_SUITE, None, runner, stream, name)
