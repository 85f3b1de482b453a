"""Versions of the API: which there are, and how older ones show an object.

A version is compared by its date; what a list below changes holds for all that are
older than its date (docs.stripe.com: Changelog, whose page is named at each).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from elt.testing.apis.stripe.errors import Refused
from elt.testing.apis.stripe.kind import expands

Object = dict[str, Any]

NEWEST = "2026-10-28.endive"  # what version 16.1 of Stripe's SDK for Python sends

# Of those that Stripe names, the ones that its SDKs and public taps have pinned.
ACCEPTED = frozenset(
    "2019-11-05 2019-12-03 2020-08-27 2022-08-01 2022-11-15 2023-08-16 2023-10-16 "
    "2024-04-10 2024-06-20 2024-09-30.acacia 2024-10-28.acacia 2024-11-20.acacia "
    "2024-12-18.acacia 2025-01-27.acacia 2025-02-24.acacia 2025-03-31.basil "
    "2025-04-30.basil 2025-05-28.basil 2025-06-30.basil 2025-07-30.basil "
    "2025-08-27.basil 2025-09-30.clover 2025-10-29.clover 2025-11-17.clover "
    f"2025-12-15.clover 2026-01-28.clover {NEWEST}".split()
)

BASIL = "2025-03-31"

# What could be expanded before "basil" took the fields away.
_PRICED = expands("plan.product price.product")
OLDER_EXPANDS = {
    "invoice": expands("charge payment_intent subscription"),
    "charge": expands("invoice"),
    "payment_intent": expands("invoice"),
    "invoiceitem": expands("subscription") | _PRICED,
    "line_item": _PRICED,
    "subscription": expands("plan.product"),
}
OLDER_LISTS = {
    "invoiceitem": {"plan.tiers", "price.tiers"},
    "line_item": {"plan.tiers", "price.tiers"},
    "subscription": {"plan.tiers"},
}


class Shown(Protocol):
    """What a shape may ask for: an object of a kind, or a list of such, as shown."""

    @property
    def version(self) -> str: ...

    def one(self, kind: str, key: str | None) -> Object | None: ...

    def listed(self, owner: Object, field: str) -> Object: ...


Shape = Callable[[Object, Object, Shown], None]  # changes the first: shown, row, asked


@dataclass(frozen=True, slots=True)
class _Older:
    """How versions older than a date show the objects of a kind."""

    than: str
    kind: str
    shape: Shape


def check(version: str) -> str:
    if version not in ACCEPTED:
        raise Refused(400, f"Invalid Stripe API version: {version}")
    return version


def is_older(version: str, date: str) -> bool:
    return version[:10] < date


def shape(shown: Object, row: Object, asked: Shown) -> None:
    """Give an object the shape of the version that was asked for."""
    for older in _BY_KIND.get(row["object"], ()):
        if is_older(asked.version, older.than):
            older.shape(shown, row, asked)


def _subscription_of(row: Mapping[str, Any]) -> Any:
    details = (row.get("parent") or {}).get("subscription_details") or {}
    return details.get("subscription")


def _item_details(line: Object) -> Object:
    parent = line["parent"] or {"type": None}
    return parent.get(parent["type"]) or {}


def _older_subscription(shown: Object, row: Object, _: Shown) -> None:
    """Changelog 2025-03-31: periods moved to the items; `discount` went."""
    shown["current_period_start"] = row["_current_period_start"]
    shown["current_period_end"] = row["_current_period_end"]
    shown["discount"] = None
    del shown["billing_mode"]
    items = shown["items"]["data"]
    # Those of the one item; several have none (docs.stripe.com: Multiple products).
    shown["plan"] = items[0]["plan"] if len(items) == 1 else None
    shown["quantity"] = items[0]["quantity"] if len(items) == 1 else None


def _older_subscription_item(shown: Object, _: Object, asked: Shown) -> None:
    del asked, shown["current_period_start"], shown["current_period_end"]


def _older_invoice(shown: Object, row: Object, _: Shown) -> None:
    """Changelog 2025-03-31: `parent`, and invoices with several payments."""
    del shown["parent"], shown["amount_overpaid"], shown["total_taxes"]
    is_paid = row["status"] == "paid"
    shown |= {
        "application_fee_amount": None,
        "charge": row["_charge"],
        "discount": None,
        "paid": is_paid,
        "paid_out_of_band": is_paid and row["_charge"] is None and row["total"] > 0,
        "payment_intent": row["_payment_intent"],
        "quote": None,
        "subscription": _subscription_of(row),
        "subscription_details": {"metadata": None},
        "tax": None,
        "total_tax_amounts": [],
        "transfer_data": None,
    }


def _older_line(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2025-03-31: `parent` and `pricing` for type, price and plan."""
    del shown["parent"], shown["pricing"], shown["taxes"]
    details = _item_details(row)
    price = asked.one("price", row["_price"])
    decimal = (row["pricing"] or {}).get("unit_amount_decimal")
    is_item = "invoice_item" in details and not details.get("subscription_item")
    shown |= {
        "amount_excluding_tax": row["amount"],
        "plan": asked.one("plan", row["_price"]),
        "price": price,
        "proration": details.get("proration", False),
        "proration_details": {"credited_items": None},
        "subscription": details.get("subscription"),
        "tax_amounts": [],
        "tax_rates": [],
        "type": "invoiceitem" if is_item else "subscription",
        "unit_amount_excluding_tax": decimal,
    }
    if is_item:
        shown["invoice_item"] = details["invoice_item"]
    else:
        shown["subscription_item"] = details.get("subscription_item")


def _line_with_shared_id(shown: Object, row: Object, _: Shown) -> None:
    """Changelog 2019-12-03: before, a line was called as its subscription or item.

    Several lines of a subscription then have one id, so that paging by ids begins
    again and again (singer-io/tap-stripe#39, stripe/stripe-python#567).
    """
    details = _item_details(row)
    shown["unique_id"] = row["id"]
    shown["id"] = details.get("subscription") or details.get("invoice_item")


def _line_without_subtotal(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2025-12-15: `subtotal` of a line."""
    del row, asked, shown["subtotal"]


def _older_invoiceitem(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2025-03-31, as for lines."""
    del shown["parent"], shown["pricing"], shown["net_amount"]
    decimal = (row["pricing"] or {}).get("unit_amount_decimal")
    shown |= {
        "plan": asked.one("plan", row["_price"]),
        "price": asked.one("price", row["_price"]),
        "subscription": _subscription_of(row),
        "unit_amount": int(decimal) if decimal and decimal.isdigit() else None,
        "unit_amount_decimal": decimal,
    }


def _with_invoice(shown: Object, row: Object, _: Shown) -> None:
    """Changelog 2025-03-31: charges and payment intents name no invoice any more."""
    shown["invoice"] = row["_invoice"]


def _with_refunds(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2022-11-15: refunds are no part of a charge unless asked for."""
    shown["refunds"] = asked.listed(row, "refunds")


def _with_charges(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2022-11-15: `charges` of a payment intent went."""
    charge = asked.one("charge", row["latest_charge"])
    shown["charges"] = {
        "object": "list",
        "data": [charge] if charge else [],
        "has_more": False,
        "url": f"/v1/charges?payment_intent={row['id']}",
    }


def _older_promotion_code(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2025-09-30: `promotion` in place of the whole coupon."""
    del shown["promotion"]
    shown["coupon"] = asked.one("coupon", row["promotion"]["coupon"])


def _older_discounts(shown: Object, _: Object, asked: Shown) -> None:
    """Changelog 2025-09-30: a discount's `source` in place of its coupon."""
    found = shown["discount"]
    if found is not None:
        source = found["source"]
        kept = {name: found[name] for name in found if name != "source"}
        shown["discount"] = {**kept, "coupon": asked.one("coupon", source["coupon"])}


def _with_coupon(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2025-09-30, as for what a customer has."""
    del shown["source"]
    shown["coupon"] = asked.one("coupon", row["source"]["coupon"])


def _older_credit_note(shown: Object, row: Object, _: Shown) -> None:
    """Changelog 2025-03-31: several refunds of a credit note."""
    refunds = shown.pop("refunds")
    del shown["pretax_credit_amounts"], shown["total_taxes"]
    shown["refund"] = refunds[0]["refund"] if refunds else None
    shown["tax_amounts"] = []
    shown["discount_amounts"] = row["discount_amounts"]


def _with_usage(shown: Object, row: Object, asked: Shown) -> None:
    """Changelog 2025-03-31: `aggregate_usage` went."""
    del asked
    if row["object"] == "plan":
        shown["aggregate_usage"] = None
    elif shown["recurring"]:
        shown["recurring"] = {**shown["recurring"], "aggregate_usage": None}


_OLDER = (
    _Older("2025-12-15", "line_item", _line_without_subtotal),
    _Older("2025-09-30", "promotion_code", _older_promotion_code),
    _Older("2025-09-30", "customer", _older_discounts),
    _Older("2025-09-30", "discount", _with_coupon),
    _Older(BASIL, "subscription", _older_subscription),
    _Older(BASIL, "subscription_item", _older_subscription_item),
    _Older(BASIL, "invoice", _older_invoice),
    _Older(BASIL, "line_item", _older_line),
    _Older(BASIL, "invoiceitem", _older_invoiceitem),
    _Older(BASIL, "charge", _with_invoice),
    _Older(BASIL, "payment_intent", _with_invoice),
    _Older(BASIL, "credit_note", _older_credit_note),
    _Older(BASIL, "plan", _with_usage),
    _Older(BASIL, "price", _with_usage),
    _Older("2022-11-15", "charge", _with_refunds),
    _Older("2022-11-15", "payment_intent", _with_charges),
    _Older("2019-12-03", "line_item", _line_with_shared_id),
)
_BY_KIND: dict[str, list[_Older]] = {}
for _each in _OLDER:
    _BY_KIND.setdefault(_each.kind, []).append(_each)
