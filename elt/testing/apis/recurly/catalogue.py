"""What the made-up company sells, as it has set it up in Recurly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from elt.testing.apis.recurly.kinds import ADDRESS
from elt.testing.apis.recurly.store import Row, Store
from elt.testing.lives import FOUNDED, PLANS

FULL_SEATS = 3  # from the fourth on they cost an eighth less
LESS = Decimal("0.875")
SETUP_FEE = Decimal("5.00")
COUPON = "firstshift"
SITE = "kettleandcrew"

_NAMES = {"counter": "Counter", "kitchen": "Kitchen", "house": "House"}
_SET_UP_AT = int(datetime(FOUNDED.year, FOUNDED.month, 1, 8, tzinfo=UTC).timestamp())


def major(amount: Decimal) -> float:
    """Write money as Recurly v3 does, as a number in major units: 12.30 is 12.3.

    The shortest text of the nearest float is the text of any amount up to 15 digits.
    """
    return float(amount)


def set_up(store: Store, mode: str) -> None:
    """Make the site itself, which even an empty account has."""
    _add(store, "sites", SITE, _site(mode))


def fill_catalogue(store: Store) -> None:
    sms = {"name": "sms", "display_name": "Text messages", "description": "To staff"}
    unit = _add(store, "measured_units", "sms", sms)
    for plan, (base, each) in PLANS.items():
        made = _add(store, "plans", plan, _plan(plan, base))
        add_ons = (("seat", _seat(each)), ("sms", _sms(unit.id)))
        for code, fields in add_ons:
            links = {"plan": made.id}
            _add(store, "add_ons", f"{plan}/{code}", fields, links)
    _add(store, "items", "apron", _item())
    _add(store, "coupons", COUPON, _coupon())
    post = {"code": "post", "name": "Post", "accounting_code": "4400"}
    _add(store, "shipping_methods", "post", post)
    _add(store, "custom_field_definitions", "kitchens", _custom_field())


def seat_prices(plan: str) -> tuple[Decimal, Decimal]:
    """Give what each of the first three seats costs, and each one after them."""
    each = PLANS[plan][1]
    return each, each * LESS


def _add(
    store: Store,
    kind: str,
    name: str,
    fields: dict[str, Any],
    links: dict[str, str] | None = None,
) -> Row:
    identity = store.identify(kind, name)
    row = Row(kind, identity, _SET_UP_AT, _SET_UP_AT, fields, links or {})
    return store.add(row)


def _site(mode: str) -> dict[str, Any]:
    return {
        "subdomain": SITE,
        "public_api_key": "ewr1-simulated",
        "mode": mode,
        "address": {**ADDRESS, "city": "Lisbon", "country": "PT"},
        "settings": {
            "billing_address_requirement": "none",
            "accepted_currencies": ["EUR"],
            "default_currency": "EUR",
        },
        "features": ["credit_memos", "manual_invoicing"],
    }


def _plan(code: str, base: Decimal) -> dict[str, Any]:
    price = _price(setup_fee=major(SETUP_FEE), unit_amount=major(base))
    return {"code": code, "name": _NAMES[code], "currencies": [price]}


# Recurly has prices of more than two places for usage only (specification,
# `TierPricing`); the company's fourth seat has one all the same.
def _seat(each: Decimal) -> dict[str, Any]:
    tiers = ((FULL_SEATS, each), (None, each * LESS))
    return {
        "code": "seat",
        "name": "Seat",
        "tier_type": "tiered",
        "optional": False,
        "tiers": [
            {
                "ending_quantity": last,
                "usage_percentage": None,
                "currencies": [_tier_price(price)],
            }
            for last, price in tiers
        ],
    }


def _tier_price(price: Decimal) -> dict[str, Any]:
    return {
        "currency": "EUR",
        "unit_amount": None,
        "unit_amount_decimal": f"{price.normalize():f}",
    }


def _sms(unit: str) -> dict[str, Any]:
    return {
        "code": "sms",
        "name": "Text messages, included",
        "add_on_type": "usage",
        "usage_type": "price",
        "usage_calculation_type": "cumulative",
        "usage_timeframe": "billing_period",
        "measured_unit_id": unit,
        "default_quantity": None,
        "currencies": [_price(unit_amount=None, unit_amount_decimal="0.0")],
    }


def _item() -> dict[str, Any]:
    return {
        "code": "apron",
        "name": "Apron, with pockets",
        "external_sku": "KC-APRON",
        "currencies": [_price(unit_amount=24.9)],
    }


def _price(**own: Any) -> dict[str, Any]:
    return {"currency": "EUR", **own, "tax_inclusive": False}


def _coupon() -> dict[str, Any]:
    return {
        "code": COUPON,
        "name": "The first shift is on us",
        "duration": "single_use",
        "max_redemptions_per_account": 1,
        "discount": {
            "type": "fixed",
            "percent": None,
            "currencies": [{"currency": "EUR", "amount": major(SETUP_FEE)}],
            "trial": None,
        },
    }


def _custom_field() -> dict[str, Any]:
    return {
        "related_type": "account",
        "name": "kitchens",
        "display_name": "Kitchens",
        "user_access": "write",
    }
