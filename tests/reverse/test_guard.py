from __future__ import annotations

import pytest

from elt.project.sync_settings import GuardTable
from elt.reverse.baseline import Counts, Past, RememberedBaseline
from elt.reverse.guard import Evidence, findings

FINISHED = Past(
    warehouse_id="w",
    sequence=7,
    sent=7,
    has_sent=True,
    finished=1,
    mapping_hash="m",
)
NEW = Past(
    warehouse_id="w",
    sequence=0,
    sent=0,
    has_sent=False,
    finished=0,
    mapping_hash=None,
)


def tripped(
    counts=None,
    *,
    past=FINISHED,
    remembered=None,
    is_local=False,
    mapping_changed=False,
    guards=None,
):
    evidence = Evidence(
        counts=counts or Counts(model=1000, known=1000),
        past=past,
        remembered=remembered,
        mapping_changed=mapping_changed,
        is_local=is_local,
        sync="late",
    )
    return findings(evidence, guards or GuardTable())


def test_hints_are_commands_that_work():
    counts = Counts(model=1000, known=1000, removed=500)

    [removed] = tripped(counts)
    [first] = tripped(Counts(model=5, added=5), past=NEW)

    assert removed.hint == (
        "Look at `elt sync plan late --diff`, then allow it once:"
        " `elt retry --accept removed`; or raise `guards.max_removed_percent`"
    )
    assert first.hint == (
        "Look at `elt sync plan late`, then allow it once with `--first`,"
        " as in `elt retry --first`"
    )


def names(*args, **kwargs):
    return [finding.guard for finding in tripped(*args, **kwargs)]


def test_an_ordinary_diff_trips_nothing():
    counts = Counts(model=1000, known=1000, added=50, changed=100, removed=30)

    assert names(counts) == []


@pytest.mark.parametrize(
    ("counts", "guard"),
    [
        (Counts(model=0, known=10), "empty"),
        (Counts(model=10, keyless=1), "keys"),
        (Counts(model=10, duplicates=1), "keys"),
        (Counts(model=10, unsendable=1), "values"),
        (Counts(model=10, known=1000, removed=101), "removed"),
        (Counts(model=10, known=1000, changed=501), "changed"),
        (Counts(model=10, known=1000, added=1001), "added"),
    ],
)
def test_each_guard_trips_by_default(counts, guard):
    assert names(counts) == [guard]


def test_few_rows_are_not_a_percentage():
    counts = Counts(model=10, known=10, removed=10, changed=10, added=20)

    assert names(counts) == []


def test_what_has_no_percentage_trips():
    assert names(Counts(model=30, known=0, added=30)) == ["added"]


def test_rows_that_are_tried_again_were_let_through_before():
    counts = Counts(model=1000, known=100, changed=90, retried_changed=80)

    assert names(counts) == []


def test_limits_are_the_syncs_own():
    counts = Counts(model=10, known=100, removed=30, changed=30, added=30)
    strict = GuardTable(
        max_removed_percent=1, max_changed_percent=1, max_added_percent=1
    )

    assert names(counts, guards=strict) == ["removed", "changed", "added"]
    assert names(Counts(model=0), guards=GuardTable(allow_empty=True)) == []


def test_the_first_sync_asks_whatever_its_size():
    first = tripped(Counts(model=3, added=3), past=NEW)

    assert [finding.guard for finding in first] == ["first"]
    assert first[0].what == "this is the first sync: 3 rows would be sent"


def test_the_first_sync_to_this_machine_asks_nobody():
    assert names(Counts(model=3000, added=3000), past=NEW, is_local=True) == []


def test_a_first_sync_that_was_cut_off_goes_on():
    cut_off = Past(
        warehouse_id="w",
        sequence=1,
        sent=1,
        has_sent=True,
        finished=0,
        mapping_hash=None,
    )

    assert names(Counts(model=3000, known=100, added=2900), past=cut_off) == []


@pytest.mark.parametrize(
    ("remembered", "past", "words"),
    [
        (RememberedBaseline(sequence=9, warehouse_id="w"), FINISHED, "older than"),
        (RememberedBaseline(sequence=9, warehouse_id="w"), NEW, "is missing"),
        (RememberedBaseline(sequence=1, warehouse_id="x"), FINISHED, "another wareh"),
    ],
)
def test_a_baseline_that_is_not_the_one_remembered_trips(remembered, past, words):
    found = tripped(remembered=remembered, past=past)

    assert found[0].guard == "baseline"
    assert words in found[0].what


def test_a_baseline_that_is_newer_than_remembered_is_fine():
    remembered = RememberedBaseline(sequence=3, warehouse_id="w")

    assert names(remembered=remembered) == []


def test_a_mapping_that_changed_is_named_as_the_reason():
    counts = Counts(model=100, known=100, changed=90)

    (finding,) = tripped(counts, mapping_changed=True)

    assert finding.what == (
        "90 rows changed (90.0 %, the limit is 50 %),"
        " because the sync's mapping changed"
    )
    assert "--accept changed" in finding.hint
