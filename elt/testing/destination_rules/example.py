"""What the rules send, to whom, and how they look at what came of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, Protocol, get_args

from elt.project.sync_settings import SyncMode
from elt.reverse.delivery import Answer, Delivery, Limits
from elt.reverse.destination import (
    Added,
    Change,
    Changed,
    Column,
    Receipt,
    ReceiptStatus,
    Removed,
    Route,
    Sender,
    Writer,
)
from elt.reverse.journal import Tally
from elt.reverse.payload import payload

Rows = Mapping[str, Mapping[str, Any]]
Trouble = Literal[
    "refuses a row",  # the row with the key REFUSED, and no other
    "refuses the batch",  # any batch that holds the row with the key REFUSED
    "refuses us",  # our credentials
    "is down",  # takes nothing
    "loses the answer",  # takes the rows, and nobody hears of it
    "is slow",  # takes the rows, and answers when nobody listens any more
]
REFUSED = "refuse-me"


class BrokenRule(AssertionError):
    """A destination does not keep to a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarSide:
    """What tests can see of a destination's other side, and do to it.

    rows: the rows that are there, by key; each by field, with numbers as they are.
    troubles: while one of these is entered, the other side behaves so.
    secrets: texts that no error and no receipt may show.
    """

    rows: Callable[[], Rows] | None = None
    troubles: Mapping[Trouble, Callable[[], AbstractContextManager[object]]] = field(
        default_factory=dict
    )
    secrets: Sequence[str] = ()


NOTHING = FarSide()


class Rule(Protocol):
    """One check. It raises BrokenRule."""

    __name__: str

    def __call__(
        self, destination: Sender | Writer, route: Route, far: FarSide = NOTHING, /
    ) -> None: ...


def example_route(name: str = "people.jsonl", mode: SyncMode = "upsert") -> Route:
    return Route(
        sync="rules",
        run_id="run-1",
        object=name,
        key="id",
        mode=mode,
        columns=(
            Column(name="id", type="VARCHAR"),
            Column(name="name", type="VARCHAR"),
            Column(name="score", type="DECIMAL(38,2)"),
        ),
    )


def row(key: str, name: str = "Ann", score: str = "1") -> str:
    """Write a row's canonical text."""
    return f'{{"id":{_quoted(key)},"name":{_quoted(name)},"score":{score}}}'


def added(*keys: str, name: str = "Ann") -> list[Change]:
    return [Added(key, row(key, name)) for key in keys]


def example_changes(destination: Sender | Writer, mode: SyncMode) -> list[Change]:
    """Give a change of each kind that a sync of this mode sends."""
    changes: list[Change] = [Added("ann", row("ann", 'Ann "A" \\ Æ\n', "1.5"))]
    if mode != "insert":
        old = row("bob,é", "Bob")
        new = '{"id":"bob,é","name":null,"score":12345678901234567890.25}'
        changes.append(Changed("bob,é", new, old))
    if mode == "mirror" or destination.traits.wants_rows:
        changes.append(Removed("cid", row("cid", "Cid")))
    return changes


class Sync:
    """Sends changes as a sync does: one batch, and for writers the whole model."""

    def __init__(self, destination: Sender | Writer, route: Route) -> None:
        self._destination = destination
        self._route = route
        self._model: dict[str, str] = {}

    def send(
        self, changes: Sequence[Change], *, mode: SyncMode | None = None
    ) -> dict[str, Receipt]:
        """Send, and look at the receipts; a writer that returns has accepted all."""
        route = replace(self._route, mode=mode or self._route.mode)
        self._note(changes)
        if isinstance(self._destination, Writer):
            return self._write(route, changes, self._destination)
        size = max(1, self._destination.traits.batch_size)
        answers = self._answers(route, changes[:size])
        for start in range(size, len(changes), size):
            answers |= self._answers(route, changes[start : start + size])
        return answers

    def deliver(self, changes: Sequence[Change]) -> dict[str, Receipt]:
        """Send as a run does, with splitting and further tries, without waiting."""
        if isinstance(self._destination, Writer):
            return self.send(changes)
        self._note(changes)
        return delivered(self._destination, self._route, changes)

    def _note(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, Removed):
                self._model.pop(change.key, None)
            else:
                self._model[change.key] = change.text

    def _write(
        self, route: Route, changes: Sequence[Change], writer: Writer
    ) -> dict[str, Receipt]:
        model = [self._model[key] for key in sorted(self._model)]
        rows = model if writer.traits.wants_rows else []
        said = writer.write(route, iter(changes), iter(rows))
        keep(isinstance(said, str), "write() says what was written")
        return {c.key: Receipt(c.key, "accepted") for c in changes}

    def _answers(self, route: Route, changes: Sequence[Change]) -> dict[str, Receipt]:
        assert isinstance(self._destination, Sender)  # noqa: S101
        receipts = list(self._destination.send(route, changes))
        times = Counter(receipt.key for receipt in receipts)
        asked = {change.key for change in changes}
        keep(set(times) == asked, f"receipts are for {asked}, not for {set(times)}")
        keep(max(times.values(), default=1) == 1, "there is one receipt for a change")
        known = {receipt.status for receipt in receipts} <= set(get_args(ReceiptStatus))
        keep(known, f"a status is one of {get_args(ReceiptStatus)}")
        return {receipt.key: receipt for receipt in receipts}


class Kept:
    """Keeps what a delivery was answered, in memory."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.receipts: dict[str, Receipt] = {}

    def in_flight(self, changes: Sequence[Change]) -> None:
        """Note nothing: nobody is killed here."""

    def not_taken(self, changes: Sequence[Change], why: str) -> None:
        """Note nothing."""

    def answered(self, answers: Sequence[Answer]) -> None:
        self.receipts |= {change.key: receipt for change, receipt in answers}

    def held(self, removed: Sequence[Removed]) -> frozenset[str]:
        """Hold no record: a row that is removed here is the only one of its own."""
        del removed
        return frozenset()


def delivered(
    sender: Sender, route: Route, changes: Sequence[Change]
) -> dict[str, Receipt]:
    kept = Kept()
    limits = Limits(total=len(changes), max_rejected_percent=100, min_rows=1000)
    delivery = Delivery(sender, route, kept, limits=limits, sleep=lambda _: None)
    for _ in delivery.deliver(changes):
        pass
    return kept.receipts


def there(far: FarSide) -> Callable[[], Rows]:
    """Give a look at the rows over there, or at nothing where there is none."""
    return far.rows or dict


def is_there(rows: Rows, change: Added | Changed) -> bool:
    """Compare a row over there with what was sent, value by value."""
    found = rows.get(change.key)
    if found is None:
        return False
    return all(
        _same(value, found.get(name)) for name, value in payload(change.text).items()
    )


def keep(kept: bool, rule: str) -> None:
    if not kept:
        raise BrokenRule(rule)


def _same(sent: Any, found: Any) -> bool:
    numbers = (int, float, Decimal)
    if isinstance(sent, numbers) and isinstance(found, numbers):
        return Decimal(str(sent)) == Decimal(str(found))
    return type(sent) is type(found) and bool(sent == found)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def breaking(values: Sequence[Any], error: Exception) -> Iterator[Any]:
    yield values[0]
    raise error
