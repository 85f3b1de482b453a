"""A first read that is killed, and deletions before the next one: they are marked.

Rows that have a key stay when a tap is killed, also those that no STATE covers.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from taps.kills import Program, Table, trapped
from taps.stripe.kettle import DAY, SECOND, company_less

from elt.singer.catalog import select
from elt.taps.stripe.tap import StripeTap
from elt.testing.apis.stripe.api import TOKEN

OWN, RED = "acct_kettle", "acct_red"


@pytest.fixture
def stripe():
    made = company_less()
    made.connect(RED)
    for account in (OWN, RED):
        for days in (400, 1):
            made.add(
                "customer", 110, to=made.space(account), created=SECOND - days * DAY
            )
    with trapped(made) as (trap, origin):
        yield made, trap, origin


@pytest.fixture
def program(stripe, tmp_path):
    _, trap, origin = stripe

    def make(**given):
        config = {"api_key": TOKEN, "base_url": origin, "requests_per_second": 1000}
        config |= given
        catalog = StripeTap(config=config, parse_env_config=False).catalog_dict
        chosen = select(catalog, ["customers"], {})
        return Program("elt.taps.stripe", trap, tmp_path, config=config, catalog=chosen)

    return make


def customers(api, account):
    return [row["id"] for row in api.space(account).store.tables["customer"]]


def check(stripe, tap, table, kills_at, accounts):
    """Kill it, delete some of what it may have seen, and read to the end, twice."""
    api = stripe[0]
    killed = tap.run(table, kills_at=kills_at)
    for hours in (1, 20):
        api.clock.advance(timedelta(hours=hours))
        for account in accounts:
            for key in customers(api, account)[5::37]:
                api.delete("customer", key, account=account)
    api.clock.advance(timedelta(hours=1))
    tap.run(table)
    return killed


@pytest.mark.parametrize("kills_at", [1])
def test_what_is_deleted_after_a_kill_in_the_first_list_is_marked(
    stripe, program, kills_at
):
    check_one_account(stripe, program, kills_at)


@pytest.mark.slow
@pytest.mark.parametrize("kills_at", [0, *range(2, 12)])
def test_so_it_is_after_a_kill_at_any_request(stripe, program, kills_at):
    check_one_account(stripe, program, kills_at)


def check_one_account(stripe, program, kills_at):
    table = Table("customers")
    tap = program(rows_per_window=100)

    killed = check(stripe, tap, table, kills_at, [OWN])

    assert table.living == {(key,) for key in customers(stripe[0], OWN)}
    assert killed.rows("customers") or kills_at == 0


@pytest.mark.parametrize("kills_at", [4])
def test_so_it_is_in_the_second_of_several_accounts(stripe, program, kills_at):
    check_two_accounts(stripe, program, kills_at)


@pytest.mark.slow
@pytest.mark.parametrize("kills_at", range(12))
def test_so_it_is_in_any_of_them(stripe, program, kills_at):
    check_two_accounts(stripe, program, kills_at)


def check_two_accounts(stripe, program, kills_at):
    table = Table("customers", "stripe_account", "id")
    tap = program(account_ids=[OWN, RED])

    check(stripe, tap, table, kills_at, [OWN, RED])

    assert table.living == {
        (account, key)
        for account in (OWN, RED)
        for key in customers(stripe[0], account)
    }
