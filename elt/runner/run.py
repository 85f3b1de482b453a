"""One run of a project, told from its start to its end."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from elt.errors import EltError, Interrupted, name_of
from elt.events import (
    BookmarkCommitted,
    Event,
    Listener,
    LogLine,
    RunFinished,
    RunStarted,
    RunStatus,
    ignore,
)
from elt.faults import reach
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner import steps
from elt.runner.alone import require_finished
from elt.runner.asked import asked_of
from elt.runner.attempt import AssetResult, Stop
from elt.runner.deadline import within
from elt.runner.decide import NOTHING_TO_DO, Plan, decide
from elt.runner.hub import Hub
from elt.runner.limits import RunLimits, run_limits
from elt.runner.lock import Held, Owner, Waiting, hold, this_process
from elt.runner.plan import RunRequest, Step
from elt.runner.preparation import Prepare, Prepared
from elt.runner.result import RunResult, exit_code, run_status
from elt.runner.scheduler import execute
from elt.runner.short_secrets import refuse_short_secrets
from elt.runner.spans import shown_between
from elt.runner.store import asset_log, history, past, state
from elt.runner.store.database import Store, open_store
from elt.runner.store.moments import now_utc
from elt.runner.store.recorder import Recorder
from elt.runner.upkeep.retention import apply_daily

_CLOCK_TOLERANCE = timedelta(minutes=5)


def run_project(
    project: Project,
    request: RunRequest,
    *,
    listen: Listener = ignore,
    stop: Stop | None = None,
    secrets: Secrets | None = None,
    prepare: Prepare = steps.prepare,
) -> RunResult:
    """Bring what was asked for up to date.

    Raises ConfigError when there is nothing sound to run, and Held when another run
    of the project is under way. What fails in a step is in the result.
    """
    run = _Run(
        project=project,
        request=request,
        owner=this_process(history.new_run_id()),
        watch=listen,
        stop=stop or Stop(),
        secrets=secrets or Secrets(project.root),
        prepare=prepare,
    )
    try:
        with run.alone(), open_store(project.private_dir) as store:
            return run.recorded(store)
    except Held as held:
        held.what += _under_way(project, held.owner)
        if request.on_overlap != "skip":
            raise
        return RunResult(
            run="", status="done", exit_code=0, message=held.what, gave_way=True
        )
    except Interrupted as stopped:  # while it waited: nothing has a result yet
        stopped.exit_code = 128 + (run.stop.signal or signal.SIGINT)
        raise


@dataclass(slots=True, kw_only=True)
class _Run:
    project: Project
    request: RunRequest
    owner: Owner
    watch: Listener
    stop: Stop
    secrets: Secrets
    prepare: Prepare
    notes: tuple[str, ...] = ()  # what the log says of what was asked for

    @contextmanager
    def alone(self) -> Iterator[None]:
        with hold(
            self.project.private_dir / "lock",
            self.owner,
            self._waiting(),
        ):
            require_finished(self.project.private_dir)
            yield

    def _waiting(self) -> Waiting:
        if self.request.on_overlap != "wait":
            return Waiting()
        limit = self.request.wait_seconds

        def tell(held: Held) -> None:
            text = f"waiting: {held.what}{_under_way(self.project, held.owner)}"
            self.watch(LogLine(step="", source="elt", level="info", text=text))

        return Waiting(
            seconds=math.inf if limit is None else limit,
            should_stop=self.stop.is_set,
            tell=tell,
        )

    def recorded(self, store: Store) -> RunResult:
        """Run, and leave in the run log how that went, whatever happens."""
        # Nobody else can be running while this process holds the lock.
        history.mark_crashed(store, alive=lambda _: False)
        self._look_at_the_clock(store)
        asked = asked_of(store, self.project, self.request)
        if asked.request is None:
            message = " ".join(asked.notes)
            return RunResult(run="", status="done", exit_code=0, message=message)
        self.request, self.notes = asked.request, asked.notes
        free = history.free_run_id(store, self.owner.run)
        self.owner = replace(self.owner, run=free)
        history.start_run(
            store,
            self.owner,
            environment=self.project.environment,
            request=asdict(self.request),
            retry_of=self.request.retry or None,
        )
        reach("run-recorded")
        try:
            with self.secrets.kept_out_of_errors():
                result = self._result(store)
        except BaseException as error:
            self._record_failure(store, error)
            raise
        ended = self._record_end(store, result)
        if ended.status != "interrupted":
            apply_daily(self.project, store, self.secrets)
        return ended

    def _result(self, store: Store) -> RunResult:
        started = time.monotonic()
        recorder = Recorder(store, self.owner.run, environment=self.project.environment)
        hub = Hub(
            record=recorder, watch=self.watch, scrub=self.secrets.scrub, stop=self.stop
        )
        with _flushed(recorder), closing(self._prepared(store, hub)) as prepared:
            hub.keep = self._keeper(store, prepared)
            self._heal(store, prepared, hub)
            decided = decide(self.project, self.request, prepared, store)
            refuse_short_secrets(self.project, decided.steps, self.secrets)
            asset_log.forget_strangers(
                store, self.project.environment, (a.id for a in decided.graph)
            )
            recorder.entries = _entries(decided, backfill=self.request.backfill)
            self._announce(store, decided, hub)
            results = self._execute(decided, prepared, hub, began=started)
        result = self._summed_up(decided, results, time.monotonic() - started)
        hub(_finished(result))
        return result

    def _prepared(self, store: Store, listen: Listener) -> Prepared:
        with within(self._limits, self.stop):
            return self.prepare(
                self.project,
                self.request,
                secrets=self.secrets,
                store=store,
                listen=listen,
                stop=self.stop,
                preview=False,
            )

    @property
    def _limits(self) -> RunLimits:
        return run_limits(self.project.file, jobs=self.request.jobs)

    def _heal(self, store: Store, prepared: Prepared, listen: Listener) -> None:
        if prepared.warehouse_id is None:
            return
        if prepared.last_loads:
            asset_log.take_over(store, self.project.environment, prepared.last_loads)
        notes = state.heal(
            store,
            self._place(prepared.warehouse_id),
            prepared.bookmarks,
            taps=[n for n, tap in self.project.file.taps.items() if not tap.target],
        )
        for note in notes:
            listen(LogLine(step="", source="elt", level="warning", text=note))

    def _look_at_the_clock(self, store: Store) -> None:
        """Say when time went backwards: what is fresh, or due, is told by the clock."""
        now, latest = now_utc(), history.latest_moment(store)
        if latest is not None and latest - now > _CLOCK_TOLERANCE:
            text = (
                f"the clock says {now:%Y-%m-%d %H:%M} UTC, but the run log has runs of"
                f" {latest:%Y-%m-%d %H:%M} UTC: is the time of this machine right?"
            )
            self.watch(LogLine(step="", source="elt", level="warning", text=text))

    def _announce(self, store: Store, decided: Plan, listen: Listener) -> None:
        entries = [
            history.StepEntry(
                step=step.id,
                kind=step.kind,
                reason=step.reason,
                assets=step.assets,
                unasked=self._is_guess(step, decided),
            )
            for step in decided.steps
        ]
        history.record_plan(store, self.owner.run, entries)
        reach("plan-recorded")
        ids = tuple(step.id for step in decided.steps)
        listen(RunStarted(run=self.owner.run, steps=ids))
        if self.request.window and (self.request.retry or not self.request.backfill):
            text = f"window {shown_between(*self.request.window)}"
            listen(LogLine(step="", source="elt", level="info", text=text))
        for note in (*self.notes, *decided.notes):
            listen(LogLine(step="", source="elt", level="warning", text=note))

    def _is_guess(self, step: Step, decided: Plan) -> bool:
        """Say whether nobody knows if these are all streams that were asked for.

        What a retry names by its id was known to an earlier run.
        """
        tap = step.id.removeprefix("tap:")
        return tap in decided.unasked and not {*step.assets} <= {*self.request.only}

    def _execute(
        self, decided: Plan, prepared: Prepared, listen: Listener, *, began: float
    ) -> dict[str, AssetResult]:
        if any(step.kind == "dbt" and step.needs for step in decided.steps):
            prepared.warm()  # there is time for it while dbt waits
        return execute(
            decided.steps,
            decided.graph,
            do=prepared.doing(self.owner.run, listen),
            listen=listen,
            limits=self._limits,
            held=decided.held,
            stop=self.stop,
            began=began,
        )

    def _summed_up(
        self, decided: Plan, results: Mapping[str, AssetResult], seconds: float
    ) -> RunResult:
        scrub = self.secrets.scrub
        in_order = tuple(
            replace(result, message=scrub(result.message), hint=scrub(result.hint))
            for step in decided.steps
            for result in (results[asset] for asset in step.assets)
        )
        status = run_status(in_order, self.stop)
        number = self.stop.signal or signal.SIGINT
        return RunResult(
            run=self.owner.run,
            status=status,
            exit_code=exit_code(status, strict=self.request.strict, signal=number),
            seconds=seconds,
            steps=decided.steps,
            results=in_order,
            message=scrub(self.stop.reason) if decided.steps else NOTHING_TO_DO,
            owners={a.id: scrub(a.owner) for a in decided.graph if a.owner},
            left_out=decided.left_out,
            signal=self.stop.signal,
        )

    def _record_end(self, store: Store, result: RunResult) -> RunResult:
        reach("run-ending")
        try:
            history.finish_run(store, result.run, result.status, message=result.message)
            reach("run-ended")
        except EltError as error:
            message = result.message or f"the run log failed: {error.what}"
            return replace(result, status="failed", exit_code=1, message=message)
        return result

    def _record_failure(self, store: Store, error: BaseException) -> None:
        interrupted = isinstance(error, KeyboardInterrupt | Interrupted)
        status: RunStatus = "interrupted" if interrupted else "failed"
        match error:
            case EltError(what=what):
                pass
            case KeyboardInterrupt():
                what = "stopped at once by a second signal"
            case _:
                what = repr(error)
        if isinstance(error, EltError):
            error.run = self.owner.run
        with suppress(EltError):  # the first error counts
            history.finish_run(
                store,
                self.owner.run,
                status,
                message=self.secrets.scrub(what),
                error=name_of(error),
            )

    def _keeper(self, store: Store, prepared: Prepared) -> Listener:
        def keep(event: Event) -> None:
            if not isinstance(event, BookmarkCommitted):
                return
            place = self._place_of(event.tap, prepared)
            if place is not None:
                reach("bookmark-mirroring")
                state.save(store, place, event.tap, event.state, origin=self.owner.run)
                reach("bookmark-mirrored")

        return keep

    def _place_of(self, tap: str, prepared: Prepared) -> state.Place | None:
        target = self.project.file.taps[tap].target
        if target is not None:
            return state.place_at_target(self.project.environment, target)
        return self._place(prepared.warehouse_id) if prepared.warehouse_id else None

    def _place(self, warehouse_id: str) -> state.Place:
        return state.Place(
            environment=self.project.environment, warehouse_id=warehouse_id
        )


def _under_way(project: Project, owner: Owner | None) -> str:
    """Say which steps another run is at, as far as its log tells."""
    found: list[str] = []
    with suppress(EltError), open_store(project.private_dir) as store:
        found = history.running_steps(store, owner.run) if owner else []
    return f", at {', '.join(found)}" if found else ""


def _entries(decided: Plan, *, backfill: bool) -> dict[str, past.AssetEntry]:
    """Say of each asset what the run log keeps with its result."""
    return {
        asset.id: past.AssetEntry(
            fingerprint=decided.fingerprints.get(asset.id),
            owner=asset.owner,
            tags=asset.tags,
            backfilled=backfill and asset.kind == "stream",
        )
        for asset in decided.graph
    }


def _finished(result: RunResult) -> RunFinished:
    return RunFinished(run=result.run, status=result.status, seconds=result.seconds)


@contextmanager
def _flushed(recorder: Recorder) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(EltError):  # the last event of the run meets it again
            recorder.flush()
