from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from elt.events import StepStarted
from elt.runner.store import asset_log
from elt.runner.store.database import Store
from tests.runner.store.recorded import START, Clock, begin, finished

NEXT_DAY = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)


def test_the_last_success_outlives_later_failures(store: Store, clock: Clock):
    record = begin(store, clock)
    record(finished("stream:crm.deals", "warned"))
    clock.pass_(60)
    record(finished("stream:crm.deals", "failed"))

    assert asset_log.last_success(store, "default") == {"stream:crm.deals": START}
    assert asset_log.last_change(store, "default")["stream:crm.deals"] == clock.moment
    (status,) = asset_log.asset_statuses(store, "default")
    assert status.status == "failed"


def test_a_stream_that_its_tap_left_out_is_as_old_as_it_was(store: Store, clock: Clock):
    record = begin(store, clock)
    record(finished("stream:crm.deals", "done"))
    clock.pass_(60)
    left_out = finished("stream:crm.deals", "warned")
    record(replace(left_out, message="skipped: HTTP 403"))

    assert asset_log.last_success(store, "default") == {"stream:crm.deals": START}
    assert asset_log.last_change(store, "default") == {"stream:crm.deals": START}


def test_a_skipped_asset_did_not_change(store: Store, clock: Clock):
    record = begin(store, clock)
    record(finished("model:a", "done"))
    clock.pass_(60)
    record(finished("model:a", "skipped"))

    assert asset_log.last_change(store, "default") == {"model:a": START}


def test_an_asset_may_have_changed_from_the_start_of_its_step(
    store: Store, clock: Clock
):
    record = begin(store, clock)
    record(finished("stream:crm.deals"))
    clock.pass_(60)

    record(StepStarted(step="tap:crm", assets=("stream:crm.deals",)))

    assert asset_log.last_change(store, "default")["stream:crm.deals"] == clock.moment
    assert asset_log.last_success(store, "default")["stream:crm.deals"] == START


def test_environments_have_their_own_history(store: Store, clock: Clock):
    begin(store, clock)(finished("stream:crm.deals"))

    assert asset_log.last_success(store, "prod") == {}
    assert asset_log.asset_statuses(store, "prod") == []


def test_a_change_outside_a_run_makes_nothing_succeed(store: Store, clock: Clock):
    begin(store, clock)(finished("stream:crm.deals"))

    asset_log.note_change(store, "default", "stream:crm.deals", at=NEXT_DAY)

    assert asset_log.last_change(store, "default") == {"stream:crm.deals": NEXT_DAY}
    assert asset_log.last_success(store, "default") == {"stream:crm.deals": START}


def test_what_the_warehouse_knows_fills_only_what_the_log_does_not(
    store: Store, clock: Clock
):
    begin(store, clock)(finished("stream:crm.deals"))
    loads = [
        ("stream:crm.deals", "r1", NEXT_DAY),
        ("stream:crm.people", "r1", NEXT_DAY),
    ]

    asset_log.take_over(store, "default", loads)

    assert asset_log.asset_ids(store, "default") == [
        "stream:crm.deals",
        "stream:crm.people",
    ]
    assert asset_log.last_success(store, "default") == {
        "stream:crm.deals": START,
        "stream:crm.people": NEXT_DAY,
    }


def test_only_streams_that_nobody_knows_and_that_never_ended_well_are_forgotten(
    store: Store, clock: Clock
):
    record = begin(store, clock)
    record(finished("stream:crm.guessed", "failed"))
    record(finished("stream:crm.known", "failed"))
    record(finished("stream:crm.once", "done"))
    record(finished("model:gone", "failed"))

    asset_log.forget_strangers(store, "default", ["stream:crm.known"])

    assert asset_log.asset_ids(store, "default") == [
        "model:gone",
        "stream:crm.known",
        "stream:crm.once",
    ]
