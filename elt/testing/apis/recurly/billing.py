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
    if subscription is None or subscription.get("state") != "active":
        return
    redemption = _redemption(store, of, bill)
    discount = SETUP_FEE if redemption else Decimal(0)
    invoice = _add_invoice(store, of, at, bill, discount)
    store.change(subscription, at, _renewed(bill, invoice.id, at))
    for line in _lines(of, bill, has_setup_fee=redemption is not None):
        said = {"plan_code": bill.plan, "end_date": _ends_at(bill)}
        _add_line(store, of, at, invoice, {**line, **said})
    if redemption:
        store.change(redemption, at, {"discounted": major(discount)})
        store.link(redemption, "invoice", invoice.id)


def _add_invoice(
    store: Store, of: Customer, at: int, bill: Invoice, discount: Decimal
) -> Row:
    ids = of.ids(store)
    identity = store.identify("invoices", bill.id)
    fields = {
        "uuid": uuid_of(identity),
        "number": store.next_invoice_number(),
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
    return store.add(Row("invoices", identity, at, at, fields, links))


def _renewed(bill: Invoice, invoice: str, at: int) -> dict[str, Any]:
    """Move a subscription to the period that its bill is for; it is updated by that."""
    ends_at = _ends_at(bill)
    return {
        "active_invoice_id": invoice,
        "current_period_started_at": iso(at),
        "current_period_ends_at": ends_at,
        "current_term_started_at": iso(at),
        "current_term_ends_at": ends_at,
    }


def _ends_at(bill: Invoice) -> str:
    ends = datetime.combine(month_after(bill.issued_on, 1), time(12), UTC)
    return iso(int(ends.timestamp()))


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
    store: Store, of: Customer, at: int, invoice: Row, line: dict[str, Any]
) -> None:
    plan = line["plan_code"]
    name = f"{invoice.id}/{line['origin']}/{line['unit_amount']}"
    identity = store.identify("line_items", name)
    is_seat = line["add_on_code"] is not None
    fields = {
        **line,
        "uuid": uuid_of(identity),
        "plan_id": store.identify("plans", plan),
        "add_on_id": store.identify("add_ons", f"{plan}/seat") if is_seat else None,
        "product_code": "seat" if is_seat else plan,
        "invoice_number": invoice.get("number"),
        "start_date": iso(at),
    }
    ids = of.ids(store)
    links = {
        "account": ids.account,
        "invoice": invoice.id,
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
    fields = {**_attempt(store, invoice, fails=fails), "uuid": uuid_of(identity)}
    fields["collected_at"] = iso(at + _GATEWAY_SECONDS)
    links = {"account": invoice.links["account"], "invoice": invoice.id}
    made = store.add(Row("transactions", identity, at, at, fields, links))
    if fails:
        store.change(invoice, at, {"state": "past_due"})
    else:
        amount = fields["amount"]
        paid = {"paid": amount, "balance": 0.0, "refundable_amount": amount}
        store.change(invoice, at, {**paid, "state": "paid", "closed_at": iso(at)})
    return made


def _attempt(store: Store, invoice: Row, *, fails: bool) -> dict[str, Any]:
    billing_info = billing_info_of(store, invoice.links["account"])
    method = billing_info.get("payment_method") if billing_info else None
    common = {
        "amount": invoice.get("balance"),
        "currency": invoice.get("currency"),
        "subscription_ids": invoice.get("subscription_ids"),
        "payment_method": method,
    }
    if fails:
        refused = {"status": "declined", "success": False}
        why = {"status_code": "insufficient_funds", "status_message": "Declined"}
        return {**common, **refused, **why, "gateway_message": "Insufficient funds"}
    return {**common, "gateway_message": "Approved", "status_message": "Approved"}


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
    credit = _credit_invoice(store, at, bill, {"account": ids.account})
    identity = store.identify("credit_payments", bill.id)
    amount = major(bill.amount)
    payment = {"uuid": uuid_of(identity), "action": "write_off", "amount": amount}
    links = {"account": ids.account, "invoice": invoice.id, "original": credit.id}
    store.add(Row("credit_payments", identity, at, at, payment, links))


def _credit_invoice(store: Store, at: int, bill: Invoice, links: dict[str, str]) -> Row:
    identity = store.identify("invoices", f"{bill.id}/written off")
    fields = {
        "uuid": uuid_of(identity),
        "number": store.next_invoice_number(),
        "type": "credit",
        "origin": "write_off",
        "state": "closed",
        "subtotal": -major(bill.amount),
        "total": -major(bill.amount),
        "balance": 0.0,
        "previous_invoice_id": store.identify("invoices", bill.id),
        "closed_at": iso(at),
    }
    return store.add(Row("invoices", identity, at, at, fields, links))
