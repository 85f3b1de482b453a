"""The tap's rows, against what Stripe's own SDK reads of the same account."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import stripe as sdk
from taps.stripe.kettle import Reads, kettle, with_all

from elt.taps.stripe.options import VERSION
from elt.testing.apis.clock import Clock
from elt.testing.apis.stripe.api import TOKEN

OURS = {"updated", "_sdc_deleted_at"}
LISTS = {
    "charges": {},
    "credit_notes": {},
    "customers": {},
    "disputes": {},
    "events": {},
    "invoices": {},
    "plans": {"expand": ["data.tiers"]},
    "prices": {"expand": ["data.tiers"]},
    "refunds": {},
    "subscriptions": {"status": "all"},
}


@pytest.fixture(scope="module")
def company():
    early = Clock(datetime(2024, 9, 10, 12, tzinfo=UTC))
    with kettle(company=True, clock=early) as stripe:
        with_all(stripe.api)
        yield stripe


@pytest.fixture(scope="module")
def client(company):
    connections = sdk.RequestsClient()
    yield sdk.StripeClient(
        TOKEN,
        base_addresses={"api": company.origin},
        http_client=connections,
        stripe_version=VERSION,
    )
    connections.close()


def plain(objects):
    """Give the SDK's objects as JSON has them, by id."""
    rows = (json.loads(json.dumps(row.to_dict(), default=str)) for row in objects)
    return {row["id"]: row for row in rows}


def read_by_tap(company, capsysbinary, name):
    told = Reads(company, capsysbinary)(name)
    return {
        row["id"]: {field: row[field] for field in row if field not in OURS}
        for row in told.rows(name)
    }


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_the_objects_that_the_sdk_reads(company, client, capsysbinary, name):
    service = getattr(client.v1, name)
    listed = service.list({"limit": 100, **LISTS[name]})

    ours = read_by_tap(company, capsysbinary, name)

    theirs = plain(listed.auto_paging_iter())
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        assert {n for n in row if n not in OURS} == set(ours[key]), key
        assert row["created"] == ours[key]["created"]
        assert row.get("metadata") == ours[key].get("metadata")


def test_lines_are_those_that_the_sdk_reads_invoice_by_invoice(
    company, client, capsysbinary
):
    invoices = client.v1.invoices.list({"limit": 100}).auto_paging_iter()
    theirs = {}
    for invoice in invoices:
        lines = client.v1.invoices.line_items.list(invoice.id, {"limit": 100})
        theirs |= plain(lines.auto_paging_iter())

    ours = read_by_tap(company, capsysbinary, "invoice_line_items")

    assert ours.keys() == theirs.keys()
    assert {row["amount"] for row in ours.values()} == {
        row["amount"] for row in theirs.values()
    }


def test_items_are_those_that_the_sdk_reads_subscription_by_subscription(
    company, client, capsysbinary
):
    found = client.v1.subscriptions.list({"limit": 100, "status": "all"})
    theirs = {}
    for subscription in found.auto_paging_iter():
        asked = {"limit": 100, "subscription": subscription.id}
        theirs |= plain(client.v1.subscription_items.list(asked).auto_paging_iter())

    ours = read_by_tap(company, capsysbinary, "subscription_items")

    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        assert row["current_period_end"] == ours[key]["current_period_end"]


def test_what_the_sdk_changes_and_deletes_is_read(company, client, capsysbinary):
    read = Reads(company, capsysbinary)
    first = read("customers", "coupons")
    read.later(minutes=30)
    customer = client.v1.customers.create({"name": "Written by the SDK"})
    client.v1.customers.update(customer.id, {"phone": "+49 30 1"})
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once"})
    client.v1.coupons.delete(coupon.id)

    told = read("customers", "coupons", state=first.state)

    assert told.by_id("customers")[customer.id]["phone"] == "+49 30 1"
    assert "_sdc_deleted_at" in told.by_id("coupons")[coupon.id]
