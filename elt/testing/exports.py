"""What the made-up company's tools would write about it on one day: their rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from elt.testing.traces import Event, Ticket

Row = Mapping[str, object]


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


def json_lines(rows: Iterable[Row]) -> str:
    return "".join(
        json.dumps(row, default=_plain, ensure_ascii=False) + "\n" for row in rows
    )


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        exactly = "milliseconds" if value.microsecond else "seconds"
        return value.isoformat(timespec=exactly).replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
