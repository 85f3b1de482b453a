from __future__ import annotations

from datetime import timedelta

from elt.errors import Unavailable
from elt.testing.apis.troubles import Says

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def versions(told):
    return {
        m.get("version")
        for m in told.messages
        if m["type"] == "RECORD" and m["stream"] == "contacts"
    }


def activated(told):
    return [m["version"] for m in told.messages if m["type"] == "ACTIVATE_VERSION"]


def test_a_sweep_reads_everything_anew_and_says_that_the_rest_is_gone(hubspot, read):
    gone, kept = hubspot.api.add("contacts", n=2)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts", sweep_days=7)
    hubspot.api.erase("contacts", gone)
    hubspot.api.clock.advance(8 * DAY)

    told = read(hubspot, "contacts", state=first.state, sweep_days=7)

    assert told.ids() == [str(kept)]
    (old,), (new,) = activated(first), activated(told)
    assert versions(first) == {old}
    assert versions(told) == {new}
    assert new > old
    kinds = [m["type"] for m in told.messages]
    assert kinds.index("ACTIVATE_VERSION") > kinds.index("RECORD")


def test_between_sweeps_only_changes_are_read_with_the_last_version(hubspot, read):
    hubspot.api.add("contacts", n=2)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts", sweep_days=7)
    hubspot.api.clock.advance(DAY)
    (new,) = hubspot.api.add("contacts")
    hubspot.api.clock.advance(HOUR)

    told = read(hubspot, "contacts", state=first.state, sweep_days=7)

    assert str(new) in told.ids()
    assert activated(told) == []
    assert versions(told) == set(activated(first))


def test_a_sweep_that_was_broken_off_says_nothing_and_is_made_again(hubspot, read):
    hubspot.api.add("contacts", n=250)
    hubspot.api.clock.advance(HOUR)
    first = read(hubspot, "contacts", sweep_days=7)
    hubspot.api.clock.advance(8 * DAY)
    hubspot.api.front.troubles.add(
        Says(503), path="/crm/v3/objects/contacts", after=2, times=7
    )

    broken = read(
        hubspot, "contacts", state=first.state, sweep_days=7, fails=Unavailable
    )
    told = read(hubspot, "contacts", state=first.state, sweep_days=7)

    assert activated(broken) == []
    assert len(activated(told)) == 1
    assert len(told.ids()) == 250


def test_a_window_is_no_sweep(hubspot, read):
    hubspot.api.add("contacts")
    hubspot.api.clock.advance(HOUR)

    told = read(
        hubspot,
        "contacts",
        sweep_days=7,
        start_date="2025-06-01",
        end_date="2025-06-02",
    )

    assert len(told.ids()) == 1
    assert activated(told) == []
    assert versions(told) == {None}


def test_without_the_setting_there_are_no_versions(hubspot, read):
    hubspot.api.add("contacts")

    told = read(hubspot, "contacts")

    assert activated(told) == []
    assert versions(told) == {None}
