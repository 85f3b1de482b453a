"""What happens to the made-up company's customers, whole lives at once.

A life does not depend on the day on which one looks: what is known on a day is cut
out of it by elt.testing.exports. So a week more never changes what was before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from elt.testing.dice import Dice

FOUNDED = date(2024, 7, 1)
ACCOUNTS_A_WEEK = 5.4
MONTHS = 60  # a life; nothing changes afterwards
LAST_BILLING_DAY = 28  # every month has it

CENT = Decimal("0.01")
PLANS = {  # what a month costs, and each seat of it
    "counter": (Decimal("19.00"), Decimal("4.50")),
    "kitchen": (Decimal("49.00"), Decimal("6.75")),
    "house": (Decimal("129.00"), Decimal("7.35")),
}
SEATS = {"counter": (1, 3), "kitchen": (2, 6), "house": (4, 9)}

_FIRST: tuple[str, ...] = (
    "Blue",
    "Corner",
    "Old",
    "Little",
    "Golden",
    "Quiet",
    "Harbour",
    "Copper",
)
_FIRST += ("Morning", "Wild", "Paper", "Northern", "Velvet", "Lucky", "Salt", "Zoë's")
_SECOND: tuple[str, ...] = (
    "Door",
    "Spoon",
    "Oven",
    "Kettle",
    "Crumb",
    "Lantern",
    "Fig",
    "Sparrow",
)
_SECOND += ("Anchor", "Thistle", "Plum", "Grain", "Otter", "Bean", "Fern", "Whisk")
_KINDS = {
    "cafe": "Café",
    "bakery": "Bakery",
    "bistro": "Bistro",
    "roastery": "Roastery",
    "patisserie": "Bread, Butter & Co",  # a comma, for the CSV
}
_CITIES = (
    ("Lisbon", "PT"),
    ("Porto", "PT"),
    ("Łódź", "PL"),
    ("Gothenburg", "SE"),
    ("Leipzig", "DE"),
    ("Lyon", "FR"),
    ("Ghent", "BE"),
    ("Galway", "IE"),
)
_OWNERS = ("Ines", "Tomasz", "Freya")
_GIVEN: tuple[str, ...] = (
    "Ada",
    "Bruno",
    "Chloé",
    "Dario",
    "Elif",
    "Femi",
    "Greta",
    "Hugo",
    "Iris",
)
_GIVEN += ("Jonas", "Kaja", "Levi", "Maren", "Nils", "Oona", "Paulo", "Rosa", "Søren")
_FAMILY: tuple[str, ...] = (
    "Almeida",
    "Becker",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
)
_FAMILY += ("Horvat", "Ivanov", "Janssen", "Kowalski", "Lindqvist", "Moreau", "O'Neil")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works at an account; the first one is the contact of the bills."""

    id: str
    name: str
    email: str
    keenness: float  # 0 to 1, how often they use the product


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of one subscription's life on one plan with so many seats.

    It holds from `starts_on` up to the day before `ends_on`.
    """

    plan: str
    seats: int
    monthly: Decimal
    starts_on: date
    ends_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A café that the company talks to, and what will become of it."""

    number: int
    name: str
    kind: str
    city: str
    country: str
    owner: str
    happiness: float
    people: tuple[Person, ...]
    created_on: date
    decided_on: date
    periods: tuple[Period, ...]  # none where the deal is lost

    @property
    def id(self) -> str:
        return f"acc_{self.number:04}"

    @property
    def customer_id(self) -> str:
        return f"cus_{self.number:04}"

    @property
    def ends_on(self) -> date | None:
        """The day on which the customer is none any more."""
        return self.periods[-1].ends_on if self.periods else None

    def period_on(self, day: date) -> Period | None:
        for period in self.periods:
            if period.starts_on <= day and (period.ends_on or date.max) > day:
                return period
        return None


def accounts(seed: int, until: date) -> Iterator[Account]:
    """Give all accounts created up to a day, in the order of their numbers."""
    number = 1
    while (created_on := _created_on(number)) <= until:
        yield _account(seed, number, created_on)
        number += 1


def month_after(day: date, months: int) -> date:
    """Give the same day some months later; `day` is a billing day."""
    months_since_0 = day.year * 12 + day.month - 1 + months
    return date(months_since_0 // 12, months_since_0 % 12 + 1, day.day)


def _created_on(number: int) -> date:
    return FOUNDED + timedelta(days=int(number * 7 / ACCOUNTS_A_WEEK))


def _account(seed: int, number: int, created_on: date) -> Account:
    dice = Dice(seed, "account", number)
    kind = dice.pick(tuple(_KINDS))
    city, country = dice.pick(_CITIES)
    happiness = 0.1 + 0.9 * dice.share()
    decided_on = _early_in_month(created_on + timedelta(days=dice.between(3, 24)))
    is_won = dice.chance(0.8)
    name = _name(seed, number)
    return Account(
        number=number,
        name=f"{name} {_KINDS[kind]}",
        kind=kind,
        city=city,
        country=country,
        owner=dice.pick(_OWNERS),
        happiness=happiness,
        people=_people(dice, number, name),
        created_on=created_on,
        decided_on=decided_on,
        periods=_periods(dice, decided_on, happiness) if is_won else (),
    )


def _early_in_month(day: date) -> date:
    """Move the last days of a month to the last day that has a bill."""
    return day.replace(day=min(day.day, LAST_BILLING_DAY))


def _name(seed: int, number: int) -> str:
    # 101 has no divisor in common with 256, so names repeat after 256 accounts only.
    index = (number * 101 + seed) % (len(_FIRST) * len(_SECOND))
    first, second = divmod(index, len(_SECOND))
    return f"{_FIRST[first]} {_SECOND[second]}"


def _people(dice: Dice, number: int, name: str) -> tuple[Person, ...]:
    domain = f"{_plain(name)}{number}.example"  # nobody's, by RFC 2606
    return tuple(
        _person(dice, f"usr_{number:04}_{index}", domain)
        for index in range(SEATS["house"][1])
    )


def _person(dice: Dice, user_id: str, domain: str) -> Person:
    given = dice.pick(_GIVEN)
    return Person(
        id=user_id,
        name=f"{given} {dice.pick(_FAMILY)}",
        email=f"{_plain(given)}.{user_id[-1]}@{domain}",
        keenness=dice.share(),
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isascii() and c.isalpha())


def _periods(dice: Dice, starts_on: date, happiness: float) -> tuple[Period, ...]:
    plan = "counter" if dice.chance(0.5) else dice.pick(("kitchen", "kitchen", "house"))
    seats = dice.between(*SEATS[plan])
    periods = [_period(plan, seats, starts_on)]
    for month in range(1, MONTHS):
        today = month_after(starts_on, month)
        last = periods[-1]
        if dice.chance(0.006 + 0.08 * (1 - happiness)):
            periods[-1] = replace(last, ends_on=today)
            break
        wish = _wish(dice, last, happiness)
        if wish != (last.plan, last.seats):
            periods[-1] = replace(last, ends_on=today)
            periods.append(_period(*wish, today))
    return tuple(periods)


def _wish(dice: Dice, period: Period, happiness: float) -> tuple[str, int]:
    """Decide on the plan and seats of the next month; most often the same."""
    plans = tuple(PLANS)
    step = plans.index(period.plan)
    if dice.chance(0.02 * happiness):
        step = min(step + 1, len(plans) - 1)
    elif dice.chance(0.02 * (1 - happiness)):
        step = max(step - 1, 0)
    seats = period.seats + (dice.chance(0.06 * happiness) - dice.chance(0.02))
    least, most = SEATS[plans[step]]
    return plans[step], min(max(seats, least), most)


def _period(plan: str, seats: int, starts_on: date) -> Period:
    base, each = PLANS[plan]
    # From the fourth seat on they cost an eighth less: amounts that need rounding.
    full, cheaper = min(seats, 3), max(seats - 3, 0)
    price = base + full * each + cheaper * each * Decimal("0.875")
    return Period(
        plan=plan,
        seats=seats,
        monthly=price.quantize(CENT, ROUND_HALF_UP),
        starts_on=starts_on,
    )
