"""The models of Recurly on the made-up company, by the real tap and dbt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from transform.packs.company import NOW, build, revenue

from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.serving import served
from elt.testing.apis.stripe.api import TOKEN, Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS

pytestmark = pytest.mark.slow  # the same as Stripe's, on other tables


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Give a project with models of Recurly and, beside them, of Stripe."""
    root = tmp_path_factory.mktemp("recurly") / "kettle"
    clock = Clock(NOW)
    with (
        served(Recurly(clock=clock)) as recurly,
        served(Stripe(clock=clock, limits=NO_LIMITS)) as stripe,
    ):
        key = {"base_url": recurly.origin, "api_key": recurly.api.token}
        other = {"base_url": stripe.origin, "api_key": TOKEN}
        other_pace = {"requests_per_second": 100_000}
        return build(root, {"recurly": key, "stripe": other | other_pace})


def test_all_tests_pass_and_nothing_is_warned_of(built):
    assert "27 models, 82 tests" in built.said
    assert "warn" not in built.said.lower()


def test_revenue_is_what_the_customers_lives_are_worth(built):
    months = built.rows(
        "SELECT month, customers, mrr FROM recurly__monthly_recurring_revenue"
    )

    assert months == list(revenue())
    assert months[-1][1:] == (170, Decimal("12790.66"))


def test_revenue_of_recurly_and_of_stripe_can_be_stacked(built):
    found = built.rows(
        """
        SELECT month, upper(currency), mrr, count(*)
        FROM (
            FROM recurly__monthly_recurring_revenue
            UNION ALL FROM stripe__monthly_recurring_revenue
        )
        GROUP BY ALL
        """
    )

    # The customers of both are the same made-up ones.
    assert {count for *_, count in found} == {2}
    assert len(found) == len(list(revenue()))
    columns = "SELECT column_name FROM (DESCRIBE {}__subscription_months)"
    assert built.rows(columns.format("recurly")) == built.rows(columns.format("stripe"))


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
