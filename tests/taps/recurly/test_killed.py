"""The tap as a program that is killed, and what is removed before it runs again.

Rows that have a key stay when a tap is killed, also those that no STATE covers.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from taps.kills import Program, Table, trapped
from taps.recurly.conftest import NOW

from elt.singer.catalog import select
from elt.taps.recurly.tap import RecurlyTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly

SLOW = pytest.mark.slow
HOUR = timedelta(hours=1)


@pytest.fixture
def recurly():
    api = Recurly(clock=Clock(NOW), company=False)
    # Older ones than the time by which a run looks back.
    api.add("accounts", 650, each_seconds=60)
    api.clock.advance(HOUR)
    with trapped(api) as (trap, origin):
        yield api, trap, origin


@pytest.fixture
def tap(recurly, tmp_path):
    api, trap, origin = recurly
    config = {"api_key": api.token, "base_url": origin}
    catalog = RecurlyTap(config=config, parse_env_config=False).catalog_dict
    chosen = select(catalog, ["accounts"], {})
    return Program("elt.taps.recurly", trap, tmp_path, config=config, catalog=chosen)


def close_some(api):
    """Remove accounts as Recurly does: they stay, and say that they are closed."""
    accounts = api.store.rows["accounts"]
    for key in list(accounts)[3::60]:
        deleted = {"state": "inactive", "deleted_at": api.clock.now().isoformat()}
        api.update("accounts", key, deleted)
    api.clock.advance(HOUR)
    api.add("accounts", 5)
    api.clock.advance(HOUR)


def states(api):
    shown = (api.shown("accounts", key) for key in api.store.rows["accounts"])
    return {(row["id"],): row["state"] for row in shown}


def kills(*quick):
    return pytest.mark.parametrize(
        "kills_at",
        [n if n in quick else pytest.param(n, marks=SLOW) for n in range(5)],
    )


@kills(2)
def test_what_is_removed_after_a_kill_in_the_first_reading_says_so(
    recurly, tap, kills_at
):
    api, table = recurly[0], Table("accounts")
    tap.run(table, kills_at=kills_at)
    close_some(api)

    tap.run(table)

    found = {key: row["state"] for key, row in table.rows.items()}
    assert found == states(api)
    assert set(found.values()) == {"active", "inactive"}


@SLOW
@kills()
def test_what_is_removed_around_a_kill_in_a_later_reading_says_so(
    recurly, tap, kills_at
):
    api, table = recurly[0], Table("accounts")
    tap.run(table)
    close_some(api)
    tap.run(table, kills_at=kills_at)
    close_some(api)

    tap.run(table)

    assert {key: row["state"] for key, row in table.rows.items()} == states(api)
