from __future__ import annotations

import os

import pytest

from elt.errors import ConfigError, Interrupted, Unavailable
from elt.events import ReceiptsStored
from elt.reverse.baseline import RememberedBaseline
from elt.reverse.destination import Traits
from elt.reverse.destinations.file import FileDestination
from elt.reverse.guard import GuardName
from elt.reverse.plan import Consent, plan_sync, should_send
from elt.reverse.sync import Watch
from elt.testing.destinations import Memory, MemoryFile


def statuses(world):
    rows = world.query("SELECT key, status FROM _elt.sync_state ORDER BY key")
    return dict(rows)


def test_the_first_sync_sends_every_row_and_the_second_none(world):
    world.people(("ann", 1), ("bob", None))

    first = world.run()
    second = world.run()

    assert (first.status, first.counts.added, first.tally.accepted) == ("done", 2, 2)
    assert world.destination.rows == {
        "ann": {"email": "ann", "score": 1},
        "bob": {"email": "bob", "score": None},
    }
    assert (second.status, second.total, second.counts.unchanged) == ("done", 0, 2)
    assert len(world.destination.calls) == 1


def test_only_what_changed_is_sent_with_its_old_values(world):
    world.people(("ann", 1), ("bob", 2))
    world.run()
    world.people(("ann", 1), ("bob", 3), ("cid", 4))

    with plan_sync(world.sync()) as plan:
        changed, added = plan.changes()

        assert (added.key, added.payload) == ("cid", {"email": "cid", "score": 4})
        assert (changed.key, changed.fields) == ("bob", {"score": (2, 3)})
        assert changed.destination_id == "id-bob"

    world.run()
    assert world.destination.calls[1:] == [("bob", "cid")]


def test_a_plan_stores_and_sends_nothing(world):
    world.people(("ann", 1))

    with plan_sync(world.sync()) as plan:
        assert plan.total == 1
        assert [change.key for change in plan.changes()] == ["ann"]

    assert world.destination.calls == []
    assert world.query("SELECT count(*) FROM _elt.sync_runs") == [(0,)]
    assert list((world.folder / "spool").iterdir()) == []


def test_spooled_changes_are_for_the_owner_only(world):
    world.people(("ann", 1))

    with plan_sync(world.sync()) as plan:
        folder = plan.spool.changes_path.parent

        assert folder.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_in_the_spool_is_removed(world):
    world.people(("ann", 1))
    spool = world.folder / "spool"
    spool.mkdir()
    dead = spool / "people.999999999.abc"
    alive = spool / f"people.{os.getpid()}.abc"
    other = spool / "others.999999999.abc"
    for folder in (dead, alive, other):
        folder.mkdir()

    world.run()

    assert sorted(spool.iterdir()) == sorted([alive, other])


def test_where_nothing_may_be_sent_a_sync_is_planned(world):
    world.people(("ann", 1))

    result = world.run(sends=False)

    assert (result.status, result.total) == ("planned", 1)
    assert world.destination.calls == []
    assert world.query("SELECT status FROM _elt.sync_runs") == [("planned",)]


@pytest.mark.parametrize(
    ("is_local", "send_in", "environment", "sends"),
    [
        (True, [], "default", True),
        (False, [], "default", False),
        (False, ["prod"], "default", False),
        (False, ["prod"], "prod", True),
    ],
)
def test_a_remote_destination_sends_only_where_it_was_told_to(
    is_local, send_in, environment, sends
):
    destination = Memory(traits=Traits(is_local=is_local))

    assert should_send(destination, send_in, environment) is sends


def test_a_rejected_row_is_tried_again_with_fresh_data(world):
    world.people(("ann", 1), ("bob", 2))
    world.destination.refuse = {"bob"}
    first = world.run()
    world.people(("ann", 1), ("bob", 3))
    world.destination.refuse = set()

    second = world.run()

    assert (first.status, first.tally.rejected) == ("warned", 1)
    assert first.message == "rejected: `bob`, refused"
    assert second.message == ""
    assert (second.status, second.counts.retried_added) == ("done", 1)
    assert world.destination.rows["bob"]["score"] == 3
    history = world.query(
        "SELECT run_id, key, receipt, message FROM _elt.sync_changes ORDER BY ALL"
    )
    assert history == [
        ("run-1", "ann", "accepted", None),
        ("run-1", "bob", "rejected", "refused"),
        ("run-2", "bob", "accepted", None),
    ]


def test_a_rejected_row_counts_its_attempts_and_keeps_its_reason(world):
    world.people(("bob", 2))
    world.destination.refuse = {"bob"}
    world.run()
    world.run()

    assert world.query(
        "SELECT status, attempts, last_error, accepted_hash FROM _elt.sync_state"
    ) == [("rejected", 2, "refused", None)]


def test_a_plan_tells_why_a_row_was_rejected_before(world):
    world.people(("ann", 1), ("bob", 2))
    world.destination.refuse = {"bob"}
    world.run()
    world.people(("ann", 2), ("bob", 2))

    with plan_sync(world.sync()) as plan:
        assert sorted(change.key for change in plan.changes()) == ["ann", "bob"]
        assert plan.rejections() == {"bob": "refused"}


def test_a_rejected_row_that_the_model_drops_is_forgotten(world):
    world.people(("ann", 1), ("bob", 2))
    world.destination.refuse = {"bob"}
    world.run()
    world.people(("ann", 1))

    result = world.run()

    assert (result.status, result.counts.removed) == ("done", 0)
    assert statuses(world) == {"ann": "accepted"}


def test_a_rejected_change_that_is_undone_is_no_change(world):
    world.people(("bob", 1))
    world.run()
    world.destination.refuse = {"bob"}
    world.people(("bob", 2))
    world.run()
    world.people(("bob", 1))

    assert world.run().total == 0


def test_a_lost_answer_is_asked_for_again_although_the_row_went_back(world):
    world.people(("bob", 1))
    world.run()
    world.destination.silent = {"bob"}
    world.people(("bob", 2))
    world.run()
    world.destination.silent = set()
    world.people(("bob", 1))

    result = world.run()

    assert result.counts.changed == 1
    assert world.destination.rows["bob"]["score"] == 1


def test_an_unanswered_row_can_be_held(world):
    world.table["on_unknown"] = "hold"
    world.destination.silent = {"bob"}
    world.people(("ann", 1), ("bob", 1))
    first = world.run()
    world.people(("ann", 1), ("bob", 2))

    second = world.run()

    assert (first.status, first.tally.unanswered) == ("warned", 1)
    assert (second.status, second.total, second.counts.held) == ("warned", 0, 1)
    assert world.destination.calls == [("ann", "bob")]


def test_an_unanswered_row_can_be_taken_for_sent(world):
    world.table["on_unknown"] = "skip"
    world.destination.silent = {"bob"}
    world.people(("bob", 1))
    world.run()

    assert world.run().total == 0
    world.people(("bob", 2))
    assert world.run().total == 1


def test_mirror_removes_only_what_we_sent(world):
    world.table["mode"] = "mirror"
    world.destination.rows = {"zoe": {"email": "zoe"}}
    world.people(("ann", 1), ("bob", 2))
    world.run()
    world.people(("ann", 1))

    result = world.run()

    assert (result.counts.removed, result.tally.accepted) == (1, 1)
    assert set(world.destination.rows) == {"ann", "zoe"}
    assert statuses(world) == {"ann": "accepted"}


def test_without_mirror_a_dropped_row_stays_and_is_counted_once(world):
    world.people(("ann", 1), ("bob", 2))
    world.run()
    world.people(("ann", 1))

    dropped, again = world.run(), world.run()
    world.people(("ann", 1), ("bob", 2))
    back = world.run()

    assert (dropped.status, dropped.counts.removed, dropped.total) == ("done", 1, 0)
    assert (again.counts.removed, back.total) == (0, 0)
    assert set(world.destination.rows) == {"ann", "bob"}
    assert statuses(world) == {"ann": "accepted", "bob": "accepted"}


def test_a_sync_that_becomes_a_mirror_removes_what_it_left(world):
    world.people(("ann", 1), ("bob", 2))
    world.run()
    world.people(("ann", 1))
    world.run()
    world.table["mode"] = "mirror"

    world.run()

    assert set(world.destination.rows) == {"ann"}


def test_insert_sends_new_rows_and_no_changes(world):
    world.table["mode"] = "insert"
    world.people(("ann", 1))
    world.run()
    world.people(("ann", 2), ("bob", 1))

    result = world.run()

    assert (result.counts.added, result.counts.changed) == (1, 0)
    assert world.destination.rows["ann"]["score"] == 1


def test_a_mode_that_the_destination_lacks_is_a_configuration_error(world):
    world.destination = Memory(traits=Traits(modes=frozenset(("upsert", "insert"))))
    world.table["mode"] = "mirror"
    world.people(("ann", 1))

    with pytest.raises(ConfigError) as caught:
        world.run()

    assert "cannot `mirror`" in caught.value.what
    assert caught.value.hint == "It knows `insert`, `upsert`"


def test_the_first_sync_to_a_remote_destination_waits_for_consent(world):
    world.destination = Memory(traits=Traits())
    world.people(("ann", 1))

    stopped = world.run()
    sent = world.run(consent=Consent(first=True))
    after = world.run()

    assert (stopped.status, stopped.findings[0].guard) == ("stopped", "first")
    assert "--first" in stopped.hint
    assert (sent.status, after.status) == ("done", "done")


def test_duplicate_keys_stop_a_sync_whatever_was_consented_to(world):
    everything: tuple[GuardName, ...] = ("first", "keys", "values", "empty")
    world.people(("ann", 1), ("ann", 2), (None, 3), ("", 4))

    result = world.run(consent=Consent(first=True, guards=everything))

    assert result.status == "stopped"
    assert [finding.what for finding in result.findings] == [
        "2 rows have a NULL or empty key",
        "1 rows repeat a key: `ann`",
    ]
    assert world.destination.calls == []


def test_a_value_that_cannot_be_written_stops_a_sync(world):
    world.model("SELECT 'ann' AS email, 'NaN'::DOUBLE AS score")

    result = world.run()

    assert result.status == "stopped"
    assert "`ann`" in result.message


def test_a_changed_mapping_does_not_silently_send_everything_again(world):
    world.people(*((f"p{n:03}", n) for n in range(100)))
    world.run()
    world.table["fields"] = {"points": "score"}

    stopped = world.run()
    allowed = world.run(consent=Consent(guards=("changed",)))

    assert stopped.status == "stopped"
    assert stopped.message == (
        "100 rows changed (100.0 %, the limit is 50 %),"
        " because the sync's mapping changed"
    )
    assert (allowed.status, allowed.tally.accepted) == ("done", 100)


def test_too_many_rejects_stop_a_sync_while_it_sends(world):
    world.destination = Memory(
        traits=Traits(is_local=True, batch_size=10),
        refuse=[f"p{n:03}" for n in range(40)],
    )
    world.people(*((f"p{n:03}", n) for n in range(100)))

    result = world.run()

    assert (result.status, result.tally.rejected) == ("stopped", 30)
    assert "30 of 100 rows were rejected" in result.message
    assert result.message.endswith("; 30 rejected, the first: `p000`, refused")
    assert len(world.destination.calls) == 3
    assert world.query("SELECT status, rejected FROM _elt.sync_runs") == [
        ("stopped", 30)
    ]


def test_what_was_answered_before_a_failure_is_kept(world):
    world.destination = Memory(traits=Traits(is_local=True, batch_size=2))
    world.people(("a", 1), ("b", 1), ("c", 1), ("d", 1))

    def goes_down():
        world.destination.down = len(world.destination.calls)

    world.destination.on_call = goes_down
    with pytest.raises(Unavailable):
        world.run(watch=Watch(sleep=world.slept.append, stopped=lambda: False))
    world.destination.on_call = lambda: None
    world.destination.down = 0

    result = world.run()

    assert result.total == 2
    assert set(world.destination.rows) == {"a", "b", "c", "d"}
    assert world.query("SELECT status FROM _elt.sync_runs ORDER BY sequence") == [
        ("failed",),
        ("done",),
    ]


def test_the_first_refusal_of_our_credentials_ends_the_sync(world):
    world.destination.bad_credentials = True
    world.people(("ann", 1))

    with pytest.raises(ConfigError, match="credentials"):
        world.run()

    assert len(world.destination.calls) == 1


def test_a_sync_that_is_asked_to_stop_finishes_its_batch(world):
    world.destination = Memory(traits=Traits(is_local=True, batch_size=1))
    world.people(("ann", 1), ("bob", 2))

    with pytest.raises(Interrupted):
        world.run(watch=Watch(stopped=lambda: True))

    assert statuses(world) == {"ann": "accepted"}
    assert world.query("SELECT status FROM _elt.sync_runs") == [("interrupted",)]


def test_each_batch_is_told_of(world):
    world.destination = Memory(traits=Traits(is_local=True, batch_size=2))
    world.people(("a", 1), ("b", 1), ("c", 1))

    world.run()

    assert world.events == [
        ReceiptsStored(
            step="sync:people",
            sync="people",
            accepted=accepted,
            rejected=0,
            unanswered=0,
            total=3,
        )
        for accepted in (2, 3)
    ]


def test_the_warehouse_is_closed_while_a_call_goes_out(world):
    world.people(("ann", 1))
    opened = []
    world.destination.on_call = lambda: opened.append(world.warehouse._sessions)

    world.run()

    assert opened == [0]


def test_a_destination_that_cannot_repeat_is_written_down_first(world):
    world.destination = Memory(traits=Traits(is_local=True, repeatable=False))
    world.people(("ann", 1))
    found = []
    world.destination.on_call = lambda: found.extend(
        world.query("SELECT key, receipt FROM _elt.sync_receipts")
    )

    world.run()

    assert found == [("ann", "in_flight")]
    assert statuses(world) == {"ann": "accepted"}


def test_a_process_that_died_in_flight_leaves_rows_that_nobody_can_vouch_for(world):
    world.destination = Memory(traits=Traits(is_local=True, repeatable=False))
    world.table["on_unknown"] = "hold"
    world.people(("ann", 1))

    def dies():
        raise SystemExit

    world.destination.on_call = dies
    with pytest.raises(SystemExit):
        world.run()
    world.destination.on_call = lambda: None

    result = world.run()

    assert (result.counts.held, world.destination.calls) == (1, [])
    assert statuses(world) == {"ann": "unknown"}


def test_a_call_that_took_nothing_is_not_in_flight(world):
    world.destination = Memory(traits=Traits(is_local=True, repeatable=False), down=99)
    world.table["on_unknown"] = "hold"
    world.people(("ann", 1))
    with pytest.raises(Unavailable):
        world.run()
    world.destination.down = 0

    assert world.run().tally.accepted == 1


def test_unsettled_receipts_of_a_killed_run_already_count_in_a_plan(world):
    world.people(("ann", 1), ("bob", 2))
    world.run()
    world.people(("ann", 5), ("bob", 2))
    with plan_sync(world.sync()) as plan:
        sent = next(plan.changes())
    with world.warehouse.session() as cursor:
        cursor.execute(
            "INSERT INTO _elt.sync_receipts BY NAME SELECT 'default' AS environment,"
            " 'people' AS sync, 2 AS sequence, 0 AS position, 'run-2' AS run_id,"
            " 'ann' AS key, 'changed' AS change, 'accepted' AS receipt,"
            " sha256(?) AS hash, ? AS payload, now() AS answered_at",
            [sent.text, sent.text],
        )

    with plan_sync(world.sync()) as plan:
        assert (plan.total, plan.counts.known) == (0, 2)
    world.run()
    assert world.query("SELECT count(*) FROM _elt.sync_receipts") == [(0,)]


def test_environments_have_baselines_of_their_own(world):
    world.people(("ann", 1))
    world.run()

    assert world.run(sync={"environment": "prod"}).counts.added == 1


def test_a_writer_takes_everything_or_nothing(world):
    world.destination = MemoryFile()
    world.destination.fails = True
    world.people(("ann", 1), ("bob", 2))
    with pytest.raises(Unavailable):
        world.run()
    world.destination.fails = False

    result = world.run()

    assert (result.counts.added, result.tally.accepted) == (2, 2)
    assert result.message == "written to people"
    assert statuses(world) == {"ann": "accepted", "bob": "accepted"}
    assert world.run().total == 0
    assert len(world.destination.writes) == 1


def test_a_writer_that_wants_all_rows_gets_them_when_something_changed(world):
    world.destination = MemoryFile(wants_rows=True)
    world.people(("bob", 2), ("ann", 1))
    world.run()
    world.people(("bob", 2))
    result = world.run()
    world.run()

    (_, first), (changes, second) = world.destination.writes
    assert first == ['{"email":"ann","score":1}', '{"email":"bob","score":2}']
    assert second == ['{"email":"bob","score":2}']
    assert [change.key for change in changes] == ["ann"]
    assert result.counts.removed == 1


def test_a_whole_file_that_somebody_deleted_is_written_again(world):
    world.destination = FileDestination({"path": "out"}, world.folder)
    world.table["object"] = "people.jsonl"
    world.people(("ann", 1), ("bob", 2))
    world.run()
    file = world.folder / "out/people.jsonl"
    before = file.read_bytes()
    file.unlink()

    result = world.run()

    assert file.read_bytes() == before
    assert (result.total, result.message) == (0, "2 rows in people.jsonl")
    assert world.run().message == ""


def test_the_baseline_to_remember_names_its_warehouse_and_run(world):
    world.people(("ann", 1))

    world.run()
    result = world.run()

    assert result.baseline.sequence == 2
    assert result.baseline.warehouse_id == world.warehouse.id


def test_a_run_that_was_stopped_is_no_newer_baseline_for_the_next(world):
    world.destination = Memory(traits=Traits(is_local=False))
    world.people(("ann", 1))
    sent = world.run(consent=Consent(first=True)).baseline
    later = RememberedBaseline(sequence=2, warehouse_id=sent.warehouse_id)

    stopped = [world.run(sync={"remembered": later}) for _ in range(3)]

    assert [result.status for result in stopped] == ["stopped"] * 3
    assert [result.baseline for result in stopped] == [None] * 3
    allowed = world.run(
        sync={"remembered": later}, consent=Consent(guards=("baseline",))
    )
    assert (allowed.status, allowed.baseline.sequence) == ("done", 5)


def test_a_sync_that_points_somewhere_else_stops_before_it_sends_too_little(world):
    world.destination = Memory(traits=Traits(is_local=True))
    world.people(("ann", 1), ("bob", 2))
    world.run()
    world.table["object"] = "leads"
    world.people(("ann", 1), ("bob", 2), ("cid", 3))

    stopped = [world.run() for _ in range(2)]

    assert [result.status for result in stopped] == ["stopped"] * 2
    assert "its rows were sent to" in stopped[0].message
    assert world.run(consent=Consent(first=True)).status == "stopped"
    accepted = world.run(consent=Consent(guards=("moved",)))
    assert (accepted.status, accepted.total) == ("done", 1)
    assert world.run().status == "done"
