"""The models of Stripe on the made-up company, by the real tap and dbt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from transform.packs.company import NOW, build, revenue

from elt.testing.apis.clock import Clock
from elt.testing.apis.serving import served
from elt.testing.apis.stripe.api import TOKEN, Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS

# The project is built once for each worker that has a test of it: one is enough to see
# that dbt takes it, the others are looked at each day.
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("stripe") / "kettle"
    with served(Stripe(clock=Clock(NOW), limits=NO_LIMITS)) as stripe:
        origin = stripe.origin
        given = {"base_url": origin, "api_key": TOKEN, "requests_per_second": 100_000}
        return build(root, {"stripe": given})


@slow
def test_all_tests_pass_and_nothing_is_warned_of(built):
    assert "15 models, 42 tests" in built.said
    assert "warn" not in built.said.lower()


@slow
def test_revenue_is_what_the_customers_lives_are_worth(built):
    months = built.rows(
        "SELECT month, customers, mrr FROM stripe__monthly_recurring_revenue"
    )

    assert months == list(revenue())
    assert months[-1][1:] == (170, Decimal("12790.66"))


@slow
def test_months_follow_from_each_other(built):
    wrong = built.rows(
        """
        SELECT month FROM stripe__monthly_recurring_revenue
        QUALIFY mrr <> lag(mrr, 1, 0) OVER (ORDER BY month)
            + new_mrr + expansion_mrr + contraction_mrr + churned_mrr
        """
    )

    assert wrong == []


@slow
def test_subscriptions_are_those_of_the_company(built):
    found = built.row(
        """
        SELECT
            count(*), count(*) FILTER (WHERE is_active),
            sum(monthly_amount) FILTER (WHERE is_active),
            count(*) FILTER (WHERE products = 'House' AND is_active)
        FROM stripe__subscriptions
        """
    )

    assert found == (206, 170, Decimal("12790.66"), 38)


@slow
def test_customers_are_those_that_stripe_still_lists(built):
    found = built.row(
        """
        SELECT
            count(*), count(*) FILTER (WHERE is_active), sum(monthly_amount),
            sum(paid_total), sum(open_total), sum(refunded_total)
        FROM stripe__customers
        """
    )

    # Four customers had themselves deleted before the first run.
    money = (Decimal("68581.18"), Decimal("4291.90"), Decimal("353.62"))
    assert found == (202, 170, Decimal("12790.66"), *money)
