"""All that happens with one account of the made-up company, in its HubSpot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from elt.testing.apis.hubspot.happening import (
    End,
    Happening,
    archived,
    changed,
    heard,
    linked,
    made,
    merged,
    record,
)
from elt.testing.apis.hubspot.people import email_events, owners
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.values import iso
from elt.testing.dice import Dice
from elt.testing.lives import FOUNDED, PLANS, Account, Period
from elt.testing.traces import Ticket, tickets

CONTACTS = 3  # of an account; the CRM does not know everybody

_LEAVES_EVERY, _DOUBLED_EVERY, _TEXT_EVERY = 11, 23, 29  # accounts
_DOUBLE = 9  # the number of a contact that is there twice
_PRIORITIES = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH", "urgent": "URGENT"}


def story(
    portal: Portal, seed: int, account: Account, until: date
) -> Iterator[Happening]:
    """Give what happens, in no order; of tickets those written up to a day."""
    dice = Dice(seed, "hubspot", account.number)
    met_at = _at(account.created_on, 8, dice)
    decided_at = _at(account.decided_on, 14, dice)
    yield from _meets(portal, account, met_at, dice)
    yield from _sells(portal, account, met_at, decided_at)
    yield from _talks(portal, account, met_at, decided_at)
    yield from _tidies(portal, account, met_at)
    if account.periods:
        yield from _signs(portal, account, decided_at, dice)
        yield from _stays(portal, account, decided_at, dice)
    for ticket in tickets(seed, account, until):
        yield from _asks(portal, account, ticket)


def _at(day: date, hour: int, dice: Dice) -> datetime:
    """Give a moment of a day, in the four hours from `hour` on."""
    moment = time(hour + dice.between(0, 3), dice.between(0, 59), dice.between(0, 59))
    at = datetime.combine(day, moment, UTC)
    return at + timedelta(milliseconds=dice.between(0, 999))


def _company(account: Account) -> End:
    return record("companies", account.number)


def _person(account: Account, index: int) -> End:
    return record("contacts", account.number * 10 + index)


def _owner_id(account: Account) -> str:
    return next(str(o["id"]) for o in owners() if o["firstName"] == account.owner)


def _meets(
    portal: Portal, account: Account, at: datetime, dice: Dice
) -> Iterator[Happening]:
    employees = str(dice.between(2, 40))
    company = {
        "name": account.name,
        "domain": account.people[0].email.partition("@")[2],
        "city": account.city,
        "country": account.country,
        "account_id": account.id,
        "account_kind": account.kind,
        "channels": "ios;android" if dice.chance(0.5) else "web",
        # An import wrote texts into a property of numbers.
        "numberofemployees": "N/A" if account.number % _TEXT_EVERY == 0 else employees,
        "lifecyclestage": "lead",
        "hubspot_owner_id": _owner_id(account),
    }
    yield made(portal, _company(account), at, company)
    for index in range(CONTACTS):
        born_at = at + timedelta(minutes=index + 1)
        yield from _knows(portal, account, index, born_at)
        yield from _welcomes(portal, account, index, born_at, opens=dice.chance(0.4))


def _knows(
    portal: Portal, account: Account, index: int, at: datetime
) -> Iterator[Happening]:
    person = account.people[index]
    given, _, family = person.name.partition(" ")
    values = {
        "email": person.email,
        "firstname": given,
        "lastname": family,
        "person_id": person.id,
        "is_primary": index == 0,
        "lifecyclestage": "lead",
        "hubspot_owner_id": _owner_id(account),
    }
    one = _person(account, index)
    yield made(portal, one, at, values)
    yield linked(portal, one, _company(account), at)


def _welcomes(
    portal: Portal, account: Account, index: int, at: datetime, *, opens: bool
) -> Iterator[Happening]:
    email = account.people[index].email
    for event, event_at in email_events(at + timedelta(days=1), email, opens=opens):
        yield heard(portal, event, event_at)


def _sells(
    portal: Portal, account: Account, met_at: datetime, decided_at: datetime
) -> Iterator[Happening]:
    """Take the deal through its stages."""
    deal = record("deals", account.number)
    opened_at = met_at + timedelta(minutes=30)
    values = {
        "dealname": f"{account.name}: first year",
        "pipeline": "default",
        "dealstage": "appointmentscheduled",
        "dealtype": "newbusiness",
        "hubspot_owner_id": _owner_id(account),
    }
    yield made(portal, deal, opened_at, values)
    yield linked(portal, deal, _company(account), opened_at)
    yield linked(portal, deal, _person(account, 0), opened_at)
    middle = opened_at + (decided_at - opened_at) / 2
    middle = middle.replace(microsecond=middle.microsecond // 1000 * 1000)
    yield changed(portal, deal, middle, {"dealstage": "qualifiedtobuy"})
    first = account.periods[0] if account.periods else None
    end: dict[str, object] = {
        "dealstage": "closedwon" if first else "closedlost",
        "closedate": iso(decided_at),
    }
    if first:
        end |= {"amount": first.monthly * 12, "plan": first.plan}
    yield changed(portal, deal, decided_at, end)


def _signs(
    portal: Portal, account: Account, decided_at: datetime, dice: Dice
) -> Iterator[Happening]:
    """Make what a deal leaves that was won: a line, a quote, a site."""
    period, at = account.periods[0], decided_at - timedelta(hours=2)
    _, product = record("products", list(PLANS).index(period.plan) + 1)
    made_of: dict[str, dict[str, object]] = {
        "line_items": {
            "name": f"{period.plan.capitalize()}, {period.seats} seats",
            "price": period.monthly,
            "quantity": 12,
            "hs_product_id": product,
            "hs_sku": f"plan-{period.plan}",
        },
        "quotes": {
            "hs_title": f"Quote for {account.name}",
            "hs_expiration_date": account.decided_on + timedelta(days=30),
            "hs_status": "APPROVAL_NOT_NEEDED",
        },
        "sites": {
            "site_name": f"{account.name}, {account.city}",
            "site_code": f"site_{account.number:04}",
            "square_metres": dice.between(20, 240),
            "opened_on": FOUNDED - timedelta(days=dice.between(1, 3000)),
        },
    }
    number, deal = account.number, record("deals", account.number)
    for kind, values in made_of.items():
        yield made(portal, record(kind, number), at, values)
    yield linked(portal, deal, record("line_items", number), at)
    yield linked(portal, record("quotes", number), deal, at)
    yield linked(portal, record("sites", number), _company(account), at)


def _stays(
    portal: Portal, account: Account, decided_at: datetime, dice: Dice
) -> Iterator[Happening]:
    """Write down the plan, each change of it, and the end."""
    company = _company(account)
    first = {
        "lifecyclestage": "customer",
        "customer_since": account.decided_on,
        "has_churned": False,
        **_plan(account.periods[0]),
    }
    yield changed(portal, company, decided_at, first)
    for period in account.periods[1:]:
        at = _at(period.starts_on, 6, dice)
        yield changed(portal, company, at, _plan(period))
    if account.ends_on:
        at = _at(account.ends_on, 6, dice)
        gone = {"lifecyclestage": "other", "has_churned": True}
        yield changed(portal, company, at, gone)


def _plan(period: Period) -> dict[str, object]:
    return {
        "plan": period.plan,
        "seats": period.seats,
        "monthly_amount": period.monthly,
    }


def _talks(
    portal: Portal, account: Account, met_at: datetime, decided_at: datetime
) -> Iterator[Happening]:
    """Keep what was said: an engagement of each type."""
    hour = timedelta(hours=1)
    said: tuple[tuple[str, datetime, dict[str, object]], ...] = (
        ("notes", met_at + hour, {"hs_note_body": "<p>Met at a fair</p>"}),
        (
            "calls",
            met_at + 24 * hour,
            {"hs_call_title": "First call", "hs_call_direction": "OUTBOUND"},
        ),
        (
            "emails",
            met_at + 48 * hour,
            {"hs_email_subject": "Your rota", "hs_email_direction": "EMAIL"},
        ),
        ("meetings", decided_at - 5 * hour, {"hs_meeting_title": "Decision"}),
        (
            "tasks",
            met_at + 2 * hour,
            {"hs_task_subject": "Call back", "hs_task_status": "NOT_STARTED"},
        ),
    )
    for kind, at, values in said:
        one = record(kind, account.number)
        own = {"hs_timestamp": iso(at), "hubspot_owner_id": _owner_id(account)}
        yield made(portal, one, at, {**own, **values})
        yield linked(portal, one, _company(account), at)
        yield linked(portal, one, _person(account, 0), at)
    done = {"hs_task_status": "COMPLETED"}
    called_at = met_at + 24 * hour
    yield changed(portal, record("tasks", account.number), called_at, done)


def _tidies(portal: Portal, account: Account, met_at: datetime) -> Iterator[Happening]:
    """Archive a contact who left, merge one who was there twice."""
    day = timedelta(days=1)
    if account.number % _LEAVES_EVERY == 0:
        last = _person(account, CONTACTS - 1)
        yield archived(portal, last, met_at + 90 * day)
    if account.number % _DOUBLED_EVERY == 0:
        double = _person(account, _DOUBLE)
        domain = account.people[0].email.partition("@")[2]
        values = {"email": f"info@{domain}", "lastname": "Info"}
        yield made(portal, double, met_at + 2 * day, values)
        yield merged(portal, _person(account, 0), double, met_at + 10 * day)


def _asks(portal: Portal, account: Account, ticket: Ticket) -> Iterator[Happening]:
    days = (ticket.created_at.date() - FOUNDED).days
    one = record("tickets", account.number * 10_000 + days)
    values = {
        "subject": ticket.subject,
        "hs_pipeline": "0",
        "hs_pipeline_stage": "1",
        "hs_ticket_priority": _PRIORITIES[ticket.priority],
        "help_desk_id": ticket.id,
        "hubspot_owner_id": _owner_id(account),
    }
    yield made(portal, one, ticket.created_at, values)
    yield linked(portal, one, _company(account), ticket.created_at)
    yield linked(portal, one, _person(account, 0), ticket.created_at)
    solved = {"hs_pipeline_stage": "4", "closed_date": iso(ticket.solved_at)}
    yield changed(portal, one, ticket.solved_at, solved)
