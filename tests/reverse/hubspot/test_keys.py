"""Whose record a key names: HubSpot compares keys without case."""

from __future__ import annotations

import json

import pytest
from reverse.hubspot.far import destination, hubspot

from elt.errors import Rejected, Unavailable
from elt.reverse.destination import Added, Column, Removed, Route
from elt.testing.apis.troubles import HangsUp, Says


@pytest.fixture
def far():
    with hubspot() as served:
        served.api.define("contacts", "score", type="number")
        yield served


@pytest.fixture
def crm(world, far, tmp_path):
    """Give a function that points the sync of `people` to the simulated HubSpot."""

    def pointed(mode, **config):
        world.destination = destination(far, tmp_path, **config)
        world.table |= {"object": "contacts", "mode": mode}

    return pointed


def contacts(far):
    return {
        record["email"]: (number, record.get("score"))
        for number, record in far.api.records("contacts").items()
    }


def known(world):
    return world.query("SELECT key, status, destination_id FROM _elt.sync_state")


@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_key_that_changes_its_case_changes_its_record(world, far, crm, batch_size):
    crm("mirror", batch_size=batch_size)
    world.people(("ann@x.example", 1), ("bob@x.example", 1))
    world.run()
    before = contacts(far)

    world.people(("Ann@x.example", 2), ("bob@x.example", 1))
    result = world.run()

    assert (result.counts.changed, result.counts.removed) == (1, 0)
    assert contacts(far)["ann@x.example"] == (before["ann@x.example"][0], "2")
    assert world.run().total == 0


@pytest.mark.parametrize("mode", ["upsert", "mirror", "insert"])
def test_two_rows_that_hubspot_takes_for_one_stop_the_sync(world, far, crm, mode):
    crm(mode)
    world.people(("Zoe@x.example", 1), ("zoe@x.example", 2), ("bob@x.example", 3))

    result = world.run()
    again = world.run()

    assert (result.status, again.status) == ("stopped", "stopped")
    assert [finding.guard for finding in result.findings] == ["keys"]
    assert "1 rows repeat a key: `zoe@x.example`" in result.message
    assert "lower(key)" in result.hint
    assert contacts(far) == {}


@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_record_that_another_row_has_just_become_is_not_archived(
    world, far, crm, batch_size
):
    crm("mirror", batch_size=batch_size)
    world.people(("ann@x.example", 1), ("bob@x.example", 1))
    world.run()
    ann = contacts(far)["ann@x.example"][0]

    # Ann has another address, which somebody has written down in HubSpot, too.
    far.api.update("contacts", ann, {"email": "new@x.example"})
    world.people(("new@x.example", 2), ("bob@x.example", 1))
    result = world.run()

    assert (result.counts.added, result.counts.removed) == (1, 1)
    assert contacts(far)["new@x.example"] == (ann, "2")
    assert sorted(key for key, *_ in known(world)) == ["bob@x.example", "new@x.example"]
    assert world.run().total == 0


def test_of_two_removed_rows_with_one_record_one_takes_it_away(world, far, crm):
    crm("mirror")
    world.people(("ann@x.example", 1), ("bob@x.example", 1))
    world.run()
    ann = contacts(far)["ann@x.example"][0]
    far.api.update("contacts", ann, {"email": "new@x.example"})
    world.table["mode"] = "upsert"
    world.people(("ann@x.example", 1), ("bob@x.example", 1), ("new@x.example", 2))
    world.run()

    world.table["mode"] = "mirror"
    world.people(("bob@x.example", 1))
    result = world.run()

    assert (result.counts.removed, result.tally.accepted) == (2, 2)
    assert set(contacts(far)) == {"bob@x.example"}
    assert [key for key, *_ in known(world)] == ["bob@x.example"]


def test_rows_of_lost_answers_are_archived_by_their_keys_as_they_are_there(
    world, far, crm
):
    crm("mirror", timeout_seconds=5)
    world.table["on_unknown"] = "hold"
    world.people(("bob@x.example", 1))
    world.run()
    far.api.front.troubles.add(HangsUp(acts=True), path=".*batch/upsert")
    world.people(("bob@x.example", 1), ("ann@x.example", 1), ("cid@x.example", 1))
    world.run()
    assert {status for _, status, _ in known(world)} == {"accepted", "unknown"}
    ann = contacts(far)["ann@x.example"][0]

    far.api.update("contacts", ann, {"email": "new@x.example"})
    world.table["on_unknown"] = "resend"
    world.people(("bob@x.example", 1), ("new@x.example", 2))
    result = world.run()

    assert result.counts.removed == 2
    assert set(contacts(far)) == {"bob@x.example", "new@x.example"}


def test_a_lost_answer_to_an_insert_is_asked_for_and_not_sent_blindly(world, far, crm):
    crm("insert")
    rows = [(f"p{n:02}@x.example", n) for n in range(60)]
    far.api.front.troubles.add(HangsUp(acts=True), path=".*batch/create")
    world.people(*rows)

    result = world.run()

    assert (result.status, result.tally.accepted) == ("done", 60)
    assert len(contacts(far)) == 60
    made = {str(number) for number, _ in contacts(far).values()}
    assert {(status, number in made) for _, status, number in known(world)} == {
        ("accepted", True)
    }


@pytest.mark.parametrize("trouble", [HangsUp(acts=True), Says(500), Says(502)])
def test_an_insert_that_no_run_heard_of_is_accepted_by_the_next(
    world, far, crm, trouble
):
    crm("insert", timeout_seconds=5)
    world.people(("ann@x.example", 1), ("bob@x.example", 2))
    far.api.front.troubles.add(HangsUp(acts=True), path=".*batch/create")
    far.api.front.troubles.add(trouble, path=".*batch/(create|read)", times=4)
    try:
        world.run()
    except Unavailable:
        assert isinstance(trouble, Says)
    far.api.front.troubles.clear()

    world.people(("ann@x.example", 1), ("bob@x.example", 2), ("cid@x.example", 3))
    result = world.run()

    assert (result.status, result.tally.rejected) == ("done", 0)
    assert {name: score for name, (_, score) in contacts(far).items()} == {
        "ann@x.example": "1",
        "bob@x.example": "2",
        "cid@x.example": "3",
    }


def test_an_insert_leaves_a_record_with_other_values_and_says_so(world, far, crm):
    crm("insert")
    far.api.add("contacts", {"email": "ann@x.example", "score": "5"})
    world.people(("Ann@x.example", 1), ("bob@x.example", 2))

    result = world.run()

    assert (result.tally.rejected, result.tally.accepted) == (1, 1)
    assert "already exists" in result.message
    assert contacts(far)["ann@x.example"][1] == "5"


def test_a_batch_of_inserts_that_is_refused_whole_is_settled_row_by_row(far, tmp_path):
    far.api.add("contacts", {"email": "ann@x.example", "score": "1"})
    far.api.add("contacts", {"email": "bob@x.example", "score": "5"})
    far.api.front.troubles.add(
        Says(409, '{"message": "Contact already exists"}'), path=".*batch/create"
    )
    crm = destination(far, tmp_path)

    rows = [("ann@x.example", 1), ("bob@x.example", 2), ("cid@x.example", 3)]
    receipts = {r.key: r for r in crm.send(people("insert"), added(rows))}

    assert {key: receipt.status for key, receipt in receipts.items()} == {
        "ann@x.example": "accepted",
        "bob@x.example": "rejected",
        "cid@x.example": "accepted",
    }
    assert receipts["bob@x.example"].message == "Contact already exists"
    assert contacts(far)["bob@x.example"][1] == "5"


def test_a_removed_row_that_names_no_record_is_rejected_and_stops_no_other(
    far, tmp_path
):
    crm = destination(far, tmp_path)
    list(crm.send(people("mirror"), added([("ann@x.example", 1)])))
    # The sync's key was `id` when this row was sent.
    nameless = Removed("7", '{"id": 7}')
    ann = Removed("ann@x.example", '{"email": "ann@x.example"}')

    receipts = {r.key: r for r in crm.send(people("mirror"), [nameless, ann])}

    assert receipts["7"].status == "rejected"
    assert "`email` is empty" in receipts["7"].message
    assert receipts["ann@x.example"].status == "accepted"
    assert contacts(far) == {}


def test_a_reading_that_is_refused_is_told_in_hubspots_words(far, tmp_path):
    crm = destination(far, tmp_path)
    said = '{"message": "Invalid input JSON"}'
    far.api.front.troubles.add(Says(400, said), path=".*batch/read")

    with pytest.raises(Rejected, match="Invalid input JSON"):
        list(crm.send(people("mirror"), [Removed("ann@x.example")]))


def test_a_record_of_which_a_reading_says_nothing_is_not_taken_for_gone(far, tmp_path):
    crm = destination(far, tmp_path)
    far.api.front.troubles.add(Says(207, '{"results": []}'), path=".*batch/read")

    (receipt,) = crm.send(people("mirror"), [Removed("ann@x.example")])

    assert receipt.status == "unknown"


def people(mode):
    columns = (
        Column(name="email", type="VARCHAR"),
        Column(name="score", type="BIGINT"),
    )
    return Route(
        sync="people",
        run_id="r1",
        object="contacts",
        key="email",
        mode=mode,
        columns=columns,
    )


def added(rows):
    return [
        Added(email, json.dumps({"email": email, "score": score}))
        for email, score in rows
    ]
