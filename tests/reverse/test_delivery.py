from __future__ import annotations

from collections.abc import Sequence

import pytest

from elt.errors import Guarded, Unavailable
from elt.reverse.delivery import Delivery, Limits
from elt.reverse.destination import Added, Change, Receipt, Route, Traits
from elt.reverse.journal import Tally
from elt.testing.destinations import Memory

ROUTE = Route(sync="s", run_id="r", object="o", key="id", mode="upsert")


class Notebook:
    """A keeper in memory."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.receipts: dict[str, Receipt] = {}
        self.commits: list[tuple[str, ...]] = []

    def in_flight(self, changes: Sequence[Change]) -> None:
        self.commits.append(("in flight", *(change.key for change in changes)))

    def not_taken(self, changes: Sequence[Change], why: str) -> None:
        del why
        self.commits.append(("not taken", *(change.key for change in changes)))

    def answered(self, answers: Sequence[tuple[Change, Receipt]]) -> None:
        self.commits.append(tuple(change.key for change, _ in answers))
        self.receipts |= {change.key: receipt for change, receipt in answers}
        statuses = [receipt.status for _, receipt in answers]
        accepted, rejected = statuses.count("accepted"), statuses.count("rejected")
        others = len(statuses) - accepted - rejected
        self.tally = self.tally.plus(accepted, rejected, others)


def deliver(destination, keys, **options):
    route = options.pop("route", ROUTE)
    book = options.pop("book", Notebook())
    slept: list[float] = []
    limits = Limits(total=len(keys), **options)
    delivery = Delivery(destination, route, book, limits=limits, sleep=slept.append)
    changes = [Added(key, f'{{"id":"{key}"}}') for key in keys]
    for _ in delivery.deliver(changes):
        pass
    return book, slept


def memory(batch_size=100, **options):
    return Memory(traits=Traits(batch_size=batch_size), **options)


def test_a_refused_row_is_answered_for_and_the_rest_arrive():
    crm = memory(refuse=["ann"])

    book, _ = deliver(crm, ["ann", "bob"])

    assert book.receipts["ann"].status == "rejected"
    assert set(crm.rows) == {"bob"}


def test_each_batch_is_kept_before_the_next_is_sent():
    crm = memory(batch_size=2)
    book = Notebook()
    seen = []
    crm.on_call = lambda: seen.append(list(book.commits))

    deliver(crm, ["a", "b", "c"], book=book)

    assert seen == [[], [("a", "b")]]


@pytest.mark.parametrize("bad", [["03"], ["00", "15"], ["04", "05", "06"]])
def test_the_bad_rows_of_a_refused_batch_are_found_by_halving(bad):
    crm = memory(batch_size=16, poison=bad)
    keys = [f"{n:02}" for n in range(16)]

    book, _ = deliver(crm, keys)

    rejected = [key for key, r in book.receipts.items() if r.status == "rejected"]
    assert sorted(rejected) == bad
    assert set(crm.rows) == set(keys) - set(bad)
    assert book.receipts[bad[0]].message == "the batch is spoilt by 1 rows"


def test_one_bad_row_in_a_hundred_costs_few_calls():
    crm = memory(poison=["50"])

    deliver(crm, [f"{n:02}" for n in range(100)])

    assert len(crm.calls) <= 15


def test_a_destination_that_is_down_is_asked_again_later_each_time():
    crm = memory(down=3)

    book, slept = deliver(crm, ["a"])

    assert book.tally.accepted == 1
    assert len(slept) == 3
    assert 0.5 <= slept[0] <= 1 <= slept[1] <= 2 <= slept[2] <= 4


def test_a_destination_that_stays_down_ends_the_sync():
    crm = memory(down=99)

    with pytest.raises(Unavailable):
        deliver(crm, ["a"], attempts=3)

    assert len(crm.calls) == 3


class Busy(Memory):
    """Says when to come back."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def send(self, route, changes):
        if not self.calls:
            self.calls.append(())
            error = Unavailable("busy")
            error.retry_after_seconds = self.seconds
            raise error
        return super().send(route, changes)


def test_retry_after_is_honoured():
    _, slept = deliver(Busy(7.5), ["a"])

    assert slept == [7.5]


def test_a_retry_after_of_nothing_is_waited_for_as_if_nothing_was_said():
    _, slept = deliver(Busy(0.0), ["a"])

    assert 0.5 <= slept[0] <= 1.0


def test_a_retry_after_of_an_hour_is_left_to_the_next_run():
    with pytest.raises(Unavailable):
        deliver(Busy(3600), ["a"])


class Grudging(Memory):
    """Takes each row only when it is asked for the second time."""

    def send(self, route, changes):
        del route
        seen = {key for call in self.calls for key in call}
        self.calls.append(tuple(change.key for change in changes))
        for change in changes:
            status = "accepted" if change.key in seen else "retryable"
            yield Receipt(change.key, "accepted" if change.key == "a" else status)


def test_only_the_rows_that_were_not_taken_are_sent_again():
    crm = Grudging()

    book, _ = deliver(crm, ["a", "b"])

    assert crm.calls == [("a", "b"), ("b",)]
    assert book.tally == Tally(accepted=2)


def test_a_row_without_a_receipt_is_unknown():
    book, _ = deliver(memory(silent=["a"]), ["a", "b"], resends_unknown=False)

    assert book.receipts["a"].status == "unknown"
    assert book.tally == Tally(accepted=1, unanswered=1)


def test_a_destination_that_never_answers_is_given_up():
    crm = memory(batch_size=1, silent=list("abcdef"))

    with pytest.raises(Unavailable, match="no row of the last 3 batches"):
        deliver(crm, list("abcdef"), resends_unknown=False)

    assert len(crm.calls) == 3


def test_too_many_rejects_stop_it_within_a_batch():
    keys = [f"{n:03}" for n in range(200)]
    crm = memory(poison=keys)

    with pytest.raises(Guarded, match="21 of 200 rows were rejected"):
        deliver(crm, keys)


@pytest.mark.parametrize(
    ("traits", "mode"), [(Traits(repeatable=False), "upsert"), (Traits(), "append")]
)
def test_what_must_not_be_sent_twice_is_written_down_before(traits, mode):
    crm = Memory(traits=traits, silent=["b"])
    route = Route(sync="s", run_id="r", object="o", key="id", mode=mode)

    book, _ = deliver(crm, ["a", "b"], route=route)

    assert book.commits == [("in flight", "a", "b"), ("a", "b")]
    assert len(crm.calls) == 1


def test_a_call_that_took_nothing_is_taken_back():
    crm = Memory(traits=Traits(repeatable=False), down=1)

    book, _ = deliver(crm, ["a"])

    assert book.commits == [
        ("in flight", "a"),
        ("not taken", "a"),
        ("in flight", "a"),
        ("a",),
    ]


class Breaking(Memory):
    """Answers for one row and breaks."""

    def send(self, route, changes):
        del route
        yield Receipt(changes[0].key, "accepted")
        raise ValueError("a bug of the plugin")


def test_what_a_plugin_answered_before_its_bug_is_kept():
    book = Notebook()

    with pytest.raises(ValueError, match="a bug"):
        deliver(Breaking(), ["a", "b"], book=book)

    assert book.commits == [("a",)]
