"""What happens to one month's bill: issued, paid, late, or never paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from elt.testing.apis.recurly.catalogue import (
    FULL_SEATS,
    SETUP_FEE,
    major,
    seat_prices,
)
from elt.testing.apis.recurly.happenings import Customer, Happening, Happens
from elt.testing.apis.recurly.rendering import billing_info_of
from elt.testing.apis.recurly.store import Row, Store, iso, uuid_of
from elt.testing.lives import PLANS, month_after
from elt.testing.traces import DAYS_TO_PAY, Invoice

_SECOND_TRY = timedelta(days=7)
_GIVEN_UP = timedelta(days=21)
_GATEWAY_SECONDS = 95  # from the making of a transaction to its collection


def happened_to_bill(happens: Happens, bill: Invoice) -> Iterator[Happening]:
    yield happens(bill.issued_on, 12, _issue, bill)
    if bill.paid_on is None or bill.paid_on > bill.due_on:
        yield happens(bill.due_on, 18, _decline, bill, 1)
    if bill.paid_on is None:
        yield happens(bill.due_on + _SECOND_TRY, 18, _decline, bill, 2)
        yield happens(bill.due_on + _GIVEN_UP, 18, _give_up, bill)
    else:
        yield happens(bill.paid_on, 19, _pay, bill)


def _issue(store: Store, of: Customer, at: int, bill: Invoice) -> None:
    ids = of.ids(store)
    subscription = store.rows["subscriptions"].get(ids.subscription)
    if subscription is None or subscription.get("state") == "expired":
        return
    identity = store.identify("invoices", bill.id)
    number = store.next_invoice_number()
    redemption = _redemption(store, of, bill)
    discount = SETUP_FEE if redemption else Decimal(0)
    fields = {
        "uuid": uuid_of(identity),
        "number": number,
        "origin": "purchase" if _is_first(of, bill) else "renewal",
        "billing_info_id": ids.billing_info,
        "subscription_ids": [ids.subscription],
        "net_terms": DAYS_TO_PAY,
        "discount": major(discount),
        "subtotal": major(bill.amount + discount),
        "total": major(bill.amount),
        "balance": major(bill.amount),
        "refundable_amount": 0.0,
        "due_at": iso(at + DAYS_TO_PAY * 86400),
    }
    links = {"account": ids.account, "subscription": ids.subscription}
    store.add(Row("invoices", identity, at, at, fields, links))
    store.change(subscription, at, _renewed(bill, identity, at))
    for line in _lines(of, bill, has_setup_fee=redemption is not None):
        _add_line(store, of, at, bill, {**line, "invoice_number": number})
    if redemption:
        store.change(redemption, at, {"discounted": major(discount)})
        store.link(redemption, "invoice", identity)


def _renewed(bill: Invoice, invoice: str, at: int) -> dict[str, Any]:
    """Move a subscription to the period that its bill is for; it is updated by that."""
    ends = datetime.combine(month_after(bill.issued_on, 1), time(12), UTC)
    ends_at = iso(int(ends.timestamp()))
    return {
        "active_invoice_id": invoice,
        "current_period_started_at": iso(at),
        "current_period_ends_at": ends_at,
        "current_term_started_at": iso(at),
        "current_term_ends_at": ends_at,
    }


def _is_first(of: Customer, bill: Invoice) -> bool:
    return bill.issued_on == of.account.decided_on


def _redemption(store: Store, of: Customer, bill: Invoice) -> Row | None:
    identity = store.identify("coupon_redemptions", of.account.id)
    return (
        store.rows["coupon_redemptions"].get(identity) if _is_first(of, bill) else None
    )


def _lines(of: Customer, bill: Invoice, *, has_setup_fee: bool) -> list[dict[str, Any]]:
    """Split a bill into its lines; what they amount to is the bill's amount."""
    period = of.account.period_on(bill.issued_on)
    seats = period.seats if period else 0
    base = PLANS[bill.plan][0]
    each, cheaper = seat_prices(bill.plan)
    full = min(seats, FULL_SEATS)
    rest = bill.amount - base - full * each
    lines = [
        _line("plan", bill.plan.capitalize(), 1, base, base),
        _line("add_on", "Seat", full, each, full * each),
    ]
    if seats > full:
        lines.append(_line("add_on", "Seat", seats - full, cheaper, rest))
    if has_setup_fee:
        fee = _line("setup_fee", "Setting up", 1, SETUP_FEE, SETUP_FEE)
        lines.append({**fee, "discount": major(SETUP_FEE), "amount": 0.0})
    return lines


def _line(
    origin: str, description: str, quantity: int, unit: Decimal, amount: Decimal
) -> dict[str, Any]:
    is_in_cents = unit == round(unit, 2)
    return {
        "origin": origin,
        "description": description,
        "quantity": quantity,
        "unit_amount": major(unit) if is_in_cents else None,
        "unit_amount_decimal": None if is_in_cents else f"{unit.normalize():f}",
        "subtotal": major(amount),
        "amount": major(amount),
        "add_on_code": "seat" if origin == "add_on" else None,
    }


def _add_line(
    store: Store, of: Customer, at: int, bill: Invoice, line: dict[str, Any]
) -> None:
    ids = of.ids(store)
    invoice = store.identify("invoices", bill.id)
    name = f"{bill.id}/{line['origin']}/{line['unit_amount']}"
    identity = store.identify("line_items", name)
    plan = store.identify("plans", bill.plan)
    is_seat = line["add_on_code"] is not None
    add_on = store.identify("add_ons", f"{bill.plan}/seat") if is_seat else None
    fields = {
        **line,
        "uuid": uuid_of(identity),
        "plan_id": plan,
        "plan_code": bill.plan,
        "add_on_id": add_on,
        "product_code": "seat" if is_seat else bill.plan,
        "start_date": iso(at),
        "end_date": iso(at + 30 * 86400),
    }
    links = {
        "account": ids.account,
        "invoice": invoice,
        "subscription": ids.subscription,
    }
    store.add(Row("line_items", identity, at, at, fields, links))


def _pay(store: Store, of: Customer, at: int, bill: Invoice) -> None:
    del of
    invoice = _open(store, bill)
    if invoice is None:
        return
    transact(store, invoice, at, identity=store.identify("transactions", bill.id))


def _open(store: Store, bill: Invoice) -> Row | None:
    """Give the bill's invoice while it is neither settled nor gone."""
    invoice = store.rows["invoices"].get(store.identify("invoices", bill.id))
    is_open = invoice is not None and invoice.get("state") in {"pending", "past_due"}
    return invoice if is_open else None


def transact(
    store: Store, invoice: Row, at: int, *, identity: str, fails: bool = False
) -> Row:
    """Try to collect what an invoice still owes, and note in it what came of that.

    A transaction is collected later than it is made: `collected_at` is no order.
    """
    amount = invoice.get("balance")
    result = {"status": "declined", "success": False} if fails else {}
    message = "Insufficient funds" if fails else "Approved"
    billing_info = billing_info_of(store, invoice.links["account"])
    fields = {
        **result,
        "uuid": uuid_of(identity),
        "amount": amount,
        "subscription_ids": invoice.get("subscription_ids"),
        "gateway_message": message,
        "status_code": "insufficient_funds" if fails else None,
        "status_message": message,
        "payment_method": billing_info.get("payment_method") if billing_info else None,
        "collected_at": iso(at + _GATEWAY_SECONDS),
    }
    links = {"account": invoice.links["account"], "invoice": invoice.id}
    made = store.add(Row("transactions", identity, at, at, fields, links))
    if fails:
        store.change(invoice, at, {"state": "past_due"})
    else:
        paid = {"paid": amount, "balance": 0.0, "refundable_amount": amount}
        paid_at = {"state": "paid", "closed_at": iso(at)}
        store.change(invoice, at, {**paid, **paid_at})
    return made


def _decline(store: Store, of: Customer, at: int, bill: Invoice, number: int) -> None:
    del of
    invoice = _open(store, bill)
    if invoice is not None:
        identity = store.identify("transactions", f"{bill.id}/{number}")
        transact(store, invoice, at, identity=identity, fails=True)


def _give_up(store: Store, of: Customer, at: int, bill: Invoice) -> None:
    """Fail the invoice, and write it off with a credit invoice and its payment."""
    invoice = _open(store, bill)
    if invoice is None:
        return
    ids = of.ids(store)
    store.change(invoice, at, {"state": "failed", "closed_at": iso(at)})
    credit = store.identify("invoices", f"{bill.id}/written off")
    fields = {
        "uuid": uuid_of(credit),
        "number": store.next_invoice_number(),
        "type": "credit",
        "origin": "write_off",
        "state": "closed",
        "subtotal": -major(bill.amount),
        "total": -major(bill.amount),
        "balance": 0.0,
        "previous_invoice_id": invoice.id,
        "closed_at": iso(at),
    }
    store.add(Row("invoices", credit, at, at, fields, {"account": ids.account}))
    identity = store.identify("credit_payments", bill.id)
    payment = {
        "uuid": uuid_of(identity),
        "action": "write_off",
        "amount": major(bill.amount),
    }
    links = {"account": ids.account, "invoice": invoice.id, "original": credit}
    store.add(Row("credit_payments", identity, at, at, payment, links))
