"""What a sync would do, as data: `elt sync plan` shows it and a run acts on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from elt.errors import ConfigError
from elt.project.sync_settings import SyncTable
from elt.reverse.baseline import Counts, Past, RememberedBaseline, Scope, past
from elt.reverse.destination import (
    CONFIG,
    Change,
    ChangeName,
    Column,
    Route,
    RouteChecker,
    Sender,
    Writer,
)
from elt.reverse.diff import diff
from elt.reverse.guard import UNCONDITIONAL, Evidence, Finding, GuardName, findings
from elt.reverse.mapping import FieldMapping, compile_mapping
from elt.reverse.spool import Spool

if TYPE_CHECKING:
    from elt.warehouse.duckdb import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """A sync with everything that it needs."""

    name: str
    table: SyncTable
    relation: str  # the model's table, quoted, as in SQL
    environment: str
    warehouse: Warehouse
    destination: Sender | Writer
    spool_dir: Path  # for changes on their way; a private folder such as `.elt/syncs`
    remembered: RememberedBaseline | None = None
    above: tuple[Finding, ...] = ()  # what is wrong with what the model is made of

    @property
    def scope(self) -> Scope:
        return Scope(
            environment=self.environment,
            sync=self.name,
            on_unknown=self.table.on_unknown,
        )

    @property
    def sends_to(self) -> str:
        """Say in words what it writes to."""
        return f"`{self.table.object}` in `{self.table.destination}`"

    @property
    def sends_removed(self) -> bool:
        # A file that is written whole holds the model's rows, and so no others.
        return self.table.mode == "mirror" or self.destination.traits.wants_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person allowed for this one run."""

    first: bool = False
    guards: Collection[str] = ()

    def covers(self, guard: GuardName) -> bool:
        if guard in UNCONDITIONAL:
            return False
        return guard in self.guards or (self.first and guard in {"first", "baseline"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a sync would do. Its changes are on disk until `close`."""

    sync: Sync
    mapping: FieldMapping
    past: Past
    counts: Counts
    findings: tuple[Finding, ...]
    spool: Spool = field(repr=False)

    @property
    def total(self) -> int:
        """How many changes would be sent."""
        removed = self.counts.removed if self.sync.sends_removed else 0
        return self.counts.added + self.counts.changed + removed

    @property
    def kinds(self) -> tuple[ChangeName, ...]:
        sent: tuple[ChangeName, ...] = ("added", "changed")
        return (*sent, "removed") if self.sync.sends_removed else sent

    @property
    def is_due(self) -> bool:
        """Whether there is anything to send, or to write again."""
        return bool(self.total) or self.spool.though_alike

    def changes(self) -> Iterator[Change]:
        """Go through every change that would be sent."""
        return self.spool.changes(self.kinds)

    def rejections(self) -> dict[str, str]:
        """Say why changes were refused that are to be tried again, by key."""
        return self.spool.rejections()

    def held_back(self, consent: Consent) -> tuple[Finding, ...]:
        """Give what stops the sync."""
        return tuple(f for f in self._open(consent) if not self._only_warns(f))

    def warnings(self, consent: Consent) -> tuple[Finding, ...]:
        """Give what is to be told of, and stops nothing."""
        return tuple(f for f in self._open(consent) if self._only_warns(f))

    def _open(self, consent: Consent) -> Iterator[Finding]:
        return (f for f in self.findings if not consent.covers(f.guard))

    def _only_warns(self, finding: Finding) -> bool:
        return finding.guard == "stale" and self.sync.table.on_stale == "warn"

    def close(self) -> None:
        self.spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def should_send(
    destination: Sender | Writer, send_in: Collection[str], environment: str
) -> bool:
    """Decide whether syncs to this destination send here, or are only planned."""
    return destination.traits.is_local or environment in send_in


def plan_sync(sync: Sync) -> SyncPlan:
    """Compute what the sync would do, sending and storing nothing.

    Use it in a `with`, or close it. Raises ConfigError for a mapping that does not
    fit the model, and for a mode that the destination does not know.
    """
    _check_mode(sync)
    wants_rows = sync.destination.traits.wants_rows
    spool = Spool(
        sync.spool_dir,
        sync.name,
        wants_rows=wants_rows,
        though_alike=_is_gone(sync),
    )
    try:
        return _plan(sync, spool)
    except BaseException:
        spool.close()
        raise


def check_route(
    destination: Sender | Writer,
    name: str,
    table: SyncTable,
    columns: tuple[Column, ...],
) -> None:
    """Let a destination that looks at syncs beforehand do so. Raises ConfigError."""
    if not isinstance(destination, RouteChecker):
        return
    try:
        destination.check_route(_route(name, table, columns))
    except ConfigError as error:
        where = f"[destinations.{table.destination}.config]"
        error.where = (error.where or f"[syncs.{name}]").replace(CONFIG, where)
        raise


def _is_gone(sync: Sync) -> bool:
    if isinstance(sync.destination, Sender):
        return False
    return sync.destination.is_gone(_route(sync.name, sync.table))


def _route(name: str, table: SyncTable, columns: tuple[Column, ...] = ()) -> Route:
    return Route(
        sync=name,
        run_id="",
        object=table.object,
        key=table.key,
        mode=table.mode,
        columns=columns,
    )


def _check_mode(sync: Sync) -> None:
    modes = sync.destination.traits.modes
    if sync.table.mode in modes:
        return
    raise ConfigError(
        f"destination `{sync.table.destination}` cannot `{sync.table.mode}`",
        where=f"[syncs.{sync.name}] mode",
        hint="It knows " + ", ".join(f"`{mode}`" for mode in sorted(modes)),
    )


def _plan(sync: Sync, spool: Spool) -> SyncPlan:
    table, traits = sync.table, sync.destination.traits
    warehouse_id = sync.warehouse.id
    with sync.warehouse.session() as cursor:
        mapping = compile_mapping(cursor, sync.name, table, relation=sync.relation)
        if traits.ignores_case:
            mapping = mapping.ignoring_case()
        check_route(sync.destination, sync.name, table, mapping.columns)
        before = past(cursor, sync.scope, warehouse_id)
        counts = diff(cursor, mapping, sync.scope, mode=table.mode, spool=spool)
    evidence = Evidence(
        counts=counts,
        past=before,
        remembered=sync.remembered,
        mapping_changed=before.mapping_hash not in {None, mapping.hash},
        is_local=traits.is_local,
        ignores_case=traits.ignores_case,
        # What is written whole each time has no need of what was sent before.
        sends_to=None if traits.wants_rows else sync.sends_to,
        sync=sync.name,
    )
    return SyncPlan(
        sync=sync,
        mapping=mapping,
        past=before,
        counts=counts,
        findings=(*sync.above, *findings(evidence, table.guards)),
        spool=spool,
    )
