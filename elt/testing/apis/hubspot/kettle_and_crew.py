"""What the made-up company's HubSpot knows, as its life goes on.

A life is a list of happenings, each with its time; those that are over have been done.
Which there are is a function of the seed alone, so a day more changes none before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.people import email_events, forms, lists, owners
from elt.testing.apis.hubspot.portal import BY_PEOPLE, Portal
from elt.testing.apis.hubspot.values import iso
from elt.testing.dice import Dice
from elt.testing.lives import FOUNDED, PLANS, Account, Period, accounts
from elt.testing.traces import Ticket, tickets

CONTACTS = 3  # of an account; the CRM does not know everybody

_AHEAD = timedelta(days=40)  # as much is made at once
_FIRST_IDS = {"companies": 20_000_000_000, "contacts": 21_000_000_000}
_FIRST_IDS |= {"deals": 22_000_000_000, "tickets": 23_000_000_000}
_FIRST_IDS |= {"products": 24_000_000_000, "line_items": 25_000_000_000}
_FIRST_IDS |= {"quotes": 26_000_000_000, "calls": 27_000_000_000}
_FIRST_IDS |= {"emails": 28_000_000_000, "meetings": 29_000_000_000}
_FIRST_IDS |= {"notes": 30_000_000_000, "tasks": 31_000_000_000}
_FIRST_IDS |= {"sites": 32_000_000_000}
_PRIORITIES = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH", "urgent": "URGENT"}
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    act: Callable[[datetime], object]  # it is given its own time


class Life:
    """Lets the company's life happen to a portal."""

    def __init__(self, portal: Portal, seed: int) -> None:
        portal.add_site()
        self._portal = portal
        self._seed = seed
        self._known_until = _NEVER
        self._lived_until = _NEVER
        self._coming: list[Happening] = []
        portal.around.owners += owners()
        portal.around.lists += lists()
        portal.around.forms += forms()

    def live_until(self, now: datetime) -> None:
        if now >= self._known_until:
            self._look_ahead(now)
        while self._coming and self._coming[-1].at <= now:
            happening = self._coming.pop()
            happening.act(happening.at)
        self._lived_until = now

    def _look_ahead(self, now: datetime) -> None:
        """Make what happens until some weeks from now; the next one is the last."""
        until = (now + _AHEAD).date()
        found = list(self._products())
        for account in accounts(self._seed, until):
            found += _Story(self._portal, self._seed, account).happenings(until)
        found.sort(key=lambda happening: happening.at)
        start = bisect_right(found, self._lived_until, key=lambda h: h.at)
        self._coming = found[start:][::-1]
        self._known_until = datetime.combine(until, time(0), UTC)

    def _products(self) -> Iterator[Happening]:
        for number, (plan, (price, _)) in enumerate(PLANS.items(), start=1):
            values = {
                "name": plan.capitalize(),
                "hs_sku": f"plan-{plan}",
                "price": price,
                "recurringbillingfrequency": "monthly",
            }
            yield Happening(_at(FOUNDED, 8), _makes(self._portal, "products", number, values))


def _at(day: date, hour: int, dice: Dice | None = None) -> datetime:
    """Give a moment of a day; with dice, one of some hours from there on."""
    if dice is None:
        return datetime.combine(day, time(hour), UTC)
    moment = time(hour + dice.between(0, 3), dice.between(0, 59), dice.between(0, 59))
    at = datetime.combine(day, moment, UTC)
    return at + timedelta(milliseconds=dice.between(0, 999))


def record_id(kind: str, number: int) -> int:
    return _FIRST_IDS[kind] + number


def _makes(
    portal: Portal, kind: str, number: int, values: dict[str, object]
) -> Callable[[datetime], object]:
    found = portal.kind(kind)
    own = record_id(kind, number)
    return lambda at: portal.create(found, values, at=at, record_id=own, source=BY_PEOPLE)


class _Story:
    """All that happens with one account."""

    def __init__(self, portal: Portal, seed: int, account: Account) -> None:
        self._portal = portal
        self._seed = seed
        self._account = account
        self._dice = Dice(seed, "hubspot", account.number)
        self._company = record_id("companies", account.number)
        self._deal = record_id("deals", account.number)
        self._found: list[Happening] = []

    def happenings(self, until: date) -> list[Happening]:
        account = self._account
        met_at = _at(account.created_on, 8, self._dice)
        decided_at = _at(account.decided_on, 14, self._dice)
        self._meets(met_at)
        self._sells(met_at, decided_at)
        self._talks(met_at, decided_at)
        if account.periods:
            self._wins(decided_at)
        self._tidies(met_at)
        for ticket in tickets(self._seed, account, until):
            self._asks(ticket)
        return self._found

    def _person(self, index: int) -> int:
        return record_id("contacts", self._account.number * 10 + index)

    def _meets(self, at: datetime) -> None:
        account = self._account
        self._make("companies", account.number, at, self._company_values())
        first, *others = (
            (record_id("contacts", account.number * 10 + i), p)
            for i, p in enumerate(account.people[:CONTACTS])
        )
        for minutes, (own, person) in enumerate([first, *others], start=1):
            given, _, family = person.name.partition(" ")
            values: dict[str, object] = {
                "email": person.email,
                "firstname": given,
                "lastname": family,
                "person_id": person.id,
                "is_primary": person is account.people[0],
                "lifecyclestage": "lead",
                "hubspot_owner_id": _owner_id(account),
            }
            born_at = at + timedelta(minutes=minutes)
            number = own - record_id("contacts", 0)
            self._make("contacts", number, born_at, values)
            self._link("contacts", own, "companies", self._company, born_at)
            self._hear(born_at, person.email)

    def _company_values(self) -> dict[str, object]:
        account = self._account
        employees = str(self._dice.between(2, 40))
        return {
            "name": account.name,
            "domain": account.people[0].email.partition("@")[2],
            "city": account.city,
            "country": account.country,
            "account_id": account.id,
            "account_kind": account.kind,
            "channels": "ios;android" if self._dice.chance(0.5) else "web",
            # An import wrote texts into a property of numbers.
            "numberofemployees": "N/A" if account.number % 29 == 0 else employees,
            "lifecyclestage": "lead",
            "hubspot_owner_id": _owner_id(account),
        }

    def _sells(self, met_at: datetime, decided_at: datetime) -> None:
        """Take the deal through its stages."""
        account = self._account
        opened_at = met_at + timedelta(minutes=30)
        values: dict[str, object] = {
            "dealname": f"{account.name}: first year",
            "pipeline": "default",
            "dealstage": "appointmentscheduled",
            "dealtype": "newbusiness",
            "hubspot_owner_id": _owner_id(account),
        }
        self._make("deals", account.number, opened_at, values)
        self._link("deals", self._deal, "companies", self._company, opened_at)
        self._link("deals", self._deal, "contacts", self._person(0), opened_at)
        middle = opened_at + (decided_at - opened_at) / 2
        self._change("deals", self._deal, _whole(middle), {"dealstage": "qualifiedtobuy"})
        first = account.periods[0] if account.periods else None
        end: dict[str, object] = {
            "dealstage": "closedwon" if first else "closedlost",
            "closedate": iso(decided_at),
        }
        if first:
            end |= {"amount": first.monthly * 12, "plan": first.plan}
        self._change("deals", self._deal, decided_at, end)

    def _wins(self, decided_at: datetime) -> None:
        account = self._account
        self._change(
            "companies",
            self._company,
            decided_at,
            {
                "lifecyclestage": "customer",
                "customer_since": account.decided_on.isoformat(),
                "has_churned": False,
                **_period_values(account.periods[0]),
            },
        )
        for period in account.periods[1:]:
            at = _at(period.starts_on, 6, self._dice)
            self._change("companies", self._company, at, _period_values(period))
        if account.ends_on:
            at = _at(account.ends_on, 6, self._dice)
            gone: dict[str, object] = {"lifecyclestage": "other", "has_churned": True}
            self._change("companies", self._company, at, gone)
        self._signs(decided_at, account.periods[0])

    def _signs(self, decided_at: datetime, period: Period) -> None:
        """Make what a won deal leaves: a line, a quote, a site."""
        account, at = self._account, decided_at - timedelta(hours=2)
        plans = list(PLANS)
        line: dict[str, object] = {
            "name": f"{period.plan.capitalize()}, {period.seats} seats",
            "price": period.monthly,
            "quantity": 12,
            "hs_product_id": record_id("products", plans.index(period.plan) + 1),
            "hs_sku": f"plan-{period.plan}",
        }
        quote: dict[str, object] = {
            "hs_title": f"Quote for {account.name}",
            "hs_expiration_date": (account.decided_on + timedelta(days=30)).isoformat(),
            "hs_status": "APPROVAL_NOT_NEEDED",
        }
        site: dict[str, object] = {
            "site_name": f"{account.name}, {account.city}",
            "site_code": f"site_{account.number:04}",
            "square_metres": self._dice.between(20, 240),
            "opened_on": (FOUNDED - timedelta(days=self._dice.between(1, 3000))).isoformat(),
        }
        made = {"line_items": line, "quotes": quote, "sites": site}
        for kind, values in made.items():
            self._make(kind, account.number, at, values)
        number = account.number
        self._link("deals", self._deal, "line_items", record_id("line_items", number), at)
        self._link("quotes", record_id("quotes", number), "deals", self._deal, at)
        self._link("sites", record_id("sites", number), "companies", self._company, at)

    def _talks(self, met_at: datetime, decided_at: datetime) -> None:
        """Keep what was said: an engagement of each type."""
        account, days = self._account, timedelta(days=1)
        call_at, mail_at = met_at + days, met_at + 2 * days
        said: tuple[tuple[str, datetime, dict[str, object]], ...] = (
            ("notes", met_at + timedelta(hours=1), {"hs_note_body": "<p>Met at a fair</p>"}),
            (
                "calls",
                call_at,
                {
                    "hs_call_title": f"Call with {account.people[0].name}",
                    "hs_call_duration": self._dice.between(20, 1800) * 1000,
                    "hs_call_direction": "OUTBOUND",
                },
            ),
            (
                "emails",
                mail_at,
                {"hs_email_subject": "Your rota, planned", "hs_email_direction": "EMAIL"},
            ),
            ("meetings", decided_at - timedelta(hours=5), {"hs_meeting_title": "Decision"}),
            (
                "tasks",
                met_at + timedelta(hours=2),
                {"hs_task_subject": "Call back", "hs_task_status": "NOT_STARTED"},
            ),
        )
        for kind, at, values in said:
            own = {"hs_timestamp": iso(at), "hubspot_owner_id": _owner_id(account)}
            self._make(kind, account.number, at, {**own, **values})
            one = record_id(kind, account.number)
            self._link(kind, one, "companies", self._company, at)
            self._link(kind, one, "contacts", self._person(0), at)
        done: dict[str, object] = {"hs_task_status": "COMPLETED"}
        self._change("tasks", record_id("tasks", account.number), call_at, done)

    def _tidies(self, met_at: datetime) -> None:
        """Archive a contact who left, merge one who was there twice."""
        number = self._account.number
        if number % 11 == 0:
            contacts = self._portal.kind("contacts")
            gone = self._person(CONTACTS - 1)
            at = met_at + timedelta(days=90)
            self._happen(at, lambda at: self._portal.archive(contacts, gone, at=at))
        if number % 23 == 0:
            at = met_at + timedelta(days=2)
            domain = self._account.people[0].email.partition("@")[2]
            double: dict[str, object] = {"email": f"info@{domain}", "lastname": "Info"}
            self._make("contacts", number * 10 + 9, at, double)
            self._happen(at + timedelta(days=8), self._merges_double)

    def _merges_double(self, at: datetime) -> None:
        contacts = self._portal.kind("contacts")
        live = self._portal.records["contacts"].live.by_id
        winner, loser = self._person(0), self._person(9)
        if winner in live and loser in live:
            self._portal.merge(contacts, winner, loser, at=at)

    def _asks(self, ticket: Ticket) -> None:
        account = self._account
        day = (ticket.created_at.date() - FOUNDED).days
        number = account.number * 10_000 + day
        values: dict[str, object] = {
            "subject": ticket.subject,
            "hs_pipeline": "0",
            "hs_pipeline_stage": "1",
            "hs_ticket_priority": _PRIORITIES[ticket.priority],
            "help_desk_id": ticket.id,
            "hubspot_owner_id": _owner_id(account),
        }
        own = record_id("tickets", number)
        self._make("tickets", number, ticket.created_at, values)
        self._link("tickets", own, "companies", self._company, ticket.created_at)
        self._link("tickets", own, "contacts", self._person(0), ticket.created_at)
        solved: dict[str, object] = {
            "hs_pipeline_stage": "4",
            "closed_date": iso(ticket.solved_at),
        }
        self._change("tickets", own, ticket.solved_at, solved)

    def _hear(self, at: datetime, email: str) -> None:
        events = self._portal.around.email_events
        mailed_at = at + timedelta(days=1)
        opens = self._dice.chance(0.4)
        found = email_events(mailed_at, email, opens=opens)
        for event, event_at in found:
            self._happen(event_at, lambda _, event=event: events.append(event))

    def _make(self, kind: str, number: int, at: datetime, values: dict[str, object]) -> None:
        self._happen(at, _makes(self._portal, kind, number, values))

    def _change(self, kind: str, own: int, at: datetime, values: dict[str, object]) -> None:
        found = self._portal.kind(kind)
        live = self._portal.records[found.name].live.by_id

        def act(at: datetime) -> None:
            if own in live:  # somebody may have archived it
                self._portal.update(found, own, values, at=at, source=BY_PEOPLE)

        self._happen(at, act)

    def _link(self, kind: str, own: int, other: str, other_id: int, at: datetime) -> None:
        ends = self._portal.kind(kind), self._portal.kind(other)

        def act(_: datetime) -> None:
            if all(self._is_live(k, i) for k, i in zip(ends, (own, other_id), strict=True)):
                self._portal.links.add(ends[0], own, ends[1], other_id)

        self._happen(at, act)

    def _is_live(self, kind: Kind, own: int) -> bool:
        return own in self._portal.records[kind.name].live.by_id

    def _happen(self, at: datetime, act: Callable[[datetime], object]) -> None:
        self._found.append(Happening(at, act))


def _whole(at: datetime) -> datetime:
    """Leave out what is smaller than a millisecond."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _period_values(period: Period) -> dict[str, object]:
    return {"plan": period.plan, "seats": period.seats, "monthly_amount": period.monthly}


def _owner_id(account: Account) -> str:
    return next(o["id"] for o in owners() if o["firstName"] == account.owner)
