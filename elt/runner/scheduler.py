"""Steps side by side: what may begin, what is skipped, whose time is up.

The calling thread decides and steps run in threads of their own. A failure skips
exactly the assets downstream of it: what is left of their steps is done all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from queue import Empty, SimpleQueue

from elt.events import Listener, Status, ignore
from elt.runner.attempt import (
    AssetResult,
    Do,
    Edges,
    Limits,
    RunningStep,
    Stop,
    asset_finished,
    step_finished,
)
from elt.runner.graph import Graph
from elt.runner.plan import Step

ENDED_WELL: frozenset[Status] = frozenset({"done", "warned", "planned"})

_LONGEST_SLEEP_SECONDS = 0.5


def execute(  # noqa: PLR0913  the edges of a run, each named
    steps: Sequence[Step],
    graph: Graph,
    *,
    do: Do,
    listen: Listener = ignore,
    held: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    stop: Stop | None = None,
    edges: Edges | None = None,
) -> dict[str, AssetResult]:
    """Do the steps; give every asset's result.

    `listen` is called from several threads. When `stop` is set, running steps are
    asked to stop and the assets of those that did not begin are skipped. `held` are
    assets that are skipped in any case, each with the reason.
    """
    return _Execution(
        waiting=list(steps),
        needs=graph.among(asset for step in steps for asset in step.assets),
        graph=graph,
        do=do,
        listen=listen,
        held=held or {},
        limits=limits or Limits(),
        stop=stop or Stop(),
        edges=edges or Edges(),
    ).run()


def ready(
    waiting: Sequence[Step], unfinished: Mapping[str, object], free: int
) -> list[Step]:
    """Choose the steps to begin: first come, first served, nothing before its needs."""
    may_begin = (s for s in waiting if not any(n in unfinished for n in s.needs))
    return list(islice(may_begin, free))


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


@dataclass(slots=True, kw_only=True)
class _Execution:
    waiting: list[Step]
    needs: Mapping[str, Sequence[str]]
    graph: Graph
    do: Do
    listen: Listener
    held: Mapping[str, str]
    limits: Limits
    stop: Stop
    edges: Edges
    unfinished: dict[str, Step] = field(default_factory=dict)
    running: list[RunningStep] = field(default_factory=list)
    results: dict[str, AssetResult] = field(default_factory=dict)
    # Not a Queue: only SimpleQueue may be put to from a signal handler.
    inbox: SimpleQueue[RunningStep | None] = field(default_factory=SimpleQueue)
    deadline: float | None = None

    def run(self) -> dict[str, AssetResult]:
        self.unfinished = {step.id: step for step in self.waiting}
        if self.limits.timeout_seconds is not None:
            self.deadline = self.edges.clock() + self.limits.timeout_seconds
        self.stop.then(lambda: self.inbox.put(None))
        while self.unfinished:
            self._begin_what_is_ready()
            if self.running:
                self._wait_for_news()
                self._mind_the_time()
        return self.results

    def _begin_what_is_ready(self) -> None:
        # One at a time: a step that is skipped whole may let the next one begin.
        while steps := ready(self.waiting, self.unfinished, self._free()):
            step = steps[0]
            self.waiting.remove(step)
            to_do = self._skip(step)
            if to_do:
                self._begin(step, to_do)
            else:
                self._finish(step)

    def _free(self) -> int:
        return min(1, self.limits.jobs - len(self.running))

    def _skip(self, step: Step) -> tuple[str, ...]:
        to_do, skipped = split_off_skipped(step, self.needs, self.results)
        held = {a: _skipped(a, self.held[a]) for a in to_do if a in self.held}
        skipped |= held
        to_do = tuple(asset for asset in to_do if asset not in held)
        if self.stop.is_set():
            skipped |= {asset: _skipped(asset, self.stop.reason) for asset in to_do}
            to_do = ()
        self.results |= skipped
        for result in skipped.values():
            self.listen(asset_finished(step, result))
        if not to_do:
            self.listen(step_finished(step, skipped.values(), 0.0))
        return to_do

    def _begin(self, step: Step, to_do: tuple[str, ...]) -> None:
        assets = tuple(self.graph[asset] for asset in to_do)
        running = RunningStep(
            step, assets, self.do, self.listen, self.limits, self.edges
        )
        self.running.append(running)
        running.start(on_end=self.inbox.put)

    def _wait_for_news(self) -> None:
        try:
            ended = self.inbox.get(timeout=self._seconds_to_next_moment())
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
            limit = self.limits.timeout_seconds
            self.stop.set(f"the run took longer than {limit:g} s", timed_out=True)
        for running in list(self.running):
            self._mind(running, now)

    def _mind(self, running: RunningStep, now: float) -> None:
        moment = running.next_moment()
        late = moment is not None and now >= moment
        if running.asked_at is not None and late:
            running.give_up()
            self._end(running)
        elif self.stop.is_set():
            running.ask_to_stop(self.stop.reason, timed_out=self.stop.timed_out)
        elif late:
            limit = self.limits.step_timeout_seconds
            reason = f"the step took longer than {limit:g} s"
            running.ask_to_stop(reason, timed_out=True)

    def _end(self, running: RunningStep) -> None:
        self.running.remove(running)
        self.results |= running.results
        self._finish(running.step)

    def _finish(self, step: Step) -> None:
        del self.unfinished[step.id]
