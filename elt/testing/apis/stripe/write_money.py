"""Writing payments, refunds, transfers, payouts, disputes and credit notes."""

from __future__ import annotations

from typing import Any

from elt.testing.apis.stripe import errors, payments
from elt.testing.apis.stripe.blanks_billing import TOTALS
from elt.testing.apis.stripe.money import check_amount, check_currency
from elt.testing.apis.stripe.rendering import Rendering
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object
from elt.testing.apis.stripe.write_catalogue import found, plain

Values = dict[str, Any]

DECLINED = "pm_card_chargeDeclined"  # docs.stripe.com: Testing, PaymentMethods


def create_payment_intent(space: Space, values: Values) -> Object:
    confirms = values.pop("confirm", False)
    method = values.get("payment_method")
    values.pop("off_session", None)
    fields = plain(values)
    fields["currency"] = check_currency(values["currency"])
    fields["amount"] = check_amount(values["amount"], fields["currency"])
    if values.get("customer"):
        found(space, "customer", values, "customer")
    if method:
        fields["status"] = "requires_confirmation"
    row = payments.intend(space, fields)
    return confirm(space, row, {"payment_method": method}) if confirms else row


def confirm(space: Space, row: Object, values: Values) -> Object:
    """Take the money. Raises Refused with 402 for the card that is declined."""
    _check_status(row, "requires_payment_method", "requires_confirmation")
    method = values.get("payment_method") or row["payment_method"]
    if method is None:
        said = (
            "You cannot confirm this PaymentIntent because it's missing a payment "
            "method."
        )
        code = "payment_intent_unexpected_state"
        raise errors.Refused(400, said, code)
    if method == DECLINED:
        failed, charge = payments.refuse(space, row, at=space.now(), method=method)
        shown = Rendering(space.store, space.version).show(failed)
        raise errors.declined(charge, shown)
    paid, _ = payments.confirm(space, row, at=space.now(), method=method)
    return paid


def cancel(space: Space, row: Object, values: Values) -> Object:
    _check_status(row, "requires_payment_method", "requires_confirmation")
    changes = {
        "status": "canceled",
        "canceled_at": space.now(),
        "cancellation_reason": values.get("cancellation_reason"),
    }
    return space.change("payment_intent", row["id"], changes, "canceled")


def _check_status(row: Object, *allowed: str) -> None:
    if row["status"] not in allowed:
        said = f"This PaymentIntent has a status of {row['status']}."
        raise errors.Refused(400, said, "payment_intent_unexpected_state")


def create_refund(space: Space, values: Values) -> Object:
    charge = _charge_of(space, values)
    left = charge["amount"] - charge["amount_refunded"]
    if charge["refunded"]:
        said = f"Charge {charge['id']} has already been refunded."
        raise errors.Refused(400, said, "charge_already_refunded")
    amount = values.get("amount", left)
    if amount > left:
        said = f"Refund amount ({amount}) is greater than unrefunded amount ({left})"
        raise errors.invalid("amount", said)
    names = ("metadata", "reason")
    more = plain({name: values[name] for name in names if name in values})
    return payments.refund(space, charge, amount, more=more)


def _charge_of(space: Space, values: Values) -> Object:
    if values.get("charge"):
        return found(space, "charge", values, "charge")
    if not values.get("payment_intent"):
        raise errors.missing_parameter("charge")
    intent = found(space, "payment_intent", values, "payment_intent")
    charge = space.store.find("charge", intent["latest_charge"] or "")
    if charge is None:
        said = f"This PaymentIntent ({intent['id']}) does not have a successful charge."
        raise errors.Refused(400, said)
    return charge


def create_transfer(space: Space, values: Values) -> Object:
    fields = plain(values) | {"currency": check_currency(values["currency"])}
    check_amount(values["amount"], fields["currency"])
    key = space.id_of("transfer")
    at = space.now()
    row = space.fresh("transfer", fields, at=at, key=key)
    entry = payments.note_balance(space, row, -values["amount"], "transfer", at=at)
    fields["balance_transaction"] = entry["id"]
    return space.create("transfer", fields, key=key)


def create_payout(space: Space, values: Values) -> Object:
    """Make a manual payout: which entries it pays is not said (API reference)."""
    currency = check_currency(values["currency"])
    amount = check_amount(values["amount"], currency)
    more = {n: v for n, v in plain(values).items() if n not in {"amount", "currency"}}
    more |= {"automatic": False, "reconciliation_status": "not_applicable"}
    return payments.send(space, amount, currency, more | {"status": "pending"})


def cancel_payout(space: Space, row: Object, _: Values) -> Object:
    if row["status"] != "pending" or row["automatic"]:
        raise errors.Refused(400, "Payouts can only be canceled while pending.")
    return space.change("payout", row["id"], {"status": "canceled"}, "canceled")


def update_dispute(space: Space, row: Object, values: Values) -> Object:
    values.pop("submit", None)
    changes = plain(values, row)
    if "evidence" in changes:
        changes["evidence"] = row["evidence"] | changes["evidence"]
    return space.change("dispute", row["id"], changes)


def close_dispute(space: Space, row: Object, _: Values) -> Object:
    return payments.close_dispute(space, row, "lost")


def create_credit_note(space: Space, values: Values) -> Object:
    """Take a part of an invoice back; of a paid one into the customer's balance."""
    invoice = found(space, "invoice", values, "invoice")
    if invoice["status"] not in {"open", "paid", "uncollectible"}:
        said = "You can only create credit notes for finalized invoices."
        raise errors.invalid("invoice", said)
    amount = int(values.get("amount") or invoice["total"])
    is_paid = invoice["status"] == "paid"
    number = len(space.store.named("credit_note", "invoice", invoice["id"])) + 1
    key = space.id_of("credit_note")
    fields = {
        "amount": amount,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "effective_at": space.now(),
        "number": f"{invoice['number']}-CN-{number:02}",
        "pdf": f"https://pay.stripe.com/credit_notes/{key}/pdf",
        **dict.fromkeys(TOTALS, amount),
        "type": "post_payment" if is_paid else "pre_payment",
        f"{'post' if is_paid else 'pre'}_payment_amount": amount,
    }
    line = {
        "amount": amount,
        "description": "Credit",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
        "_created": space.now(),
        "_credit_note": key,
    }
    space.create("credit_note_line_item", line)
    row = space.create("credit_note", fields | plain(values), key=key)
    _lower(space, invoice, amount, is_paid=is_paid)
    return row


def _lower(space: Space, invoice: Object, amount: int, *, is_paid: bool) -> None:
    name = f"{'post' if is_paid else 'pre'}_payment_credit_notes_amount"
    changes = {name: invoice[name] + amount}
    if not is_paid:
        for due in ("amount_due", "amount_remaining"):
            changes[due] = invoice[due] - amount
    space.change("invoice", invoice["id"], changes)


def void_credit_note(space: Space, row: Object, _: Values) -> Object:
    changes = {"status": "void", "voided_at": space.now()}
    return space.change("credit_note", row["id"], changes, "voided")
