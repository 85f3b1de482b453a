"""Rules about answers: one for each change, whatever the change looks like."""

from __future__ import annotations

from elt.reverse.destination import (
    ALL_MODES,
    Added,
    Changed,
    Receipt,
    Removed,
    Route,
    Sender,
    Writer,
)
from elt.testing.destination_rules.example import (
    NOTHING,
    FarSide,
    Rule,
    Sync,
    added,
    breaking,
    example_changes,
    is_there,
    keep,
    row,
    there,
)

MAKING = ("upsert", "mirror", "insert", "append")  # modes that make new rows
MOST_ROWS = 1000
ODD_KEYS = (
    *("case", "CASE", "Æøå 漢字 😀", "e\u0301", "é"),
    *("a b", " padded ", "a/b", "../a", "..", "a\\b", "a?b=c&d#e", "100%", "a%2Fb"),
    *('say "hi"', "it's", "`tick`", "a,b;c", "{key}", "$.a[0]", "-1", "007", "null"),
    *("line\nbreak", "tab\there", "nul\0here", "; DROP TABLE people; --"),
    *("x" * 255, "y" * 300, "z" * 300 + "1", "z" * 300 + "2"),
)
TEXTS = (
    *("", " ", 'Ann "A" \\ Æ\n\t', "漢字 😀 e\u0301", "it's 100%", "{id} ${env:X}"),
    *("null", "007", "1.10", "true", "=1+1", "a,b;c", "l\u2028s", "<b>&amp;</b>"),
)
NUMBERS = (
    *("0", "-0.01", "1.5", "0.1", "9007199254740993", "-9223372036854775809"),
    *("12345678901234567890.25", "999999999999999999999999999999999999.99"),
)


class _Broken(Exception):
    pass


def traits_are_sensible(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del far
    traits = destination.traits
    keep(traits.batch_size >= 1, "traits.batch_size is at least 1")
    keep(bool(traits.modes), "traits.modes names at least one mode")
    keep(traits.modes <= ALL_MODES, "traits.modes names known modes only")
    keep(route.mode in traits.modes, f"the example's mode {route.mode} is known")
    keep(bool(traits.delivery), "traits.delivery says what is promised")


def it_sends_or_it_writes(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del route, far
    both = isinstance(destination, Sender) and isinstance(destination, Writer)
    keep(not both, "a destination is a sender or a writer, not both")


def a_check_finds_nothing_wrong_and_sends_nothing(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del route
    before = dict(there(far)())
    destination.check()
    destination.check()
    keep(there(far)() == before, "check() changes no rows")


def every_change_is_answered_once(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del far
    Sync(destination, route).send(example_changes(destination, route.mode))


def a_plain_row_is_accepted(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if route.mode not in MAKING:
        return
    changes = added("ann", "bob")
    answers = Sync(destination, route).send(changes)
    keep(_all_accepted(answers), f"plain rows are accepted, not {answers}")
    if far.rows:
        taken = all(is_there(far.rows(), c) for c in changes if isinstance(c, Added))
        keep(taken, "an accepted row is there")


def a_change_can_come_again(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    """At least once means that it will, some day."""
    sync, changes = Sync(destination, route), example_changes(destination, route.mode)
    first = sync.send(changes)
    rows = {key: dict(fields) for key, fields in there(far)().items()}
    again = sync.send(changes)
    if not destination.traits.repeatable or route.mode == "append":
        return
    same = {k: r.status for k, r in first.items()} == {
        k: r.status for k, r in again.items()
    }
    keep(same, "a repeatable destination answers the same when a batch comes again")
    keep(there(far)() == rows, "a repeatable batch that comes again changes no rows")


def a_single_change_is_a_batch(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del far
    sync = Sync(destination, route)
    for change in example_changes(destination, route.mode):
        sync.send([change])


def an_empty_batch_is_nothing(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    sync = Sync(destination, route)
    sync.send(added("ann"))
    before = dict(there(far)())
    sync.send([])
    keep(there(far)() == before, "a batch without changes changes no rows")


def a_full_batch_is_answered(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del far
    count = min(destination.traits.batch_size, MOST_ROWS)
    Sync(destination, route).send(added(*(f"row-{n:04}" for n in range(count))))


def odd_keys_stay_apart(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    """Let an odd key be rejected; what is accepted is that row and no other."""
    # Of keys that are one to the destination, a sync sends none.
    same = str.lower if destination.traits.ignores_case else str
    keys = {same(key): key for key in ODD_KEYS}.values()
    changes = [Added(key, row(key, f"Ann {n}")) for n, key in enumerate(keys)]
    answers = Sync(destination, route).deliver(changes)
    for key, answer in answers.items():
        heard = answer.status in {"accepted", "rejected"}
        keep(heard, f"the key {key!r} is answered for under its own name: {answer}")
        silent = answer.status == "rejected" and not answer.message.strip()
        keep(not silent, f"the receipt that rejects {key!r} says why")
    if far.rows is None or route.mode not in MAKING:
        return
    rows = far.rows()
    for change in changes:
        if answers[change.key].status == "accepted":
            keep(
                is_there(rows, change), f"the row with the key {change.key!r} is there"
            )


def values_arrive_as_they_are(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if far.rows is None or route.mode not in MAKING:
        return
    sync = Sync(destination, route)
    texts = [Added(f"t{n}", row(f"t{n}", text)) for n, text in enumerate(TEXTS)]
    numbers = [
        Added(f"n{n}", row(f"n{n}", "N", text)) for n, text in enumerate(NUMBERS)
    ]
    nothing = Added("none", '{"id":"none","name":null,"score":null}')
    changes = [*texts, *numbers, nothing]
    answers, rows = sync.deliver(changes), far.rows()
    for change in changes:
        if answers[change.key].status == "accepted":
            keep(is_there(rows, change), f"{change.text} arrives as it is")


def the_id_that_it_gave_is_understood(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    del far
    if route.mode not in {"upsert", "mirror"}:
        return
    sync = Sync(destination, route)
    known = sync.send(added("ann"))["ann"].destination_id
    changed = Changed("ann", row("ann", "Ann B"), row("ann"), known)
    answers = sync.send([changed])
    keep(_all_accepted(answers), f"a row with the id {known!r} can change: {answers}")
    if route.mode == "mirror":
        answers = sync.send([Removed("ann", row("ann", "Ann B"), known)])
        keep(_all_accepted(answers), f"a row with the id {known!r} can go: {answers}")


def a_writer_lets_errors_through(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    """Let the error of a change that cannot be read come out, and write nothing."""
    if not isinstance(destination, Writer):
        return
    before = dict(there(far)())
    changes = breaking(example_changes(destination, route.mode), _Broken())
    try:
        destination.write(route, changes, breaking([row("ann")], _Broken()))
    except _Broken:
        keep(there(far)() == before, "a writer that fails has written nothing")
        return
    keep(False, "an error while changes are read comes out of write()")


def _all_accepted(answers: dict[str, Receipt]) -> bool:
    return all(answer.status == "accepted" for answer in answers.values())


RULES: tuple[Rule, ...] = (
    traits_are_sensible,
    it_sends_or_it_writes,
    a_check_finds_nothing_wrong_and_sends_nothing,
    every_change_is_answered_once,
    a_plain_row_is_accepted,
    a_change_can_come_again,
    a_single_change_is_a_batch,
    an_empty_batch_is_nothing,
    a_full_batch_is_answered,
    odd_keys_stay_apart,
    values_arrive_as_they_are,
    the_id_that_it_gave_is_understood,
    a_writer_lets_errors_through,
)
