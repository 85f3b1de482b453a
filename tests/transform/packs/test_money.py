"""What bills are worth a month, on rows made by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from transform.packs.rendered import Rendered

MONTHS = "SELECT month, monthly_amount FROM vendor__subscription_months ORDER BY month"
PRORATION = {"subscription_item_details": {"proration": True}}


def second(*day):
    return int(datetime(*day, tzinfo=UTC).timestamp())


class Stripe(Rendered):
    def invoice(self, *, starts, ends, amount=1200, **more):
        """Bill a period of the one subscription on its first day."""
        number = self.row("SELECT count(*) FROM raw_vendor.invoices")[0]
        invoice = f"in_{number}"
        status, discounts = more.get("status", "paid"), more.get("discounts", [])
        self.add("invoices", id=invoice, currency="eur", status=status, updated=starts)
        self.add(
            "invoice_line_items",
            id=f"il_{number}",
            invoice=invoice,
            subscription="sub_1",
            currency="eur",
            amount=amount,
            discount_amounts=json.dumps([{"amount": each} for each in discounts]),
            parent=json.dumps(more.get("parent")),
            period=json.dumps({"start": starts, "end": ends}),
            pricing=json.dumps({"price_details": {"price": more.get("price", "p_1")}}),
        )

    def know(self, at):
        """Let Stripe tell of a change, whatever it is, that late."""
        self.add("invoices", id="in_last", currency="eur", status="void", updated=at)

    def row(self, sql):
        (found,) = self.rows(sql)
        return found


@pytest.fixture
def stripe(schemas):
    models = Stripe("stripe", schemas["stripe"])
    recurring = {"p_1": ("month", 1), "p_3": ("month", 3), "p_year": ("year", 1)}
    for price, (unit, count) in {**recurring, "p_week": ("week", 2)}.items():
        told = json.dumps({"interval": unit, "interval_count": count})
        models.add("prices", id=price, type="recurring", recurring=told, currency="eur")
    models.add("prices", id="p_once", type="one_time", currency="eur")
    used = json.dumps(
        {"interval": "month", "interval_count": 1, "usage_type": "metered"}
    )
    models.add("prices", id="p_used", type="recurring", recurring=used, currency="eur")
    models.add("subscriptions", id="sub_1", customer="cus_1", status="active")
    return models


@pytest.mark.parametrize(
    ("currency", "amount", "worth"),
    [
        ("eur", 1234, "12.34"),
        ("jpy", 500, "500"),
        ("kwd", 5120, "5.12"),
        ("isk", 500, "5"),
        ("ugx", 500, "5"),
    ],
)
def test_an_amount_counts_the_smallest_units_of_its_currency(
    stripe, currency, amount, worth
):
    stripe.add("charges", id="ch_1", currency=currency, amount=amount)

    found = stripe.row("SELECT amount FROM stg_vendor__charges")

    assert found == (Decimal(worth),)


def test_fractions_of_a_cent_in_a_price_are_kept(stripe):
    stripe.add("prices", id="p_0", currency="eur", unit_amount_decimal="643.125")

    sql = "SELECT unit_amount FROM stg_vendor__prices WHERE price_id = 'p_0'"

    assert stripe.row(sql) == (Decimal("6.43125"),)


def test_a_month_counts_where_its_last_day_is_paid_for(stripe):
    stripe.invoice(starts=second(2025, 1, 31), ends=second(2025, 2, 28, 9))
    stripe.invoice(starts=second(2025, 2, 28, 9), ends=second(2025, 3, 31))
    stripe.know(second(2025, 3, 15))

    assert stripe.rows(MONTHS) == [
        (date(2025, 1, 1), Decimal(12)),
        (date(2025, 2, 1), Decimal(12)),
        (date(2025, 3, 1), Decimal(12)),
    ]


@pytest.mark.parametrize(
    ("price", "monthly"), [("p_year", "1"), ("p_3", "4"), ("p_week", "26.0714")]
)
def test_longer_and_shorter_periods_are_spread_over_months(stripe, price, monthly):
    stripe.invoice(starts=second(2025, 1, 20), ends=second(2025, 2, 3), price=price)
    stripe.know(second(2025, 2, 1))

    assert stripe.rows(MONTHS)[0] == (date(2025, 1, 1), Decimal(monthly) * 1)


@pytest.mark.parametrize(
    "given",
    [
        {"status": "void"},
        {"parent": PRORATION},
        {"price": "p_once"},
        {"price": "p_used"},
    ],
    ids=["voided", "settles a change", "paid once", "paid by use"],
)
def test_what_does_not_recur_is_worth_nothing(stripe, given):
    stripe.invoice(starts=second(2025, 1, 20), ends=second(2025, 2, 20), **given)

    assert stripe.rows(MONTHS) == []


def test_a_discount_is_taken_off(stripe):
    period = {"starts": second(2025, 1, 20), "ends": second(2025, 2, 20)}
    stripe.invoice(**period, discounts=[100, 20])
    stripe.know(second(2025, 2, 1))

    assert stripe.rows(MONTHS)[0] == (date(2025, 1, 1), Decimal("10.8"))


def test_who_ends_at_once_is_worth_nothing_for_the_rest_of_the_period(stripe):
    ends = {"id": "sub_2", "customer": "cus_2", "ended_at": second(2025, 1, 25)}
    stripe.add("subscriptions", **ends)
    stripe.invoice(starts=second(2025, 1, 20), ends=second(2025, 2, 20))
    parent = {"subscription_item_details": {"subscription": "sub_2"}}
    stripe.invoice(starts=second(2025, 1, 20), ends=second(2025, 2, 20), parent=parent)
    stripe.know(second(2025, 2, 1))

    sql = "SELECT DISTINCT subscription_id FROM vendor__subscription_months"
    assert stripe.rows(sql) == [("sub_1",)]


def test_who_ended_since_the_newest_bill_is_worth_nothing_this_month(stripe):
    stripe.invoice(starts=second(2025, 1, 1), ends=second(2025, 2, 1))
    stripe.know(second(2025, 1, 5))
    ended = second(2025, 1, 20)
    gone = {"id": "sub_2", "customer": "cus_2", "ended_at": ended, "updated": ended}
    stripe.add("subscriptions", **gone)
    parent = {"subscription_item_details": {"subscription": "sub_2"}}
    stripe.invoice(starts=second(2025, 1, 1), ends=second(2025, 2, 1), parent=parent)

    sql = "SELECT DISTINCT subscription_id FROM vendor__subscription_months"
    assert stripe.rows(sql) == [("sub_1",)]


def test_an_account_with_nothing_in_it_has_no_months(stripe):
    assert stripe.rows(MONTHS) == []
    assert stripe.rows("FROM vendor__monthly_recurring_revenue") == []


def test_every_month_follows_from_the_one_before(stripe):
    stripe.invoice(starts=second(2025, 1, 5), ends=second(2025, 2, 5))
    stripe.invoice(starts=second(2025, 2, 5), ends=second(2025, 3, 5), amount=1500)
    stripe.invoice(starts=second(2025, 3, 5), ends=second(2025, 4, 5), amount=900)
    stripe.add("subscriptions", id="sub_2", customer="cus_2")
    parent = {"subscription_item_details": {"subscription": "sub_2"}}
    march = {"starts": second(2025, 3, 9), "ends": second(2025, 5, 9)}
    stripe.invoice(**march, amount=700, parent=parent)
    stripe.know(second(2025, 4, 20))

    found = stripe.rows(
        """
        SELECT
            month(month), customers, mrr, new_mrr, expansion_mrr, contraction_mrr,
            churned_mrr
        FROM vendor__monthly_recurring_revenue
        ORDER BY month
        """
    )

    assert found == [
        (1, 1, 12, 12, 0, 0, 0),
        (2, 1, 15, 0, 3, 0, 0),
        (3, 2, 16, 7, 0, -6, 0),
        (4, 1, 7, 0, 0, 0, -9),
    ]
