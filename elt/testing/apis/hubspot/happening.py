"""What people do in the made-up company's HubSpot, each thing at its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elt.testing.apis.hubspot.portal import BY_PEOPLE, Portal

Values = Mapping[str, object]
End = tuple[str, int]  # a record: its kind, its id

# Ids are those of the company's life, whatever else was written in between.
_KINDS: tuple[str, ...] = ("companies", "contacts", "deals", "tickets", "products")
_KINDS += ("line_items", "quotes", "calls", "emails", "meetings", "notes", "tasks")
_FIRST_IDS = {
    kind: 20_000_000_000 + 1_000_000_000 * number
    for number, kind in enumerate((*_KINDS, "sites"))
}


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    act: Callable[[datetime], object]  # it is given its own time


def record(kind: str, number: int) -> End:
    """Give the record of a number, whether it is made yet or not."""
    return kind, _FIRST_IDS[kind] + number


def made(portal: Portal, end: End, at: datetime, values: Values) -> Happening:
    kind = portal.kind(end[0])
    return Happening(
        at,
        lambda at: portal.create(
            kind, values, at=at, record_id=end[1], source=BY_PEOPLE
        ),
    )


def changed(portal: Portal, end: End, at: datetime, values: Values) -> Happening:
    kind = portal.kind(end[0])

    def act(at: datetime) -> None:
        if is_there(portal, end):
            portal.update(kind, end[1], values, at=at, source=BY_PEOPLE)

    return Happening(at, act)


def linked(portal: Portal, one: End, other: End, at: datetime) -> Happening:
    start, end = portal.kind(one[0]), portal.kind(other[0])

    def act(_: datetime) -> None:
        if is_there(portal, one) and is_there(portal, other):
            portal.links.add(start, one[1], end, other[1])

    return Happening(at, act)


def archived(portal: Portal, end: End, at: datetime) -> Happening:
    kind = portal.kind(end[0])
    return Happening(at, lambda at: portal.archive(kind, end[1], at=at))


def merged(portal: Portal, winner: End, loser: End, at: datetime) -> Happening:
    kind = portal.kind(winner[0])

    def act(at: datetime) -> None:
        if is_there(portal, winner) and is_there(portal, loser):
            portal.merge(kind, winner[1], loser[1], at=at)

    return Happening(at, act)


def heard(portal: Portal, event: dict[str, Any], at: datetime) -> Happening:
    """Let an e-mail's event arrive."""
    return Happening(at, lambda _: portal.around.email_events.append(event))


def is_there(portal: Portal, end: End) -> bool:
    """Say whether a record lives: a program may have archived it."""
    return end[1] in portal.records[end[0]].live.by_id
