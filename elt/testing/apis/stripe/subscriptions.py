"""Subscriptions: what they contain, how they go on, how they end."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object

DAY = 86400


@dataclass(frozen=True, slots=True)
class Part:
    """One item of a subscription; `id` is that of an item that there is."""

    price: str
    quantity: int = 1
    id: str | None = None


def subscribe(
    space: Space,
    customer: str,
    parts: Sequence[Part],
    *,
    at: int | None = None,
    key: str | None = None,
    more: Object | None = None,
) -> Object:
    """Begin a subscription; its first period begins at once."""
    at = space.now() if at is None else at
    key = key or space.id_of("subscription")
    prices = [space.store.tables["price"].get(part.price) for part in parts]
    fields = {
        "billing_cycle_anchor": at,
        "currency": prices[0]["currency"] if prices and prices[0] else "eur",
        "customer": customer,
        "start_date": at,
        "_current_period_start": at,
        "_current_period_end": months_later(at, 1),
        "_prices": [part.price for part in parts],
    }
    row = space.create("subscription", fields | (more or {}), at=at, key=key, events=())
    for part in parts:
        _add_item(space, row, part, at=at)
    space.tell("subscription", key, "created", at=at)
    return row


def renew(space: Space, key: str, *, at: int) -> None:
    """Let the next period begin."""
    row = space.store.tables["subscription"].get(key)
    if row is None:
        return
    periods = {
        "_current_period_start": at,
        "_current_period_end": months_later(at, 1),
    }
    items = space.store.tables["subscription_item"]
    with space.watching("subscription", key, at=at):
        space.store.tables["subscription"].set(key, row | periods)
        for item in space.store.named("subscription_item", "subscription", key):
            shown = {name[1:]: periods[name] for name in periods}
            items.set(item["id"], item | shown)


def exchange(
    space: Space, key: str, parts: Sequence[Part], *, at: int | None = None
) -> None:
    """Make a subscription contain these parts, and no others."""
    at = space.now() if at is None else at
    store = space.store
    kept = {part.id: part for part in parts if part.id}
    with space.watching("subscription", key, at=at):
        for item in store.named("subscription_item", "subscription", key):
            part = kept.get(item["id"])
            if part is None:
                store.tables["subscription_item"].delete(item["id"])
            else:
                said = {"_price": part.price, "quantity": part.quantity}
                store.tables["subscription_item"].set(item["id"], item | said)
        row = store.tables["subscription"].get(key)
        for part in parts:
            if row is not None and not part.id:
                _add_item(space, row, part, at=at)
        if row is not None:
            prices = [part.price for part in parts]
            store.tables["subscription"].set(key, row | {"_prices": prices})


def parts_of(space: Space, key: str) -> list[Part]:
    items = space.store.named("subscription_item", "subscription", key)
    return [Part(item["_price"], item["quantity"], item["id"]) for item in items]


def cancel(
    space: Space, key: str, *, at: int | None = None, details: Object | None = None
) -> Object:
    """End a subscription at once."""
    at = space.now() if at is None else at
    row = space.store.tables["subscription"].get(key)
    said = {"comment": None, "feedback": None, "reason": "cancellation_requested"}
    ended = {
        "status": "canceled",
        "canceled_at": (row or {}).get("canceled_at") or at,
        "ended_at": at,
        "cancellation_details": said | (details or {}),
    }
    # docs.stripe.com, Types of events: `customer.subscription.deleted` is its end.
    return space.change("subscription", key, ended, "deleted", at=at)


def _add_item(space: Space, subscription: Object, part: Part, *, at: int) -> None:
    fields = {
        "current_period_start": subscription["_current_period_start"],
        "current_period_end": subscription["_current_period_end"],
        "quantity": part.quantity,
        "subscription": subscription["id"],
        "_price": part.price,
    }
    # Named after its subscription: the same whatever happened in between.
    number = len(space.store.tables["subscription_item"])
    named = f"{subscription['id']}/{part.price}/{at}/{part.quantity}"
    key = space.id_of("subscription_item", named)
    if space.store.tables["subscription_item"].has_place(key):
        key = space.id_of("subscription_item", f"{named}/{number}")
    space.create("subscription_item", fields, at=at, key=key)


def months_later(at: int, months: int) -> int:
    """Give the same day and time some months later, or the last day there is."""
    moment = datetime.fromtimestamp(at, UTC)
    since_0 = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(since_0, 12)
    last = calendar.monthrange(year, month + 1)[1]
    day = min(moment.day, last)
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())
