"""Writing subscriptions and their bills."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from elt.testing.apis.parameters import Parameter, flag, one_of
from elt.testing.apis.recurly.accounts import make_account
from elt.testing.apis.recurly.asked import Call, Reply, Site, find, now
from elt.testing.apis.recurly.billing import transact
from elt.testing.apis.recurly.bodies import BODIES, read_body
from elt.testing.apis.recurly.reading import read_parameters
from elt.testing.apis.recurly.refusals import Refused, invalid
from elt.testing.apis.recurly.rendering import billing_info_of, shown
from elt.testing.apis.recurly.store import Row, iso
from elt.testing.apis.recurly.writing import body_of, make

_DAY = 86400
_MONTH = 30 * _DAY
_RUNNING = {"active", "future", "canceled", "paused"}


def create_subscription(site: Site, call: Call) -> Reply:
    """Subscribe an account, which is made where there is none with its code.

    The first period is billed, and collected where that is automatic.
    """
    asked = body_of(site, call, "subscriptions")
    plan = _plan(site, asked)
    price = _price(plan, asked)
    account = _account(site, asked["account"])
    is_manual = asked.get("collection_method") == "manual"
    billing_info = billing_info_of(site.store, account.id)
    if billing_info is None and not is_manual:
        raise invalid([("billing_info", "is required")])
    fields = _fields(site, asked, plan, price)
    fields["billing_info_id"] = billing_info.id if billing_info else None
    row = make(site, "subscriptions", fields, {"account": account.id})
    if fields["state"] == "active" and not fields.get("trial_ends_at"):
        _bill(site, row, plan, pays=not is_manual)
    return Reply(status=201, body=shown(site.store, row))


def _plan(site: Site, asked: dict[str, Any]) -> Row:
    code, identity = asked.get("plan_code"), asked.get("plan_id")
    if not code and not identity:
        raise invalid([("plan_code", "can't be blank")])
    plan = site.store.find("plans", f"code-{code}" if code else str(identity))
    if plan is None or plan.get("state") != "active":
        raise invalid([("plan_code", "is invalid")])
    return plan


def _price(plan: Row, asked: dict[str, Any]) -> float:
    for price in plan.get("currencies"):
        if price["currency"] == asked["currency"]:
            given = asked.get("unit_amount")
            return float(price["unit_amount"] if given is None else given)
    raise invalid([("currency", "is not available for this plan")])


def _account(site: Site, body: dict[str, Any]) -> Row:
    unknown = site.unknown_parameters
    fields = read_body(body, BODIES["accounts"], is_new=True, unknown=unknown)
    found = site.store.find("accounts", f"code-{fields['code']}")
    if found is None:
        return make_account(site, fields)
    if found.get("state") != "active":
        raise invalid([("account", "is not active")])
    return found


def _fields(
    site: Site, asked: dict[str, Any], plan: Row, price: float
) -> dict[str, Any]:
    at = now(site)
    starts_at = asked.get("starts_at")
    is_future = _epoch(starts_at) > at
    ends = iso(at + _MONTH * int(plan.get("interval_length")))
    total = round(price * (asked.get("quantity") or 1), 2)
    own = {"plan_code", "plan_id", "account", "starts_at"}
    return {
        **{name: value for name, value in asked.items() if name not in own},
        "plan_id": plan.id,
        "state": "future" if is_future else "active",
        "unit_amount": price,
        "quantity": asked.get("quantity") or 1,
        "subtotal": total,
        "total": total,
        "activated_at": None if is_future else iso(at),
        "trial_started_at": iso(at) if asked.get("trial_ends_at") else None,
        "current_period_started_at": starts_at or iso(at),
        "current_period_ends_at": ends,
        "current_term_started_at": starts_at or iso(at),
        "current_term_ends_at": ends,
    }


def _epoch(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _bill(site: Site, row: Row, plan: Row, *, pays: bool) -> None:
    links = {"account": row.links["account"], "subscription": row.id}
    invoice = make(site, "invoices", _invoice(site, row), links)
    line = {**_line(row, plan), "invoice_number": invoice.get("number")}
    make(site, "line_items", line, {**links, "invoice": invoice.id})
    if pays:
        identity = site.store.next_id("transactions")
        transact(site.store, invoice, now(site), identity=identity)


def _invoice(site: Site, row: Row) -> dict[str, Any]:
    total = row.get("total")
    return {
        "number": site.store.next_invoice_number(),
        "origin": "purchase",
        "collection_method": row.get("collection_method"),
        "billing_info_id": row.get("billing_info_id"),
        "subscription_ids": [row.id],
        "net_terms": row.get("net_terms"),
        "subtotal": total,
        "total": total,
        "balance": total,
        "refundable_amount": 0.0,
        "currency": row.get("currency"),
        "due_at": iso(now(site) + _DAY * row.get("net_terms")),
    }


def _line(row: Row, plan: Row) -> dict[str, Any]:
    return {
        "description": plan.get("name"),
        "plan_id": plan.id,
        "plan_code": plan.get("code"),
        "product_code": plan.get("code"),
        "quantity": row.get("quantity"),
        "currency": row.get("currency"),
        "unit_amount": row.get("unit_amount"),
        "subtotal": row.get("total"),
        "amount": row.get("total"),
        "start_date": row.get("current_period_started_at"),
        "end_date": row.get("current_period_ends_at"),
    }


def change_subscription(site: Site, call: Call) -> Reply:
    row = find(site.store, "subscriptions", call.within["key"])
    fields = body_of(site, call, "changed subscriptions", is_new=False)
    _check_runs(row)
    site.store.change(row, now(site), fields)
    return Reply(body=shown(site.store, row))


def cancel_subscription(site: Site, call: Call) -> Reply:
    """Let it run to the end of its term and no longer."""
    read_parameters(site, call, ())
    row = find(site.store, "subscriptions", call.within["key"])
    if row.get("state") not in {"active", "future"}:
        raise _cannot("cancel", row)
    at = now(site)
    ends = {"canceled_at": iso(at), "expires_at": row.get("current_term_ends_at")}
    site.store.change(row, at, {"state": "canceled", **ends})
    return Reply(body=shown(site.store, row))


def reactivate_subscription(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    row = find(site.store, "subscriptions", call.within["key"])
    if row.get("state") != "canceled":
        raise _cannot("reactivate", row)
    fields = {"state": "active", "canceled_at": None, "expires_at": None}
    site.store.change(row, now(site), fields)
    return Reply(body=shown(site.store, row))


def terminate_subscription(site: Site, call: Call) -> Reply:
    """End it at once: it is `expired` and stays in the lists."""
    refunds = one_of("full", "partial", "none")
    takes = (Parameter("refund", refunds), Parameter("charge", flag))
    read_parameters(site, call, takes)
    row = find(site.store, "subscriptions", call.within["key"])
    _check_runs(row)
    at = now(site)
    ended = {"state": "expired", "expires_at": iso(at)}
    site.store.change(row, at, {**ended, "expiration_reason": "nonrenewing"})
    return Reply(body=shown(site.store, row))


def _check_runs(row: Row) -> None:
    if row.get("state") not in _RUNNING:
        message = "Expired subscriptions cannot be changed"
        raise Refused(422, "immutable_subscription", message)


def _cannot(what: str, row: Row) -> Refused:
    why = f"cannot {what} a subscription that is {row.get('state')}"
    return invalid([("state", why)])


def create_usage(site: Site, call: Call) -> Reply:
    """Log usage; a time that is not given is that of the request."""
    row = find(site.store, "subscriptions", call.within["subscription"])
    plan = row.fields["plan_id"]
    add_on = find(site.store, "add_ons", call.within["add_on"], plan)
    if add_on.get("add_on_type") != "usage":
        raise invalid([("add_on_id", "is not a usage add-on")])
    given = body_of(site, call, "usage")
    at = iso(now(site))
    fields = {
        "usage_timestamp": at,
        "recording_timestamp": at,
        "measured_unit_id": add_on.get("measured_unit_id"),
        **{name: value for name, value in given.items() if value is not None},
    }
    links = {"subscription": row.id, "add_on": add_on.id}
    made = make(site, "usage", fields, links)
    return Reply(status=201, body=shown(site.store, made))


def create_line_item(site: Site, call: Call) -> Reply:
    """Charge or credit an account; it waits, `pending`, for the next invoice."""
    account = find(site.store, "accounts", call.within["account"])
    given = body_of(site, call, "line_items")
    quantity = given.get("quantity") or 1
    sign = -1 if given["type"] == "credit" else 1
    total = round(sign * abs(given["unit_amount"]) * quantity, 2)
    own = {"state": "pending", "origin": "credit" if sign < 0 else "debit"}
    money = {"subtotal": total, "amount": total, "quantity": quantity}
    row = make(site, "line_items", {**given, **own, **money}, {"account": account.id})
    return Reply(status=201, body=shown(site.store, row))


def settle_invoice(site: Site, call: Call, *, pays: bool) -> Reply:
    """Mark an open invoice as paid, or as failed."""
    read_parameters(site, call, ())
    row = find(site.store, "invoices", call.within["key"])
    if row.get("state") not in {"pending", "past_due"}:
        raise invalid([("state", f"is {row.get('state')}")])
    at = now(site)
    if pays:
        transact(site.store, row, at, identity=site.store.next_id("transactions"))
    else:
        site.store.change(row, at, {"state": "failed", "closed_at": iso(at)})
    return Reply(body=shown(site.store, row))
