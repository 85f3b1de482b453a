"""What Recurly knows of the made-up company."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.lives import accounts
from elt.testing.traces import invoices

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")
EARLY = datetime(2024, 9, 2, 8, tzinfo=UTC)


def everything(api):
    return {
        kind: {identity: api.shown(kind, identity) for identity in rows}
        for kind, rows in api.store.rows.items()
    }


def test_accounts_have_the_companys_codes(company, sdk):
    first = sdk(company).get_account("code-acc_0001")

    (known,) = list(accounts(7, first.created_at.date()))[:1]
    assert (first.code, first.company) == (known.id, known.name)
    assert first.email == known.people[0].email


def test_invoices_amount_to_what_the_company_bills(company):
    until = company.api.clock.now().date()
    billed = sum(
        invoice.amount
        for account in accounts(7, until)
        for invoice in invoices(7, account, until)
        if invoice.issued_on < until
    )

    rows = company.api.store.rows["invoices"].values()
    charged = sum(
        round(100 * row.get("total"))
        for row in rows
        if row.get("type") == "charge" and row.created < midnight(until)
    )

    assert charged == 100 * billed


def midnight(day):
    return datetime.combine(day, datetime.min.time(), UTC).timestamp()


@settings(max_examples=5)
@given(hours=st.lists(st.integers(1, 40 * 24), min_size=1, max_size=4))
def test_for_all_ways_of_a_clock_the_same_is_known_in_the_end(hours):
    stepwise = Recurly(clock=Clock(EARLY))
    for step in hours:
        stepwise.clock.advance(timedelta(hours=step))
        stepwise.update("plans", stepwise.store.find("plans", "code-house").id, {})
    at_once = Recurly(clock=Clock(EARLY + timedelta(hours=sum(hours))))

    left, right = everything(stepwise), everything(at_once)
    left.pop("plans")
    right.pop("plans")
    assert left == right


def test_nothing_is_known_before_it_happens():
    api = Recurly(clock=Clock(EARLY))

    latest = max(
        row.updated for rows in api.store.rows.values() for row in rows.values()
    )

    assert latest <= EARLY.timestamp()


def test_an_incremental_read_sees_what_a_week_has_changed(serve, ask):
    site = serve(Recurly(clock=Clock(EARLY + timedelta(days=90))))
    client = ask(site)
    since = site.api.clock.now().isoformat()

    site.api.clock.advance(timedelta(days=7))
    window = {"sort": "updated_at", "order": "asc", "begin_time": since, "limit": 200}
    found = client.get("/invoices", params=window).json()["data"]

    new = [row for row in found if row["created_at"] == row["updated_at"]]
    paid = [row for row in found if row["created_at"] < since[:19]]
    assert new
    assert {row["state"] for row in paid} <= {"paid", "past_due", "failed", "closed"}
    assert paid


def test_a_renewed_card_is_not_seen_by_who_reads_accounts_by_their_update(serve, ask):
    site = serve(Recurly())
    client = ask(site)
    since = site.api.clock.now()
    site.api.clock.advance(timedelta(days=14))
    params = {"sort": "updated_at", "begin_time": since.isoformat(), "limit": 200}
    updated = {
        row["id"] for row in client.get("/accounts", params=params).json()["data"]
    }

    renewed = {
        row.links["account"]
        for row in site.api.store.rows["billing_infos"].values()
        if row.created < since.timestamp() < row.updated
    }

    assert renewed
    assert not renewed & updated


def test_a_failed_invoice_is_written_off(company, sdk):
    client = sdk(company)

    payment = client.list_credit_payments().first()

    failed = client.get_invoice(payment.applied_to_invoice.id)
    credit = client.get_invoice(payment.original_invoice.id)
    assert (payment.action, failed.state) == ("write_off", "failed")
    assert (credit.type, credit.total) == ("credit", -failed.total)
    assert failed.credit_payments[0].id == payment.id
    assert all(not transaction.success for transaction in failed.transactions)


def test_a_subscription_adds_up(company, sdk):
    for row in sdk(company).list_subscriptions(params={"limit": 50}).pages().__next__():
        cents = round(100 * row.unit_amount) + round(100 * row.add_ons_total)
        assert cents == round(100 * row.total)


def test_a_renewal_updates_its_subscription(company, sdk):
    client = sdk(company)
    live = client.list_subscriptions(params={"state": "active"}).first()

    invoice = client.get_invoice(live.active_invoice_id)

    assert live.current_period_started_at == invoice.created_at
    assert live.updated_at >= invoice.created_at


def test_a_customer_that_others_have_ended_is_billed_no_more(serve, sdk):
    site = serve(Recurly(clock=Clock(EARLY + timedelta(days=90))))
    client = sdk(site)
    live = client.list_subscriptions(params={"state": "active"}).first()
    billed = client.list_subscription_invoices(live.id).count()

    client.deactivate_account(live.account.id)
    site.api.clock.advance(timedelta(days=90))

    assert client.list_subscription_invoices(live.id).count() == billed
    assert client.get_account(live.account.id).state == "inactive"


def test_an_export_is_downloaded_without_a_key(company, sdk):
    client = sdk(company)
    dates = client.get_export_dates().dates

    files = client.get_export_files(dates[0]).files
    content = httpx.get(files[0].href).content

    assert dates[0] == "2025-06-01"
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == files[0].md5sum
    assert gzip.decompress(content).startswith(b"id,created_at")


@pytest.mark.parametrize(("date", "status"), [("2025-13-01", 400), ("2020-01-01", 404)])
def test_an_export_of_no_day_is_refused(company, ask, date, status):
    answer = ask(company).get(f"/export_dates/{date}/export_files")

    assert answer.status_code == status


def test_a_hundred_thousand_rows_are_added_and_no_key_is_lost():
    api = Recurly(company=False)

    made = api.add("accounts", 100_000)

    assert [identity for _, identity in api.store.created["accounts"].keys] == made
