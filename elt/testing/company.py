"""A made-up company, Kettle & Crew, and the files that its tools would export.

It sells shift planning to cafés. The product's event log and a help desk export into a
folder; the same seed and day give the same bytes. A week more changes and adds files
as those tools would, and touches no others. What its HubSpot, Stripe and GitHub know
is in elt.testing.apis, which live the same lives up to the same day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from elt.testing.dice import Dice
from elt.testing.exports import event_line, json_lines, ticket_rows
from elt.testing.lives import Account, accounts
from elt.testing.traces import (
    EVENTS_FROM,
    Event,
    Invoice,
    Ticket,
    event,
    events,
    invoices,
    tickets,
)

SEED = 7
FIRST_DAY = EVENTS_FROM + timedelta(days=13)  # the earliest day to look from
TODAY = date(2025, 6, 1)  # where the demo starts: 13 weeks of events
BROKEN_ON = EVENTS_FROM + timedelta(days=9)  # this day's file has the broken line

CLOCK, TICKETS = "clock.json", "support/tickets.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Which day it is in a folder, and from which seed all of it follows."""

    today: date
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The company as it is known, counted while its files were written.

    Every event counts once in `events`; `doubled` are the further lines of messages
    sent twice, `late` the lines in a file of a later day than the event's own.
    `event_lines` = `events` + `doubled` + `broken`.
    """

    today: date
    accounts: int
    customers: int
    invoices: int
    tickets: int
    events: int
    late: int
    doubled: int
    broken: int
    event_lines: int
    files_written: int


def generate(folder: Path, *, seed: int = SEED, until: date = TODAY) -> Exported:
    """Write what the tools know at the end of a day, `until`, into a folder.

    Files that would not change are left alone. Raises ValueError for a day before
    FIRST_DAY.
    """
    if until < FIRST_DAY:
        raise ValueError(f"the company's exports start on {FIRST_DAY}")
    known = list(accounts(seed, until))
    billed = [i for account in known for i in invoices(seed, account, until)]
    written = [t for account in known for t in tickets(seed, account, until)]
    lines = _event_lines(seed, known, until)
    files = {
        TICKETS: json_lines(ticket_rows(written, until)),
        **_event_files(lines, until),
        # Last: a week that was cut short is written again by the next one.
        CLOCK: json_lines([{"id": 1, "today": until, "seed": seed}]),
    }
    changed = sum(_write(folder / name, text) for name, text in files.items())
    return _exported(known, billed, written, lines, until=until, changed=changed)


def advance(folder: Path, *, days: int) -> Exported:
    """Let days go by in a folder that `generate` has filled.

    Raises FileNotFoundError where there is none.
    """
    day = day_of(folder)
    return generate(folder, seed=day.seed, until=day.today + timedelta(days=days))


def day_of(folder: Path) -> Day:
    """Read which day it is where `generate` has been. Raises FileNotFoundError."""
    clock = json.loads((folder / CLOCK).read_text())
    return Day(today=date.fromisoformat(clock["today"]), seed=clock["seed"])


@dataclass(frozen=True, slots=True, order=True)
class _Line:
    """One line of an event file; broken where it has no event."""

    received_at: datetime
    text: str
    event: Event | None
    is_again: bool = False

    @property
    def is_late(self) -> bool:
        event = self.event
        return event is not None and event.happened_at.date() < self.received_at.date()


def _event_lines(seed: int, known: Sequence[Account], until: date) -> list[_Line]:
    """Give every line heard up to a day, in the order in which they were heard."""
    heard = [
        _Line(received_at, event_line(event, received_at), event, number > 0)
        for account in known
        for event in events(seed, account, until)
        for number, received_at in enumerate(event.received_at)
        if received_at.date() <= until
    ]
    return sorted([*heard, _broken_line(known)], key=lambda line: line.received_at)


def _broken_line(known: Sequence[Account]) -> _Line:
    """Cut a line in the middle, as a server does that runs out of disk."""
    account = known[0]
    lost = event(Dice("broken"), account, account.people[0], BROKEN_ON, number=99)
    text = event_line(lost, lost.received_at[0])
    return _Line(
        datetime.combine(BROKEN_ON, time(12), UTC), f"{text[: len(text) // 2]}\n", None
    )


def _event_files(lines: Iterable[_Line], until: date) -> dict[str, str]:
    days = (until - EVENTS_FROM).days + 1
    texts: dict[date, list[str]] = {
        EVENTS_FROM + timedelta(days=day): [] for day in range(days)
    }
    for line in lines:
        texts[line.received_at.date()].append(line.text)
    return {f"events/{day}.jsonl": "".join(text) for day, text in texts.items()}


def _exported(
    known: Sequence[Account],
    billed: Sequence[Invoice],
    written: Sequence[Ticket],
    lines: Sequence[_Line],
    *,
    until: date,
    changed: int,
) -> Exported:
    again = sum(line.is_again for line in lines)
    broken = sum(line.event is None for line in lines)
    return Exported(
        today=until,
        accounts=len(known),
        customers=sum(1 for a in known if a.periods and a.decided_on <= until),
        invoices=len(billed),
        tickets=len(written),
        events=len(lines) - again - broken,
        late=sum(line.is_late for line in lines),
        doubled=again,
        broken=broken,
        event_lines=len(lines),
        files_written=changed,
    )


def _write(path: Path, text: str) -> bool:
    """Write a file if its content is new; say whether it was."""
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
