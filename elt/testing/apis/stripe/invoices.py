"""Invoices: drafts with their lines, and what becomes of them."""

from __future__ import annotations

from elt.testing.apis.stripe import payments
from elt.testing.apis.stripe.blanks_billing import TOTALS
from elt.testing.apis.stripe.catalogue import charged
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.subscriptions import DAY
from elt.testing.apis.stripe.tables import Object


def draft(
    space: Space,
    customer: Object,
    more: Object,
    *,
    at: int | None = None,
    key: str | None = None,
) -> Object:
    """Begin an invoice without lines; its `created` event comes with them."""
    at = space.now() if at is None else at
    fields = {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "period_start": at,
        "period_end": at,
        "_charge": None,
        "_payment_intent": None,
    }
    return space.create("invoice", fields | more, at=at, key=key, events=())


def bill(
    space: Space, subscription: Object, *, at: int | None = None, key: str | None = None
) -> Object:
    """Draft the invoice of a subscription's period, with what is pending."""
    at = space.now() if at is None else at
    sends = subscription["collection_method"] == "send_invoice"
    days = subscription["days_until_due"]
    is_first = subscription["latest_invoice"] is None
    customer = space.store.tables["customer"].get(subscription["customer"])
    more = {
        "auto_advance": True,
        "billing_reason": "subscription_create" if is_first else "subscription_cycle",
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "due_date": at + days * DAY if sends and days is not None else None,
        "parent": parent_of(subscription),
    }
    row = draft(space, customer or {}, more, at=at, key=key)
    _add_pending(space, row, at=at)
    items = space.store.named("subscription_item", "subscription", subscription["id"])
    for item in items:
        _add_lines_of(space, row, item, at=at)
    row = _sum(space, row["id"])
    space.tell("invoice", row["id"], "created", at=at)
    space.store.tables["subscription"].set(
        subscription["id"], subscription | {"latest_invoice": row["id"]}
    )
    return row


def parent_of(subscription: Object) -> Object:
    """Say in an invoice that a subscription is billed with it."""
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": subscription["metadata"],
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def add_line(space: Space, invoice: Object, fields: Object, *, at: int) -> Object:
    """Put a line into a draft; `fields` has at least its amount and period."""
    number = len(space.store.named("line_item", "invoice", invoice["id"]))
    key = space.id_of("line_item", f"{invoice['id']}/{number}")
    said = {
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "subtotal": fields["amount"],
        "_created": at,
        "_price": None,
    }
    row = space.fresh("line_item", said | fields, at=at, key=key)
    space.store.tables["line_item"].add([row])
    return row


def add_item(space: Space, invoice: Object, item: Object, *, at: int) -> None:
    """Put an invoice item into a draft."""
    details = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": {"credited_items": None},
        "subscription": None,
    }
    fields = {
        "amount": item["amount"],
        "description": item["description"],
        "metadata": item["metadata"],
        "parent": {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": item["period"],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "_price": item["_price"],
    }
    add_line(space, invoice, fields, at=at)
    items = space.store.tables["invoiceitem"]
    items.set(item["id"], item | {"invoice": invoice["id"], "_pending": False})


def settle(space: Space, key: str) -> Object:
    """Sum a draft up again, for what was added to it."""
    with space.watching("invoice", key):
        return _sum(space, key)


def finalize(space: Space, row: Object, *, at: int | None = None) -> Object:
    """Give it its number; from now on its amounts stand (docs.stripe.com: Invoices)."""
    at = space.now() if at is None else at
    customer = space.store.tables["customer"].get(row["customer"]) or {}
    number = len(space.store.named("invoice", "customer", row["customer"]))
    verbs = ["finalized", "updated"]
    if row["collection_method"] == "send_invoice":
        verbs.append("sent")
    changes = {
        "effective_at": at,
        "number": f"{customer.get('invoice_prefix', 'GONE')}-{number:04}",
        "status": "open",
        "status_transitions": row["status_transitions"] | {"finalized_at": at},
    }
    return space.change("invoice", row["id"], changes, *verbs, at=at)


def pay(
    space: Space, row: Object, *, at: int | None = None, outside: bool = False
) -> Object:
    """Pay it with a card, or note that it was paid elsewhere."""
    at = space.now() if at is None else at
    paid: Object = {
        "amount_paid": row["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "status": "paid",
        "status_transitions": row["status_transitions"] | {"paid_at": at},
    }
    if not outside and row["amount_due"]:
        intent, charge = payments.take(
            space,
            row["amount_due"],
            row["currency"],
            customer=row["customer"],
            invoice=row["id"],
            at=at,
        )
        payments.note_paid(space, row, intent, at=at)
        paid |= {"_charge": charge["id"], "_payment_intent": intent["id"]}
        paid["attempt_count"] = row["attempt_count"] + 1
    verbs = ("updated", "paid", "payment_succeeded")
    return space.change("invoice", row["id"], paid, *verbs, at=at)


def give_up(space: Space, row: Object, *, at: int | None = None) -> Object:
    """Mark it as uncollectible."""
    return _end(space, row, "uncollectible", "marked_uncollectible", at=at)


def void(space: Space, row: Object, *, at: int | None = None) -> Object:
    return _end(space, row, "void", "voided", at=at)


def _end(
    space: Space, row: Object, status: str, verb: str, *, at: int | None
) -> Object:
    at = space.now() if at is None else at
    transitions = row["status_transitions"] | {f"{verb}_at": at}
    changes = {"status": status, "status_transitions": transitions}
    return space.change("invoice", row["id"], changes, "updated", verb, at=at)


def _add_pending(space: Space, row: Object, *, at: int) -> None:
    for item in space.store.named("invoiceitem", "customer", row["customer"]):
        if item["_pending"]:
            add_item(space, row, item, at=at)


def _add_lines_of(space: Space, row: Object, item: Object, *, at: int) -> None:
    price = space.store.tables["price"].get(item["_price"])
    if price is None:
        return
    product = space.store.tables["product"].get(price["product"]) or {}
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": item["subscription"],
        "subscription_item": item["id"],
    }
    for pieces, decimal, amount in charged(price, item["quantity"]):
        fields = {
            "amount": amount,
            "description": f"{pieces} x {product.get('name')}",
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": details,
                "type": "subscription_item_details",
            },
            "period": {
                "start": item["current_period_start"],
                "end": item["current_period_end"],
            },
            "pricing": {
                "price_details": {"price": price["id"], "product": price["product"]},
                "type": "price_details",
                "unit_amount_decimal": decimal,
            },
            "quantity": pieces,
            "subscription": item["subscription"],
            "_price": price["id"],
        }
        add_line(space, row, fields, at=at)


def _sum(space: Space, key: str) -> Object:
    row = space.store.tables["invoice"].get(key)
    if row is None:
        raise KeyError(key)
    total = sum(
        line["amount"] for line in space.store.named("line_item", "invoice", key)
    )
    amounts = ("amount_due", "amount_remaining", *TOTALS)
    summed = row | dict.fromkeys(amounts, total)
    space.store.tables["invoice"].set(key, summed)
    return summed
