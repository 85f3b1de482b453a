from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from elt.events import AssetFinished, Status
from elt.runner.lock import this_process
from elt.runner.store import asset_log, history, past
from elt.runner.store.database import Store, open_store
from elt.runner.store.past import AssetEntry
from elt.runner.store.recorder import Recorder

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
DEALS = "stream:crm.deals"


def tell(
    store: Store, hour: int, status: Status, *, rows: int = 0, **entry: object
) -> None:
    """Record one run at this hour that ended so."""
    run, now = f"run-{hour}", START + timedelta(hours=hour)
    history.start_run(store, this_process(run), environment="default", request={})
    recorder = Recorder(store, run, environment="default", now=lambda: now)
    recorder.entries = {DEALS: AssetEntry(**entry)}  # type: ignore[arg-type]
    recorder(AssetFinished(step="tap:crm", asset=DEALS, status=status, rows=rows))


def test_a_fingerprint_stays_that_of_the_last_success(tmp_path: Path):
    with open_store(tmp_path) as store:
        tell(store, 0, "done", fingerprint="a")
        tell(store, 1, "failed", fingerprint="b")

        assert past.last_fingerprints(store, "default") == {DEALS: "a"}
        assert past.last_results(store, "default") == {DEALS: "failed"}

        tell(store, 2, "warned", fingerprint="c")
        tell(store, 3, "planned", fingerprint="d")

        assert past.last_fingerprints(store, "default") == {DEALS: "c"}
        assert past.last_fingerprints(store, "prod") == {}


def test_the_last_rows_are_not_forgotten_by_a_load_without_any(tmp_path: Path):
    with open_store(tmp_path) as store:
        tell(store, 0, "done", rows=3)
        tell(store, 1, "failed", rows=2)
        tell(store, 2, "done", rows=0)

        assert past.last_rows(store, "default") == {DEALS: START + timedelta(hours=1)}


def test_a_backfill_makes_no_stream_younger(tmp_path: Path):
    with open_store(tmp_path) as store:
        tell(store, 0, "done")
        tell(store, 1, "done", backfilled=True)

        assert asset_log.last_success(store, "default") == {DEALS: START}
        assert asset_log.last_change(store, "default") == {
            DEALS: START + timedelta(hours=1)
        }


def test_an_asset_belongs_to_whom_its_last_result_says(tmp_path: Path):
    with open_store(tmp_path) as store:
        tell(store, 0, "done", owner="ann", tags=("a", "b"))
        tell(store, 1, "failed", owner="bob", tags=("c",))
        (status,) = asset_log.asset_statuses(store, "default")

    assert (status.owner, status.tags) == ("bob", ("c",))
