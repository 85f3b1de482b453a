"""Associations: which records are bound to which, and by what.

HubSpot, Associations v4 (type ids): every link is there from both ends, each end with
a type of its own. A record's first company is its primary one, and such a link has two
types at each end, as recorded in amp-labs/connectors.
"""

from __future__ import annotations

from dataclasses import dataclass

from elt.testing.apis.hubspot.kinds import Kind


@dataclass(frozen=True, slots=True)
class LinkType:
    """What one end of a link is; `name` is how v3 calls it."""

    id: int
    name: str
    label: str | None = None
    category: str = "HUBSPOT_DEFINED"


# From, to, and the ids of the unlabelled type there and back.
_TYPES: tuple[tuple[str, str, int, int], ...] = (
    *(("contact", "company", 279, 280), ("deal", "company", 341, 342)),
    *(("ticket", "company", 339, 340), ("deal", "contact", 3, 4)),
    *(("ticket", "contact", 16, 15), ("ticket", "deal", 28, 27)),
    *(("deal", "line_item", 19, 20), ("quote", "deal", 64, 63)),
    *(("quote", "line_item", 67, 68), ("call", "contact", 194, 193)),
    *(("call", "company", 182, 181), ("call", "deal", 206, 205)),
    *(("email", "contact", 198, 197), ("email", "company", 186, 185)),
    *(("email", "deal", 210, 209), ("meeting", "contact", 200, 199)),
    *(("meeting", "company", 188, 187), ("meeting", "deal", 212, 211)),
    *(("note", "contact", 202, 201), ("note", "company", 190, 189)),
    *(("note", "deal", 214, 213), ("task", "contact", 204, 203)),
    *(("task", "company", 192, 191), ("task", "deal", 216, 215)),
    *(("call", "ticket", 220, 219), ("email", "ticket", 224, 223)),
    ("note", "ticket", 228, 227),
)
_PRIMARY = {  # the ids of the primary one, there and back
    ("contact", "company"): (1, 2),
    ("deal", "company"): (5, 6),
    ("ticket", "company"): (26, 25),
}

Pair = tuple[str, str]


def _table() -> dict[Pair, tuple[LinkType, ...]]:
    table: dict[Pair, tuple[LinkType, ...]] = {}
    for start, end, there, back in _TYPES:
        primary = _PRIMARY.get((start, end))
        table[start, end] = _types((start, end), there, primary and primary[0])
        table[end, start] = _types((end, start), back, primary and primary[1])
    return table


def _types(pair: Pair, type_id: int, primary: int | None) -> tuple[LinkType, ...]:
    name = "_to_".join(pair)
    if primary is None:
        return (LinkType(type_id, name),)
    unlabelled = LinkType(type_id, f"{name}_unlabeled")
    return unlabelled, LinkType(primary, name, "Primary")


class Links:
    """Each end's links, in the order in which they were made."""

    def __init__(self) -> None:
        self._types = _table()
        self._ends: dict[Pair, dict[int, dict[int, tuple[LinkType, ...]]]] = {}

    def types(self, start: Kind, end: Kind) -> tuple[LinkType, ...]:
        """Give the types there are: the unlabelled one, and the primary one."""
        pair = (start.singular, end.singular)
        if pair not in self._types:
            # Custom objects and rarer pairs: ids of the account's own.
            number = 10_000 + 2 * len(self._types)
            name = f"{start.singular}_to_{end.singular}"
            self._types[pair] = (LinkType(number, name, None, "USER_DEFINED"),)
        return self._types[pair]

    def add(self, start: Kind, start_id: int, end: Kind, end_id: int) -> None:
        """Bind two records, from both ends."""
        is_first = not self.of(start, start_id, end)
        for one, one_id, other, other_id in (
            (start, start_id, end, end_id),
            (end, end_id, start, start_id),
        ):
            unlabelled, *primary = self.types(one, other)
            types = (unlabelled, *primary) if is_first else (unlabelled,)
            self._of(one, one_id, other).setdefault(other_id, types)

    def remove(self, start: Kind, start_id: int, end: Kind, end_id: int) -> None:
        self._of(start, start_id, end).pop(end_id, None)
        self._of(end, end_id, start).pop(start_id, None)

    def of(
        self, start: Kind, start_id: int, end: Kind
    ) -> list[tuple[int, tuple[LinkType, ...]]]:
        """Give a record's links to a kind, by the ids of their other ends."""
        table = self._ends.get((start.name, end.name), {})
        return sorted(table.get(start_id, {}).items())

    def lines(self, start: Kind, start_id: int, end: Kind) -> list[dict[str, str]]:
        """Give a record's links as v3 does: a line for each type of each."""
        return [
            {"id": str(other_id), "type": link.name}
            for other_id, types in self.of(start, start_id, end)
            for link in reversed(types)
        ]

    def forget(self, kind: Kind, record_id: int, others: list[Kind]) -> None:
        """Take all links of a record away: it is archived, merged or erased."""
        for other in others:
            for other_id, _ in self.of(kind, record_id, other):
                self.remove(kind, record_id, other, other_id)

    def move(self, kind: Kind, loser: int, winner: int, others: list[Kind]) -> None:
        """Give a record's links to another of its kind."""
        for other in others:
            for other_id, _ in self.of(kind, loser, other):
                self.remove(kind, loser, other, other_id)
                self.add(kind, winner, other, other_id)

    def _of(
        self, start: Kind, start_id: int, end: Kind
    ) -> dict[int, tuple[LinkType, ...]]:
        table = self._ends.setdefault((start.name, end.name), {})
        return table.setdefault(start_id, {})
