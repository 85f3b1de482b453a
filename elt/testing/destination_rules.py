"""What every destination has to keep to, as checks that a plugin's tests can run.

    import pytest
    from elt.testing.destination_rules import RULES, example_route

    @pytest.mark.parametrize("rule", RULES)
    def test_my_destination_keeps_the_rule(rule):
        rule(MyDestination({...}, root), example_route())

A rule raises BrokenRule. Point the destination at something that may be written to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, get_args

from elt.project.sync_settings import SyncMode
from elt.reverse.destination import (
    ALL_MODES,
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

Item = TypeVar("Item")
Rule = Callable[[Sender | Writer, Route], None]
ROWS = [
    '{"id":"ann","name":"Ann \\"A\\" \\\\ Æ\\n","score":1.5}',
    '{"id":"bob,é","name":null,"score":12345678901234567890.25}',
]


class BrokenRule(AssertionError):
    """A destination does not keep to a rule."""


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


def example_changes() -> list[Change]:
    """Give one change of each kind, with keys and texts that are easy to get wrong."""
    old = '{"id":"bob,é","name":"Bob","score":1}'
    return [
        Added("ann", ROWS[0]),
        Changed("bob,é", ROWS[1], old, "id-7"),
        Removed("cid", '{"id":"cid","name":"Cid","score":0}'),
    ]


def traits_are_sensible(destination: Sender | Writer, route: Route) -> None:
    traits = destination.traits
    _keep(traits.batch_size >= 1, "traits.batch_size is at least 1")
    _keep(bool(traits.modes), "traits.modes names at least one mode")
    _keep(traits.modes <= ALL_MODES, "traits.modes names known modes only")
    _keep(route.mode in traits.modes, f"the example's mode {route.mode} is known")
    _keep(bool(traits.delivery), "traits.delivery says what is promised")


def it_sends_or_it_writes(destination: Sender | Writer, route: Route) -> None:
    del route
    both = isinstance(destination, Sender) and isinstance(destination, Writer)
    _keep(not both, "a destination is a sender or a writer, not both")


def a_check_finds_nothing_wrong(destination: Sender | Writer, route: Route) -> None:
    del route
    destination.check()
    destination.check()


def every_change_is_answered_once(destination: Sender | Writer, route: Route) -> None:
    changes = example_changes()
    _answers(destination, route, changes)


def a_change_can_come_again(destination: Sender | Writer, route: Route) -> None:
    """At least once means that it will, some day."""
    changes = example_changes()
    first = _answers(destination, route, changes)
    again = _answers(destination, route, changes)
    _keep(set(first) == set(again), "the same changes are answered for again")


def a_single_change_is_a_batch(destination: Sender | Writer, route: Route) -> None:
    for change in example_changes():
        _answers(destination, route, [change])


def a_writer_lets_errors_through(destination: Sender | Writer, route: Route) -> None:
    """Let the error of a change that cannot be read come out."""
    if not isinstance(destination, Writer):
        return
    try:
        destination.write(route, _breaking(example_changes()), _breaking(ROWS))
    except _Broken:
        return
    raise BrokenRule("an error while changes are read comes out of write()")


RULES: tuple[Rule, ...] = (
    traits_are_sensible,
    it_sends_or_it_writes,
    a_check_finds_nothing_wrong,
    every_change_is_answered_once,
    a_change_can_come_again,
    a_single_change_is_a_batch,
    a_writer_lets_errors_through,
)


class _Broken(Exception):
    pass


def _breaking(values: Sequence[Item]) -> Iterator[Item]:
    yield values[0]
    raise _Broken


def _answers(
    destination: Sender | Writer, route: Route, changes: Sequence[Change]
) -> dict[str, Receipt]:
    if isinstance(destination, Writer):
        said = destination.write(route, iter(changes), iter(ROWS))
        _keep(isinstance(said, str), "write() says what was written")
        return {}
    receipts = list(destination.send(route, changes))
    keys = Counter(receipt.key for receipt in receipts)
    asked = {change.key for change in changes}
    _keep(set(keys) == asked, f"receipts for {asked}, not for {set(keys)}")
    _keep(max(keys.values()) == 1, "one receipt for a change")
    known = {receipt.status for receipt in receipts} <= set(get_args(ReceiptStatus))
    _keep(known, f"a status is one of {get_args(ReceiptStatus)}")
    return {receipt.key: receipt for receipt in receipts}


def _keep(kept: bool, rule: str) -> None:
    if not kept:
        raise BrokenRule(rule)
