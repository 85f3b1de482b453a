"""One step in its thread: what it is asked, how it is tried again, how it ended."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any

from elt.errors import (
    EltError,
    Guarded,
    Interrupted,
    name_of,
    of_the_disk,
)
from elt.events import (
    AssetFinished,
    Listener,
    LogLine,
    Status,
    StepFinished,
    StepRetrying,
    StepStarted,
)
from elt.faults import reach
from elt.runner.graph import Asset
from elt.runner.plan import Step
from elt.runner.retries import delay_seconds, way_out, worth_another
from elt.singer.process import SAID

# A step ends as the worst of its assets did.
_WORST_FIRST: tuple[Status, ...] = (
    "failed",
    "stopped",
    "interrupted",
    "skipped",
    "warned",
    "planned",
    "done",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetResult:
    """How one asset ended; `rows` is None where rows mean nothing."""

    asset: str
    status: Status
    rows: int | None = None
    rejects: int = 0
    seconds: float = 0.0
    message: str = ""
    hint: str = ""
    error: str = ""  # the class of what went wrong, where something was raised


class Stop:
    """Asks running work to end, and says why: the class says what left off means.

    `set` may be called in a signal handler of the main thread, which for that reason
    must never be in `wait` itself.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.signal: int | None = None
        self.error: type[EltError] = Interrupted
        self._set = threading.Event()
        self._callbacks: list[Callable[[], object]] = []

    @property
    def timed_out(self) -> bool:
        """Say whether nobody asked: what is left off has failed."""
        return self.error is not Interrupted

    def set(
        self,
        reason: str,
        *,
        signal: int | None = None,
        error: type[EltError] = Interrupted,
    ) -> None:
        """Ask; only the first time counts."""
        if self.reason:
            return
        self.signal = signal
        self.error = error
        self.reason = reason
        self._set.set()
        for callback in list(self._callbacks):
            callback()

    def is_set(self) -> bool:
        return bool(self.reason)

    def heed(self, hint: str | None = None) -> None:
        """Raise why, where it was asked."""
        if self.reason:
            raise self.error(self.reason, hint=hint)

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until asked to stop; tell whether that was so."""
        return self._set.wait(seconds)

    def then(self, callback: Callable[[], object]) -> None:
        """Call this when asked to stop, at once if that was before; perhaps twice.

        It runs in the thread that asks and must return soon.
        """
        self._callbacks.append(callback)
        if self.is_set():
            callback()


Do = Callable[[Step, tuple[Asset, ...], int, Stop], Iterable[AssetResult]]
"""Do these assets of a step, at the attempt counted from 1, until asked to stop.

Gives each asset's result as soon as it is known. An exception is the result of all
assets without one: Unavailable is tried again with those that are left, Guarded stops
them, Interrupted interrupts them, anything else fails them.
"""


def in_a_thread(work: Callable[[], object], name: str) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()


def heard_within(inbox: SimpleQueue[Any], seconds: float) -> Any:
    return inbox.get(timeout=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The world outside, replaced in tests."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[Stop, float], object] = Stop.wait
    random: Callable[[], float] = random.random
    start: Callable[[Callable[[], object], str], object] = in_a_thread
    # The next step that ended; raises queue.Empty after so many seconds without.
    wait: Callable[[SimpleQueue[Any], float], Any] = heard_within


@dataclass(slots=True)
class RunningStep:
    """A step in its thread, which alone adds results until the step is given up."""

    step: Step
    assets: tuple[Asset, ...]
    do: Do
    listen: Listener
    grace_seconds: float
    edges: Edges
    stop: Stop = field(default_factory=Stop)
    started_at: float = 0.0
    asked_at: float | None = None
    given_up: bool = False
    results: dict[str, AssetResult] = field(default_factory=dict)
    _failed_before: str = ""  # why the last try but this one did not do
    _cut_short: dict[str, AssetResult] = field(default_factory=dict)
    _settled: bool = False
    _adding: threading.Lock = field(default_factory=threading.Lock)

    def start(self, on_end: Callable[[RunningStep], object]) -> None:
        self.started_at = self.edges.clock()

        def work() -> None:
            try:
                self._try_until_ended()
            except Exception as error:
                # Of a listener: without a result nobody could go on.
                if not self._settle(error):
                    raise
            finally:
                on_end(self)

        self.edges.start(work, self.step.id)

    def ask_to_stop(self, reason: str, error: type[EltError]) -> None:
        if self.asked_at is None:
            self.asked_at = self.edges.clock()
            self.stop.set(reason, error=error)

    def give_up(self) -> bool:
        """Answer for a thread that does not end; what it does later is not heard.

        False where it has ended meanwhile and will say so itself.
        """
        return self._settle(None, giving_up=True)

    def next_moment(self) -> float | None:
        """Tell when the step's time is up, first to end and then to have ended."""
        if self._settled:
            return None
        if self.asked_at is not None:
            return self.asked_at + self.grace_seconds
        limit = self.step.limits.timeout_seconds
        return None if limit is None else self.started_at + limit

    def _try_until_ended(self) -> None:
        attempt = 1
        error = self._try(attempt)
        limits = self.step.limits
        while worth_another(error, attempt, limits) and not self.stop.is_set():
            self._failed_before = _message(error)
            chance = self.edges.random()
            delay = delay_seconds(error, attempt, limits, chance=chance)
            self.listen(
                StepRetrying(
                    step=self.step.id,
                    attempt=attempt,
                    delay_seconds=delay,
                    reason=self._failed_before,
                )
            )
            self.edges.sleep(self.stop, delay)
            attempt += 1
            error = None if self.stop.is_set() else self._try(attempt)
        self._settle(error)

    def _try(self, attempt: int) -> BaseException | None:
        left = tuple(a for a in self.assets if a.id not in self.results)
        names = tuple(asset.id for asset in left)
        self.listen(StepStarted(step=self.step.id, assets=names, attempt=attempt))
        try:
            for result in self.do(self.step, left, attempt, self.stop):
                self._add(result)
        except (Exception, SystemExit) as error:  # noqa: BLE001  answered for below
            return of_the_disk(error) or error
        return None

    def _add(self, result: AssetResult) -> None:
        with self._adding:
            if self._settled or result.asset in self.results:
                return
            if result.status == "interrupted" and self.stop.is_set():
                # Whoever did it cannot know why it was asked to stop.
                self._cut_short[result.asset] = result
                return
            self.results[result.asset] = result
        self.listen(asset_finished(self.step, result))
        reach("result-recorded")

    def _settle(self, error: BaseException | None, *, giving_up: bool = False) -> bool:
        """Answer for all that has no result; once, and say whether this was it."""
        seconds = self.edges.clock() - self.started_at
        with self._adding:
            if self._settled:
                return False
            self._settled, self.given_up = True, giving_up
            answers = self._answers(error, seconds)
            self.results |= {answer.asset: answer for answer in answers}
        for answer in answers:
            self.listen(asset_finished(self.step, answer))
        if error is not None and not isinstance(error, EltError):
            self._log_traceback(error)
        self.listen(step_finished(self.step, self.results.values(), seconds))
        return True

    def _answers(
        self, error: BaseException | None, seconds: float
    ) -> list[AssetResult]:
        status, message, hint = self._verdict(error)
        name = name_of(error) if error else ""
        if self.stop.is_set():
            name = self.stop.error.__name__
        left = [asset.id for asset in self.assets if asset.id not in self.results]
        return [
            replace(
                self._cut_short.get(asset)
                or AssetResult(asset=asset, status=status, seconds=seconds),
                status=status,
                message=message,
                hint=hint,
                error=name,
            )
            for asset in left
        ]

    def _verdict(self, error: BaseException | None) -> tuple[Status, str, str]:
        if self.stop.is_set():
            return self._verdict_when_asked()
        if error is None:
            return "failed", "it ended without saying how", ""
        if not isinstance(error, EltError):
            return (
                "failed",
                _message(error),
                "This is a bug; `elt logs` has the traceback",
            )
        status: Status = "failed"
        if isinstance(error, Guarded):
            status = "stopped"
        elif isinstance(error, Interrupted):
            status = "interrupted"
        tried_again = bool(self._failed_before)
        hint = way_out(error, self.step.limits, tried_again=tried_again)
        return status, _message(error), hint

    def _verdict_when_asked(self) -> tuple[Status, str, str]:
        status: Status = "failed" if self.stop.timed_out else "interrupted"
        said = self.stop.reason
        if self.given_up:
            said += f", and it did not end within {self.grace_seconds:g} s"
        if self._failed_before:
            said += f"; the try before failed: {self._failed_before}"
        return status, said, ""

    def _log_traceback(self, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error)).rstrip()
        self.listen(LogLine(step=self.step.id, source="elt", level="error", text=text))


def step_status(results: Iterable[AssetResult]) -> Status:
    found = {result.status for result in results}
    return next((status for status in _WORST_FIRST if status in found), "done")


def asset_finished(step: Step, result: AssetResult) -> AssetFinished:
    return AssetFinished(
        step=step.id,
        asset=result.asset,
        status=result.status,
        rows=result.rows,
        rejects=result.rejects,
        seconds=result.seconds,
        message=result.message,
    )


def step_finished(
    step: Step, results: Iterable[AssetResult], seconds: float
) -> StepFinished:
    """Sum up a step; its message is that of the first of the worst results."""
    results = list(results)
    status = step_status(results)
    worst = next((r for r in results if r.status == status and r.message), None)
    return StepFinished(
        step=step.id,
        status=status,
        seconds=seconds,
        message=worst.message if worst else "",
        hint=worst.hint if worst else "",
    )


def _message(error: BaseException | None) -> str:
    if isinstance(error, EltError):
        # One line: where a tap's last words are many, the log has them all.
        if (error.where or "").startswith(SAID):
            return error.what
        where = (error.where or "").strip().rpartition("\n")[2].strip()
        return f"{error.what} ({where})" if where else error.what
    return f"{type(error).__name__}: {error}"
