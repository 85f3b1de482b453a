"""Runs of windows as the run log has them, with nothing that ran."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from elt.events import RunStatus
from elt.runner.lock import this_process
from elt.runner.plan import RunRequest
from elt.runner.store import history
from elt.runner.store.database import Store
from elt.runner.windows import Window

HERE = "default"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(begins: str, ends: str) -> Window:
    """Give a window of November 2026, by its days: `3`, or `3T06`."""
    return Window(_day(begins), _day(ends))


def days(first: int, last: int) -> list[Window]:
    return [window(str(day), str(day + 1)) for day in range(first, last)]


def _day(text: str) -> datetime:
    day, _, hour = text.partition("T")
    return datetime(2026, 11, int(day), int(hour or 0), tzinfo=UTC)


def began(
    store: Store,
    about: Window | None,
    *selection: str,
    retry_of: str | None = None,
    assets: Iterable[str] = ("model:m",),
    from_step: str = "",
) -> str:
    """Begin a run and give its id."""
    run = f"r{len(history.runs(store, 1000))}"
    request = RunRequest(
        selection=selection or ("m",),
        window=about.texts if about else None,
        from_step=from_step,
        backfill=True,
    )
    history.start_run(
        store,
        this_process(run),
        environment=HERE,
        request=asdict(request),
        retry_of=retry_of,
    )
    entry = history.StepEntry(step="dbt", kind="dbt", reason="", assets=tuple(assets))
    history.record_plan(store, run, [entry])
    return run


def ran(
    store: Store,
    about: Window | None,
    status: RunStatus = "done",
    *selection: str,
    retry_of: str | None = None,
) -> str:
    """Log a run whose asset ended as it did."""
    run = began(store, about, *selection, retry_of=retry_of)
    if status != "crashed":
        result(store, run, "model:m", status)
    history.finish_run(store, run, status)
    return run


def result(store: Store, run: str, asset: str, status: str) -> None:
    with store.writing() as connection:
        connection.execute(
            "INSERT INTO results VALUES (?, ?, 'dbt', ?, NULL, 0, 0, '', '2026')",
            (run, asset, status),
        )
