"""The models of HubSpot on the made-up company, by the real tap and dbt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from taps.hubspot.account import account
from transform.packs.company import NOW, TODAY, build

from elt.testing.apis.clock import Clock
from elt.testing.apis.serving import served
from elt.testing.lives import accounts

pytestmark = pytest.mark.slow  # ten seconds of tap and dbt


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("hubspot") / "kettle"
    with served(account(company=True, clock=Clock(NOW))) as hubspot:
        given = {"base_url": hubspot.origin, "access_token": hubspot.api.token}
        pace = {"requests_per_ten_seconds": 100_000, "searches_per_second": 100_000}
        return build(root, {"hubspot": given | pace})


def test_all_tests_pass_and_nothing_is_warned_of(built):
    assert "13 models" in built.said
    assert "warn" not in built.said.lower()


def test_deals_are_won_for_a_year_of_the_first_plan(built):
    won = built.row("SELECT count(*), sum(amount) FROM hubspot__deals WHERE is_won")

    sold = [a for a in accounts(7, TODAY) if a.periods and a.decided_on <= TODAY]
    assert won == (len(sold), sum(a.periods[0].monthly * 12 for a in sold))
    assert won == (206, Decimal("174529.80"))


def test_deals_are_in_stages_with_the_names_that_people_see(built):
    stages = built.rows(
        """
        SELECT pipeline, stage, is_closed, count(*)
        FROM hubspot__deals
        GROUP BY ALL
        ORDER BY min(stage_position)
        """
    )

    assert stages == [
        ("Sales Pipeline", "Appointment Scheduled", False, 5),
        ("Sales Pipeline", "Qualified To Buy", False, 4),
        ("Sales Pipeline", "Closed Won", True, 206),
        ("Sales Pipeline", "Closed Lost", True, 44),
    ]


def test_companies_have_their_contacts_deals_and_tickets(built):
    found = built.row(
        """
        SELECT
            count(*), count(*) FILTER (WHERE employees IS NULL),
            sum(contacts), sum(won_deals), sum(tickets), sum(open_tickets)
        FROM hubspot__companies
        """
    )

    assert found == (259, 8, 760, 206, 725, 29)


def test_contacts_are_those_that_were_neither_archived_nor_merged(built):
    marts = built.row("SELECT count(*), count(company) FROM hubspot__contacts")
    deleted = built.row("SELECT count(*) FROM stg_hubspot__contacts WHERE is_deleted")

    # 17 have left and 10 were there twice; an eleventh still is, without a company.
    assert (*marts, *deleted) == (761, 760, 27)


def test_tickets_know_how_long_they_were_open(built):
    found = built.rows(
        """
        SELECT stage, count(*), count(hours_to_close), min(priority), max(owner)
        FROM hubspot__tickets
        GROUP BY stage
        ORDER BY stage
        """
    )

    assert found == [
        ("Closed", 696, 696, "high", "Tomasz Kowalski"),
        ("New", 29, 0, "high", "Tomasz Kowalski"),
    ]
