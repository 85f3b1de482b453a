"""What happens to a customer's subscription."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from elt.testing.apis.recurly.catalogue import FULL_SEATS, major, seat_prices
from elt.testing.apis.recurly.happenings import Customer
from elt.testing.apis.recurly.rendering import mini
from elt.testing.apis.recurly.store import Row, Store, iso, uuid_of
from elt.testing.lives import PLANS, Period, month_after


def subscribe(store: Store, of: Customer, at: int) -> None:
    account = of.account
    ids = of.ids(store)
    fields = {
        "uuid": uuid_of(ids.subscription),
        "activated_at": iso(at),
        "billing_info_id": ids.billing_info,
        "current_term_started_at": iso(at),
        **terms(store, account.periods[0], account.decided_on, at),
    }
    links = {"account": ids.account}
    store.add(Row("subscriptions", ids.subscription, at, at, fields, links))


def change_seats(store: Store, of: Customer, at: int, period: Period) -> None:
    row = _running(store, of)
    if row:
        store.change(row, at, terms(store, period, period.starts_on, at))


def cancel(store: Store, of: Customer, at: int) -> None:
    row = _running(store, of)
    if row:
        ends = datetime.combine(of.account.ends_on or date.max, datetime.min.time())
        expires_at = ends.replace(hour=7, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {"canceled_at": iso(at), "expires_at": expires_at}
        store.change(row, at, {"state": "canceled", "auto_renew": False, **fields})


def expire(store: Store, of: Customer, at: int) -> None:
    row = store.rows["subscriptions"].get(of.ids(store).subscription)
    if row and row.get("state") != "expired":
        fields = {"expires_at": iso(at), "expiration_reason": "canceled"}
        store.change(row, at, {"state": "expired", **fields})


def report_usage(store: Store, of: Customer, at: int, week: int, texts: int) -> None:
    row = _running(store, of)
    add_on = store.find("add_ons", "code-sms", row.fields["plan_id"]) if row else None
    if row is None or add_on is None:
        return
    fields = {
        "amount": float(texts),
        "measured_unit_id": add_on.get("measured_unit_id"),
        "merchant_tag": f"{of.account.id}-week-{week}",
        "usage_timestamp": iso(at - 3600),
        "recording_timestamp": iso(at),
        "unit_amount_decimal": "0.0",
    }
    identity = store.identify("usage", f"{of.account.id}/{week}")
    links = {"subscription": row.id, "add_on": add_on.id}
    store.add(Row("usage", identity, at, at, fields, links))


def terms(store: Store, period: Period, starts_on: date, at: int) -> dict[str, Any]:
    """Say what a subscription costs, in its fields."""
    base = PLANS[period.plan][0]
    texts = _add_on(store, period.plan, "sms", at)
    ends = datetime.combine(month_after(starts_on, 1), datetime.min.time(), UTC)
    return {
        "plan_id": store.identify("plans", period.plan),
        "unit_amount": major(base),
        "add_ons": [_seats(store, period, at), texts],
        "add_ons_total": major(period.monthly - base),
        "subtotal": major(period.monthly),
        "total": major(period.monthly),
        "current_period_started_at": iso(at),
        "current_period_ends_at": iso(int(ends.timestamp())),
        "current_term_ends_at": iso(int(ends.timestamp())),
    }


def _seats(store: Store, period: Period, at: int) -> dict[str, Any]:
    first, more = seat_prices(period.plan)
    return {
        **_add_on(store, period.plan, "seat", at),
        "quantity": period.seats,
        "tier_type": "tiered",
        "tiers": [_tier(FULL_SEATS, first), _tier(None, more)],
    }


def _add_on(store: Store, plan: str, code: str, at: int) -> dict[str, Any]:
    return {
        "id": store.identify("subscription_add_ons", f"{plan}/{code}/{at}"),
        "object": "subscription_add_on",
        "add_on": mini(store, "add_ons", store.identify("add_ons", f"{plan}/{code}")),
        "add_on_source": "plan_add_on",
        "quantity": 1,
        "unit_amount": None,
        "tier_type": "flat",
        "tiers": [],
        "created_at": iso(at),
        "updated_at": iso(at),
        "expired_at": None,
    }


def _tier(last: int | None, price: Decimal) -> dict[str, Any]:
    return {"ending_quantity": last, "unit_amount_decimal": f"{price.normalize():f}"}


def _running(store: Store, of: Customer) -> Row | None:
    row = store.rows["subscriptions"].get(of.ids(store).subscription)
    return row if row and row.get("state") != "expired" else None
