from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from taps.described.anything import START, Anything, Listed

from elt.testing.apis.clock import Clock


@pytest.fixture
def api():
    """Give an API whose clock is far behind ours, and stands."""
    return Anything(clock=Clock(START, elapsed=lambda: 0.0))


def test_no_bookmark_passes_the_start_of_the_run_by_the_clock_of_the_api(api, read):
    made = [START - timedelta(days=1), START + timedelta(minutes=1)]
    api.lists["orders"] = Listed(
        [{"id": n, "updated_at": at.isoformat()} for n, at in enumerate(made)]
    )
    orders = {"path": "orders", "records": "data", "key": "id", "cursor": "updated_at"}

    told = read(orders=orders)

    mark = datetime.fromisoformat(told.mark())
    assert told.ids() == [0, 1]
    # A request of a minute would make it a minute earlier: its answer told the time.
    assert START - timedelta(minutes=1) < mark.astimezone(UTC) <= START
