"""Runs that tell the run log what happens in them, by a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from elt.events import AssetFinished
from elt.runner.lock import Owner, this_process
from elt.runner.store import history
from elt.runner.store.database import Store
from elt.runner.store.history import StepEntry
from elt.runner.store.recorder import Recorder

START = datetime(2026, 11, 21, 9, 15, tzinfo=UTC)


@dataclass
class Clock:
    """Time that moves only when it is told to."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def seconds(self) -> float:
        return (self.moment - START).total_seconds()

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def begin(
    store: Store,
    clock: Clock,
    run: str = "run-1",
    *assets: str,
    owner: Owner | None = None,
) -> Recorder:
    owner = owner or this_process(run)
    history.start_run(
        store, owner, environment="default", request={"selection": []}, now=clock.now
    )
    entry = StepEntry(step="tap:crm", kind="tap", reason="selected", assets=assets)
    history.record_plan(store, run, [entry])
    return Recorder(
        store, run, environment="default", now=clock.now, clock=clock.seconds
    )


def finished(asset: str, status: str = "done", rows: int = 5) -> AssetFinished:
    return AssetFinished(step="tap:crm", asset=asset, status=status, rows=rows)  # type: ignore[arg-type]
