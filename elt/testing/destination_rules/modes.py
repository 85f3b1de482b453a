"""Rules about modes: what a sync may do over there, seen in the rows afterwards."""

from __future__ import annotations

from elt.project.sync_settings import SyncMode
from elt.reverse.destination import Added, Changed, Removed, Route, Sender, Writer
from elt.testing.destination_rules.example import (
    NOTHING,
    FarSide,
    Rule,
    Sync,
    added,
    is_there,
    keep,
    row,
    there,
)


def an_upsert_makes_rows_and_changes_them(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if "upsert" not in destination.traits.modes or far.rows is None:
        return
    sync = Sync(destination, route)
    known = sync.send(added("ann", "bob"), mode="upsert")["ann"].destination_id
    changed = Changed("ann", row("ann", "Ann B", "2"), row("ann"), known)
    sync.send([changed], mode="upsert")
    keep(is_there(far.rows(), changed), "an upsert changes a row that is there")
    keep(is_there(far.rows(), Added("bob", row("bob"))), "and leaves the others alone")


def an_update_makes_nothing_new(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    """Take a row that is not there for neither made nor accepted."""
    if "update" not in destination.traits.modes or far.rows is None:
        return
    sync = Sync(destination, route)
    answers = sync.send(added("stranger"), mode="update")
    keep("stranger" not in far.rows(), "an update makes no row")
    accepted = answers["stranger"].status == "accepted"
    keep(not accepted, "an update of a row that is not there is not accepted")
    makes = _mode_that_makes(destination)
    if makes is None:
        return
    known = sync.send(added("ann"), mode=makes)["ann"].destination_id
    changed = Changed("ann", row("ann", "Ann B"), row("ann"), known)
    sync.send([changed], mode="update")
    keep(is_there(far.rows(), changed), "an update changes a row that is there")


def an_insert_overwrites_nothing(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if "insert" not in destination.traits.modes or far.rows is None:
        return
    first = Added("ann", row("ann", "Ann"))
    sync = Sync(destination, route)
    sync.send([first], mode="insert")
    keep(is_there(far.rows(), first), "an insert makes a row")
    sync.send(added("ann", name="Another"), mode="insert")
    keep(is_there(far.rows(), first), "an insert overwrites no row")


def a_mirror_removes_what_it_is_told_to(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    if "mirror" not in destination.traits.modes or far.rows is None:
        return
    sync = Sync(destination, route)
    known = sync.send(added("ann", "bob"), mode="mirror")["ann"].destination_id
    sync.send([Removed("ann", row("ann"), known)], mode="mirror")
    keep("ann" not in far.rows(), "a removed row is gone")
    keep("bob" in far.rows(), "a row that was not named stays")


def a_row_can_be_removed_twice(
    destination: Sender | Writer, route: Route, far: FarSide = NOTHING
) -> None:
    """Its answer may have been lost, or somebody else was faster."""
    if "mirror" not in destination.traits.modes:
        return
    sync = Sync(destination, route)
    known = sync.send(added("ann", "bob"), mode="mirror")["ann"].destination_id
    removed = Removed("ann", row("ann"), known)
    for time in ("first", "second"):
        answer = sync.send([removed], mode="mirror")["ann"]
        keep(answer.status == "accepted", f"the {time} removal is accepted: {answer}")
    keep("ann" not in there(far)(), "a row that was removed twice is gone")


def _mode_that_makes(destination: Sender | Writer) -> SyncMode | None:
    makes: tuple[SyncMode, ...] = ("upsert", "insert", "append", "mirror")
    return next((mode for mode in makes if mode in destination.traits.modes), None)


RULES: tuple[Rule, ...] = (
    an_upsert_makes_rows_and_changes_them,
    an_update_makes_nothing_new,
    an_insert_overwrites_nothing,
    a_mirror_removes_what_it_is_told_to,
    a_row_can_be_removed_twice,
)
