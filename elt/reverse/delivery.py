"""Batches out, receipts in: what one run of a sync sends, and how it is answered for.

Every call's receipts are kept before the next call is made. Delivery is at least
once: a process that dies between a call and its receipts makes it again next time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from elt.errors import (
    ConfigError,
    EltError,
    Guarded,
    Rejected,
    Unavailable,
)
from elt.reverse.destination import Change, Receipt, Route, Sender
from elt.reverse.journal import Tally

Answer = tuple[Change, Receipt]
MAX_DELAY_SECONDS = 60.0
# A server that asks for more is taken for one that is down.
MAX_RETRY_AFTER_SECONDS = 300.0
SILENT_CALLS = 3
LOST = "the destination did not answer for this row"


class Keeper(Protocol):
    """Where receipts become durable; each call is one commit."""

    tally: Tally

    def in_flight(self, changes: Sequence[Change]) -> None: ...

    def not_taken(self, changes: Sequence[Change], why: str) -> None: ...

    def answered(self, answers: Sequence[Answer]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to try, and when to stop."""

    total: int  # changes to be sent: what `max_rejected_percent` is of
    attempts: int = 5
    max_rejected_percent: float = 10.0
    min_rows: int = 20
    # A lost answer is asked for again at once, where sending twice does no harm.
    resends_unknown: bool = True


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
        for batch in _batches(changes, self._sender.traits.batch_size):
            self._deliver_batch(batch)
            yield self._keep.tally

    def _deliver_batch(self, batch: Sequence[Change]) -> None:
        """Send a batch; split one that is refused as a whole until the bad row stands.

        Halves that are taken are done with; only refused ones are split on.
        """
        parts = [batch]
        while parts:
            part = parts.pop()
            try:
                self._send_until_answered(part)
            except Rejected as refusal:
                parts += self._split(part, refusal)

    def _split(
        self, part: Sequence[Change], refusal: Rejected
    ) -> list[Sequence[Change]]:
        if len(part) == 1:
            receipt = Receipt(part[0].key, "rejected", refusal.what)
            self._store([(part[0], receipt)])
            return []
        middle = len(part) // 2
        return [part[middle:], part[:middle]]

    def _send_until_answered(self, part: Sequence[Change]) -> None:
        """Send, and send again what may be tried again; keep each call's receipts."""
        for attempt in range(1, self._limits.attempts + 1):
            last = attempt == self._limits.attempts
            try:
                answers = self._call(part)
            except Unavailable as error:
                if last or _asks_too_much(error):
                    raise
                self._sleep(_delay(attempt, error))
                continue
            again = [] if last else [a for a in answers if self._is_worth_again(a[1])]
            part = [change for change, _ in again]
            waiting = {change.key for change in part}
            self._store([a for a in answers if a[0].key not in waiting])
            if not part:
                return
            self._sleep(_delay(attempt))

    def _call(self, part: Sequence[Change]) -> list[Answer]:
        """Make one call. What it answered before an error is kept."""
        if not self._is_repeatable:
            self._keep.in_flight(part)
        receipts: dict[str, Receipt] = {}
        try:
            for receipt in self._sender.send(self._route, part):
                receipts[receipt.key] = receipt
        except Rejected:
            raise
        except (Unavailable, ConfigError) as error:
            self._not_taken(part, error)
            raise
        except BaseException:
            self._store([(c, receipts[c.key]) for c in part if c.key in receipts])
            raise
        return [
            (c, receipts.get(c.key) or Receipt(c.key, "unknown", LOST)) for c in part
        ]

    def _not_taken(self, part: Sequence[Change], error: EltError) -> None:
        if not self._is_repeatable:
            self._keep.not_taken(part, error.what)

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


def _asks_too_much(error: Unavailable) -> bool:
    return (error.retry_after_seconds or 0) > MAX_RETRY_AFTER_SECONDS


def _delay(attempt: int, error: Unavailable | None = None) -> float:
    """Wait as long as the other side asks; else longer each time, never in step."""
    asked = None if error is None else error.retry_after_seconds
    if asked is not None:
        return asked
    return min(MAX_DELAY_SECONDS, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
