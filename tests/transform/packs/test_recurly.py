"""The models of Recurly on the made-up company, by the real tap and dbt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from transform.packs.company import NOW, build, revenue

from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.serving import served

pytestmark = pytest.mark.slow  # the same as Stripe's, on other tables


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("recurly") / "kettle"
    with served(Recurly(clock=Clock(NOW))) as site:
        return build(root, "recurly", base_url=site.origin, api_key=site.api.token)


def test_all_tests_pass_and_nothing_is_warned_of(built):
    assert "model:recurly__customers" in built.said
    assert "warn" not in built.said.lower()


def test_revenue_is_what_the_customers_lives_are_worth(built):
    months = built.rows(
        "SELECT month, customers, mrr FROM recurly__monthly_recurring_revenue"
    )

    assert months == list(revenue())
    assert months[-1][1:] == (170, Decimal("12790.66"))


def test_amounts_are_exact(built):
    types = built.rows("SELECT DISTINCT typeof(total) FROM raw_recurly.invoices")

    assert types == [("DECIMAL(38,6)",)]


def test_subscriptions_are_those_of_the_company(built):
    found = built.row(
        """
        SELECT
            count(*), count(*) FILTER (WHERE is_active),
            count(*) FILTER (WHERE is_to_end),
            sum(monthly_amount) FILTER (WHERE is_active)
        FROM recurly__subscriptions
        """
    )

    assert found == (206, 170, 4, Decimal("12790.66"))


def test_customers_are_all_accounts(built):
    found = built.row(
        """
        SELECT
            count(*), count(*) FILTER (WHERE is_active),
            count(*) FILTER (WHERE is_deleted), sum(paid_total), sum(open_total)
        FROM recurly__customers
        """
    )

    assert found == (259, 170, 8, Decimal("68893.84"), Decimal("4291.90"))
