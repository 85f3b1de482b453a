"""Runs on a clock that only moves when everybody waits: no threads, no time passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any

from hypothesis import strategies as st

from elt.errors import Interrupted, Unavailable
from elt.events import AssetFinished, Event, StepFinished
from elt.runner.attempt import AssetResult, Edges, Stop
from elt.runner.graph import Asset, Graph
from elt.runner.limits import RunLimits, StepLimits
from elt.runner.plan import Step, plan
from elt.runner.scheduler import execute

POOLS = ("crm_api", "billing_api", "heavy")
BAD = ("failed", "stopped", "interrupted", "skipped")


@dataclass(frozen=True)
class Case:
    """A run, and what will happen in it."""

    graph: Graph
    steps: tuple[Step, ...]
    limits: RunLimits
    ends: Mapping[str, str]  # of assets, where it is not `done`
    tries: Mapping[str, int]  # how often steps fail for a while first
    seconds: Mapping[str, float]  # that steps take, with all their tries


def stream(tap: str, name: str) -> Asset:
    full = f"{tap}.{name}"
    return Asset(f"stream:{full}", "stream", full, detail={"tap": tap})


@st.composite
def cases(draw: st.DrawFn, *, timeouts: bool = False) -> Case:
    """Any graph as runs have them, what is chosen of it, and what goes wrong."""
    streams = [stream(f"t{n % 4}", f"s{n}") for n in range(draw(st.integers(1, 6)))]
    models: list[Asset] = []
    for n in range(draw(st.integers(0, 7))):
        above = st.sampled_from([a.id for a in (*streams, *models)])
        needs = draw(st.lists(above, max_size=3, unique=True))
        models.append(Asset(f"model:m{n}", "model", f"m{n}", tuple(needs)))
    syncs = [
        Asset(f"sync:s{n}", "sync", f"s{n}", (draw(st.sampled_from(models)).id,))
        for n in range(draw(st.integers(0, 5)) if models else 0)
    ]
    graph = Graph([*streams, *models, *syncs])
    chosen = draw(st.sets(st.sampled_from(graph.order), min_size=1))
    in_order = sorted(chosen)
    ends = st.sampled_from(("warned", "planned", "failed", "stopped", "interrupted"))
    steps = tuple(
        replace(step, limits=draw(limits(timeouts=timeouts)))
        for step in plan(graph, chosen)
    )
    ids = st.sampled_from([step.id for step in steps])
    return Case(
        graph=graph,
        steps=steps,
        limits=RunLimits(
            jobs=draw(st.integers(1, 4)),
            # A pool that is not declared has room for all.
            pools=draw(
                st.dictionaries(st.sampled_from(POOLS), st.integers(1, 2), max_size=3)
            ),
            timeout_seconds=draw(st.sampled_from((None, 7.0, 40.0)))
            if timeouts
            else None,
        ),
        ends=draw(st.dictionaries(st.sampled_from(in_order), ends, max_size=3)),
        tries=draw(st.dictionaries(ids, st.integers(0, 3), max_size=3)),
        seconds={
            step.id: draw(st.sampled_from((0.0, 1.0, 2.5, 5.0, 60.0))) for step in steps
        },
    )


@st.composite
def limits(draw: st.DrawFn, *, timeouts: bool) -> StepLimits:
    return StepLimits(
        retries=draw(st.integers(0, 2)),
        timeout_seconds=draw(st.sampled_from((None, 2.0, 10.0))) if timeouts else None,
        pools=tuple(draw(st.sets(st.sampled_from(POOLS), max_size=2))),
        priority=draw(st.integers(-1, 2)),
    )


@dataclass
class World:
    """Where a case happens, looked at whenever the scheduler begins or waits."""

    case: Case
    now: float = 0.0
    heard: list[Event] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)  # steps, in the order of their turns
    told: list[str] = field(default_factory=list)  # assets, as they were done
    results: dict[str, AssetResult] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)  # laws, each with its case
    _works: dict[str, tuple[float, Callable[[], object]]] = field(default_factory=dict)
    _failed: Counter[str] = field(default_factory=Counter)

    def run(self) -> World:
        self.results = execute(
            self.case.steps,
            self.case.graph,
            do=self._do,
            listen=self.heard.append,
            limits=self.case.limits,
            edges=Edges(
                clock=lambda: self.now,
                sleep=lambda *_: None,
                random=lambda: 0.0,
                start=self._start,
                wait=self._wait,
            ),
        )
        return self

    @property
    def finished(self) -> set[str]:
        return {each.step for each in self.heard if isinstance(each, StepFinished)}

    @property
    def running(self) -> list[Step]:
        over = self.finished
        return [s for s in self.case.steps if s.id in self.begun and s.id not in over]

    def waiting(self) -> list[Step]:
        """Give the steps that could begin by what they need, in the plan's order."""
        over, known = self.finished, {step.id for step in self.case.steps}
        return [
            step
            for step in self.case.steps
            if step.id not in over and step.id not in self.begun
            if all(need in over for need in step.needs if need in known)
        ]

    def has_room(self, step: Step) -> bool:
        taken = Counter(pool for each in self.running for pool in each.limits.pools)
        places = self.case.limits.pools
        return len(self.running) < self.case.limits.jobs and all(
            taken[pool] < places.get(pool, 99) for pool in step.limits.pools
        )

    def _start(self, work: Callable[[], object], name: str) -> None:
        step = next(each for each in self.case.steps if each.id == name)
        fits = [each for each in self.waiting() if self.has_room(each)]
        turn = max((each.limits.priority for each in fits), default=0)
        first = next((each for each in fits if each.limits.priority == turn), None)
        if step is not first:
            self.broken.append(f"{name} began and not {first}")
        self.begun.append(name)
        self._works[name] = (self.now + self.case.seconds[name], work)

    def _wait(self, inbox: SimpleQueue[Any], seconds: float) -> Any:
        self._look()
        if not inbox.empty():
            return inbox.get_nowait()
        name, (end, work) = min(self._works.items(), key=lambda item: item[1][0])
        if end > self.now + seconds:
            self.now += seconds
            raise Empty
        self.now = max(self.now, end)
        del self._works[name]
        work()
        return inbox.get_nowait()

    def _look(self) -> None:
        taken = Counter(pool for each in self.running for pool in each.limits.pools)
        for pool, places in self.case.limits.pools.items():
            if taken[pool] > places:
                self.broken.append(f"{taken[pool]} steps in {pool}, which has {places}")
        if len(self.running) > self.case.limits.jobs:
            self.broken.append(f"{len(self.running)} steps at once")
        idle = [each.id for each in self.waiting() if self.has_room(each)]
        if idle:
            self.broken.append(f"{idle} wait for nothing")

    def _do(
        self, step: Step, assets: tuple[Asset, ...], _: int, stop: Stop
    ) -> Iterator[AssetResult]:
        if stop.is_set():
            raise Interrupted("asked to stop")
        self._failed[step.id] += 1
        if self._failed[step.id] <= self.case.tries.get(step.id, 0):
            raise Unavailable("not now")
        needs = self.case.graph.among(a for s in self.case.steps for a in s.assets)
        lost: set[str] = set()  # as dbt does, a step skips by itself what is below
        for asset in assets:
            if lost & set(needs[asset.id]):
                lost.add(asset.id)
                yield AssetResult(asset=asset.id, status="skipped")
                continue
            self.told.append(asset.id)
            status = self.case.ends.get(asset.id, "done")
            if status in BAD:
                lost.add(asset.id)
            yield AssetResult(asset=asset.id, status=status)  # type: ignore[arg-type]

    def answers(self) -> Counter[str]:
        return Counter(e.asset for e in self.heard if isinstance(e, AssetFinished))

    def ends(self) -> Counter[str]:
        return Counter(e.step for e in self.heard if isinstance(e, StepFinished))


def expected(case: Case) -> dict[str, str]:
    """Say how each asset must end where nothing takes too long, step by step."""
    needs = case.graph.among(asset for step in case.steps for asset in step.assets)
    found: dict[str, str] = {}
    for step in case.steps:
        to_do: list[str] = []
        for asset in step.assets:
            if any(found.get(need) in BAD for need in needs[asset]):
                found[asset] = "skipped"
            else:
                to_do.append(asset)
        in_vain = case.tries.get(step.id, 0) > step.limits.retries
        for asset in to_do:
            if in_vain:
                found[asset] = "failed"
            elif any(found.get(need) in BAD for need in needs[asset]):
                found[asset] = "skipped"
            else:
                found[asset] = case.ends.get(asset, "done")
    return found
