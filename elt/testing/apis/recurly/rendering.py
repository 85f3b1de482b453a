"""Objects as Recurly shows them: with the small forms of what they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from elt.testing.apis.recurly.kinds import KINDS
from elt.testing.apis.recurly.store import Row, Store, iso

# Older versions' invoices say so from 500 on (Recurly's blog on version 2.5); of v3
# only `has_more_line_items` is known.
LINE_ITEMS_SHOWN = 500
_LIVE = {"active", "canceled", "future", "paused"}
_COUPON = ("code", "name", "state", "discount", "coupon_type", "expired_at")
_MINIS: dict[str, tuple[str, ...]] = {
    "accounts": (
        "code",
        "email",
        "first_name",
        "last_name",
        "company",
        "parent_account_id",
        "bill_to",
        "dunning_campaign_id",
    ),
    "add_ons": ("code", "name", "add_on_type", "usage_type", "measured_unit_id"),
    "plans": ("code", "name"),
    "invoices": ("number", "business_entity_id", "type", "state"),
    "coupons": _COUPON,
}


def shown(store: Store, row: Row) -> dict[str, Any]:
    """Give the whole object as it is now."""
    kind = KINDS[row.kind]
    found: dict[str, Any] = {"id": row.id, "object": kind.object, **kind.fields}
    found.update(row.fields)
    found["created_at"] = iso(row.created)
    if kind.has_updated_at:
        found["updated_at"] = iso(row.updated)
    if fill := _FILLED.get(row.kind):
        fill(store, row, found)
    return found


def mini(store: Store, kind: str, identity: str | None) -> dict[str, Any] | None:
    """Give the small form that other objects carry."""
    row = store.rows[kind].get(identity) if identity else None
    if row is None:
        return None
    small = {"id": row.id, "object": KINDS[kind].object}
    for name in _MINIS[kind]:
        small[name] = row.get(name)
    return small


def billing_info_of(store: Store, account: str) -> Row | None:
    return next(iter(store.children("billing_infos", "account", account)), None)


def _account(store: Store, row: Row, found: dict[str, Any]) -> None:
    billing_info = billing_info_of(store, row.id)
    addresses = store.children("shipping_addresses", "account", row.id)
    subscriptions = store.children("subscriptions", "account", row.id)
    states = {subscription.get("state") for subscription in subscriptions}
    invoices = store.children("invoices", "account", row.id)
    found["billing_info"] = shown(store, billing_info) if billing_info else None
    found["shipping_addresses"] = [shown(store, address) for address in addresses]
    found["has_live_subscription"] = bool(states & _LIVE)
    for state in ("active", "future", "canceled", "paused"):
        found[f"has_{state}_subscription"] = state in states
    past_due = any(invoice.get("state") == "past_due" for invoice in invoices)
    found["has_past_due_invoice"] = past_due


def _of_account(store: Store, row: Row, found: dict[str, Any]) -> None:
    del store
    found["account_id"] = row.links.get("account")


def _with_account(store: Store, row: Row, found: dict[str, Any]) -> None:
    found["account"] = mini(store, "accounts", row.links.get("account"))


def _subscription(store: Store, row: Row, found: dict[str, Any]) -> None:
    _with_account(store, row, found)
    found["plan"] = mini(store, "plans", row.fields.get("plan_id"))
    found.pop("plan_id", None)
    redemptions = store.children("coupon_redemptions", "subscription", row.id)
    found["coupon_redemptions"] = [_redemption_mini(store, r) for r in redemptions]


def _redemption_mini(store: Store, row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "coupon_redemption",
        "coupon": mini(store, "coupons", row.links["coupon"]),
        "state": row.get("state"),
        "discounted": row.get("discounted"),
        "created_at": iso(row.created),
    }


def _invoice(store: Store, row: Row, found: dict[str, Any]) -> None:
    _with_account(store, row, found)
    lines = list(store.children("line_items", "invoice", row.id))
    found["line_items"] = [shown(store, line) for line in lines[:LINE_ITEMS_SHOWN]]
    found["has_more_line_items"] = len(lines) > LINE_ITEMS_SHOWN
    for part in ("transactions", "credit_payments"):
        rows = store.children(part, "invoice", row.id)
        found[part] = [shown(store, child) for child in rows]


def _line_item(store: Store, row: Row, found: dict[str, Any]) -> None:
    _with_account(store, row, found)
    found["invoice_id"] = row.links.get("invoice")
    found["subscription_id"] = row.links.get("subscription")


def _transaction(store: Store, row: Row, found: dict[str, Any]) -> None:
    _with_account(store, row, found)
    found["invoice"] = mini(store, "invoices", row.links.get("invoice"))


def _credit_payment(store: Store, row: Row, found: dict[str, Any]) -> None:
    _with_account(store, row, found)
    found["applied_to_invoice"] = mini(store, "invoices", row.links.get("invoice"))
    found["original_invoice"] = mini(store, "invoices", row.links.get("original"))


def _redemption(store: Store, row: Row, found: dict[str, Any]) -> None:
    _with_account(store, row, found)
    found["coupon"] = shown(store, store.rows["coupons"][row.links["coupon"]])
    found["subscription_id"] = row.links.get("subscription")


def _add_on(store: Store, row: Row, found: dict[str, Any]) -> None:
    del store
    found["plan_id"] = row.links.get("plan")


_FILLED: dict[str, Callable[[Store, Row, dict[str, Any]], None]] = {
    "accounts": _account,
    "acquisitions": _with_account,
    "add_ons": _add_on,
    "billing_infos": _of_account,
    "coupon_redemptions": _redemption,
    "credit_payments": _credit_payment,
    "invoices": _invoice,
    "line_items": _line_item,
    "notes": _of_account,
    "shipping_addresses": _of_account,
    "subscriptions": _subscription,
    "transactions": _transaction,
}
