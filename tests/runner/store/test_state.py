from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from elt.runner.store.database import Store, open_store
from elt.runner.store.state import (
    Place,
    heal,
    is_empty,
    latest,
    remember_baseline,
    remembered_baseline,
    save,
    versions,
)

HERE = Place(environment="default", warehouse_id="w1")
OTHER_WAREHOUSE = Place(environment="default", warehouse_id="w2")
OTHER_ENVIRONMENT = Place(environment="prod", warehouse_id="w1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def states(store: Store, place: Place = HERE) -> list[str]:
    return [version.state for version in versions(store, place, "crm")]


def test_each_run_leaves_one_version_its_last(store: Store):
    save(store, HERE, "crm", '{"at": 1}', origin="run-1")
    save(store, HERE, "crm", '{"at": 2}', origin="run-1")
    save(store, HERE, "crm", '{"at": 3}', origin="run-2")

    newest, first = versions(store, HERE, "crm")

    assert (first.state, first.version, first.parent_version) == ('{"at": 2}', 1, None)
    assert (newest.state, newest.version, newest.parent_version) == ('{"at": 3}', 2, 1)


@pytest.mark.parametrize("state", ["", "{}", "null", ' {"bookmarks": {}} ', "[]"])
def test_an_empty_state_erases_nothing(store: Store, state: str):
    save(store, HERE, "crm", '{"at": 1}', origin="run-1")

    assert not save(store, HERE, "crm", state, origin="run-2")

    assert states(store) == ['{"at": 1}']


def test_a_state_that_says_zero_or_no_is_not_empty():
    assert not is_empty('{"at": 0}')
    assert not is_empty('{"done": false}')
    assert not is_empty('""')


def test_an_unchanged_state_is_no_new_version(store: Store):
    save(store, HERE, "crm", '{"at": 1}', origin="run-1")

    assert not save(store, HERE, "crm", '{"at": 1}', origin="run-2")


def test_the_warehouse_wins_and_the_older_copy_stays_in_the_history(store: Store):
    save(store, HERE, "crm", '{"at": 9}', origin="run-1")

    (note,) = heal(store, HERE, {"crm": '{"at": 5}'}, taps=["crm"])

    assert note.startswith("the warehouse's bookmark of tap `crm` differs")
    assert states(store) == ['{"at": 5}', '{"at": 9}']


def test_a_lost_store_is_filled_again_without_a_word(store: Store):
    assert heal(store, HERE, {"crm": '{"at": 5}'}, taps=["crm"]) == []

    newest = latest(store, HERE, "crm")
    assert newest is not None
    assert (newest.state, newest.origin) == ('{"at": 5}', "warehouse")


def test_what_is_equal_needs_no_healing(store: Store):
    save(store, HERE, "crm", '{"at": 5}', origin="run-1")

    assert heal(store, HERE, {"crm": '{"at": 5}'}, taps=["crm"]) == []
    assert len(states(store)) == 1


def test_another_warehouse_never_heals_from_this_one(store: Store):
    save(store, HERE, "crm", '{"at": 5}', origin="run-1")

    (note,) = heal(store, OTHER_WAREHOUSE, {}, taps=["crm"])

    assert note.startswith("this warehouse is not the one that tap `crm` was loaded")
    assert states(store, OTHER_WAREHOUSE) == []
    assert states(store) == ['{"at": 5}']


def test_a_bookmark_gone_from_the_warehouse_is_told(store: Store):
    save(store, HERE, "crm", '{"at": 5}', origin="run-1")

    (note,) = heal(store, HERE, {}, taps=["crm"])

    assert note.startswith("the warehouse has no bookmark of tap `crm` any more")
    assert states(store) == ['{"at": 5}']


def test_taps_that_left_the_project_are_not_spoken_of(store: Store):
    save(store, HERE, "crm", '{"at": 5}', origin="run-1")

    assert heal(store, OTHER_WAREHOUSE, {}, taps=["billing"]) == []


def test_environments_keep_their_states_apart(store: Store):
    save(store, HERE, "crm", '{"at": 5}', origin="run-1")

    assert latest(store, OTHER_ENVIRONMENT, "crm") is None


def test_a_baseline_is_remembered_with_its_warehouse(store: Store):
    remember_baseline(store, HERE, sync="health", sequence=1, run="run-1")
    remember_baseline(store, HERE, sync="health", sequence=2, run="run-2")

    baseline = remembered_baseline(store, "default", "health")

    assert baseline is not None
    assert (baseline.sequence, baseline.warehouse_id, baseline.run) == (
        2,
        "w1",
        "run-2",
    )
    assert remembered_baseline(store, "prod", "health") is None
