from __future__ import annotations

import pytest

from elt.taps.stripe.options import Options
from elt.taps.stripe.plan import Asked, Stretch, decide

NOW = 1_000_000
KEPT = 1000
OPTIONS = Options(event_seconds=KEPT, lookback_seconds=10)


def plan(mark=None, memory=None, start=None, end=None, *, has_events=True):
    asked = Asked(mark=mark, memory=memory or {}, began=NOW, start=start, end=end)
    return decide(asked, OPTIONS, has_events=has_events)


def stretch(start, end=None):
    return Stretch(start=start, end=end)


def test_the_first_read_lists_everything_and_is_then_at_the_runs_start():
    found = plan(start=500)

    assert found.listing == stretch(500)
    assert found.changes is None
    assert found.reached == NOW


def test_a_later_read_begins_at_the_bookmark_less_the_lookback():
    found = plan(mark=NOW - 100)

    assert found.listing is None
    assert found.changes == stretch(NOW - 110)
    assert not found.note


def test_an_interrupted_list_goes_on_and_then_reads_what_changed_since_it_began():
    memory = {"listing_began": NOW - 500, "listed_until": 700}

    found = plan(memory=memory)

    assert found.listing == stretch(700)
    assert found.began == NOW - 500
    assert found.changes == stretch(NOW - 510)
    assert found.reached == NOW - 510


def test_a_list_that_was_begun_too_long_ago_begins_again():
    memory = {"listing_began": NOW - KEPT - 1, "listed_until": 700}

    found = plan(memory=memory, start=5)

    assert found.listing == stretch(5)
    assert found.began == NOW
    assert "all is listed again" in found.note


def test_a_bookmark_as_old_as_events_are_kept_is_still_good():
    assert plan(mark=NOW - KEPT).listing is None
    assert plan(mark=NOW - KEPT - 1).listing == stretch(None)


def test_a_full_read_again_looks_for_deletions_as_far_back_as_it_can():
    found = plan(mark=5)

    assert found.deletes == stretch(NOW - KEPT)
    assert found.changes is None


def test_what_never_changes_goes_on_from_any_bookmark():
    found = plan(mark=50, has_events=False)

    assert found.changes == stretch(40)
    assert found.listing is None


@pytest.mark.parametrize(
    ("start", "end", "listing", "changes"),
    [
        (10, 20, (10, 20), None),
        (10, NOW - 5, (10, NOW - KEPT), (NOW - KEPT, NOW - 5)),
        (NOW - 50, NOW - 5, None, (NOW - 50, NOW - 5)),
        (None, NOW - 5, (None, NOW - KEPT), (NOW - KEPT, NOW - 5)),
    ],
)
def test_a_window_is_listed_and_its_younger_part_read_from_events(
    start, end, listing, changes
):
    found = plan(start=start, end=end)

    assert found.listing == (stretch(*listing) if listing else None)
    assert found.changes == (stretch(*changes) if changes else None)


def test_a_window_that_is_gone_on_with_has_its_younger_part_from_events_too():
    memory = {"listing_began": NOW - 3, "listed_until": 15}

    found = plan(memory=memory, start=10, end=NOW - 5)

    assert found.listing == stretch(15, NOW - KEPT)
    assert found.changes == stretch(NOW - KEPT, NOW - 5)
    assert found.reached == NOW - KEPT


def test_a_window_whose_events_are_partly_forgotten_has_the_changes_that_are_left():
    found = plan(mark=NOW - KEPT - 1, start=10, end=NOW - 5)

    assert found.listing == stretch(10, NOW - KEPT)
    assert found.changes == stretch(NOW - KEPT, NOW - 5)
    assert found.reached == NOW - KEPT


def test_an_end_that_was_reached_is_not_read_again():
    found = plan(mark=20, end=20)

    assert (found.listing, found.changes, found.note) == (
        None,
        stretch(10, 20),
        "",
    )
