"""What a sync does with something too old above it, by `on_stale` and `--accept`."""

from __future__ import annotations

import pytest

from elt.reverse.guard import Finding
from elt.reverse.plan import Consent, plan_sync

OLD = Finding("stale", "`stream:crm.deals` is 30 h old", "`elt run tap:crm` loads it")
ACCEPTED = Consent(first=True, guards=("stale",))
ASKED = Consent(first=True)

# on_stale, what a person allowed; how it ends, and whether rows were sent
TABLE = [
    ("stop", ASKED, "stopped", False),
    ("stop", ACCEPTED, "done", True),
    ("warn", ASKED, "warned", True),
    ("warn", ACCEPTED, "done", True),
]


@pytest.mark.parametrize(("on_stale", "consent", "status", "sent"), TABLE)
def test_a_sync_below_something_old(world, on_stale, consent, status, sent):
    world.people(("ann@x", 1))
    world.table["on_stale"] = on_stale

    result = world.run(consent=consent, sync={"above": (OLD,)})

    assert result.status == status
    assert set(world.destination.rows) == ({"ann@x"} if sent else set())
    tells = status != "done"
    assert (OLD.what in result.message) == tells
    assert (result.hint == OLD.hint) == tells


def test_to_allow_a_first_sync_is_not_to_allow_old_rows(world):
    world.people(("ann@x", 1))
    world.table["on_stale"] = "stop"

    result = world.run(consent=Consent(first=True), sync={"above": (OLD,)})

    assert [finding.guard for finding in result.findings] == ["stale"]


def test_where_nothing_is_sent_nothing_is_stopped(world):
    world.people(("ann@x", 1))
    world.table["on_stale"] = "stop"

    result = world.run(sends=False, sync={"above": (OLD,)})

    assert result.status == "planned"
    assert OLD.what in result.message


def test_another_guard_stops_a_sync_that_would_only_warn(world):
    world.people()
    world.table["on_stale"] = "warn"

    result = world.run(consent=ASKED, sync={"above": (OLD,)})

    assert result.status == "stopped"
    assert result.message == "the model has no rows"


def test_a_plan_parts_what_stops_from_what_warns(world):
    world.people(("ann@x", 1))
    world.table["on_stale"] = "warn"

    with plan_sync(world.sync(above=(OLD,))) as plan:
        assert plan.findings[0] == OLD
        assert plan.warnings(ASKED) == (OLD,)
        assert plan.held_back(ASKED) == ()
