"""Batches out, receipts in: what one run of a sync sends, and how it is answered for.

Every call's receipts are kept before the next call is made. Delivery is at least
once: a process that dies between a call and its receipts makes it again next time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from elt.errors import (
    ConfigError,
    Guarded,
    Rejected,
    Unavailable,
)
from elt.reverse.destination import (
    Change,
    Finder,
    Receipt,
    Removed,
    Route,
    Sender,
)
from elt.reverse.journal import Tally

Answer = tuple[Change, Receipt]
Failure = Rejected | Unavailable | ConfigError
MAX_DELAY_SECONDS = 60.0
# A server that asks for more is taken for one that is down.
MAX_RETRY_AFTER_SECONDS = 300.0
SILENT_CALLS = 3
LOST = "the destination did not answer for this row"
HELD = "nothing was removed: another row has this record"


class Keeper(Protocol):
    """Where receipts become durable; each call is one commit."""

    tally: Tally

    def in_flight(self, changes: Sequence[Change]) -> None: ...

    def not_taken(self, changes: Sequence[Change], why: str) -> None: ...

    def answered(self, answers: Sequence[Answer]) -> None: ...

    def held(self, removed: Sequence[Removed]) -> Collection[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to try, and when to stop."""

    total: int  # changes to be sent: what `max_rejected_percent` is of
    attempts: int = 5
    max_rejected_percent: float = 10.0
    min_rows: int = 20
    # A lost answer is asked for again at once, where sending twice does no harm.
    resends_unknown: bool = True


@dataclass(frozen=True, slots=True)
class _Call:
    """What came of one call: its answers, and an error about what is left."""

    answers: list[Answer]
    left: Sequence[Change] = ()
    error: Failure | None = None


class Delivery:
    """One run's sending to one destination."""

    def __init__(
        self,
        sender: Sender,
        route: Route,
        keep: Keeper,
        *,
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sender = sender
        self._route = route
        self._keep = keep
        self._limits = limits
        self._sleep = sleep
        self._silent_calls = 0
        self._is_repeatable = sender.traits.repeatable and route.mode != "append"

    def deliver(self, changes: Iterable[Change]) -> Iterator[Tally]:
        """Send everything, and give the tally after each batch.

        Raises Guarded when too many rows are rejected, Unavailable and ConfigError
        as the destination does; what was answered before that is kept.
        """
        # Apart from each other, so that the answers for what is written are known
        # when it is asked whose record would be taken away.
        for _, alike in groupby(changes, self._takes_record_away):
            for batch in _batches(alike, self._sender.traits.batch_size):
                self._deliver_batch(batch)
                yield self._keep.tally

    def _takes_record_away(self, change: Change) -> bool:
        return isinstance(change, Removed) and (
            change.destination_id is not None or isinstance(self._sender, Finder)
        )

    def _deliver_batch(self, batch: Sequence[Change]) -> None:
        """Send a batch; split one that is refused as a whole until the bad row stands.

        Halves that are taken are done with; only refused ones are split on.
        """
        parts = [batch]
        while parts:
            parts += self._send_until_answered(parts.pop())

    def _split(
        self, part: Sequence[Change], refusal: Rejected
    ) -> list[Sequence[Change]]:
        if len(part) == 1:
            receipt = Receipt(part[0].key, "rejected", refusal.what)
            self._store([(part[0], receipt)])
            return []
        middle = len(part) // 2
        return [part[middle:], part[:middle]]

    def _send_until_answered(self, part: Sequence[Change]) -> list[Sequence[Change]]:
        """Send, and send again what may be tried again; keep each call's receipts.

        Gives the parts that are to be sent by themselves after a refusal.
        """
        waiting: dict[str, Answer] = {}
        for attempt in range(1, self._limits.attempts + 1):
            call = self._call(part)
            ends = attempt == self._limits.attempts or _is_final(call.error)
            waiting = self._settle(call, waiting, ends=ends)
            left = {change.key for change in call.left}
            if isinstance(call.error, Rejected):
                again = [c for c in part if c.key in waiting and c.key not in left]
                return [*filter(None, [again]), *self._split(call.left, call.error)]
            if call.error is not None and ends:
                raise call.error
            part = [c for c in part if c.key in waiting or c.key in left]
            if not part:
                break
            self._sleep(_delay(attempt, call.error))
        return []

    def _settle(
        self, call: _Call, waiting: Mapping[str, Answer], *, ends: bool
    ) -> dict[str, Answer]:
        """Store the answers that stand, and give those of rows worth another try.

        A row that this call did not reach still has its answer from the call before.
        """
        earlier = [waiting[c.key] for c in call.left if c.key in waiting]
        answers = [*call.answers, *earlier]
        worth_it = [] if ends else [a for a in answers if self._is_worth_again(a[1])]
        again = {change.key: (change, receipt) for change, receipt in worth_it}
        self._store([a for a in answers if a[0].key not in again])
        return again

    def _call(self, part: Sequence[Change]) -> _Call:
        """Make one call. What it answered before an error is kept."""
        if not self._is_repeatable:
            self._keep.in_flight(part)
        receipts: dict[str, Receipt] = {}
        try:
            for receipt in self._receipts(part):
                receipts[receipt.key] = receipt
        except (Rejected, Unavailable, ConfigError) as error:
            return self._cut_short(part, receipts, error)
        except BaseException:
            self._store(_answers(part, receipts))
            raise
        silent = [
            Receipt(c.key, "unknown", LOST) for c in part if c.key not in receipts
        ]
        return _Call(_answers(part, receipts | {r.key: r for r in silent}))

    def _receipts(self, part: Sequence[Change]) -> Iterator[Receipt]:
        """Send, but take no record away that another row has, or has just become."""
        if not self._takes_record_away(part[0]):
            yield from self._sender.send(self._route, part)
            return
        removed = []
        for found in self._found([c for c in part if isinstance(c, Removed)]):
            if isinstance(found, Receipt):
                yield found
            else:
                removed.append(found)
        held = self._keep.held(removed) if removed else ()
        yield from (Receipt(key, "accepted", HELD) for key in held)
        free = [change for change in removed if change.key not in held]
        if free:
            yield from self._sender.send(self._route, free)

    def _found(self, removed: Sequence[Removed]) -> Iterator[Removed | Receipt]:
        nameless = [change for change in removed if change.destination_id is None]
        yield from (change for change in removed if change.destination_id is not None)
        if nameless and isinstance(self._sender, Finder):
            yield from self._sender.find(self._route, nameless)

    def _cut_short(
        self, part: Sequence[Change], receipts: Mapping[str, Receipt], error: Failure
    ) -> _Call:
        """Take an error to be about the rows that were not answered before it."""
        left = [change for change in part if change.key not in receipts]
        if left and not self._is_repeatable and not isinstance(error, Rejected):
            self._keep.not_taken(left, error.what)
        stops = left or isinstance(error, ConfigError)
        return _Call(_answers(part, receipts), left, error if stops else None)

    def _is_worth_again(self, receipt: Receipt) -> bool:
        if receipt.status == "unknown":
            return self._limits.resends_unknown and self._is_repeatable
        return receipt.status == "retryable"

    def _store(self, answers: Sequence[Answer]) -> None:
        if not answers:
            return
        self._keep.answered(answers)
        heard = any(r.status in {"accepted", "rejected"} for _, r in answers)
        self._silent_calls = 0 if heard else self._silent_calls + 1
        self._stop_at_silence(answers[-1][1].message)
        self._stop_at_too_many_rejects()

    def _stop_at_silence(self, last: str) -> None:
        if self._silent_calls >= SILENT_CALLS:
            heard = f"; the last word was: {last}" if last else ""
            raise Unavailable(
                f"no row of the last {SILENT_CALLS} batches was answered for{heard}",
                where=f"[syncs.{self._route.sync}]",
                hint="The next run sends them again",
            )

    def _stop_at_too_many_rejects(self) -> None:
        limits, rejected = self._limits, self._keep.tally.rejected
        allowed = limits.total * limits.max_rejected_percent / 100
        if rejected > max(limits.min_rows, allowed):
            raise Guarded(
                f"{rejected:,} of {limits.total:,} rows were rejected, the limit is"
                f" {limits.max_rejected_percent:g} %",
                where=f"[syncs.{self._route.sync}]",
                hint="The reasons are in `_elt.sync_changes`; the limit is"
                " `guards.max_rejected_percent`",
            )


def _batches(changes: Iterable[Change], size: int) -> Iterable[list[Change]]:
    batch: list[Change] = []
    for change in changes:
        batch.append(change)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _answers(part: Sequence[Change], receipts: Mapping[str, Receipt]) -> list[Answer]:
    return [(c, receipts[c.key]) for c in part if c.key in receipts]


def _is_final(error: Failure | None) -> bool:
    if isinstance(error, Unavailable):
        return (error.retry_after_seconds or 0) > MAX_RETRY_AFTER_SECONDS
    return isinstance(error, ConfigError)


def _delay(attempt: int, error: Failure | None = None) -> float:
    """Wait as long as the other side asks; else longer each time, never in step."""
    asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
    longer = min(MAX_DELAY_SECONDS, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
    return asked or longer
