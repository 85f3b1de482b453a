"""Each group of endpoints, asked by Stripe's own SDK for Python."""

from __future__ import annotations

import pytest
import stripe as sdk

READ = (
    ("customers", "customer"),
    ("charges", "charge"),
    ("payment_intents", "payment_intent"),
    ("refunds", "refund"),
    ("invoices", "invoice"),
    ("subscriptions", "subscription"),
    ("products", "product"),
    ("prices", "price"),
    ("plans", "plan"),
    ("coupons", "coupon"),
    ("promotion_codes", "promotion_code"),
    ("balance_transactions", "balance_transaction"),
    ("payouts", "payout"),
    ("disputes", "dispute"),
    ("invoice_payments", "invoice_payment"),
)


@pytest.mark.parametrize(("group", "kind"), READ)
def test_every_kind_is_listed_and_read_by_id(company, client, group, kind):
    endpoint = getattr(client(company).v1, group)

    listed = endpoint.list({"limit": 3})
    one = endpoint.retrieve(listed.data[0].id)

    assert listed.object == "list"
    assert listed.url == f"/v1/{group}"
    assert {row.object for row in listed.data} == {kind}
    assert one.id == listed.data[0].id


@pytest.mark.parametrize(
    "group", ["invoice_items", "transfers", "credit_notes", "accounts", "events"]
)
def test_an_empty_account_has_empty_lists(account, client, group):
    listed = getattr(client(account).v1, group).list()

    assert listed.data == []
    assert listed.has_more is False


def test_the_sdk_pages_through_everything_forwards_and_backwards(account, client):
    made = account.api.add("customer", 250)

    customers = client(account).v1.customers
    forwards = [c.id for c in customers.list({"limit": 100}).auto_paging_iter()]
    first = customers.list({"limit": 100, "ending_before": made[0]})
    backwards = [c.id for c in first.auto_paging_iter()]

    assert forwards == made[::-1]
    assert backwards == made[1:]


def test_the_lines_of_an_invoice_are_paged(account, client):
    (invoice,) = account.api.add("invoice")
    account.api.add("line_item", 12, invoice=invoice)

    invoices = client(account).v1.invoices
    inside = invoices.retrieve(invoice).lines
    lines = list(inside.auto_paging_iter())

    assert len(inside.data) == 10
    assert inside.has_more is True
    assert inside.url == f"/v1/invoices/{invoice}/lines"
    assert len({line.id for line in lines}) == 12


def test_the_items_of_a_subscription_are_listed_by_it(account, client):
    (mine, other) = account.api.add("subscription", 2)
    account.api.add("subscription_item", 11, subscription=mine)
    account.api.add("subscription_item", 1, subscription=other)

    listed = client(account).v1.subscription_items.list({"subscription": mine})

    assert len(list(listed.auto_paging_iter())) == 11


def test_a_subscription_is_made_changed_billed_and_canceled(account, client):
    v1 = client(account).v1
    product = v1.products.create({"name": "Roster"})
    price = v1.prices.create(
        {
            "product": product.id,
            "currency": "eur",
            "unit_amount": 450,
            "recurring": {"interval": "month"},
        }
    )
    customer = v1.customers.create({"email": "ada@door.example"})

    begun = v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id, "quantity": 3}]}
    )
    item = begun["items"].data[0]
    changed = v1.subscriptions.update(
        begun.id, {"items": [{"id": item.id, "quantity": 5}]}
    )
    ended = v1.subscriptions.cancel(begun.id)

    invoice = v1.invoices.retrieve(begun.latest_invoice, {"expand": ["payments"]})
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 1350, 1350)
    assert invoice.parent.subscription_details.subscription == begun.id
    assert invoice.payments.data[0].payment.type == "payment_intent"
    assert changed["items"].data[0].id == item.id
    assert changed["items"].data[0].quantity == 5
    assert ended.status == "canceled"
    assert v1.subscriptions.list().data == []
    assert v1.plans.retrieve(price.id).amount == 450


def test_an_invoice_is_drafted_finalized_and_paid(account, client):
    v1 = client(account).v1
    customer = v1.customers.create({"email": "ada@door.example"})
    v1.invoice_items.create({"customer": customer.id, "amount": 500, "currency": "eur"})

    draft = v1.invoices.create(
        {
            "customer": customer.id,
            "currency": "eur",
            "pending_invoice_items_behavior": "include",
        }
    )
    open_one = v1.invoices.finalize_invoice(draft.id)
    paid = v1.invoices.pay(draft.id)

    assert (draft.status, draft.total, draft.number) == ("draft", 500, None)
    assert open_one.status == "open"
    assert open_one.number.endswith("-0001")
    assert (paid.status, paid.amount_remaining) == ("paid", 0)
    with pytest.raises(sdk.InvalidRequestError, match="already paid"):
        v1.invoices.pay(draft.id)


def test_a_payment_is_taken_refunded_and_paid_out(account, client):
    v1 = client(account).v1
    intent = v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "expand": ["latest_charge.balance_transaction"],
        }
    )
    refund = v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    payout = v1.payouts.create({"amount": 100, "currency": "eur"})

    charge = v1.charges.retrieve(intent.latest_charge.id)
    assert intent.status == "succeeded"
    assert intent.latest_charge.balance_transaction.net == 2000 - 55
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    assert refund.charge == charge.id
    assert payout.automatic is False
    types = [t.type for t in v1.balance_transactions.list().data]
    assert types == ["payout", "refund", "charge"]
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded"):
        v1.refunds.create({"charge": charge.id, "amount": 1501})


def test_a_declined_card_is_a_card_error_and_leaves_a_failed_charge(account, client):
    v1 = client(account).v1

    with pytest.raises(sdk.CardError) as caught:
        v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "eur",
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
            }
        )

    assert caught.value.http_status == 402
    assert caught.value.code == "card_declined"
    (charge,) = v1.charges.list().data
    assert (charge.status, charge.paid) == ("failed", False)


def test_products_coupons_and_codes_are_made_and_deleted(account, client):
    v1 = client(account).v1
    product = v1.products.create({"name": "Roster", "id": "roster"})
    coupon = v1.coupons.create({"percent_off": 25.5, "duration": "forever"})
    code = v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FALL"}
    )

    gone = [v1.products.delete(product.id), v1.coupons.delete(coupon.id)]

    assert [each.deleted for each in gone] == [True, True]
    assert code.promotion.coupon == coupon.id
    assert v1.coupons.list().data == []
    assert v1.products.list().data == []
    with pytest.raises(sdk.InvalidRequestError) as caught:
        v1.coupons.retrieve(coupon.id)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_a_credit_note_lowers_what_is_due(account, client):
    v1 = client(account).v1
    customer = v1.customers.create({})
    v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "eur"})
    invoice = v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    v1.invoices.finalize_invoice(invoice.id)

    note = v1.credit_notes.create({"invoice": invoice.id, "amount": 400})

    assert v1.invoices.retrieve(invoice.id).amount_due == 500
    assert [line.amount for line in note.lines.data] == [400]
    assert v1.credit_notes.void_credit_note(note.id).status == "void"


def test_transfers_go_to_connected_accounts(account, client):
    account.api.connect("acct_cafe")
    v1 = client(account).v1

    made = v1.transfers.create(
        {"amount": 700, "currency": "eur", "destination": "acct_cafe"}
    )
    (listed,) = v1.transfers.list({"expand": ["data.destination"]}).data

    assert made.reversals.data == []
    assert listed.destination.email == "owner@acct_cafe.example"


def test_a_dispute_takes_the_money_and_is_closed(account, client):
    v1 = client(account).v1
    intent = v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )

    dispute = account.api.dispute(intent.latest_charge)
    closed = v1.disputes.close(dispute)

    assert closed.status == "lost"
    assert closed.balance_transactions[0].amount == -2000
    types = [event.type for event in v1.events.list({"type": "charge.dispute.*"}).data]
    assert types == [
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.created",
    ]
