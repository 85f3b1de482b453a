"""A sync from its plan to its receipts: ask the guards, send, settle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from elt.errors import EltError, Guarded, Interrupted
from elt.events import Listener, ReceiptsStored, Status, ignore
from elt.reverse.baseline import Counts, RememberedBaseline, settle
from elt.reverse.delivery import Delivery, Limits
from elt.reverse.destination import Route, Sender
from elt.reverse.guard import Finding
from elt.reverse.journal import (
    Journal,
    RunRow,
    Tally,
    close_crashed_runs,
    end_run,
    start_run,
)
from elt.reverse.plan import Consent, Sync, SyncPlan, plan_sync

# Of a reject's reason in the result; `_elt.sync_state` has all of it.
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """How a sync ended. Remember `baseline`: the next run is compared with it.

    None where nothing was sent: a guard that stopped a run must stop the next, too.
    """

    status: Status
    counts: Counts
    tally: Tally
    total: int  # changes that were, or would be, sent
    baseline: RememberedBaseline | None
    findings: tuple[Finding, ...] = ()
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who looks on while a sync sends, and who may stop it."""

    listen: Listener = ignore
    stopped: Callable[[], bool] = lambda: False
    sleep: Callable[[float], None] = time.sleep


def run_sync(
    sync: Sync,
    *,
    run_id: str,
    sends: bool,
    consent: Consent | None = None,
    watch: Watch | None = None,
) -> SyncResult:
    """Plan, ask the guards, send, and settle the receipts.

    A guard gives a result with status `stopped`. Raises Unavailable when the
    destination is down and ConfigError when it refuses our credentials; what was
    answered before that is kept.
    """
    with _planned(sync) as plan:
        if not sends:
            return _not_sent(plan, run_id, "planned", plan.findings)
        consent = consent or Consent()
        tripped = plan.held_back(consent)
        if tripped:
            return _not_sent(plan, run_id, "stopped", tripped)
        result = _send(plan, run_id, watch or Watch())
        return _with_warnings(result, plan.warnings(consent))


def _planned(sync: Sync) -> SyncPlan:
    """Plan after what a killed run left unsettled, in one opening of the file."""
    with sync.warehouse.session():
        settle(sync.warehouse, sync.scope)
        close_crashed_runs(sync.warehouse, sync.scope)
        return plan_sync(sync)


def _not_sent(
    plan: SyncPlan, run_id: str, status: Status, tripped: tuple[Finding, ...]
) -> SyncResult:
    row = _run_row(plan, run_id)
    start_run(plan.sync.warehouse, plan.sync.scope, row, status)
    would = f"{plan.total:,} changes would be sent"
    return SyncResult(
        status=status,
        counts=plan.counts,
        tally=Tally(),
        total=plan.total,
        baseline=None,
        findings=tripped,
        message="; ".join(finding.what for finding in tripped) or would,
        hint=tripped[0].hint if tripped else "",
    )


def _send(plan: SyncPlan, run_id: str, watch: Watch) -> SyncResult:
    sync, row = plan.sync, _run_row(plan, run_id)
    journal = Journal(sync.warehouse, sync.scope, run_id=run_id, sequence=row.sequence)
    with sync.warehouse.session():
        start_run(sync.warehouse, sync.scope, row, "running")
        journal.answered_alike(plan.spool.changes_path, _bookkeeping(sync))
    try:
        written = _deliver(plan, journal, watch)
    except Guarded as error:
        return _finish(plan, row, journal, status="stopped", error=error)
    except BaseException as error:
        _finish(plan, row, journal, status=_status_of(error))
        raise
    return _finish(
        plan, row, journal, status=_status(plan, journal.tally), written=written
    )


def _with_warnings(result: SyncResult, warnings: tuple[Finding, ...]) -> SyncResult:
    if not warnings:
        return result
    said = [*(finding.what for finding in warnings), result.message]
    return replace(
        result,
        status="warned" if result.status == "done" else result.status,
        findings=warnings,
        message="; ".join(filter(None, said)),
        hint=result.hint or warnings[0].hint,
    )


def _deliver(plan: SyncPlan, journal: Journal, watch: Watch) -> str:
    """Send every change, and say what was written where it was written whole."""
    sync = plan.sync
    if not plan.is_due:
        return ""
    if isinstance(sync.destination, Sender):
        _send_batches(plan, journal, watch)
        return ""
    route = _route(plan, journal.run_id)
    written = sync.destination.write(route, plan.changes(), plan.spool.rows())
    accepted: dict[str, str] = dict.fromkeys(plan.kinds, "accepted")
    journal.answered_alike(plan.spool.changes_path, accepted)
    watch.listen(_stored(sync, journal.tally, plan.total))
    return written


def _bookkeeping(sync: Sync) -> dict[str, str]:
    """Say what becomes of keys for which nothing is sent."""
    unsent = {"returned": "returned", "forgotten": "forgotten"}
    return unsent if sync.sends_removed else {**unsent, "removed": "kept"}


def _send_batches(plan: SyncPlan, journal: Journal, watch: Watch) -> None:
    sync = plan.sync
    assert isinstance(sync.destination, Sender)  # noqa: S101
    guards = sync.table.guards
    delivery = Delivery(
        sync.destination,
        _route(plan, journal.run_id),
        journal,
        limits=Limits(
            total=plan.total,
            max_rejected_percent=guards.max_rejected_percent,
            min_rows=guards.min_rows,
            resends_unknown=sync.table.on_unknown == "resend",
        ),
        sleep=watch.sleep,
    )
    for tally in delivery.deliver(plan.changes()):
        watch.listen(_stored(sync, tally, plan.total))
        if watch.stopped():
            raise Interrupted(f"sync `{sync.name}` was asked to stop")


def _finish(
    plan: SyncPlan,
    row: RunRow,
    journal: Journal,
    *,
    status: Status,
    written: str = "",
    error: EltError | None = None,
) -> SyncResult:
    sync = plan.sync
    with sync.warehouse.session():
        settle(sync.warehouse, sync.scope)
        end_run(sync.warehouse, sync.scope, row, status=status, tally=journal.tally)
    return SyncResult(
        status=status,
        counts=plan.counts,
        tally=journal.tally,
        total=plan.total,
        baseline=_remember(plan, row),
        message=_message(journal, error) or written,
        hint=(error.hint or "") if error else "",
    )


def _message(journal: Journal, error: EltError | None) -> str:
    parts = (error.what if error else "", _rejects(journal))
    return "; ".join(part for part in parts if part)


def _rejects(journal: Journal) -> str:
    """Say how many changes were refused, and why the first one was."""
    if journal.first_reject is None:
        return ""
    change, receipt = journal.first_reject
    why = " ".join(receipt.message.split()) or "no reason was given"
    count = journal.tally.rejected
    what = "rejected" if count == 1 else f"{count:,} rejected, the first"
    return f"{what}: `{change.key}`, {_cut(why)}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def _status(plan: SyncPlan, tally: Tally) -> Status:
    needs_a_look = tally.rejected or tally.unanswered or plan.counts.held
    return "warned" if needs_a_look else "done"


def _status_of(error: BaseException) -> Status:
    return (
        "interrupted"
        if isinstance(error, Interrupted | KeyboardInterrupt)
        else "failed"
    )


def _route(plan: SyncPlan, run_id: str) -> Route:
    table = plan.sync.table
    return Route(
        sync=plan.sync.name,
        run_id=run_id,
        object=table.object,
        key=table.key,
        mode=table.mode,
        columns=plan.mapping.columns,
        after=plan.past.finished,
    )


def _run_row(plan: SyncPlan, run_id: str) -> RunRow:
    return RunRow(
        run_id=run_id,
        sequence=plan.past.sequence + 1,
        mapping_hash=plan.mapping.hash,
        sent_to=plan.sync.sends_to,
        counts=plan.counts,
    )


def _remember(plan: SyncPlan, row: RunRow) -> RememberedBaseline:
    return RememberedBaseline(
        sequence=row.sequence, warehouse_id=plan.past.warehouse_id
    )


def _stored(sync: Sync, tally: Tally, total: int) -> ReceiptsStored:
    return ReceiptsStored(
        step=f"sync:{sync.name}",
        sync=sync.name,
        accepted=tally.accepted,
        rejected=tally.rejected,
        unanswered=tally.unanswered,
        total=total,
    )
