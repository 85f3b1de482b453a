"""What a destination is: the changes it is given and the receipts it answers with.

A destination plugin is a class made with `(config, root)`: its table of settings, and
the project's folder. It is a **sender** (takes batches, answers for every row) or a
**writer** (takes everything at once, all or nothing). See docs/guides/syncs.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import msgspec

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.project.sync_settings import SyncMode
from elt.reverse.payload import Payload, differing, payload

ReceiptStatus = Literal["accepted", "rejected", "retryable", "unknown", "pending"]
ALL_MODES: frozenset[SyncMode] = frozenset(
    ("upsert", "update", "insert", "mirror", "append")
)

# Where an error is that a destination finds in its config. Whoever knows the
# destination's name puts its table in the place of these words.
CONFIG = "config of the destination"


@dataclass(frozen=True, slots=True)
class Added:
    """A row that the destination has not accepted yet."""

    key: str
    text: str  # the payload in its canonical JSON text, exact

    @property
    def payload(self) -> Payload:
        return payload(self.text)


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that differs from what the destination last accepted."""

    key: str
    text: str
    old_text: str | None = None
    destination_id: str | None = None  # the destination's own name for the row

    @property
    def payload(self) -> Payload:
        return payload(self.text)

    @property
    def old_payload(self) -> Payload:
        return {} if self.old_text is None else payload(self.old_text)

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """The fields that differ, each with its old and its new value."""
        return differing(self.old_payload, self.payload)


@dataclass(frozen=True, slots=True)
class Removed:
    """A row that we sent and that the model no longer has."""

    key: str
    old_text: str | None = None
    destination_id: str | None = None

    @property
    def old_payload(self) -> Payload:
        return {} if self.old_text is None else payload(self.old_text)


Change = Added | Changed | Removed
ChangeName = Literal["added", "changed", "removed"]


def change_name(change: Change) -> ChangeName:
    match change:
        case Added():
            return "added"
        case Changed():
            return "changed"
        case Removed():
            return "removed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The destination's answer for one change.

    `accepted` is the only good news. `rejected`: the row will fail until it changes.
    `retryable`: this row was not taken, try again. `unknown`: nobody can say.
    `pending`: queued over there.
    """

    key: str
    status: ReceiptStatus
    message: str = ""
    destination_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A field of the payload with the warehouse's name for its type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which sync this is, and what it writes to over there."""

    sync: str
    run_id: str
    object: str
    key: str
    mode: SyncMode
    columns: tuple[Column, ...] = ()
    # The number of the last run of this sync that reached its end. It is the same
    # when a killed run is repeated, and another one when a row comes to a value that
    # it had before.
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a destination can do, and what it promises."""

    modes: frozenset[SyncMode] = ALL_MODES
    batch_size: int = 100
    # A file of this project or a loopback address: it is sent to in every
    # environment, and its first sync asks nobody.
    is_local: bool = False
    # Sending the same change twice does no harm. Where it does, a batch is written
    # down as in flight before it goes out.
    repeatable: bool = True
    # Keys that differ in case alone name one record there. To a sync they are the
    # same key, in lower case.
    ignores_case: bool = False
    # A writer that also wants every row of the model, not only the changed ones.
    wants_rows: bool = False
    delivery: str = "at least once"


class Destination(Protocol):
    """What senders and writers share."""

    @property
    def traits(self) -> Traits: ...

    def check(self) -> None:
        """Prove that the destination can be reached with this config, sending nothing.

        Raises ConfigError or Unavailable.
        """


@runtime_checkable
class Sender(Destination, Protocol):
    """Takes batches and answers for every row."""

    def send(self, route: Route, changes: Sequence[Change]) -> Iterable[Receipt]:
        """Deliver one batch of at most `traits.batch_size`; answer in any order.

        A change without a receipt counts as unknown. Raises Unavailable when nothing
        was taken (the batch is tried again), Rejected when the batch was refused as
        a whole (it is split to find the row), ConfigError to stop the sync. An error
        is about the changes that were not answered for before it.
        """


@runtime_checkable
class Finder(Protocol):
    """What a sender may have besides: a way to find the records of lost answers."""

    def find(
        self, route: Route, removed: Sequence[Removed]
    ) -> Iterable[Removed | Receipt]:
        """Give each of these with the `destination_id` that it lacks, or answer for it.

        Nothing is removed yet: a record that another row has turned out to be is not
        sent at all. Raises as `send` does.
        """


@runtime_checkable
class Writer(Destination, Protocol):
    """Takes everything at once: when it returns, every change is accepted."""

    def write(
        self, route: Route, changes: Iterator[Change], rows: Iterator[str]
    ) -> str:
        """Write all or nothing, and say in a few words what was written.

        `rows` are the canonical payloads of the whole model by key, where
        `traits.wants_rows`; otherwise none. Any exception means nothing was taken.
        """

    def is_gone(self, route: Route) -> bool:
        """Say whether what was written before is missing, though no row has changed.

        Then `write` is called once more, without changes. The route has no run yet.
        """


@runtime_checkable
class RouteChecker(Protocol):
    """What a destination may have besides: a look at a sync before its first call."""

    def check_route(self, route: Route) -> None:
        """Prove that this sync fits this config, calling nobody. Raises ConfigError.

        The route has no run yet; it has no columns where nobody knows them yet.
        """


Kind = TypeVar("Kind", bound=type)
Declared = TypeVar("Declared", bound=msgspec.Struct)


def destination(name: str) -> Callable[[Kind], Kind]:
    """Name a class in the project's `plugins/` as a destination."""

    def named(kind: Kind) -> Kind:
        # elt.plugins reads this after it has imported the file.
        kind.__elt_destination__ = name  # type: ignore[attr-defined]
        return kind

    return named


def make_destination(
    kind: Callable[..., object], config: Mapping[str, Any], root: Path
) -> Sender | Writer:
    """Make a plugin's destination from its resolved config.

    Raises ConfigError when the class lacks what a destination needs.
    """
    made = kind(dict(config), root)
    if isinstance(made, Sender | Writer):
        return made
    name = getattr(kind, "__name__", str(kind))
    raise ConfigError(
        f"`{name}` is not a destination",
        hint="It needs `traits`, `check()`, and `send(route, changes)` or"
        " `write(route, changes, rows)` with `is_gone(route)`",
    )


def read_config(
    declared: type[Declared],
    config: Mapping[str, Any],
    *,
    where: str = CONFIG,
) -> Declared:
    """Turn a table of settings into a msgspec Struct that declares them.

    Raises ConfigError for a setting that is missing, unknown or mistyped.
    """
    fields = {field.encode_name for field in msgspec.structs.fields(declared)}
    for name in config:
        if name not in fields:
            raise ConfigError(
                f"unknown setting `{name}`",
                where=where,
                hint=did_you_mean(name, fields),
            )
    try:
        return msgspec.convert(dict(config), declared)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), where=where) from error
