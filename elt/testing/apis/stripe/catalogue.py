"""Products and what they cost: prices, and the plans that recurring ones also are."""

from __future__ import annotations

from collections.abc import Sequence

from elt.testing.apis.stripe.money import times
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object


def add_price(
    space: Space, fields: Object, *, at: int | None = None, key: str | None = None
) -> Object:
    """Make a price; a recurring one can be read as a plan with the same id.

    docs.stripe.com, The Plan object: "You can retrieve prices with the Plans API".
    `fields` may have `_tiers`, as (up to, decimal) pairs.
    """
    at = space.now() if at is None else at
    key = key or space.id_of("price")
    tiers = _tiers(fields.pop("_tiers", None))
    fields["type"] = "recurring" if fields.get("recurring") else "one_time"
    fields["_tiers"] = tiers
    if tiers:
        fields |= {"billing_scheme": "tiered", "tiers_mode": "graduated"}
    row = space.create("price", fields, at=at, key=key)
    if row["recurring"]:
        space.create("plan", _plan(row), at=at, key=key)
    return row


def change_price(space: Space, key: str, changes: Object) -> Object:
    row = space.change("price", key, changes)
    if row["recurring"]:
        space.change("plan", key, {name: _plan(row)[name] for name in _SHARED})
    return row


_SHARED = ("active", "metadata", "nickname")


def _plan(price: Object) -> Object:
    recurring = price["recurring"]
    return {
        **{name: price[name] for name in _SHARED},
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "meter": recurring["meter"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
        "_tiers": price["_tiers"],
    }


def recurring(interval: str = "month", count: int = 1) -> Object:
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _tiers(tiers: Sequence[tuple[int | None, str]] | None) -> list[Object] | None:
    if tiers is None:
        return None
    return [
        {
            "flat_amount": None,
            "flat_amount_decimal": None,
            "unit_amount": int(decimal) if decimal.isdigit() else None,
            "unit_amount_decimal": decimal,
            "up_to": up_to,
        }
        for up_to, decimal in tiers
    ]


def charged(price: Object, quantity: int) -> list[tuple[int, str, int]]:
    """Give what is asked for a quantity, tier by tier: pieces, decimal, amount."""
    if not price["_tiers"]:
        decimal = price["unit_amount_decimal"]
        return [(quantity, decimal, times(decimal, quantity))]
    asked, below = [], 0
    for tier in price["_tiers"]:
        most = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        pieces, below = max(0, most - below), max(below, most)
        if pieces:
            decimal = tier["unit_amount_decimal"]
            asked.append((pieces, decimal, times(decimal, pieces)))
    return asked
