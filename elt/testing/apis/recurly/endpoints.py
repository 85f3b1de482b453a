"""The lists that can be asked for, with their parameters: a table.

Paths and parameters are the specification's; those that its shortened copy lacks are
as in recurly-client-python 4.79 (usage, shipping addresses, billing infos, a
subscription's invoices and line items).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elt.testing.apis.parameters import (
    Parameter,
    Read,
    flag,
    listed,
    moment,
    one_of,
    whole,
)
from elt.testing.apis.recurly.store import Row, Store

_LIVE = {"active", "canceled", "future"}
_MOST_IDS = 200
Keeps = Callable[[Store, Row, Any, float], bool]  # `float`: now


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its path, the kind of its rows, and the link to their parent."""

    path: str
    kind: str
    takes: str
    link: str = ""

    @property
    def parent(self) -> str:
        return f"{self.link}s" if self.link else ""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = [*self.takes.split(), "cursor"]
        return tuple(Parameter(name, self._read(name)) for name in names)

    def filters(self) -> dict[str, Keeps]:
        own = {n: f.keeps for (k, n), f in FILTERS.items() if k == self.kind}
        return {name: own[name] for name in self.takes.split() if name in own}

    def _read(self, name: str) -> Read:
        own = FILTERS.get((self.kind, name))
        if self.kind == "usage" and name == "sort":
            return one_of("recorded_timestamp", "usage_timestamp")
        return own.read if own else _COMMON[name]


@dataclass(frozen=True, slots=True)
class Filter:
    read: Read
    keeps: Keeps


def _ids(value: str) -> list[str]:
    """Take up to 200 ids (specification, `ids`)."""
    found = listed(value)
    if len(found) > _MOST_IDS:
        raise ValueError(f"more than {_MOST_IDS} ids")
    return found


def _any_text(value: str) -> str:
    return value


_COMMON: dict[str, Read] = {
    "ids": _ids,
    "limit": whole(1, 200),
    "order": one_of("asc", "desc"),
    "sort": one_of("created_at", "updated_at"),
    "begin_time": moment,
    "end_time": moment,
    "cursor": _any_text,
}


def _equals(name: str) -> Keeps:
    return lambda _store, row, value, _now: row.get(name) == value


def _is_set(name: str) -> Keeps:
    return lambda _store, row, _value, _now: bool(row.get(name))


def _email(_store: Store, row: Row, value: str, _now: float) -> bool:
    """Give accounts without one for an empty text (specification, `email`)."""
    return (row.get("email") or "") == value


def _subscriber(store: Store, row: Row, value: bool, _now: float) -> bool:
    subscriptions = store.children("subscriptions", "account", row.id)
    return any(s.get("state") in _LIVE for s in subscriptions) == value


def _past_due(store: Store, row: Row, _value: bool, _now: float) -> bool:
    invoices = store.children("invoices", "account", row.id)
    return any(invoice.get("state") == "past_due" for invoice in invoices)


def _subscription_state(_store: Store, row: Row, value: str, now: float) -> bool:
    starts, ends = row.get("trial_started_at"), row.get("trial_ends_at")
    in_trial = bool(starts and ends and _epoch(starts) < now < _epoch(ends))
    if value == "in_trial":
        return in_trial
    if value == "live":
        return row.get("state") in _LIVE or in_trial
    return bool(row.get("state") == value)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _invoice_type(_store: Store, row: Row, value: str, _now: float) -> bool:
    is_legacy = row.get("type") == "legacy"
    if value == "non-legacy":
        return not is_legacy
    return bool(row.get("type") == value)


def _transaction_type(_store: Store, row: Row, value: str, _now: float) -> bool:
    """Give purchases and captures for the value `payment` (specification)."""
    if value == "payment":
        return row.get("type") in {"purchase", "capture"}
    return bool(row.get("type") == value)


def _original(_store: Store, row: Row, _value: bool, _now: float) -> bool:
    return row.get("previous_line_item_id") is None


def _billing_status(_store: Store, row: Row, value: str, _now: float) -> bool:
    is_billed = row.get("billed_at") is not None
    return {"all": True, "billed": is_billed, "unbilled": not is_billed}[value]


_ACTIVE = Filter(one_of("active", "inactive"), _equals("state"))
FILTERS: dict[tuple[str, str], Filter] = {
    ("sites", "state"): Filter(
        one_of("active", "inactive"),
        lambda _s, row, value, _n: (
            (row.get("deleted_at") is None) == (value == "active")
        ),
    ),
    ("plans", "state"): _ACTIVE,
    ("add_ons", "state"): _ACTIVE,
    ("items", "state"): _ACTIVE,
    ("measured_units", "state"): _ACTIVE,
    ("coupon_redemptions", "state"): _ACTIVE,
    ("accounts", "email"): Filter(_any_text, _email),
    ("accounts", "subscriber"): Filter(flag, _subscriber),
    ("accounts", "past_due"): Filter(one_of("true"), _past_due),
    ("subscriptions", "state"): Filter(
        one_of("active", "canceled", "expired", "future", "in_trial", "live"),
        _subscription_state,
    ),
    ("invoices", "state"): Filter(
        one_of("pending", "past_due", "paid", "failed"), _equals("state")
    ),
    ("invoices", "type"): Filter(
        one_of("charge", "credit", "legacy", "non-legacy"), _invoice_type
    ),
    ("line_items", "original"): Filter(one_of("true"), _original),
    ("line_items", "state"): Filter(one_of("invoiced", "pending"), _equals("state")),
    ("line_items", "type"): Filter(one_of("charge", "credit"), _equals("type")),
    ("transactions", "type"): Filter(
        one_of("authorization", "capture", "payment", "purchase", "refund", "verify"),
        _transaction_type,
    ),
    ("transactions", "success"): Filter(one_of("true"), _is_set("success")),
    ("usage", "billing_status"): Filter(
        one_of("all", "billed", "unbilled"), _billing_status
    ),
    ("custom_field_definitions", "related_type"): Filter(
        one_of("account", "charge", "item", "plan", "subscription"),
        _equals("related_type"),
    ),
}

_TIMES = "begin_time end_time"
_PAGED = f"ids limit order sort {_TIMES}"
_FEW = f"ids sort {_TIMES}"  # neither limit nor order: so the specification has it
_LINES = f"{_PAGED} original state type"

LISTINGS = (
    Listing("/sites", "sites", "ids limit order sort state"),
    Listing("/accounts", "accounts", f"{_PAGED} email subscriber past_due"),
    Listing("/acquisitions", "acquisitions", _PAGED),
    Listing("/subscriptions", "subscriptions", f"{_PAGED} state"),
    Listing("/invoices", "invoices", f"{_PAGED} state type"),
    Listing("/line_items", "line_items", _LINES),
    Listing("/transactions", "transactions", f"{_PAGED} type success"),
    Listing("/plans", "plans", f"{_PAGED} state"),
    Listing("/add_ons", "add_ons", f"{_PAGED} state"),
    Listing("/items", "items", f"{_PAGED} state"),
    Listing("/coupons", "coupons", _PAGED),
    Listing("/credit_payments", "credit_payments", f"limit order sort {_TIMES}"),
    Listing("/measured_units", "measured_units", f"{_PAGED} state"),
    Listing("/shipping_methods", "shipping_methods", _PAGED),
    Listing(
        "/custom_field_definitions",
        "custom_field_definitions",
        f"{_PAGED} related_type",
    ),
    Listing("/accounts/{account}/billing_infos", "billing_infos", _FEW, "account"),
    Listing(
        "/accounts/{account}/coupon_redemptions",
        "coupon_redemptions",
        f"{_FEW} state",
        "account",
    ),
    Listing(
        "/accounts/{account}/credit_payments",
        "credit_payments",
        f"limit order sort {_TIMES}",
        "account",
    ),
    Listing("/accounts/{account}/notes", "notes", "ids", "account"),
    Listing(
        "/accounts/{account}/shipping_addresses",
        "shipping_addresses",
        _PAGED,
        "account",
    ),
    Listing(
        "/accounts/{account}/subscriptions",
        "subscriptions",
        f"{_PAGED} state",
        "account",
    ),
    Listing(
        "/accounts/{account}/invoices", "invoices", f"{_PAGED} state type", "account"
    ),
    Listing("/accounts/{account}/line_items", "line_items", _LINES, "account"),
    Listing(
        "/accounts/{account}/transactions",
        "transactions",
        f"{_PAGED} type success",
        "account",
    ),
    Listing(
        "/subscriptions/{subscription}/coupon_redemptions",
        "coupon_redemptions",
        _FEW,
        "subscription",
    ),
    Listing(
        "/subscriptions/{subscription}/invoices",
        "invoices",
        f"{_PAGED} state type",
        "subscription",
    ),
    Listing(
        "/subscriptions/{subscription}/line_items",
        "line_items",
        _LINES,
        "subscription",
    ),
    Listing(
        "/subscriptions/{subscription}/add_ons/{add_on}/usage",
        "usage",
        f"{_PAGED} billing_status",
        "subscription",
    ),
    Listing("/invoices/{invoice}/line_items", "line_items", _LINES, "invoice"),
    Listing(
        "/invoices/{invoice}/coupon_redemptions",
        "coupon_redemptions",
        _FEW,
        "invoice",
    ),
    Listing("/plans/{plan}/add_ons", "add_ons", f"{_PAGED} state", "plan"),
)
