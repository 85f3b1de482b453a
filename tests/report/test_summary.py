from __future__ import annotations

import io
import json

import pytest

from elt.events import AssetFinished, RunFinished, RunStarted, StepFinished
from elt.report.summary import print_summary, result
from elt.report.tally import Tally


@pytest.mark.parametrize("width", [60, 100])
def test_the_summary_is_as_promised(story, golden, width):
    tally = Tally()
    for event in story.whole():
        tally.listen(event)
    out = io.StringIO()

    print_summary(tally, out, width=width)

    golden(f"summary_{width}.txt", out.getvalue())


def test_the_result_document_is_as_promised(story, golden):
    tally = Tally()
    for event in story.whole():
        tally.listen(event)

    document = result(tally, exit_code=1)

    golden("result.json", json.dumps(document, indent=2) + "\n")


def test_many_good_assets_become_one_line_and_the_bad_one_stays():
    tally = Tally()
    tally.listen(RunStarted(run="r", steps=("dbt",)))
    for n in range(200):
        tally.listen(
            AssetFinished(step="dbt", asset=f"model:m{n}", status="done", rows=10)
        )
    bad = AssetFinished(step="dbt", asset="model:bad", status="failed", message="no")
    tally.listen(bad)
    tally.listen(StepFinished(step="dbt", status="failed", seconds=1.0))
    tally.listen(RunFinished(run="r", status="failed", seconds=1.0))
    out = io.StringIO()

    print_summary(tally, out, width=80)

    assert "200 models" in out.getvalue()
    assert "model:bad" in out.getvalue()
    assert "model:m7" not in out.getvalue()
    assert "elt logs r dbt" in out.getvalue()
