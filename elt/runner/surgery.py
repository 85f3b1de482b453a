"""Changing taps' states by hand: what was decided is written, under the lock.

The warehouse is written first, in one transaction, then the store's copy with its
history. A kill between the two leaves the warehouse right and the copy behind it,
which the next run brings up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from elt.errors import Unavailable
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.alone import alone, author
from elt.runner.edits import Edit
from elt.runner.store.database import Store, open_store
from elt.runner.store.state import is_empty, latest, record, save
from elt.runner.tap_states import TapState, in_store, in_warehouse
from elt.warehouse.bookmarks import (
    Bookmark,
    delete_bookmark,
    mark_resets,
    write_bookmark,
)
from elt.warehouse.duckdb import warehouse_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def apply(
    project: Project,
    secrets: Secrets,
    edits: Sequence[Edit],
    *,
    reason: str = "",
) -> list[int]:
    """Write what was decided, all of it or nothing; give the new versions.

    Raises Held while a run is under way, Unavailable when a state is not as it was
    when the edit was decided.
    """
    here = [edit for edit in edits if not edit.held.in_store]
    with alone(project, "elt state"), open_store(project.private_dir) as store:
        _refuse_old_news(
            [e for e in edits if e.held.in_store],
            {e.tap: in_store(store, project, e.tap) for e in edits if e.held.in_store},
        )
        if here:
            with warehouse_of(project, secrets).writer() as cursor:
                here = _write_all(store, cursor, project, here)
        placed = {edit.tap: edit for edit in (*edits, *here)}
        return [_record(store, placed[edit.tap], reason) for edit in edits]


def _write_all(
    store: Store,
    cursor: DuckDBPyConnection,
    project: Project,
    edits: Sequence[Edit],
) -> list[Edit]:
    """Write the warehouse's states; give the edits as they stand to what was there."""
    now = in_warehouse(cursor, project)
    _refuse_old_news(edits, now)
    placed = [replace(edit, held=now[edit.tap]) for edit in edits]
    _keep_current(store, placed)
    for edit in placed:
        _write(cursor, project.environment, edit)
    return placed


def _refuse_old_news(edits: Sequence[Edit], now: dict[str, TapState]) -> None:
    for edit in edits:
        current = now.get(edit.tap)
        if current is None or current.state != edit.held.state:
            raise Unavailable(
                f"the state of tap `{edit.tap}` has changed meanwhile",
                hint=f"Look at it again: `elt state show {edit.tap}`",
            )


def _keep_current(store: Store, edits: Sequence[Edit]) -> None:
    """See that the history has what is about to be written over."""
    for edit in edits:
        held = edit.held
        if held.state is not None and held.place is not None:
            last = latest(store, held.place, held.tap)
            if last is None or last.state != held.state:
                save(store, held.place, held.tap, held.state, origin="warehouse")


def _write(cursor: DuckDBPyConnection, environment: str, edit: Edit) -> None:
    if is_empty(edit.after):
        delete_bookmark(cursor, environment, edit.tap)
    else:
        bookmark = Bookmark(edit.tap, edit.after, edit.origin)
        write_bookmark(cursor, environment, bookmark, at=datetime.now(UTC))
    mark_resets(cursor, environment, edit.tap, anew=edit.anew, going_on=edit.going_on)


def _record(store: Store, edit: Edit, reason: str) -> int:
    assert edit.held.place is not None  # noqa: S101  the warehouse is there by now
    return record(
        store,
        edit.held.place,
        edit.tap,
        edit.after,
        origin=edit.origin,
        reason=reason,
        author=author(),
        goes_on_from=edit.back_to,
    )
