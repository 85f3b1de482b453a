"""The tap as a program that is killed, and what is deleted before it runs again.

Rows that have a key stay when a tap is killed, also those that no STATE covers.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from taps.github.conftest import NOW
from taps.kills import Program, Table, trapped

from elt.singer.catalog import select
from elt.taps.github.tap import GithubTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub

PLACES = ("roster", "warehouse")
KEY = ("repository_id", "id")
ALL = range(12)
SLOW = pytest.mark.slow


@pytest.fixture
def github():
    api = GitHub(clock=Clock(NOW, elapsed=lambda: 0.0), company=False)
    api.callers.points_per_minute = 1_000_000
    for place in PLACES:
        api.add("releases", 250, to=place)
    with trapped(api) as (trap, origin):
        yield api, trap, origin


@pytest.fixture
def tap(github, tmp_path):
    api, trap, origin = github
    names = [api.repository(place).full_name for place in PLACES]
    config = {"token": api.token, "base_url": origin, "repositories": names}
    catalog = GithubTap(config=config, parse_env_config=False).catalog_dict
    chosen = select(catalog, ["releases"], {})
    return Program("elt.taps.github", trap, tmp_path, config=config, catalog=chosen)


def releases(api, place):
    return api.repository(place).tables["releases"]


def delete_some(api):
    for place in PLACES:
        table = releases(api, place)
        for key in list(table.rows)[3::60]:
            table.remove(key)
    api.clock.advance(timedelta(minutes=5))


def living(table):
    """Ask as the documentation says: the newest `read_at` of each repository."""
    newest = {}
    for row in table.rows.values():
        part = row["repository_id"]
        newest[part] = max(newest.get(part, ""), row["read_at"])
    return {
        key
        for key, row in table.rows.items()
        if row["read_at"] == newest[row["repository_id"]]
    }


def there(api):
    return {
        (api.repository(place).id, key)
        for place in PLACES
        for key in releases(api, place).rows
    }


def kills(*quick):
    return pytest.mark.parametrize(
        "kills_at",
        [n if n in quick else pytest.param(n, marks=SLOW) for n in ALL],
    )


@kills()
def test_what_is_deleted_after_a_kill_in_the_first_reading_is_left_behind(
    github, tap, kills_at
):
    api, table = github[0], Table("releases", *KEY)
    tap.run(table, kills_at=kills_at)
    delete_some(api)

    tap.run(table)

    assert living(table) == there(api)


@kills(4)
def test_a_list_that_is_as_it_was_before_a_run_that_was_killed_is_read_again(
    github, tap, kills_at
):
    api, table = github[0], Table("releases", *KEY)
    tap.run(table)
    api.clock.advance(timedelta(minutes=5))
    tap.run(table)
    before = {place: set(releases(api, place).rows) for place in PLACES}
    for place in PLACES:
        api.add("releases", 1, to=place)
    api.clock.advance(timedelta(minutes=5))
    tap.run(table, kills_at=kills_at)
    for place in PLACES:
        for key in set(releases(api, place).rows) - before[place]:
            releases(api, place).remove(key)
    api.clock.advance(timedelta(minutes=5))

    tap.run(table)

    assert living(table) == there(api)
