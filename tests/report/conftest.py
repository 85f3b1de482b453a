from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from elt.events import (
    AssetFinished,
    BookmarkCommitted,
    Event,
    LogLine,
    ReceiptsStored,
    RowsLoaded,
    RowsRead,
    RunFinished,
    RunStarted,
    SchemaChanged,
    StepFinished,
    StepRetrying,
    StepStarted,
)

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare with a promised text; `ELT_REWRITE_GOLDEN=1` writes it anew."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("ELT_REWRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


class Story:
    """One run told as events: a bit of everything that views must show."""

    run = "20261121T090000-a1b2"

    def beginning(self) -> list[Event]:
        """Give the run until its first steps are moving."""
        return [
            RunStarted(
                run=self.run, steps=("tap:crm", "tap:billing", "dbt", "sync:health")
            ),
            StepStarted(
                step="tap:crm", assets=("stream:crm.customers", "stream:crm.deals")
            ),
            StepStarted(step="tap:billing", assets=("stream:billing.invoices",)),
            RowsRead(step="tap:crm", stream="customers", rows=12_000),
            RowsRead(step="tap:crm", stream="deals", rows=800),
            RowsLoaded(step="tap:crm", stream="customers", rows=10_000, rejects=2),
            BookmarkCommitted(step="tap:crm", tap="crm", state='{"bookmarks":{}}'),
            LogLine(
                step="tap:crm",
                source="tap:crm",
                level="info",
                text="page 1 of 2 fetched",
            ),
            LogLine(
                step="tap:crm",
                source="tap:crm",
                level="warning",
                text="\x1b[33mrate limit is near\x1b[0m",
            ),
            SchemaChanged(
                step="tap:crm",
                table="raw_crm.customers",
                column="vat",
                change="was added as VARCHAR",
            ),
            StepRetrying(
                step="tap:billing",
                attempt=1,
                delay_seconds=5.0,
                reason="billing answered 503",
            ),
        ]

    def taps_ended(self) -> list[Event]:
        return [
            RowsLoaded(step="tap:crm", stream="deals", rows=800),
            RowsLoaded(step="tap:crm", stream="customers", rows=2_000),
            AssetFinished(
                step="tap:crm",
                asset="stream:crm.customers",
                status="warned",
                rows=12_000,
                rejects=2,
                seconds=6.1,
                message="2 rows were set aside: see `_elt.rejects`",
            ),
            AssetFinished(
                step="tap:crm",
                asset="stream:crm.deals",
                status="done",
                rows=800,
                seconds=6.1,
            ),
            StepFinished(step="tap:crm", status="warned", seconds=6.2),
            StepStarted(
                step="tap:billing", assets=("stream:billing.invoices",), attempt=2
            ),
            AssetFinished(
                step="tap:billing",
                asset="stream:billing.invoices",
                status="failed",
                rows=0,
                seconds=7.0,
                message="billing answered 503 three times",
            ),
            StepFinished(
                step="tap:billing",
                status="failed",
                seconds=7.0,
                message="billing answered 503 three times",
                hint="Try again later: `elt run tap:billing+`",
            ),
        ]

    def dbt_underway(self) -> list[Event]:
        nodes = (
            "model:customers",
            "test:customers_id",
            "model:mrr",
            "test:mrr_positive",
        )
        return [
            StepStarted(step="dbt", assets=nodes),
            AssetFinished(
                step="dbt",
                asset="model:customers",
                status="done",
                rows=12_000,
                seconds=0.4,
            ),
            AssetFinished(
                step="dbt", asset="test:customers_id", status="done", seconds=0.1
            ),
        ]

    def ending(self) -> list[Event]:
        return [
            AssetFinished(
                step="dbt",
                asset="model:mrr",
                status="skipped",
                message="stream:billing.invoices failed",
            ),
            AssetFinished(
                step="dbt",
                asset="test:mrr_positive",
                status="skipped",
                message="stream:billing.invoices failed",
            ),
            StepFinished(step="dbt", status="done", seconds=0.9),
            StepStarted(step="sync:health", assets=("sync:health",)),
            ReceiptsStored(
                step="sync:health",
                sync="health",
                accepted=90,
                rejected=10,
                unanswered=0,
                total=250,
            ),
        ]

    def end(self) -> list[Event]:
        return [
            AssetFinished(
                step="sync:health",
                asset="sync:health",
                status="stopped",
                rows=90,
                rejects=10,
                seconds=1.5,
                message="10 of 100 changes were rejected, more than 5 %",
            ),
            StepFinished(
                step="sync:health",
                status="stopped",
                seconds=1.5,
                message="10 of 100 changes were rejected, more than 5 %",
                hint="See why: `elt sync plan health`",
            ),
            RunFinished(run=self.run, status="failed", seconds=9.87),
        ]

    def whole(self) -> list[Event]:
        return [
            *self.beginning(),
            *self.taps_ended(),
            *self.dbt_underway(),
            *self.ending(),
            *self.end(),
        ]


@pytest.fixture
def story() -> Story:
    return Story()
