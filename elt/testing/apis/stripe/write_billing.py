"""Writing subscriptions and invoices."""

from __future__ import annotations

from typing import Any

from elt.testing.apis.stripe import errors, invoices, subscriptions
from elt.testing.apis.stripe.forms import whole
from elt.testing.apis.stripe.money import check_amount, check_currency, times
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.subscriptions import DAY, Part
from elt.testing.apis.stripe.tables import Object
from elt.testing.apis.stripe.write_catalogue import found, plain

Values = dict[str, Any]


def create_subscription(space: Space, values: Values) -> Object:
    """Begin one, and bill it at once: by card it is paid, sent invoices stay open."""
    customer = found(space, "customer", values, "customer")
    parts = [_part(space, item) for item in values["items"]]
    names = ["collection_method", "days_until_due", "description", "metadata"]
    names.append("cancel_at_period_end")
    more = plain({name: values[name] for name in names if name in values})
    row = subscriptions.subscribe(space, customer["id"], parts, more=more)
    invoice = invoices.finalize(space, invoices.bill(space, row))
    if row["collection_method"] == "charge_automatically":
        invoices.pay(space, invoice)
    return _again(space, row)


def update_subscription(space: Space, row: Object, values: Values) -> Object:
    _check_not_ended(row)
    names = [n for n in values if n not in {"items", "proration_behavior", "expand"}]
    changes = plain({name: values[name] for name in names}, row)
    if changes.get("cancel_at_period_end"):
        ends = row["_current_period_end"]
        changes |= {"cancel_at": ends, "canceled_at": space.now()}
    elif "cancel_at_period_end" in changes:
        changes |= {"cancel_at": None, "canceled_at": None}
    if changes:
        space.change("subscription", row["id"], changes)
    if values.get("items"):
        parts = _with_changes(space, row, values["items"])
        subscriptions.exchange(space, row["id"], parts)
    return _again(space, row)


def cancel_subscription(space: Space, row: Object, values: Values) -> Object:
    _check_not_ended(row)
    details = values.get("cancellation_details")
    return subscriptions.cancel(space, row["id"], details=details)


def create_subscription_item(space: Space, values: Values) -> Object:
    row = found(space, "subscription", values, "subscription")
    _check_not_ended(row)
    before = subscriptions.parts_of(space, row["id"])
    subscriptions.exchange(space, row["id"], [*before, _part(space, values)])
    known = {part.id for part in before}
    items = space.store.named("subscription_item", "subscription", row["id"])
    return next(item for item in items if item["id"] not in known)


def update_subscription_item(space: Space, row: Object, values: Values) -> Object:
    subscription = space.store.tables["subscription"].get(row["subscription"]) or {}
    change = {**values, "id": row["id"]}
    parts = _with_changes(space, subscription, [change])
    subscriptions.exchange(space, row["subscription"], parts)
    return space.store.tables["subscription_item"].get(row["id"]) or row


def delete_subscription_item(space: Space, row: Object, _: Values) -> Object:
    parts = subscriptions.parts_of(space, row["subscription"])
    kept = [part for part in parts if part.id != row["id"]]
    if not kept:
        said = (
            "A subscription must have at least one active plan. To cancel the "
            "subscription, please use the cancel API endpoint"
        )
        raise errors.Refused(400, said)
    subscriptions.exchange(space, row["subscription"], kept)
    return {"id": row["id"], "object": "subscription_item", "deleted": True}


def _part(space: Space, item: Any) -> Part:
    if not isinstance(item, dict):
        raise errors.invalid("items", "Invalid object")
    if "price" not in item:
        raise errors.missing_parameter("items[0][price]")
    price = found(space, "price", item, "price")
    if price["recurring"] is None:
        said = "The price specified is set to `type=one_time` but this field only "
        raise errors.invalid("items[0]", f"{said}accepts prices with `type=recurring`.")
    return Part(price["id"], whole(item, "quantity", 1))


def _with_changes(space: Space, row: Object, changes: list[Values]) -> list[Part]:
    parts = {part.id: part for part in subscriptions.parts_of(space, row["id"])}
    added = []
    for change in changes:
        key = change.get("id")
        if key is None:
            added.append(_part(space, change))
            continue
        old = parts.get(key)
        if old is None:
            raise errors.missing("subscription item", key, "items[0][id]", status=400)
        if change.get("deleted") == "true":
            del parts[key]
            continue
        said = {"price": old.price, "quantity": old.quantity} | change
        new = _part(space, said)
        parts[key] = Part(new.price, new.quantity, key)
    return [*parts.values(), *added]


def _check_not_ended(row: Object) -> None:
    if row["status"] == "canceled":
        said = "A canceled subscription can only update its cancellation_details."
        raise errors.Refused(400, said)


def _again(space: Space, row: Object) -> Object:
    return space.store.tables[row["object"]].get(row["id"]) or row


def create_invoice(space: Space, values: Values) -> Object:
    """Draft one with what is pending for the customer, if asked (API reference)."""
    customer = found(space, "customer", values, "customer")
    behavior = values.pop("pending_invoice_items_behavior", "exclude")
    days = values.pop("days_until_due", None)
    more = plain({n: v for n, v in values.items() if n != "customer"})
    more["currency"] = check_currency(values.get("currency") or space.currency)
    if days is not None:
        more["due_date"] = space.now() + days * DAY
    if values.get("subscription"):
        subscription = found(space, "subscription", values, "subscription")
        del more["subscription"]
        more["parent"] = invoices.parent_of(subscription)
    row = invoices.draft(space, customer, more)
    if behavior == "include":
        for item in space.store.named("invoiceitem", "customer", customer["id"]):
            if item["_pending"]:
                invoices.add_item(space, row, item, at=space.now())
    row = invoices.settle(space, row["id"])
    space.tell("invoice", row["id"], "created", at=space.now())
    return row


def update_invoice(space: Space, row: Object, values: Values) -> Object:
    days = values.pop("days_until_due", None)
    changes = plain(values, row)
    if days is not None:
        changes["due_date"] = row["created"] + days * DAY
    return space.change("invoice", row["id"], changes)


def delete_invoice(space: Space, row: Object, _: Values) -> Object:
    """Delete a draft; any other has to be voided (API reference)."""
    _check_status(row, "draft", said="You can only delete draft invoices")
    return space.delete("invoice", row["id"])


def finalize(space: Space, row: Object, _: Values) -> Object:
    _check_status(row, "draft", said="This invoice is already finalized")
    finalized = invoices.finalize(space, row)
    if finalized["amount_due"] == 0:
        return invoices.pay(space, finalized, outside=True)
    return finalized


def pay(space: Space, row: Object, values: Values) -> Object:
    if row["status"] == "paid":
        raise errors.Refused(400, "Invoice is already paid", "invoice_already_paid")
    if row["status"] == "draft":
        row = invoices.finalize(space, row)
    _check_status(row, "open", "uncollectible", said="This invoice cannot be paid")
    return invoices.pay(space, row, outside=bool(values.get("paid_out_of_band")))


def void(space: Space, row: Object, _: Values) -> Object:
    _check_status(row, "open", "uncollectible", said="You can only void open invoices")
    return invoices.void(space, row)


def give_up(space: Space, row: Object, _: Values) -> Object:
    said = "You can only mark open invoices as uncollectible"
    _check_status(row, "open", said=said)
    return invoices.give_up(space, row)


def send(space: Space, row: Object, _: Values) -> Object:
    if row["status"] == "draft":
        return invoices.finalize(space, row)
    space.tell("invoice", row["id"], "sent", at=space.now())
    return row


def _check_status(row: Object, *allowed: str, said: str) -> None:
    if row["status"] not in allowed:
        raise errors.Refused(400, said, "invoice_not_editable")


def create_invoiceitem(space: Space, values: Values) -> Object:
    customer = found(space, "customer", values, "customer")
    fields = plain({n: v for n, v in values.items() if n != "pricing"})
    price = None
    if values.get("pricing"):
        price = found(space, "price", values["pricing"], "price")
    currency = values.get("currency") or (price or {}).get("currency") or ""
    if not currency:
        raise errors.missing_parameter("currency")
    fields |= _priced(values, price, check_currency(currency))
    at = space.now()
    fields |= {
        "customer": customer["id"],
        "period": _period(values, at),
        "_pending": True,
    }
    invoice = values.get("invoice") and found(space, "invoice", values, "invoice")
    fields |= {"invoice": None}
    fields.pop("unit_amount_decimal", None)  # it stands in `pricing`
    row = space.create("invoiceitem", fields)
    if invoice:
        _check_status(invoice, "draft", said="This invoice is not a draft")
        invoices.add_item(space, invoice, row, at=at)
        invoices.settle(space, invoice["id"])
    return _again(space, row)


def _priced(values: Values, price: Object | None, currency: str) -> Values:
    quantity = values.get("quantity", 1)
    decimal = values.get("unit_amount_decimal")
    pricing: Object = {"type": "price_details", "price_details": None}
    if price is not None:
        decimal = price["unit_amount_decimal"]
        details = {"price": price["id"], "product": price["product"]}
        pricing["price_details"] = details
    if decimal is None:
        if "amount" not in values:
            raise errors.missing_parameter("amount")
        decimal = str(values["amount"])
        quantity = 1
    # A credit is an invoice item with a negative amount, so only its size is checked.
    amount = times(decimal, quantity)
    check_amount(abs(amount), currency)
    return {
        "amount": amount,
        "currency": currency,
        "net_amount": amount,
        "pricing": pricing | {"unit_amount_decimal": decimal},
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "_price": price["id"] if price else None,
    }


def _period(values: Values, at: int) -> Object:
    said = values.get("period") or {}
    return {name: whole(said, name, at) for name in ("start", "end")}


def update_invoiceitem(space: Space, row: Object, values: Values) -> Object:
    _check_pending(row)
    changes = plain(values, row)
    if "amount" in changes:
        changes |= _priced({"amount": changes["amount"]}, None, row["currency"])
    return space.change("invoiceitem", row["id"], changes)


def delete_invoiceitem(space: Space, row: Object, _: Values) -> Object:
    _check_pending(row)
    return space.delete("invoiceitem", row["id"])


def _check_pending(row: Object) -> None:
    if not row["_pending"]:
        said = "You cannot modify an invoice item that is on an invoice."
        raise errors.Refused(400, said)
