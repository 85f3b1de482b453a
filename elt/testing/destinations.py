"""A destination in memory, for tests of syncs and of whatever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from elt.errors import ConfigError, Rejected, Unavailable
from elt.project.sync_settings import SyncMode
from elt.reverse.destination import (
    ALL_MODES,
    Change,
    Receipt,
    Removed,
    Route,
    Traits,
)
from elt.reverse.payload import Payload


class Memory:
    """Keeps rows by key, in all modes but `append`'s, and misbehaves as it is told to.

    `refuse`: keys that are rejected one by one. `poison`: keys that spoil a whole
    batch. `silent`: keys that are taken, without an answer. `down`: so many calls
    fail before anything is taken. `on_call` runs at the start of each call.
    """

    def __init__(
        self,
        *,
        traits: Traits | None = None,
        refuse: Sequence[str] = (),
        poison: Sequence[str] = (),
        silent: Sequence[str] = (),
        down: int = 0,
    ) -> None:
        self.traits = traits or Traits(is_local=True)
        self.refuse = set(refuse)
        self.poison = set(poison)
        self.silent = set(silent)
        self.down = down
        self.bad_credentials = False
        self.on_call: Callable[[], None] = lambda: None
        self.rows: dict[str, Payload] = {}
        self.calls: list[tuple[str, ...]] = []

    def check(self) -> None:
        if self.bad_credentials:
            raise ConfigError("memory refused our credentials")

    def send(self, route: Route, changes: Sequence[Change]) -> Iterator[Receipt]:
        self.on_call()
        self.calls.append(tuple(change.key for change in changes))
        self.check()
        if self.down > 0:
            self.down -= 1
            raise Unavailable("memory is down")
        spoilt = [change.key for change in changes if change.key in self.poison]
        if spoilt:
            raise Rejected(f"the batch is spoilt by {len(spoilt)} rows")
        return self._take(route, changes)

    def _take(self, route: Route, changes: Sequence[Change]) -> Iterator[Receipt]:
        for change in changes:
            why = self._refusal(route, change)
            if why:
                yield Receipt(change.key, "rejected", why)
                continue
            self._keep(change)
            if change.key not in self.silent:
                yield Receipt(change.key, "accepted", destination_id=f"id-{change.key}")

    def _refusal(self, route: Route, change: Change) -> str:
        if change.key in self.refuse:
            return "refused"
        is_there = change.key in self.rows
        if route.mode == "update" and not is_there:
            return "there is no such row"
        if (
            route.mode == "insert"
            and is_there
            and self.rows[change.key] != _new(change)
        ):
            return "there is one already"
        return ""

    def _keep(self, change: Change) -> None:
        if isinstance(change, Removed):
            self.rows.pop(change.key, None)
        else:
            self.rows[change.key] = change.payload


def _new(change: Change) -> Payload:
    return change.old_payload if isinstance(change, Removed) else change.payload


class MemoryFile:
    """A writer: everything at once, or, while `fails`, nothing."""

    def __init__(self, *, wants_rows: bool = False) -> None:
        # Who writes the whole model cannot leave a part of it out.
        modes: frozenset[SyncMode] = frozenset(("upsert", "mirror"))
        modes = modes if wants_rows else ALL_MODES
        self.traits = Traits(is_local=True, wants_rows=wants_rows, modes=modes)
        self.fails = False
        self.writes: list[tuple[list[Change], list[str]]] = []

    def check(self) -> None:
        """Find nothing wrong."""

    def write(
        self, route: Route, changes: Iterator[Change], rows: Iterator[str]
    ) -> str:
        if self.fails:
            raise Unavailable("the disk is full")
        self.writes.append((list(changes), list(rows)))
        return f"written to {route.object}"

    def is_gone(self, route: Route) -> bool:
        """Lose nothing."""
        del route
        return False
