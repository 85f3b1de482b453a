"""Payments: taken, refused, given back, disputed, and paid out to the bank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elt.testing.apis.stripe.money import exchanged
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.subscriptions import DAY
from elt.testing.apis.stripe.tables import Object

DAYS_TO_AVAILABLE = 2
BANK_ACCOUNT = "ba_kettle"
_DISPUTE_FEE = 2000

_REFUSED = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "declined_by_network",
    "reason": "generic_decline",
    "seller_message": "The bank did not return any further details.",
    "type": "issuer_declined",
}


def intend(
    space: Space, fields: Object, *, at: int | None = None, key: str | None = None
) -> Object:
    """Make a payment intent; money comes later."""
    key = key or space.id_of("payment_intent")
    said = {"client_secret": space.secret_of(key), "_invoice": None}
    return space.create("payment_intent", said | fields, at=at, key=key)


def take(
    space: Space,
    amount: int,
    currency: str,
    *,
    customer: str | None,
    invoice: str | None = None,
    at: int,
) -> tuple[Object, Object]:
    """Take money at once; give the payment intent and its charge."""
    named = f"{invoice}/{at}"
    fields = {
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "_invoice": invoice,
    }
    key = space.id_of("payment_intent", named) if invoice else None
    return confirm(space, intend(space, fields, at=at, key=key), at=at)


def confirm(
    space: Space, intent: Object, *, at: int, method: str = "pm_card_visa"
) -> tuple[Object, Object]:
    """Charge the card of a payment intent."""
    key = space.id_of("charge", f"{intent['id']}/{at}")
    fields = {
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "currency": intent["currency"],
        "customer": intent["customer"],
        "payment_intent": intent["id"],
        "payment_method": method,
        "metadata": intent["metadata"],
        "description": intent["description"],
        "_invoice": intent["_invoice"],
    }
    row = space.fresh("charge", fields, at=at, key=key)
    entry = note_balance(space, row, row["amount"], "charge", at=at)
    charge = space.create(
        "charge",
        fields | {"balance_transaction": entry["id"]},
        at=at,
        key=key,
        events=("succeeded",),
    )
    paid = {
        "amount_received": intent["amount"],
        "latest_charge": key,
        "payment_method": method,
        "status": "succeeded",
    }
    changed = space.change("payment_intent", intent["id"], paid, "succeeded", at=at)
    return changed, charge


def refuse(space: Space, intent: Object, *, at: int, method: str) -> tuple[Object, str]:
    """Let the card of a payment intent be declined; give the charge's id too."""
    key = space.id_of("charge", f"{intent['id']}/{at}/refused")
    error = {
        "charge": key,
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
        "type": "card_error",
    }
    fields = {
        "amount": intent["amount"],
        "captured": False,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "failure_code": "card_declined",
        "failure_message": "Your card was declined.",
        "outcome": _REFUSED,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method,
        "status": "failed",
        "_invoice": intent["_invoice"],
    }
    space.create("charge", fields, at=at, key=key, events=("failed",))
    changes = {"last_payment_error": error, "latest_charge": key}
    row = space.change("payment_intent", intent["id"], changes, "payment_failed", at=at)
    return row, key


def refund(
    space: Space,
    charge: Object,
    amount: int,
    *,
    at: int | None = None,
    more: Object | None = None,
) -> Object:
    """Give money back."""
    at = space.now() if at is None else at
    key = space.id_of("refund", f"{charge['id']}/{at}/{charge['amount_refunded']}")
    fields = {
        "amount": amount,
        "charge": charge["id"],
        "currency": charge["currency"],
        "payment_intent": charge["payment_intent"],
        **(more or {}),
    }
    row = space.fresh("refund", fields, at=at, key=key)
    entry = note_balance(space, row, -amount, "refund", at=at)
    made = fields | {"balance_transaction": entry["id"]}
    row = space.create("refund", made, at=at, key=key)
    refunded = charge["amount_refunded"] + amount
    changes = {
        "amount_refunded": refunded,
        "refunded": refunded == charge["amount"],
    }
    space.change("charge", charge["id"], changes, "refunded", at=at)
    return row


def dispute(space: Space, charge: Object, *, at: int | None = None) -> Object:
    """Let a cardholder dispute a charge: the bank takes the money and a fee."""
    at = space.now() if at is None else at
    key = space.id_of("dispute", f"{charge['id']}")
    fields: Object = {
        "amount": charge["amount"],
        "charge": charge["id"],
        "currency": charge["currency"],
        "evidence_details": {
            "due_by": at + 14 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "payment_intent": charge["payment_intent"],
    }
    row = space.fresh("dispute", fields, at=at, key=key)
    entry = note_balance(space, row, -charge["amount"], "adjustment", at=at)
    shown = {name: entry[name] for name in entry if name[0] != "_"}
    fields["balance_transactions"] = [shown]
    made = space.create(
        "dispute", fields, at=at, key=key, events=("created", "funds_withdrawn")
    )
    space.change("charge", charge["id"], {"disputed": True}, at=at)
    return made


def close_dispute(
    space: Space, row: Object, status: str, *, at: int | None = None
) -> Object:
    """End a dispute: `won` or `lost`."""
    return space.change("dispute", row["id"], {"status": status}, "closed", at=at)


def pay_out(space: Space, *, at: int | None = None) -> Object | None:
    """Send what is available to the bank; an automatic payout knows its parts."""
    at = space.now() if at is None else at
    entries = space.store.tables["balance_transaction"]
    parts = [
        row
        for row in space.store.named("balance_transaction", "_payout", None)
        if row["available_on"] <= at and row["type"] != "payout"
    ]
    amount = sum(row["net"] for row in parts)
    if amount <= 0:
        return None
    key = space.id_of("payout", f"automatic/{at}")
    for row in parts:
        entries.set(row["id"], row | {"_payout": key, "status": "available"})
    said = {"description": "STRIPE PAYOUT", "automatic": True}
    return send(space, amount, parts[0]["currency"], said, at=at, key=key)


def send(
    space: Space,
    amount: int,
    currency: str,
    more: Object,
    *,
    at: int | None = None,
    key: str | None = None,
) -> Object:
    """Make a payout; `more` says whether it is automatic."""
    at = space.now() if at is None else at
    key = key or space.id_of("payout")
    fields = {
        "amount": amount,
        "arrival_date": (at // DAY + 2) * DAY,
        "currency": currency,
        "destination": BANK_ACCOUNT,
        **more,
    }
    row = space.fresh("payout", fields, at=at, key=key)
    payout = key if more.get("automatic") else None
    entry = note_balance(space, row, -amount, "payout", at=at, payout=payout)
    fields["balance_transaction"] = entry["id"]
    return space.create("payout", fields, at=at, key=key)


def arrive(space: Space, key: str, *, at: int | None = None) -> Object:
    """Let a payout arrive at the bank."""
    verbs = ("updated", "paid", "reconciliation_completed")
    return space.change("payout", key, {"status": "paid"}, *verbs, at=at)


def note_paid(space: Space, invoice: Object, intent: Object, *, at: int) -> None:
    """Note which payment paid an invoice (docs.stripe.com: Invoice Payments)."""
    fields = {
        "amount_paid": intent["amount"],
        "amount_requested": intent["amount"],
        "currency": intent["currency"],
        "invoice": invoice["id"],
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": at},
    }
    key = space.id_of("invoice_payment", f"{invoice['id']}/{intent['id']}")
    space.create("invoice_payment", fields, at=at, key=key, events=("paid",))


def note_balance(
    space: Space,
    source: Object,
    amount: int,
    kind: str,
    *,
    at: int,
    payout: str | None = None,
) -> Object:
    """Write an entry of the balance, in the account's own currency."""
    own = space.currency
    exact, rate = exchanged(amount, source["currency"], own)
    fee, details = _fee(exact, kind, own)
    fields: dict[str, Any] = {
        "amount": exact,
        "available_on": (at // DAY + DAYS_TO_AVAILABLE) * DAY,
        "currency": own,
        "description": source.get("description"),
        "exchange_rate": rate,
        "fee": fee,
        "fee_details": details,
        "net": exact - fee,
        "reporting_category": "dispute" if kind == "adjustment" else kind,
        "source": source["id"],
        "type": kind,
        "_payout": payout,
    }
    if kind == "payout":
        fields |= {"available_on": at, "status": "available"}
    key = space.id_of("balance_transaction", f"{source['id']}/{kind}")
    return space.create("balance_transaction", fields, at=at, key=key)


def _fee(amount: int, kind: str, currency: str) -> tuple[int, Sequence[Object]]:
    if kind == "adjustment":
        fee = _DISPUTE_FEE
    elif kind == "charge":
        fee = 25 + (amount * 15 + 500) // 1000
    else:
        return 0, []
    detail = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return fee, [detail]
