"""What the made-up company's customers leave behind: bills, tickets, product events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from elt.testing.dice import Dice
from elt.testing.lives import Account, Period, Person, month_after

EVENTS_FROM = date(2025, 3, 3)  # a Monday; before, nobody kept the product's events
DAYS_TO_PAY = 14
DAYS_OF_LEAVING = 45  # before a customer goes, its people come less often
LATE, DOUBLED = 0.02, 0.012  # shares of all events

_WEEKEND = 5  # Saturday
_DEVICES = ("ios", "android", "web", "web")
_EVENTS: tuple[str, ...] = (
    "shift_planned",
    "shift_planned",
    "shift_swapped",
    "hours_exported",
)
_EVENTS += ("roster_opened", "roster_opened", "roster_opened")
_SUBJECTS = (
    "Cannot swap a shift on my phone",
    "Hours are missing in the export",
    'The roster says "closed" on a Monday',
    "How do I invite my brother?",
    "Bill shows one seat too many",
    "Login e-mail does not arrive",
)
_PRIORITIES = ("low", "normal", "normal", "normal", "high", "urgent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One month's bill; `paid_on` is None where it never will be."""

    id: str
    customer_id: str
    plan: str
    amount: Decimal
    issued_on: date
    due_on: date
    paid_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    id: str
    account_id: str
    subject: str
    priority: str
    created_at: datetime
    solved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something done in the product, and when the company's server heard of it."""

    message_id: str
    name: str
    happened_at: datetime
    account_id: str
    user_id: str
    properties: dict[str, Any]
    received_at: tuple[datetime, ...]  # twice where a phone sent it again


def invoices(seed: int, account: Account, until: date) -> Iterator[Invoice]:
    """Give the bills issued up to a day, in order."""
    for number in count():
        issued_on = month_after(account.decided_on, number)
        period = account.period_on(issued_on)
        if period is None or issued_on > until:
            return
        yield _invoice(seed, account, period, issued_on)


def tickets(seed: int, account: Account, until: date) -> Iterator[Ticket]:
    """Give the tickets written up to a day, in order."""
    dice = Dice(seed, "tickets", account.number)
    likely = 0.004 + 0.05 * (1 - account.happiness)
    for day in _days(account.decided_on, account.ends_on, until):
        if account.periods and dice.chance(likely):
            yield _ticket(dice, account, day)


def events(seed: int, account: Account, until: date) -> Iterator[Event]:
    """Give what an account's people did up to a day, person by person."""
    for seat, person in enumerate(account.people):
        dice = Dice(seed, "events", person.id)
        for period in account.periods:
            if seat < period.seats:
                yield from _events(dice, account, person, period, until=until)


def event(
    dice: Dice, account: Account, person: Person, day: date, *, number: int
) -> Event:
    """Make one event. `number` tells apart those of one person and day."""
    happened_at = _moment(dice, day, (5, 22))
    identity = f"{person.id}/{day}/{number}"
    name = dice.pick(_EVENTS)
    return Event(
        message_id=hashlib.sha256(identity.encode()).hexdigest()[:20],
        name=name,
        happened_at=happened_at,
        account_id=account.id,
        user_id=person.id,
        properties=_properties(dice, name, day),
        received_at=_received(dice, happened_at),
    )


def _events(
    dice: Dice, account: Account, person: Person, period: Period, *, until: date
) -> Iterator[Event]:
    likely = 0.005 + 0.97 * person.keenness * account.happiness**2
    starts_on = max(period.starts_on, EVENTS_FROM)
    for day in _days(starts_on, period.ends_on, until):
        weekend = 0.5 if day.weekday() >= _WEEKEND else 1.0
        leaving = 0.25 if _ends_soon(account, day) else 1.0
        if dice.chance(likely * weekend * leaving):
            for number in range(dice.between(1, 4)):
                yield event(dice, account, person, day, number=number)


def _ends_soon(account: Account, day: date) -> bool:
    return (
        account.ends_on is not None and (account.ends_on - day).days < DAYS_OF_LEAVING
    )


def _days(start: date, end: date | None, until: date) -> Iterator[date]:
    """Give the days from `start` to the day before `end`, none after `until`."""
    last = until if end is None else min(until, end - timedelta(days=1))
    for offset in range((last - start).days + 1):
        yield start + timedelta(days=offset)


def _received(dice: Dice, happened_at: datetime) -> tuple[datetime, ...]:
    """Hear of it at once, or late where a phone was offline; now and then twice."""
    first = happened_at + timedelta(milliseconds=dice.between(200, 20_000))
    if dice.chance(LATE):
        first += timedelta(hours=dice.between(20, 96))
    if not dice.chance(DOUBLED):
        return (first,)
    return first, first + timedelta(minutes=dice.between(1, 1200))


def _properties(dice: Dice, name: str, day: date) -> dict[str, Any]:
    device = {"device": dice.pick(_DEVICES)}
    if name == "shift_planned":
        year, week, _ = day.isocalendar()
        return {**device, "shifts": dice.between(1, 21), "week": f"{year}-W{week:02}"}
    if name == "hours_exported":
        return {**device, "rows": dice.between(5, 400), "format": "csv"}
    return device


def _invoice(seed: int, account: Account, period: Period, issued_on: date) -> Invoice:
    dice = Dice(seed, "invoice", account.number, issued_on)
    pays = not dice.chance(0.12 * (1 - account.happiness))
    slow = dice.chance(0.25 * (1 - account.happiness))
    days = dice.between(DAYS_TO_PAY, 40) if slow else dice.between(0, DAYS_TO_PAY)
    return Invoice(
        id=f"inv_{account.number:04}_{issued_on:%Y%m}",
        customer_id=account.customer_id,
        plan=period.plan,
        amount=period.monthly,
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=DAYS_TO_PAY),
        paid_on=issued_on + timedelta(days=days) if pays else None,
    )


def _ticket(dice: Dice, account: Account, day: date) -> Ticket:
    created_at = _moment(dice, day, (7, 20)).replace(microsecond=0)
    return Ticket(
        id=f"tic_{account.number:04}_{day:%Y%m%d}",
        account_id=account.id,
        subject=dice.pick(_SUBJECTS),
        priority=dice.pick(_PRIORITIES),
        created_at=created_at,
        solved_at=created_at + timedelta(minutes=dice.between(30, 12 * 24 * 60)),
    )


def _moment(dice: Dice, day: date, hours: tuple[int, int]) -> datetime:
    at = time(dice.between(*hours), dice.between(0, 59), dice.between(0, 59))
    milliseconds = dice.between(0, 999)
    return datetime.combine(day, at, UTC) + timedelta(milliseconds=milliseconds)
