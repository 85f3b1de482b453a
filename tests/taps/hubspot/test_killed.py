"""The tap as a program that is killed, and what is archived or merged before the next.

Rows that have a key stay when a tap is killed, also those that no STATE covers.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from taps.hubspot.account import FAST, account
from taps.kills import Program, Table, trapped

from elt.singer.catalog import select
from elt.taps.hubspot.tap import HubSpotTap

HOUR = timedelta(hours=1)


@pytest.fixture
def hubspot():
    made = account()
    made.add("contacts", {"email": "{n}@example.com"}, n=330)
    made.clock.advance(HOUR)
    with trapped(made) as (trap, origin):
        yield made, trap, origin


@pytest.fixture
def tap(hubspot, tmp_path):
    """Make the program, which has asked for the columns, and for nothing else."""
    made, trap, origin = hubspot

    def make(**given):
        config = {"access_token": made.token, "base_url": origin, **FAST, **given}
        asking = HubSpotTap(config=config, parse_env_config=False)
        catalog = select(asking.catalog_dict, ["contacts"], {})
        asking.api.close()
        return Program(
            "elt.taps.hubspot", trap, tmp_path, config=config, catalog=catalog
        )

    return make


def goes_on(made, *, erases=False):
    """Let some be archived, some be merged, and others be changed afterwards."""
    there = sorted(made.records("contacts"))
    for gone in there[3::60]:
        made.archive("contacts", gone)
    made.merge("contacts", there[10], there[200])
    made.merge("contacts", there[20], there[210])
    made.clock.advance(HOUR)
    made.archive("contacts", there[20])
    if erases:
        made.erase("contacts", there[30])
    made.clock.advance(HOUR)
    for changed in there[5::50]:
        made.update("contacts", changed, {"firstname": "New"})
    made.clock.advance(HOUR)


def living(made):
    return {(str(key),) for key in made.records("contacts")}


@pytest.mark.slow
@pytest.mark.parametrize("kills_at", range(8))
def test_what_is_gone_after_a_kill_in_the_first_reading_is_marked(
    hubspot, tap, kills_at
):
    made, table, program = hubspot[0], Table("contacts"), tap()
    program.run(table, kills_at=kills_at)
    goes_on(made)

    program.run(table)

    assert table.living == living(made)


@pytest.mark.parametrize(
    "kills_at", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1, 2, 4))]
)
def test_what_is_gone_around_a_kill_in_a_later_reading_is_marked(
    hubspot, tap, kills_at
):
    made, table, program = hubspot[0], Table("contacts"), tap()
    program.run(table)
    goes_on(made)
    program.run(table, kills_at=kills_at)
    goes_on(made)

    program.run(table)

    assert table.living == living(made)


@pytest.mark.slow
@pytest.mark.parametrize("kills_at", range(7))
def test_what_is_gone_for_good_after_a_kill_in_a_sweep_is_found_by_the_next(
    hubspot, tap, kills_at
):
    made, table, program = hubspot[0], Table("contacts"), tap(sweep_days=0.01)
    program.run(table)
    goes_on(made, erases=True)
    program.run(table, kills_at=kills_at)
    goes_on(made, erases=True)

    program.run(table)

    assert table.living == living(made)
