"""Steps side by side: what may begin, what is skipped, whose time is up.

The calling thread decides and steps run in threads of their own. A failure skips
exactly the assets downstream of it: what is left of their steps is done all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from elt.errors import OutOfTime
from elt.events import Listener, Status, ignore
from elt.runner.attempt import (
    AssetResult,
    Do,
    Edges,
    RunningStep,
    Stop,
    asset_finished,
    step_finished,
)
from elt.runner.graph import Graph
from elt.runner.limits import RunLimits
from elt.runner.plan import Hold, Step
from elt.runner.turns import Turns, ready

ENDED_WELL: frozenset[Status] = frozenset({"done", "warned", "planned"})

_LONGEST_SLEEP_SECONDS = 0.5


def execute(  # noqa: PLR0913  the edges of a run, each named
    steps: Sequence[Step],
    graph: Graph,
    *,
    do: Do,
    listen: Listener = ignore,
    held: Mapping[str, Hold] | None = None,
    limits: RunLimits | None = None,
    stop: Stop | None = None,
    edges: Edges | None = None,
    began: float | None = None,
) -> dict[str, AssetResult]:
    """Do the steps; give every asset's result.

    Their time counts from when the run `began`, by the clock of the edges, or from now.
    `listen` is called from several threads. When `stop` is set, running steps are
    asked to stop and the assets of those that did not begin are skipped. `held` are
    assets that are skipped in any case.
    """
    return _Execution(
        turns=Turns(steps),
        left=len(steps),
        needs=graph.among(asset for step in steps for asset in step.assets),
        graph=graph,
        do=do,
        listen=listen,
        held=held or {},
        limits=limits or RunLimits(),
        stop=stop or Stop(),
        edges=edges or Edges(),
        began=began,
    ).run()


def split_off_skipped(
    step: Step,
    needs: Mapping[str, Sequence[str]],
    results: Mapping[str, AssetResult],
) -> tuple[tuple[str, ...], dict[str, AssetResult]]:
    """Part a step's assets into those to do and the results of those skipped."""
    to_do: list[str] = []
    skipped: dict[str, AssetResult] = {}
    for asset in step.assets:
        above = (skipped.get(need) or results.get(need) for need in needs[asset])
        bad = next((r for r in above if r and r.status not in ENDED_WELL), None)
        if bad is None:
            to_do.append(asset)
        else:
            skipped[asset] = _skipped(asset, _cause(bad))
    return tuple(to_do), skipped


def _cause(bad: AssetResult) -> str:
    # Down a chain of skipped assets the first cause is what a person looks for.
    if bad.status == "skipped":
        return bad.message
    verb = {"stopped": "was stopped", "interrupted": "was interrupted"}
    return f"`{bad.asset}` {verb.get(bad.status, bad.status)}"


def _skipped(asset: str, message: str) -> AssetResult:
    return AssetResult(asset=asset, status="skipped", message=message)


def _held(asset: str, hold: Hold) -> AssetResult:
    return replace(_skipped(asset, hold.why), hint=hold.hint)


@dataclass(slots=True, kw_only=True)
class _Execution:
    turns: Turns
    left: int  # steps that have not ended
    needs: Mapping[str, Sequence[str]]
    graph: Graph
    do: Do
    listen: Listener
    held: Mapping[str, Hold]
    limits: RunLimits
    stop: Stop
    edges: Edges
    began: float | None
    to_do: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: list[RunningStep] = field(default_factory=list)
    results: dict[str, AssetResult] = field(default_factory=dict)
    # Not a Queue: only SimpleQueue may be put to from a signal handler.
    inbox: SimpleQueue[RunningStep | None] = field(default_factory=SimpleQueue)
    deadline: float | None = None

    def run(self) -> dict[str, AssetResult]:
        if self.limits.timeout_seconds is not None:
            began = self.edges.clock() if self.began is None else self.began
            self.deadline = began + self.limits.timeout_seconds
        self.stop.then(lambda: self.inbox.put(None))
        self._mind_the_time()  # what came before may have taken all of it
        while self.left:
            self._queue_what_is_free()
            if self.stop.is_set():
                self._skip_what_is_queued()
            self._begin_what_is_ready()
            if self.running:
                self._wait_for_news()
                self._mind_the_time()
        return self.results

    def _queue_what_is_free(self) -> None:
        """Let steps wait for their turn; one that is skipped whole needs none."""
        while step := self.turns.next_free():
            to_do, skipped = split_off_skipped(step, self.needs, self.results)
            held = {a: _held(a, self.held[a]) for a in to_do if a in self.held}
            to_do = tuple(asset for asset in to_do if asset not in held)
            self._tell_skipped(step, skipped | held)
            if to_do:
                self.to_do[step.id] = to_do
                self.turns.queue(step)
            else:
                self._finish_unbegun(step)

    def _skip_what_is_queued(self) -> None:
        while self.turns.in_turn:
            step = self.turns.in_turn[0]
            self.turns.leave(step)
            assets = self.to_do[step.id]
            reason = self.stop.reason
            self._tell_skipped(step, {a: _skipped(a, reason) for a in assets})
            self._finish_unbegun(step)
            self._queue_what_is_free()

    def _tell_skipped(self, step: Step, skipped: Mapping[str, AssetResult]) -> None:
        self.results |= skipped
        for result in skipped.values():
            self.listen(asset_finished(step, result))

    def _finish_unbegun(self, step: Step) -> None:
        results = [self.results[asset] for asset in step.assets]
        self.listen(step_finished(step, results, 0.0))
        self._finish(step)

    def _begin_what_is_ready(self) -> None:
        while step := self._next():
            self.turns.leave(step)
            assets = tuple(self.graph[asset] for asset in self.to_do[step.id])
            running = RunningStep(
                step,
                assets,
                self.do,
                self.listen,
                self.limits.grace_seconds,
                self.edges,
            )
            self.running.append(running)
            running.start(on_end=self.inbox.put)

    def _next(self) -> Step | None:
        running = (each.step for each in self.running)
        return ready(self.turns.in_turn, running, self.limits)

    def _wait_for_news(self) -> None:
        try:
            ended = self.edges.wait(self.inbox, self._seconds_to_next_moment())
        except Empty:
            return
        if ended is not None and not ended.given_up:
            self._end(ended)

    def _seconds_to_next_moment(self) -> float:
        # Never for long: the system may hand a signal to another thread, and Python
        # runs its handler only when this one wakes.
        moments = [running.next_moment() for running in self.running]
        if not self.stop.is_set():
            moments.append(self.deadline)
        known = [moment for moment in moments if moment is not None]
        now = self.edges.clock()
        return max(0.0, min([*known, now + _LONGEST_SLEEP_SECONDS]) - now)

    def _mind_the_time(self) -> None:
        now = self.edges.clock()
        if self.deadline is not None and now >= self.deadline:
            self.stop.set(self.limits.out_of_time, error=OutOfTime)
        for running in list(self.running):
            self._mind(running, now)

    def _mind(self, running: RunningStep, now: float) -> None:
        moment = running.next_moment()
        late = moment is not None and now >= moment
        if running.asked_at is not None and late:
            if running.give_up():
                self._end(running)
        elif self.stop.is_set():
            running.ask_to_stop(self.stop.reason, self.stop.error)
        elif late:
            running.ask_to_stop(running.step.limits.out_of_time, OutOfTime)

    def _end(self, running: RunningStep) -> None:
        self.running.remove(running)
        self.results |= running.results
        self._finish(running.step)

    def _finish(self, step: Step) -> None:
        self.left -= 1
        self.turns.ended(step)
