from __future__ import annotations

import json
import random

import pytest
from reverse.hubspot.far import destination, far_side, hubspot, rows_of

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.delivery import Delivery, Limits
from elt.reverse.destination import Added, Changed, Column, Removed, Route
from elt.reverse.journal import Tally
from elt.testing.apis.hubspot.portal import Limits as Allowed
from elt.testing.apis.troubles import HangsUp, Says
from elt.testing.destination_rules import RULES, example_route


@pytest.fixture
def far():
    with hubspot() as served:
        yield served


@pytest.fixture
def crm(far, tmp_path):
    return destination(far, tmp_path)


def route(mode="upsert", key="id", kind="companies", fields=("id", "name", "score")):
    columns = tuple(Column(name=name, type="VARCHAR") for name in fields)
    return Route(
        sync="health", run_id="r1", object=kind, key=key, mode=mode, columns=columns
    )


def text(name, score=1, **more):
    return json.dumps({"id": name, "name": name.upper(), "score": score, **more})


def added(*names, **fields):
    return [Added(name, text(name, **fields)) for name in names]


class Keeper:
    """Keeps receipts in memory, as the journal does in the warehouse."""

    def __init__(self):
        self.tally = Tally()
        self.receipts = {}

    def in_flight(self, changes):
        del changes

    def not_taken(self, changes, why):
        self.receipts |= {change.key: ("not taken", why) for change in changes}

    def answered(self, answers):
        for change, receipt in answers:
            self.receipts[change.key] = (receipt.status, receipt.message)


def delivered(crm, route, changes):
    """Deliver as a run does, splitting what is refused as a whole."""
    keeper = Keeper()
    limits = Limits(total=len(changes), attempts=2, max_rejected_percent=100)
    slept = []
    delivery = Delivery(crm, route, keeper, limits=limits, sleep=slept.append)
    list(delivery.deliver(changes))
    return keeper.receipts


# To HubSpot an empty text and no value are the same: both clear a property.
KEPT = [rule for rule in RULES if rule.__name__ != "values_arrive_as_they_are"]


@pytest.mark.parametrize("rule", KEPT)
def test_hubspot_keeps_the_rules_of_destinations(rule, far, tmp_path):
    crm = destination(far, tmp_path, timeout_seconds=0.5)

    rule(crm, example_route("companies"), far_side(far))


@pytest.mark.parametrize("version", ["v3", "2026-03"])
def test_rows_are_made_changed_and_named_by_hubspots_ids(version, far, tmp_path):
    crm = destination(far, tmp_path, api_version=version)
    crm.check()

    first = list(crm.send(route(), added("ann", "bob")))
    ids = {receipt.key: receipt.destination_id for receipt in first}
    changed = Changed("ann", text("ann", 2.5), text("ann"), ids["ann"])
    second = list(crm.send(route(), [changed]))

    assert {r.status for r in (*first, *second)} == {"accepted"}
    assert second[0].destination_id == ids["ann"]
    assert far.api.records("companies")[int(ids["ann"])]["score"] == "2.5"


@pytest.mark.parametrize(("rows", "calls"), [(100, 1), (101, 2)])
def test_a_hundred_rows_are_one_call_and_one_more_is_another(far, crm, rows, calls):
    names = [f"n{number:03}" for number in range(rows)]

    receipts = delivered(crm, route(), added(*names))

    asked = [r for r in far.api.front.requests if r.path.endswith("/batch/upsert")]
    assert {status for status, _ in receipts.values()} == {"accepted"}
    assert len(receipts) == rows
    assert len(asked) == calls
    assert max(len(request.json["inputs"]) for request in asked) == 100


def test_a_batch_of_more_than_a_hundred_cannot_be_set(far, tmp_path):
    with pytest.raises(ConfigError, match="batch_size"):
        destination(far, tmp_path, batch_size=101)


def test_one_row_that_hubspot_refuses_holds_back_no_other_in_any_order(far, tmp_path):
    far.api.define("companies", "plan", type="enumeration", options=(("a", "A"),))
    names = ["ann", "bob", "cid", "dee"]
    for seed in range(3):
        crm = destination(far, tmp_path)
        random.Random(seed).shuffle(names)  # noqa: S311
        fields = ("id", "name", "score", "plan")
        changes = [
            Added(name, text(name, seed, plan="zz" if name == "cid" else "a"))
            for name in names
        ]

        receipts = {r.key: r for r in crm.send(route(fields=fields), changes)}

        assert receipts["cid"].status == "rejected"
        assert "no option `zz`" in receipts["cid"].message
        assert {receipts[n].status for n in ("ann", "bob", "dee")} == {"accepted"}


def test_errors_of_a_207_are_put_down_to_their_rows(far, crm):
    (ann,) = far.api.add("companies", {"id": "ann", "name": "Ann"})

    changes = added("zoe", "ann", "bob")
    receipts = {r.key: r for r in crm.send(route("update"), changes)}

    assert receipts["ann"].status == "accepted"
    assert receipts["ann"].destination_id == str(ann)
    assert {receipts["zoe"].status, receipts["bob"].status} == {"rejected"}
    assert set(rows_of(far.api)) == {"ann"}


def test_a_batch_refused_as_a_whole_is_split_to_the_bad_row(far, tmp_path):
    crm = destination(far, tmp_path)
    fields = ("email", "firstname")
    people = route(key="email", kind="contacts", fields=fields)
    names = ["ann@x.example", "no address", "bob@x.example", "cid@x.example"]
    changes = [
        Added(name, json.dumps({"email": name, "firstname": "A"})) for name in names
    ]

    with pytest.raises(Rejected):
        list(crm.send(people, changes))
    receipts = delivered(crm, people, changes)

    statuses = {key: status for key, (status, _) in receipts.items()}
    assert statuses.pop("no address") == "rejected"
    assert set(statuses.values()) == {"accepted"}
    assert len(far.api.records("contacts")) == 3


def test_a_conflict_of_one_row_refuses_the_batch_and_only_that_row_is_rejected(
    far, tmp_path
):
    far.api.define("companies", "vat", type="string", is_unique=True)
    far.api.add("companies", {"id": "old", "vat": "NO1"})
    crm = destination(far, tmp_path)
    vat = {"ann": "NO1", "bob": "NO2", "cid": "NO3"}
    changes = [Added(name, text(name, vat=number)) for name, number in vat.items()]

    receipts = delivered(crm, route(fields=("id", "name", "score", "vat")), changes)

    assert receipts["ann"][0] == "rejected"
    assert receipts["bob"][0] == receipts["cid"][0] == "accepted"


@pytest.mark.parametrize("has_retry_after", [True, False])
def test_too_many_calls_are_waited_for_with_and_without_retry_after(
    tmp_path, has_retry_after
):
    allowed = Allowed(per_ten_seconds=2, has_retry_after=has_retry_after)
    with hubspot(limits=allowed) as far:
        crm = destination(far, tmp_path)
        crm.check()
        list(crm.send(route(), added("ann")[:0]))  # learns the properties

        with pytest.raises(Unavailable) as caught:
            list(crm.send(route(), added("ann")))

    assert 1 <= caught.value.retry_after_seconds <= 11
    assert "reached your ten_secondly_rolling limit" in caught.value.what


def test_a_spent_day_ends_the_sync_at_once(tmp_path):
    with hubspot(limits=Allowed(per_day=1)) as far:
        crm = destination(far, tmp_path)
        crm.check()

        with pytest.raises(Unavailable, match="of today are spent") as caught:
            list(crm.send(route(), added("ann")))

    assert caught.value.retry_after_seconds == 86_400


def test_the_last_call_of_an_interval_is_followed_by_a_pause(tmp_path):
    slept = []
    with hubspot(limits=Allowed(per_ten_seconds=2)) as far:
        crm = destination(far, tmp_path, slept=slept)
        crm.check()
        crm.check()

    assert slept == [10.0]


def test_a_time_out_after_hubspot_took_the_rows_is_unknown_and_harmless(far, crm):
    list(crm.send(route(), []))
    far.api.front.troubles.add(HangsUp(acts=True), path=".*batch/upsert")

    first = list(crm.send(route(), added("ann", "bob")))
    again = list(crm.send(route(), added("ann", "bob")))

    assert {receipt.status for receipt in first} == {"unknown"}
    assert {receipt.status for receipt in again} == {"accepted"}
    assert len(far.api.records("companies")) == 2


def test_a_failing_server_leaves_rows_unknown(far, crm):
    list(crm.send(route(), []))
    far.api.front.troubles.add(Says(500, "oops"), path=".*batch/upsert")

    receipts = list(crm.send(route(), added("ann")))

    assert receipts[0].status == "unknown"


def test_removed_rows_are_archived_by_their_id_or_by_their_key(far, crm):
    sent = {r.key: r for r in crm.send(route("mirror"), added("ann", "bob", "cid"))}
    by_id = Removed("ann", text("ann"), sent["ann"].destination_id)
    by_key = Removed("bob", text("bob"))
    gone = Removed("zoe", text("zoe"))

    receipts = list(crm.send(route("mirror"), [by_id, by_key, gone]))

    assert {receipt.status for receipt in receipts} == {"accepted"}
    assert len(receipts) == 3
    assert set(rows_of(far.api)) == {"cid"}


def test_a_row_whose_only_answer_was_lost_is_archived_when_it_is_removed(far, crm):
    list(crm.send(route("mirror"), added("ann", "bob")))

    (receipt,) = crm.send(route("mirror"), [Removed("bob")])

    assert receipt.status == "accepted"
    assert set(rows_of(far.api)) == {"ann"}


def test_a_record_that_was_merged_away_is_not_taken_for_accepted(far, crm):
    winner, loser = (
        int(receipt.destination_id)
        for receipt in sorted(
            crm.send(route(), added("ann", "bob")), key=lambda receipt: receipt.key
        )
    )
    far.api.merge("companies", winner, loser)
    by_id = route("update", key="hs_object_id", fields=("hs_object_id", "score"))
    change = Changed("x", json.dumps({"hs_object_id": str(loser), "score": 3}))

    (receipt,) = crm.send(by_id, [change])

    assert receipt.status == "unknown"
    assert "merged" in receipt.message


def test_an_unknown_field_stops_the_sync_before_its_first_call(far, crm):
    fields = ("id", "name", "scor")

    with pytest.raises(ConfigError, match="no property `scor`") as caught:
        list(crm.send(route(fields=fields), added("ann")))

    assert "Did you mean `score`?" in caught.value.hint
    assert not [r for r in far.api.front.requests if "/batch/" in r.path]


def test_a_token_without_the_scope_is_told_which_one_it_needs(far, tmp_path):
    far.api.let_in("reader-token-1", ["crm.objects.companies.read"])
    crm = destination(far, tmp_path, access_token="reader-token-1")  # noqa: S106

    with pytest.raises(ConfigError) as caught:
        list(crm.send(route(), added("ann")))

    assert "crm.objects.companies.write" in caught.value.hint
    assert "reader-token-1" not in str(caught.value)


def test_an_object_that_there_is_not_is_told(crm):
    with pytest.raises(ConfigError, match="no such object") as caught:
        list(crm.send(route(kind="cafes"), added("ann")))

    assert "`2-1234567`" in caught.value.hint


@pytest.mark.parametrize("path", ["/crm/v3/properties/companies", ".*/batch/read"])
def test_an_answer_that_cannot_be_read_sends_nothing_for_now(far, crm, path):
    far.api.front.troubles.add(Says(200, "<html>"), path=path)

    with pytest.raises(Unavailable, match="cannot be read"):
        list(crm.send(route("mirror"), [Removed("bob", text("bob"))]))
