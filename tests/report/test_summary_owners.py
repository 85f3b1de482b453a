from __future__ import annotations

import io

import pytest

from elt.events import AssetFinished, RunFinished, RunStarted, StepFinished
from elt.report.summary import print_summary
from elt.report.tally import Tally


@pytest.fixture
def tally() -> Tally:
    """Give a run whose tap failed as a whole, and whose model failed by itself."""
    tally = Tally()
    tally.listen(RunStarted(run="r", steps=("tap:crm", "dbt")))
    for stream in ("a", "b", "c"):
        asset = f"stream:crm.{stream}"
        tally.listen(
            AssetFinished(step="tap:crm", asset=asset, status="failed", message="down")
        )
    tally.listen(
        StepFinished(step="tap:crm", status="failed", seconds=1.0, message="down")
    )
    tally.listen(
        AssetFinished(step="dbt", asset="model:m", status="failed", message="no")
    )
    tally.listen(StepFinished(step="dbt", status="failed", seconds=1.0, message="no"))
    tally.listen(RunFinished(run="r", status="failed", seconds=2.0))
    return tally


def test_a_failure_is_told_with_whom_to_ask(tally: Tally):
    owners = {
        "stream:crm.a": "ann",
        "stream:crm.b": "bob",
        "stream:crm.c": "ann",
        "model:m": "Finance",
    }
    out = io.StringIO()

    print_summary(tally, out, owners=owners, width=80)

    told = [line.strip() for line in out.getvalue().splitlines() if "owner" in line]
    assert told == ["owner: ann, bob", "owner: Finance"]


def test_nobody_is_named_where_nobody_owns(tally: Tally):
    out = io.StringIO()

    print_summary(tally, out, owners={"model:other": "ann"}, width=80)

    assert "owner" not in out.getvalue()
