from __future__ import annotations

from elt.events import AssetFinished
from elt.report.endings import left_out
from elt.report.markdown import summary
from tests.report.outcomes import asset, result, step


def test_streams_that_a_tap_may_not_read_are_counted():
    results = [
        AssetFinished(
            step="tap:crm", asset=f"stream:crm.{n}", status=status, message=message
        )
        for n, (status, message) in enumerate(
            [
                ("warned", "skipped: HTTP 403"),
                ("warned", "`a`: widened"),
                ("skipped", "skipped: no"),
                ("done", ""),
            ]
        )
    ]

    assert left_out(results) == "1 stream skipped by the tap"
    assert left_out(results[1:]) == ""


def test_the_summary_of_a_ci_step_counts_them_too():
    skipped = asset("stream:crm.a", "warned", message="skipped: HTTP 403")

    text = summary(result(step("tap:crm", skipped, status="warned"), status="warned"))

    assert "1 warned; 1 stream skipped by the tap; in" in text
