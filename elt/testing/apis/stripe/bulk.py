"""Many objects at once, for tests of volume and of odd data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elt.testing.apis.stripe.blanks_billing import TOTALS
from elt.testing.apis.stripe.kinds import BY_NAME
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object

MONTH_SECONDS = 30 * 86400
_MONEY = {"amount": 1000, "currency": "eur"}

# What an object of a kind cannot be without.
_NEEDED: dict[str, dict[str, Any]] = {
    "charge": {**_MONEY, "amount_captured": 1000, "_invoice": None},
    "payment_intent": {**_MONEY, "client_secret": "pi_secret", "_invoice": None},
    "refund": _MONEY,
    "invoice": {
        "currency": "eur",
        "customer": None,
        "period_start": 0,
        "period_end": 0,
        "_charge": None,
        "_payment_intent": None,
    },
    "line_item": {
        **_MONEY,
        "invoice": None,
        "period": {"start": 0, "end": 0},
        "subtotal": 1000,
        "_created": 0,
        "_price": None,
    },
    "invoiceitem": {
        **_MONEY,
        "customer": None,
        "net_amount": 1000,
        "period": {"start": 0, "end": 0},
        "quantity_decimal": "1",
        "_pending": True,
        "_price": None,
    },
    "subscription": {
        "billing_cycle_anchor": 0,
        "currency": "eur",
        "start_date": 0,
        "_current_period_start": 0,
        "_current_period_end": MONTH_SECONDS,
        "_prices": [],
    },
    "subscription_item": {
        "current_period_start": 0,
        "current_period_end": MONTH_SECONDS,
        "quantity": 1,
        "subscription": None,
        "_price": None,
    },
    "product": {"name": "Thing", "updated": 0},
    "price": {"currency": "eur", "_tiers": None},
    "plan": {"currency": "eur", "_tiers": None},
    "invoice_payment": {
        "amount_requested": 1000,
        "currency": "eur",
        "invoice": None,
        "payment": {"type": "payment_intent", "payment_intent": None},
    },
    "balance_transaction": {
        **_MONEY,
        "available_on": 0,
        "net": 1000,
        "reporting_category": "charge",
        "type": "charge",
        "_payout": None,
    },
    "payout": {**_MONEY, "arrival_date": 0},
    "dispute": {**_MONEY, "charge": None, "evidence_details": {}},
    "transfer": {**_MONEY, "destination": None},
    "credit_note": {
        **_MONEY,
        "customer": None,
        "effective_at": 0,
        "invoice": None,
        "number": "CN-01",
        **dict.fromkeys(TOTALS, 1000),
    },
    "customer": {"invoice_prefix": "BULK0001"},
}


def add(
    space: Space,
    kind: str,
    number: int = 1,
    *,
    created: int | None = None,
    tells: bool = False,
    fields: Mapping[str, Any],
) -> list[str]:
    """Add objects, one a second, the last one now or at `created`; give their ids.

    With `tells`, each makes its event.
    """
    last = space.now() if created is None else created
    needed = {**_NEEDED.get(kind, {}), **fields}
    named = needed.pop("id", None)
    # What stands inside is shared by all: objects are replaced, never changed.
    model = space.fresh(kind, needed, at=last, key="")
    rows = []
    for index in range(number):
        row = {**model, **_sample(kind, index), **fields}
        row[BY_NAME[kind].created] = last - (number - 1 - index)
        row["id"] = named or space.id_of(kind)
        rows.append(row)
    space.store.tables[kind].add(rows)
    if tells:
        for row in rows:
            space.tell(kind, row["id"], "created", at=row[BY_NAME[kind].created])
    return [row["id"] for row in rows]


def _sample(kind: str, index: int) -> Object:
    if kind == "customer":
        return {"email": f"person{index}@bulk.example", "name": f"Person {index}"}
    return {}
