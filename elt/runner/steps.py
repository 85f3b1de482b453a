"""What doing each kind of step means, and what must be known before deciding."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import SimpleQueue
from typing import Any

from elt.errors import EltError, Unavailable
from elt.events import Listener, LogLine
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.reverse.guard import Finding
from elt.reverse.plan import Consent, should_send
from elt.reverse.sync import Watch
from elt.runner.ages import as_logged, known_now
from elt.runner.assets import stream_asset_id
from elt.runner.attempt import AssetResult, Do, Stop
from elt.runner.discovery import Again, Discovered, discover_all
from elt.runner.forecast import is_without_dbt, taps_within
from elt.runner.graph import Asset
from elt.runner.loading import run_tap
from elt.runner.plan import Facts, RunRequest, Step
from elt.runner.relaying import relay_facts, run_relayed, target_of
from elt.runner.sending import destination_of, manifest_of, send, sync_of
from elt.runner.source_files import write_source_files
from elt.runner.stale import stale_above
from elt.runner.store.asset_log import asset_ids
from elt.runner.store.database import Store
from elt.runner.tap_facts import TapFacts, facts_of
from elt.runner.tap_windows import note_of_window
from elt.runner.windows import Window
from elt.transform.dbt import Dbt
from elt.transform.manifest import Manifest
from elt.transform.results import NodeResult
from elt.warehouse.bookmarks import bookmarks, last_loads
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.tables import warehouse_id

_NOTHING_YET = "Nothing had begun: `elt retry` does all of it"


def prepare(  # noqa: PLR0913  the edges of a run, each named
    project: Project,
    request: RunRequest,
    *,
    secrets: Secrets,
    store: Store,
    listen: Listener,
    stop: Stop,
    preview: bool = False,
) -> Doing:
    """Find out all that deciding needs: streams, dbt's nodes, bookmarks, modes."""

    def on_wait(text: str) -> None:
        listen(LogLine(step="", source="elt", level="info", text=text))

    named = project.file.selections
    # A retry names assets where a run has its selection.
    words = request.only or request.selection
    wanted = taps_within(words, named)
    warehouse = warehouse_of(project, secrets, on_wait=on_wait)
    dbt = Dbt(project, warehouse, resolve=secrets.resolve)
    if not preview:
        _sweep(project)
        # Its import is not free where dbt surely is not needed.
        without = is_without_dbt(words, named)
        if project.file.transform is not None and not without:
            dbt.load()
    discovered = discover_all(
        project,
        secrets,
        preview=preview or wanted == set(),
        listen=listen,
        wanted=wanted or None,
        again=None if preview else Again(stop),
    )
    manifest = None
    if project.file.transform is not None:
        write_source_files(project, discovered.catalogs)
        if stop.is_set() and not dbt.is_fresh():
            stop.heed(_NOTHING_YET)  # nobody could interrupt dbt while it parses
        manifest = manifest_of(project, dbt, listen, preview=preview)
    doing = Doing(
        project=project,
        request=request,
        secrets=secrets,
        store=store,
        warehouse=warehouse,
        dbt=dbt,
        discovered=discovered,
        manifest=manifest,
    )
    # Not in steps: a sync must keep its receipts, also when it was asked to stop.
    with warehouse.heeding(lambda: stop.heed(_NOTHING_YET)):
        doing.look_up()
    return doing


@dataclass(slots=True, kw_only=True)
class Doing:
    """The facts before a run, and the function that does its steps."""

    project: Project
    request: RunRequest
    secrets: Secrets
    store: Store
    warehouse: Warehouse
    dbt: Dbt
    discovered: Discovered
    manifest: Manifest | None
    facts: Facts = field(default_factory=Facts)
    bookmarks: Mapping[str, str] = field(default_factory=dict)
    last_loads: Sequence[tuple[str, str, datetime]] = ()
    _taps: dict[str, TapFacts] = field(default_factory=dict)
    _warehouse_id: str | None = None

    @property
    def catalogs(self) -> Mapping[str, Mapping[str, Any]]:
        return self.discovered.catalogs

    @property
    def warehouse_id(self) -> str | None:
        if self._warehouse_id is None and self.warehouse.exists():
            self._warehouse_id = self.warehouse.id
        return self._warehouse_id

    @property
    def _window(self) -> Window | None:
        texts = self.request.window
        return None if texts is None else Window.of(texts)

    def look_up(self) -> None:
        """Read from the warehouse what the taps' bookmarks allow."""
        if self.warehouse.exists():
            environment = self.project.environment
            with self.warehouse.session() as cursor:
                found = bookmarks(cursor, environment)
                self._warehouse_id = warehouse_id(cursor)
                if not asset_ids(self.store, environment):
                    loads = last_loads(cursor, environment)
                    self.last_loads = as_logged(self.catalogs, loads)
            self.bookmarks = {tap: mark.state for tap, mark in found.items()}
        for tap in self.catalogs:
            self._taps[tap] = self._facts_of(tap)
        self.facts = self._told()

    def _facts_of(self, tap: str) -> TapFacts:
        catalog, full_refresh = self.catalogs[tap], self.request.full_refresh
        if self.project.file.taps[tap].target is not None:
            return relay_facts(
                self.project, tap, catalog, self.store, full_refresh=full_refresh
            )
        return facts_of(
            self.project,
            tap,
            catalog,
            self.warehouse,
            full_refresh=full_refresh,
            window=self._window,
        )

    def doing(self, run: str, listen: Listener) -> Do:
        def do(
            step: Step, assets: tuple[Asset, ...], attempt: int, stop: Stop
        ) -> Iterator[AssetResult]:
            match step.kind:
                case "tap":
                    return self._load(assets, run, listen, stop)
                case "dbt":
                    again = attempt <= step.limits.retries
                    return self._build(step, assets, listen, stop, again=again)
                case "sync":
                    return self._sync(assets[0], run, listen, stop)

        return do

    def warm(self) -> None:
        """Import dbt beside the taps: it takes three seconds."""
        self.dbt.warm()

    def close(self) -> None:
        """Let go of what a run has open: nothing outlives its step."""

    def _told(self) -> Facts:
        modes: dict[str, tuple[str, str]] = {}
        full_reads, tap_notes, notes = {}, {}, self._notes_of_syncs()
        for tap, known in self._taps.items():
            for stream, mode in known.modes.items():
                modes[stream_asset_id(tap, stream)] = (mode.name, mode.reason)
            for stream, why in known.full_reads.items():
                full_reads[stream_asset_id(tap, stream)] = why
            for stream, back in known.looks_back.items():
                notes[stream_asset_id(tap, stream)] = back.note
            if self.project.file.taps[tap].target is not None:
                modes |= self._modes_at_target(tap, known)
            tap_notes[tap] = self._note_of(tap, known)
        for tap, error in self.discovered.errors.items():
            tap_notes[tap] = f"cannot be asked: {error.what}"
        return Facts(
            modes=modes,
            full_reads=full_reads,
            tap_notes=tap_notes,
            unasked={tap: e.hint or "" for tap, e in self.discovered.errors.items()},
            notes=notes,
        )

    def _note_of(self, tap: str, known: TapFacts) -> str:
        if known.window is not None:
            table = self.project.file.taps[tap].window
            assert table is not None  # noqa: S101  only such a tap has a window
            return note_of_window(table, known.window)
        if self.project.file.taps[tap].target is not None:
            nothing = known.previous_state is None
            return "from its start: the target has confirmed nothing" if nothing else ""
        if tap not in self.bookmarks:
            return "from its start: the warehouse has no bookmark of it"
        return ""

    def _modes_at_target(self, tap: str, known: TapFacts) -> dict[str, tuple[str, str]]:
        how = (f"into {target_of(self.project, tap)}", "at least once")
        return {stream_asset_id(tap, stream): how for stream in known.streams}

    def _notes_of_syncs(self) -> dict[str, str]:
        """Say which syncs will not send here; only those have their plugin loaded."""
        notes = {}
        environment = self.project.environment
        for name, table in self.project.file.syncs.items():
            declared = self.project.file.destinations[table.destination]
            if environment in declared.send_in:
                continue
            try:
                made = destination_of(self.project, table.destination, self.secrets)
            except EltError as error:
                notes[f"sync:{name}"] = error.what
                continue
            if not should_send(made, declared.send_in, environment):
                notes[f"sync:{name}"] = (
                    f"only planned: `{table.destination}` does not send in"
                    f" `{environment}`"
                )
        return notes

    def _load(
        self, assets: tuple[Asset, ...], run: str, listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        tap = assets[0].detail["tap"]
        error = self.discovered.errors.get(tap)
        if isinstance(error, Unavailable):
            # It was asked as often as it may be before the run was planned.
            raise EltError(error.what, where=error.where, hint=error.hint) from error
        if error is not None:
            raise error
        # Looked up again: an attempt before this one may have moved bookmarks.
        facts = self._facts_of(tap)
        if self.project.file.taps[tap].target is not None:
            return run_relayed(
                self.project,
                facts,
                self.catalogs[tap],
                assets,
                secrets=self.secrets,
                listen=listen,
                stop=stop,
            )
        return run_tap(
            self.project,
            facts,
            self.catalogs[tap],
            assets,
            run=run,
            warehouse=self.warehouse,
            secrets=self.secrets,
            listen=listen,
            stop=stop,
        )

    def _build(
        self,
        step: Step,
        assets: tuple[Asset, ...],
        listen: Listener,
        stop: Stop,
        *,
        again: bool,
    ) -> Iterator[AssetResult]:
        assert self.manifest is not None  # noqa: S101  its nodes are these assets
        nodes = [self.manifest.nodes[asset.detail["unique_id"]] for asset in assets]
        ids = {asset.detail["unique_id"]: asset.id for asset in assets}
        stop.then(self.dbt.cancel)

        def on_line(text: str) -> None:
            listen(LogLine(step=step.id, source="dbt", level="info", text=text))

        def build(give: Callable[[NodeResult], None]) -> None:
            if stop.is_set():
                return
            self.dbt.build(
                nodes,
                full_refresh=self.request.full_refresh,
                holds_back=again,
                window=self._window,
                on_result=give,
                on_line=on_line,
            )

        for result in _as_they_come(build):
            yield AssetResult(
                asset=ids[result.unique_id],
                status=result.status,
                rows=result.rows,
                seconds=result.seconds,
                message=result.message,
                hint=result.hint,
            )

    def _sync(
        self, asset: Asset, run: str, listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        sync = sync_of(
            self.project,
            asset.name,
            manifest=self.manifest or Manifest(),
            warehouse=self.warehouse,
            secrets=self.secrets,
            store=self.store,
            above=self._stale_above(asset),
        )
        watch = Watch(listen=listen, stopped=stop.is_set)
        yield send(
            sync,
            self.project.file.destinations[sync.table.destination].send_in,
            run=run,
            store=self.store,
            consent=Consent(first=self.request.first, guards=self.request.accept),
            watch=watch,
        )

    def _stale_above(self, sync: Asset) -> list[Finding]:
        """Look now, when what this run loads is loaded."""
        if self.project.file.syncs[sync.name].on_stale == "send":
            return []  # without a graph, which costs something
        known = known_now(self.project, self.catalogs, self.manifest, self.store)
        return stale_above(self.project, sync.name, known, self.store)


def _as_they_come(
    work: Callable[[Callable[[NodeResult], None]], None],
) -> Iterator[NodeResult]:
    """Turn results that a function hands to a callback into an iterator."""
    queue: SimpleQueue[NodeResult | BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            work(queue.put)
            queue.put(None)
        except BaseException as error:  # noqa: BLE001  raised below
            queue.put(error)

    thread = threading.Thread(target=run, name="dbt-step", daemon=True)
    thread.start()
    while (item := queue.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item
    thread.join()


def _sweep(project: Project) -> None:
    """Delete what a killed run left on its way; nobody else runs under our lock."""
    for name in ("spool", "tmp", "syncs"):
        shutil.rmtree(project.private_dir / name, ignore_errors=True)
