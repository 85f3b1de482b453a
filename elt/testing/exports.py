"""What the made-up company's tools would write about it on one day: their rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from elt.testing.lives import Account, Person
from elt.testing.traces import Event, Invoice, Ticket

Row = Mapping[str, object]

CONTACTS = 3  # of an account; the CRM does not know everybody


def crm_files(known: Sequence[Account], until: date) -> dict[str, str]:
    return {
        "crm/accounts.csv": _csv(_account(account, until) for account in known),
        "crm/contacts.csv": _csv(
            _contact(account, person)
            for account in known
            for person in account.people[:CONTACTS]
        ),
        "crm/deals.csv": _csv(_deal(account, until) for account in known),
    }


def _account(account: Account, until: date) -> Row:
    ended = account.ends_on is not None and account.ends_on <= until
    is_customer = bool(account.periods) and account.decided_on <= until
    changes = [account.created_on, account.decided_on, account.ends_on]
    return {
        "account_id": account.id,
        "name": account.name,
        "kind": account.kind,
        "city": account.city,
        "country": account.country,
        "owner": account.owner,
        "stage": "churned" if ended else "customer" if is_customer else "lead",
        "created_at": _at_nine(account.created_on),
        "updated_at": _at_nine(max(day for day in changes if day and day <= until)),
    }


def _contact(account: Account, person: Person) -> Row:
    shouts = account.number % 9 == 0  # somebody typed these with the lock on
    return {
        "contact_id": person.id.replace("usr", "con"),
        "account_id": account.id,
        "full_name": person.name,
        "email": person.email.upper() if shouts else person.email,
        "is_primary": str(person is account.people[0]).lower(),
    }


def _deal(account: Account, until: date) -> Row:
    is_open = account.decided_on > until
    first = account.periods[0] if account.periods else None
    return {
        "deal_id": f"deal_{account.number:04}",
        "account_id": account.id,
        "stage": "open" if is_open else "won" if first else "lost",
        "yearly_amount": first.monthly * 12 if first and not is_open else None,
        "opened_on": account.created_on,
        "closed_on": None if is_open else account.decided_on,
    }


def billing_files(
    known: Sequence[Account], billed: Sequence[Invoice], until: date
) -> dict[str, str]:
    paying = [a for a in known if a.periods and a.decided_on <= until]
    files = {
        "billing/customers.csv": _csv(
            {
                "customer_id": account.customer_id,
                "crm_account_id": account.id,
                "email": account.people[0].email,
                "since": account.decided_on,
            }
            for account in paying
        ),
        "billing/subscriptions.csv": _csv(
            row for account in paying for row in _subscriptions(account, until)
        ),
    }
    months = sorted({f"{invoice.issued_on:%Y-%m}" for invoice in billed})
    for month in months:
        files[f"billing/invoices/{month}.csv"] = _csv(
            _invoice(i, until) for i in billed if f"{i.issued_on:%Y-%m}" == month
        )
    return files


def _subscriptions(account: Account, until: date) -> Iterator[Row]:
    for number, period in enumerate(account.periods, start=1):
        if period.starts_on > until:
            return
        ended = period.ends_on is not None and period.ends_on <= until
        yield {
            "subscription_id": f"sub_{account.number:04}_{number}",
            "customer_id": account.customer_id,
            "plan": period.plan,
            "seats": period.seats,
            "monthly_amount": period.monthly,
            "starts_on": period.starts_on,
            "ends_on": period.ends_on if ended else None,
        }


def _invoice(invoice: Invoice, until: date) -> Row:
    is_paid = invoice.paid_on is not None and invoice.paid_on <= until
    return {
        "invoice_id": invoice.id,
        "customer_id": invoice.customer_id,
        "plan": invoice.plan,
        "amount": invoice.amount,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "paid_on": invoice.paid_on if is_paid else None,
    }


def ticket_rows(written: Iterable[Ticket], until: date) -> list[Row]:
    """List tickets by their last change, as the help desk's API does."""
    rows = [_ticket(ticket, until) for ticket in written]
    return sorted(rows, key=lambda row: (str(row["updated_at"]), str(row["id"])))


def _ticket(ticket: Ticket, until: date) -> Row:
    is_solved = ticket.solved_at.date() <= until
    return {
        "id": ticket.id,
        "account_id": ticket.account_id,
        "subject": ticket.subject,
        "priority": ticket.priority,
        "status": "solved" if is_solved else "open",
        "created_at": ticket.created_at,
        "updated_at": ticket.solved_at if is_solved else ticket.created_at,
    }


def event_line(event: Event, received_at: datetime) -> str:
    return json_lines(
        [
            {
                "message_id": event.message_id,
                "event": event.name,
                "event_time": event.happened_at,
                "received_at": received_at,
                "account_id": event.account_id,
                "user_id": event.user_id,
                "properties": event.properties,
            }
        ]
    )


def _at_nine(day: date) -> datetime:
    return datetime.combine(day, time(9), UTC)


def _csv(rows: Iterable[Row]) -> str:
    listed = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, listed[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _plain(v) for k, v in row.items()} for row in listed)
    return text.getvalue()


def json_lines(rows: Iterable[Row]) -> str:
    return "".join(
        json.dumps(row, default=_plain, ensure_ascii=False) + "\n" for row in rows
    )


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        exactly = "milliseconds" if value.microsecond else "seconds"
        return value.isoformat(timespec=exactly).replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
