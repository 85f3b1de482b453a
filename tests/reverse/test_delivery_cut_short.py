"""A call that answers for some rows and then fails for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.delivery import Delivery, Limits
from elt.reverse.destination import Added, Change, Receipt, Route, Traits
from elt.reverse.journal import Tally
from elt.testing.destinations import Memory

ROUTE = Route(sync="s", run_id="r", object="o", key="id", mode="upsert")


class Notebook:
    """A keeper in memory that writes everything down in order."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.lines: list[str] = []

    def in_flight(self, changes: Sequence[Change]) -> None:
        self.lines.append("in flight: " + " ".join(c.key for c in changes))

    def not_taken(self, changes: Sequence[Change], why: str) -> None:
        del why
        self.lines.append("not taken: " + " ".join(c.key for c in changes))

    def answered(self, answers: Sequence[tuple[Change, Receipt]]) -> None:
        self.lines += [f"{change.key} {receipt.status}" for change, receipt in answers]


class Scripted(Memory):
    """Answers each call by the next line of its script: receipts, then an error."""

    def __init__(self, *script: Callable, repeatable: bool = True) -> None:
        super().__init__(traits=Traits(repeatable=repeatable))
        self.script = list(script)

    def send(self, route, changes):
        del route
        self.calls.append(tuple(change.key for change in changes))
        step = self.script.pop(0) if self.script else accept
        yield from step(changes)


def accept(changes):
    return [Receipt(change.key, "accepted") for change in changes]


def accept_first_then(error):
    def step(changes):
        yield Receipt(changes[0].key, "accepted")
        raise error

    return step


def deliver(crm, keys, attempts=5):
    book = Notebook()
    limits = Limits(total=len(keys), attempts=attempts)
    delivery = Delivery(crm, ROUTE, book, limits=limits, sleep=lambda _: None)
    changes = [Added(key, f'{{"id":"{key}"}}') for key in keys]
    try:
        list(delivery.deliver(changes))
    except (ConfigError, Unavailable) as error:
        book.lines.append(error.what)
    return book.lines


def test_after_a_server_went_down_only_the_rows_that_it_left_are_sent_again():
    crm = Scripted(accept_first_then(Unavailable("down")))

    lines = deliver(crm, list("abc"))

    assert crm.calls == [("a", "b", "c"), ("b", "c")]
    assert lines == ["a accepted", "b accepted", "c accepted"]


def test_only_the_rows_that_were_not_reached_count_as_not_taken():
    crm = Scripted(accept_first_then(Unavailable("down")), repeatable=False)

    lines = deliver(crm, list("abc"))

    assert lines[:3] == ["in flight: a b c", "not taken: b c", "a accepted"]


def test_what_was_answered_before_credentials_are_refused_is_kept():
    crm = Scripted(accept_first_then(ConfigError("refused us")))

    assert deliver(crm, list("abc")) == ["a accepted", "refused us"]


def test_a_refusal_after_some_answers_splits_the_others():
    crm = Scripted(accept_first_then(Rejected("spoilt")))

    deliver(crm, list("abcde"))

    assert crm.calls == [("a", "b", "c", "d", "e"), ("b", "c"), ("d", "e")]


def nobody_knows(changes):
    return [Receipt(change.key, "unknown") for change in changes]


def is_down(_):
    raise Unavailable("down")


@pytest.mark.parametrize("attempts", [2, 3])
def test_a_lost_answer_is_not_forgotten_when_the_server_goes_down_after_it(attempts):
    crm = Scripted(nobody_knows, *[is_down] * attempts)

    assert deliver(crm, list("a"), attempts=attempts) == ["a unknown", "down"]


def test_an_error_after_the_last_answer_holds_nothing_up():
    crm = Scripted(accept_first_then(Unavailable("down")))

    assert deliver(crm, list("a")) == ["a accepted"]
    assert len(crm.calls) == 1
