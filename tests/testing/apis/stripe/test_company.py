from __future__ import annotations

from datetime import date, timedelta

import pytest

from elt.testing.apis.clock import Clock
from elt.testing.apis.stripe.api import TODAY, Stripe
from elt.testing.lives import accounts
from elt.testing.traces import invoices

DAY = date(2025, 6, 1)


def _rows(api: Stripe, kind: str) -> list[dict]:
    return list(api.space().store.tables[kind])


def test_customers_carry_the_id_that_the_crm_knows_them_by(company):
    known = [a for a in accounts(7, DAY) if a.periods and a.decided_on < DAY]
    table = company.api.space().store.tables["customer"]

    found = {
        row["metadata"]["crm_account_id"]: row["email"]
        for key in [company.api.space().id_of("customer", a.id) for a in known]
        if (row := table.get(key))
    }

    assert found == {a.id: a.people[0].email for a in known}


def test_invoices_add_up_to_what_the_company_billed(company):
    billed = {
        company.api.space().id_of("invoice", bill.id): int(bill.amount * 100)
        for account in accounts(7, DAY)
        for bill in invoices(7, account, DAY)
    }

    totals = {row["id"]: row["total"] for row in _rows(company.api, "invoice")}

    differing = {key for key in billed if totals.get(key, 0) != billed[key]}
    assert differing <= _issued_today(company)
    assert set(totals) <= set(billed)


def _issued_today(company) -> set[str]:
    """Give the bills of the day itself: the clock stands at noon."""
    return {
        company.api.space().id_of("invoice", bill.id)
        for account in accounts(7, DAY)
        for bill in invoices(7, account, DAY)
        if bill.issued_on == DAY
    }


def test_the_lines_of_an_invoice_add_up_to_its_total(company):
    lines = company.api.space().store
    for invoice in _rows(company.api, "invoice"):
        found = lines.named("line_item", "invoice", invoice["id"])
        assert sum(line["amount"] for line in found) == invoice["total"]


def test_a_customer_keeps_one_subscription_whose_items_change(company, ask):
    path = "/v1/events?type=customer.subscription.updated&limit=100"

    events = ask(company, path).json()["data"]

    changed = [e["data"]["previous_attributes"] for e in events]
    assert any("items" in each for each in changed)
    subscriptions = _rows(company.api, "subscription")
    assert len({s["customer"] for s in subscriptions}) == len(subscriptions)


def test_there_is_some_of_everything(company):
    statuses = {row["status"] for row in _rows(company.api, "invoice")}
    names = {row["status"] for row in _rows(company.api, "subscription")}

    assert {"paid", "open", "uncollectible"} <= statuses
    assert names == {"active", "canceled"}
    assert len(_rows(company.api, "product")) == 3
    assert len(_rows(company.api, "price")) == 6
    for kind in ("refund", "dispute", "payout"):
        assert _rows(company.api, kind)


@pytest.mark.slow
def test_looking_every_day_or_once_gives_the_same():
    clock = Clock(TODAY - timedelta(days=8))
    often = Stripe(clock=clock)
    for _ in range(16):
        clock.advance(timedelta(hours=12))
        often.catch_up()

    once = Stripe()

    for kind in (
        "customer",
        "invoice",
        "subscription",
        "balance_transaction",
        "payout",
    ):
        assert _rows(often, kind) == _rows(once, kind)
    recent = [row["id"] for row in _rows(once, "event")]
    assert [row["id"] for row in _rows(often, "event")][-len(recent) :] == recent


def test_a_week_later_more_is_known(company):
    clock = Clock(TODAY)
    api = Stripe(clock=clock)
    before = len(_rows(api, "event"))

    clock.advance(timedelta(days=7))
    api.catch_up()

    assert len(_rows(api, "event")) > before
    assert len(_rows(api, "invoice")) > len(_rows(company.api, "invoice"))
