"""Whose record is taken away: rows whose keys differ may be one record over there."""

from __future__ import annotations

from dataclasses import replace

from elt.reverse.destination import Receipt, Removed, Traits
from elt.testing.destinations import Memory


class OneRecord(Memory):
    """Knows rows by their first letter; answers in silence have no id."""

    def __init__(self, *, batch_size=2, **options):
        traits = Traits(is_local=True, batch_size=batch_size)
        super().__init__(traits=traits, **options)
        self.archived = []

    def send(self, route, changes):
        for change in changes:
            if isinstance(change, Removed):
                self.archived.append(change.destination_id)
        for receipt in super().send(route, changes):
            yield replace(receipt, destination_id=receipt.key[0].lower())


class Finding(OneRecord):
    """Finds the records of rows without an answer; those with `x` are gone."""

    def find(self, route, removed):
        del route
        for change in removed:
            if change.key.startswith("x"):
                yield Receipt(change.key, "accepted")
            else:
                yield replace(change, destination_id=change.key[0].lower())


def mirror(world, destination, *rows):
    world.destination = destination
    world.table |= {"mode": "mirror", "guards": {"max_removed_percent": 100}}
    world.people(*rows)
    return world.run()


def keys(world):
    found = world.query("SELECT key FROM _elt.sync_state ORDER BY key")
    return [key for (key,) in found]


def test_records_are_taken_away_last_and_in_calls_of_their_own(world):
    crm = OneRecord(batch_size=3)
    mirror(world, crm, ("ann", 1), ("bob", 1), ("cid", 1))
    crm.calls.clear()

    mirror(world, crm, ("bob", 2), ("dee", 1))

    assert crm.calls == [("bob", "dee"), ("ann", "cid")]
    assert crm.archived == ["a", "c"]


def test_a_record_is_left_to_the_row_that_has_just_become_it(world):
    crm = OneRecord()
    mirror(world, crm, ("ann", 1), ("bob", 1))

    result = mirror(world, crm, ("aya", 1), ("bob", 1))

    assert (result.counts.removed, result.tally.accepted) == (1, 2)
    assert crm.archived == []
    assert keys(world) == ["aya", "bob"]
    [said] = world.query(
        "SELECT message FROM _elt.sync_changes WHERE key = 'ann' AND change = 'removed'"
    )
    assert said == ("nothing was removed: another row has this record",)


def test_of_rows_with_one_record_that_all_go_the_last_takes_it_away(world):
    for batch_size in (1, 2, 5):
        crm = OneRecord(batch_size=batch_size)
        mirror(world, crm, ("ann", 1), ("aya", 1), ("axl", 1), ("bob", 1))

        mirror(world, crm, ("bob", 1))

        assert crm.archived == ["a"]
        assert keys(world) == ["bob"]


def test_rows_of_lost_answers_are_found_before_their_records_are_taken_away(world):
    crm = Finding(silent=["aya", "cid", "xyz"])
    mirror(world, crm, ("ann", 1), ("aya", 1), ("bob", 1), ("cid", 1), ("xyz", 1))
    crm.silent.clear()

    mirror(world, crm, ("ann", 1), ("bob", 1))

    assert crm.archived == ["c"]
    assert keys(world) == ["ann", "bob"]


def test_keys_that_differ_in_case_are_one_where_the_destination_says_so(world):
    crm = Memory(traits=Traits(is_local=True, ignores_case=True))
    mirror(world, crm, ("Ann", 1), ("BOB", 1))

    again = mirror(world, crm, ("ANN", 1), ("bob", 2))
    doubled = mirror(world, crm, ("ANN", 1), ("ann", 2), ("bob", 2))

    assert (again.counts.changed, again.counts.removed) == (2, 0)
    assert keys(world) == ["ann", "bob"]
    assert [finding.guard for finding in doubled.findings] == ["keys"]
