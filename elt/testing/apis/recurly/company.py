"""What Recurly would know of the made-up company's customers on a day.

Everything that happens has its moment. As the clock goes on, what has happened until
then is done, in order; so what is known is a function of seed and moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from elt.testing.apis.recurly.billing import happened_to_bill
from elt.testing.apis.recurly.catalogue import COUPON
from elt.testing.apis.recurly.happenings import Customer, Happening
from elt.testing.apis.recurly.kinds import ADDRESS
from elt.testing.apis.recurly.store import Row, Store, iso
from elt.testing.apis.recurly.subscribed import (
    cancel,
    change_seats,
    expire,
    report_usage,
    subscribe,
)
from elt.testing.dice import Dice
from elt.testing.lives import Account, accounts
from elt.testing.traces import invoices

_CHANNELS = ("referral", "organic_search", "events", "social_media", "advertising")
_CARDS = ("Visa", "MasterCard", "American Express")
_DAYS_OF_NOTICE = 10
_DAYS_TO_CLOSE = 30
_DAYS_OF_A_CARD = 300


class Company:
    """The customers' lives, done to a store up to any moment."""

    def __init__(self, seed: int, store: Store) -> None:
        self._seed = seed
        self._store = store
        self._known_until: date | None = None
        self._done_until = 0
        self._next: deque[Happening] = deque()

    def catch_up(self, moment: datetime) -> None:
        if self._known_until is None or moment.date() > self._known_until:
            self._known_until = moment.date()
            self._next = deque(self._coming(moment.date()))
        until = int(moment.timestamp())
        while self._next and self._next[0].at <= until:
            happening = self._next.popleft()
            happening.do(self._store, happening.of, happening.at, *happening.given)
        self._done_until = max(self._done_until, until)

    def _coming(self, until: date) -> list[Happening]:
        coming = [
            happening
            for account in accounts(self._seed, until)
            for happening in _life(self._seed, account, until)
            if happening.at > self._done_until
        ]
        return sorted(coming, key=lambda h: (h.at, h.of.account.number, h.order))


@dataclass(slots=True)
class _Life:
    """Numbers the happenings of a customer, so that equal moments have an order."""

    of: Customer
    order: int = 0

    def at(
        self, day: date, hour: int, do: Callable[..., None], *given: Any
    ) -> Happening:
        self.order += 1
        minute = timedelta(seconds=self.of.account.number * 17 % 1800)
        moment = datetime.combine(day, time(hour), UTC) + minute
        return Happening(int(moment.timestamp()), self.order, self.of, do, given)


def _life(seed: int, account: Account, until: date) -> Iterator[Happening]:
    customer = Customer(account)
    life = _Life(customer)
    dice = Dice(seed, "recurly", account.number)
    yield life.at(account.created_on, 8, _open, dice.pick(_CHANNELS))
    if dice.chance(0.3):
        yield life.at(account.created_on + timedelta(days=2), 15, _note)
    if not account.periods:
        return
    yield from _start(life, dice)
    for bill in invoices(seed, account, until):
        yield from happened_to_bill(life.at, bill)
    yield from _middle(life, account, until)
    yield from _end(life, account, closes=dice.chance(0.5))


def _start(life: _Life, dice: Dice) -> Iterator[Happening]:
    day = life.of.account.decided_on
    yield life.at(day, 9, _give_card, dice.pick(_CARDS), f"{dice.between(0, 9999):04}")
    yield life.at(day, 10, subscribe)
    if dice.chance(0.25):
        yield life.at(day, 11, _redeem)
    if life.of.account.periods[0].plan == "house":
        yield life.at(day + timedelta(days=1), 16, _give_shipping_address)


def _middle(life: _Life, account: Account, until: date) -> Iterator[Happening]:
    for period in account.periods[1:]:
        yield life.at(period.starts_on, 10, change_seats, period)
    last = min(account.ends_on or until, until)
    for number, day in enumerate(_every(_DAYS_OF_A_CARD, account.decided_on, last)):
        yield life.at(day, 14, _renew_card, number + 1)
    for number, day in enumerate(_every(7, account.decided_on, last)):
        used = account.period_on(day)
        if used is not None and used.plan == "house":
            yield life.at(day, 20, report_usage, number, 3 * used.seats + number % 5)


def _end(life: _Life, account: Account, *, closes: bool) -> Iterator[Happening]:
    if account.ends_on is None:
        return
    notice = account.ends_on - timedelta(days=_DAYS_OF_NOTICE)
    yield life.at(max(notice, account.periods[-1].starts_on), 15, cancel)
    yield life.at(account.ends_on, 7, expire)
    if closes:
        closed_on = account.ends_on + timedelta(days=_DAYS_TO_CLOSE)
        yield life.at(closed_on, 12, _close)


def _every(days: int, start: date, end: date) -> Iterable[date]:
    number = max(0, (end - start).days // days)
    return [start + timedelta(days=days * n) for n in range(1, number + 1)]


def _open(store: Store, of: Customer, at: int, channel: str) -> None:
    account = of.account
    fields = {
        "code": account.id,
        "email": account.people[0].email,
        **_names(account),
        "address": {**ADDRESS, "city": account.city, "country": account.country},
        "custom_fields": [{"name": "kitchens", "value": "1"}],
        "hosted_login_token": store.identify("token", account.id),
    }
    of_store = of.ids(store)
    store.add(Row("accounts", of_store.account, at, at, fields))
    cost = {"currency": "EUR", "amount": 12.5}
    acquired = {"channel": channel, "subchannel": None, "cost": cost}
    identity = store.identify("acquisitions", account.id)
    links = {"account": of_store.account}
    store.add(Row("acquisitions", identity, at, at, acquired, links))


def _note(store: Store, of: Customer, at: int) -> None:
    account = of.account
    user = {
        "id": store.identify("users", account.owner),
        "object": "user",
        "email": f"{account.owner.lower()}@kettleandcrew.example",
        "first_name": account.owner,
        "last_name": None,
        "time_zone": "Europe/Lisbon",
        "created_at": "2024-07-01T08:00:00Z",
        "deleted_at": None,
    }
    fields = {"user": user, "message": f"Met {account.people[0].name}, nice place"}
    identity = store.identify("notes", account.id)
    links = {"account": of.ids(store).account}
    store.add(Row("notes", identity, at, at, fields, links))


def _give_card(store: Store, of: Customer, at: int, card: str, last_four: str) -> None:
    account = of.account
    method = {
        "object": "credit_card",
        "card_type": card,
        "first_six": "411111",
        "last_four": last_four,
        "exp_month": account.number % 12 + 1,
        "exp_year": account.decided_on.year + 1,
    }
    fields = {
        **_names(account),
        "address": {**ADDRESS, "city": account.city, "country": account.country},
        "payment_method": method,
    }
    ids = of.ids(store)
    links = {"account": ids.account}
    store.add(Row("billing_infos", ids.billing_info, at, at, fields, links))


def _renew_card(store: Store, of: Customer, at: int, number: int) -> None:
    """Change the card; the account is not updated by that."""
    row = store.rows["billing_infos"].get(of.ids(store).billing_info)
    if row is not None:
        year = of.account.decided_on.year + 1 + number
        method = {**row.fields["payment_method"], "exp_year": year}
        store.change(row, at, {"payment_method": method})


def _redeem(store: Store, of: Customer, at: int) -> None:
    coupon = store.find("coupons", f"code-{COUPON}")
    ids = of.ids(store)
    if coupon is None or coupon.get("state") != "redeemable":
        return
    identity = store.identify("coupon_redemptions", of.account.id)
    links = {
        "account": ids.account,
        "subscription": ids.subscription,
        "coupon": coupon.id,
    }
    fields = {"discounted": 0.0}
    store.add(Row("coupon_redemptions", identity, at, at, fields, links))


def _give_shipping_address(store: Store, of: Customer, at: int) -> None:
    account = of.account
    fields = {
        "nickname": "Kitchen door",
        **_names(account),
        "email": account.people[0].email,
        "street1": f"{account.number} Yard Lane",
        "city": account.city,
        "postal_code": f"{1000 + account.number}",
        "country": account.country,
    }
    identity = store.identify("shipping_addresses", account.id)
    links = {"account": of.ids(store).account}
    store.add(Row("shipping_addresses", identity, at, at, fields, links))


def _names(account: Account) -> dict[str, Any]:
    first, _, last = account.people[0].name.partition(" ")
    return {"first_name": first, "last_name": last, "company": account.name}


def _close(store: Store, of: Customer, at: int) -> None:
    """Close the account; it stays in the lists, its billing info does not stay."""
    ids = of.ids(store)
    account = store.rows["accounts"].get(ids.account)
    if account is not None and account.get("state") == "active":
        store.change(account, at, {"state": "inactive", "deleted_at": iso(at)})
    billing_info = store.rows["billing_infos"].get(ids.billing_info)
    if billing_info:
        store.remove(billing_info)
