"""For all graphs and failures: a run and its retries end as a run without failures."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError, Unavailable
from elt.events import AssetFinished, Event, RunStatus, Status
from elt.runner.attempt import AssetResult, Stop
from elt.runner.choosing import beginning_with, choose
from elt.runner.graph import Asset, Graph
from elt.runner.limits import RunLimits
from elt.runner.lock import this_process
from elt.runner.methods import Past
from elt.runner.plan import Facts, RunRequest, Step, held_back, plan
from elt.runner.result import run_status
from elt.runner.resume import (
    asked_again,
    chain_to_retry,
    is_open,
    left_open,
    open_words,
    planned_before,
    request_again,
)
from elt.runner.scheduler import execute
from elt.runner.store import asset_log, history, marks, past
from elt.runner.store.chain import Chain, PlannedAsset, chain_of
from elt.runner.store.database import Store, open_store
from elt.runner.store.recorder import Recorder

HERE = "default"


@dataclass
class World:
    """Tables as values: each says which values of its upstream it was made of."""

    graph: Graph
    tables: dict[str, object] = field(default_factory=dict)
    times_done: Counter[str] = field(default_factory=Counter)
    failures: dict[str, list[Status]] = field(default_factory=dict)  # one a try
    dies_after: int | None = None  # results

    def do(
        self, _: Step, assets: tuple[Asset, ...], *__: object
    ) -> Iterator[AssetResult]:
        bad: set[str] = set()
        for asset in assets:
            if self.is_dead:
                return
            if bad & set(asset.upstream):
                status: Status = "skipped"
            else:
                ahead = self.failures.get(asset.id)
                status = ahead.pop(0) if ahead else "done"
            if status == "done":
                self.times_done[asset.id] += 1
                above = tuple(self.tables.get(need) for need in asset.upstream)
                self.tables[asset.id] = (asset.id, above)
            else:
                bad.add(asset.id)
            yield AssetResult(asset=asset.id, status=status)

    @property
    def is_dead(self) -> bool:
        return self.dies_after == 0

    def hear(self, recorder: Recorder, event: Event) -> None:
        """Record until the moment of death; a result is recorded before it."""
        if self.is_dead:
            return
        recorder(event)
        if isinstance(event, AssetFinished) and self.dies_after:
            self.dies_after -= 1


def run(store: Store, world: World, request: RunRequest) -> str:
    """Run as `elt.runner.run` does, with nothing but the graph and the run log."""
    history.mark_crashed(store, alive=lambda _: False)
    owner = this_process(f"r{len(history.runs(store, 1000))}")
    history.start_run(
        store,
        owner,
        environment=HERE,
        request=asdict(request),
        retry_of=request.retry or None,
    )
    facts = Facts(
        last_success=asset_log.last_success(store, HERE),
        last_change=asset_log.last_change(store, HERE),
        held=marks.held_back(store, HERE),
        past=Past(results=past.last_results(store, HERE)),
    )
    before = planned_before(store, request)
    chosen = choose(world.graph, request, facts, {}, before=before).assets
    steps = plan(world.graph, chosen, facts)
    entries = [
        history.StepEntry(step=s.id, kind=s.kind, reason=s.reason, assets=s.assets)
        for s in steps
    ]
    history.record_plan(store, owner.run, entries)
    recorder = Recorder(store, owner.run, environment=HERE)
    results = execute(
        steps,
        world.graph,
        do=world.do,
        listen=lambda event: world.hear(recorder, event),
        held=held_back(world.graph, {a for s in steps for a in s.assets}, facts),
        limits=RunLimits(jobs=1),
    )
    if not world.is_dead:
        status = run_status(results.values(), Stop())
        history.finish_run(store, owner.run, status)
    world.dies_after = None
    return owner.run


def again(store: Store, world: World, name: str = "last") -> str | None:
    history.mark_crashed(store, alive=lambda _: False)
    request = request_again(chain_of(store, name), RunRequest())
    return None if request is None else run(store, world, request)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph of streams of two taps, models with tests, and syncs of models."""
    streams = [stream("ab"[n % 2], f"s{n}") for n in range(draw(st.integers(1, 3)))]
    built: list[Asset] = [*streams]
    for n in range(draw(st.integers(1, 5))):
        needs = draw(st.sets(st.sampled_from([a.id for a in built]), max_size=3))
        built.append(Asset(f"model:m{n}", "model", f"m{n}", tuple(sorted(needs))))
    models = [a for a in built if a.kind == "model"]
    tested = draw(st.sets(st.sampled_from([m.name for m in models])))
    tests = {
        name: Asset(f"test:{name}", "test", name, (f"model:{name}",)) for name in tested
    }
    sent = draw(st.sets(st.sampled_from([m.name for m in models])))
    syncs = [
        Asset(
            f"sync:{name}",
            "sync",
            name,
            (f"model:{name}", *([f"test:{name}"] if name in tests else [])),
        )
        for name in sorted(sent)
    ]
    return Graph([*built, *(tests[name] for name in sorted(tests)), *syncs])


def stream(tap: str, name: str) -> Asset:
    full = f"{tap}.{name}"
    detail = {"tap": tap, "stream": name, "name": name}
    return Asset(f"stream:{full}", "stream", full, detail=detail)


@st.composite
def nights(draw: st.DrawFn) -> tuple[Graph, RunRequest, dict[str, list[Status]], list]:
    """Draw a graph, what is run of it, how often what fails, and when it is killed.

    A run never begins below a model: of one that was never built the tests are due each
    time.
    """
    graph = draw(graphs())
    bad = st.sampled_from(["failed", "stopped", "interrupted"])
    failures = draw(
        st.dictionaries(
            st.sampled_from(graph.order), st.lists(bad, min_size=1, max_size=2)
        )
    )
    ids = [a for a in graph.order if graph[a].kind in {"stream", "model"}]
    names = st.sampled_from([f"{graph[a].kind}:{graph[a].name}" for a in ids])
    begins = draw(st.lists(st.builds("{}+".format, names), max_size=2))
    kills = draw(st.lists(st.none() | st.integers(1, 6), max_size=3))
    return graph, RunRequest(selection=tuple(begins)), failures, kills


@pytest.mark.slow
@settings(max_examples=50)
@given(nights())
def test_retries_end_where_a_run_without_failures_ends_and_repeat_nothing(night):
    graph, request, failures, kills = night
    clean, broken = World(graph), World(graph, failures=failures)
    with tempfile.TemporaryDirectory() as folder:
        with open_store(Path(folder) / "clean") as store:
            store._connection.execute("PRAGMA synchronous = OFF")
            run(store, clean, request)
        with open_store(Path(folder) / "broken") as store:
            store._connection.execute("PRAGMA synchronous = OFF")
            moments = iter(kills)
            broken.dies_after = next(moments, None)
            ended: str | None = run(store, broken, request)
            rounds = 0
            while ended is not None:
                broken.dies_after = next(moments, None)
                ended = again(store, broken)
                rounds += 1
                assert rounds < 50

    assert broken.tables == clean.tables
    assert set(broken.times_done.values()) <= {1}


@dataclass
class Watched(World):
    """A world that notes what goes on below what a person marked failed."""

    events: list[tuple[str, marks.Mark | None]] = field(default_factory=list)
    went_on: list[tuple[str, set[str]]] = field(default_factory=list)

    @property
    def held(self) -> set[str]:
        """Go through what was said, and what ended well, in its order."""
        found: dict[str, bool] = {}
        for asset, mark in self.events:
            found[asset] = mark is not None and mark.word == "failed"
        return {asset for asset, is_held in found.items() if is_held}

    def do(self, *step: object) -> Iterator[AssetResult]:
        for result in super().do(*step):  # type: ignore[arg-type]
            above = self.graph.upstream([result.asset]) & self.held
            if above and result.status != "skipped":
                self.went_on.append((result.asset, above))
            if result.status == "done":
                self.events.append((result.asset, None))
            yield result


def planned_by(store: Store, run: str) -> list[str]:
    rows = store.rows("SELECT assets FROM steps WHERE run = ?", (run,))
    return [asset for row in rows for asset in json.loads(row["assets"])]


def retried(store: Store, world: Watched, name: str) -> str | None:
    """Retry, and look whether that does what is below a person's word."""
    chain = chain_of(store, name)
    reopened = [a.asset for a in chain.planned if a.word in {"failed", "cleared"}]
    below = world.graph.downstream(reopened) & {a.asset for a in chain.planned}
    before, held = dict(world.times_done), world.held
    fails = any(world.failures.values())
    ended = again(store, world, name)
    if ended is None:
        assert reopened == []
        return None
    planned = {*planned_by(store, ended)}
    assert {*reopened} | below <= planned
    if not fails:
        free = planned - world.graph.downstream(held - planned)
        assert free <= done_since(world, before)
    return ended


def undone(store: Store, world: Watched, asset: str) -> None:
    last = marks.last_mark(store, HERE, asset)
    assert last is not None
    marks.take_back(store, [last], reason="", author="bob@desk")
    world.events = [each for each in world.events if each != (asset, last)]


WORDS = ("success", "failed", "failed", "skipped", "cleared")


@pytest.mark.slow
@settings(max_examples=50)
@given(graphs(), st.data())
def test_nothing_goes_on_below_a_word_until_it_ended_well_and_retries_do_it(
    graph, data
):
    """Anybody says anything of any run, and runs and retries come between."""
    world = Watched(graph)
    begins = [f"{graph[a].kind}:{graph[a].name}+" for a in graph.order]
    selections = st.sampled_from([(), ("result:failed+",), *((b,) for b in begins)])
    failures = st.dictionaries(
        st.sampled_from(graph.order), st.just(["failed"]), max_size=2
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(Path(folder)) as store,
    ):
        store._connection.execute("PRAGMA synchronous = OFF")
        ran = [run(store, world, RunRequest())]
        for _ in range(data.draw(st.integers(1, 8))):
            name = data.draw(st.sampled_from(ran))
            match data.draw(st.sampled_from(["run", "say", "say", "retry", "undo"])):
                case "run":
                    world.failures = {a: [*f] for a, f in data.draw(failures).items()}
                    asked = RunRequest(selection=data.draw(selections))
                    ran.append(run(store, world, asked))
                case "retry":
                    ran += filter(None, [retried(store, world, name)])
                case "say" if planned := planned_by(store, name):
                    asset = data.draw(st.sampled_from(planned))
                    word = data.draw(st.sampled_from(WORDS))
                    said(store, name, asset, word)
                    mark = marks.marks(store)[-1]
                    world.events += [(asset, mark)] if mark.is_current else []
                case "undo" if any(mark for _, mark in world.events):
                    spoken = sorted({asset for asset, mark in world.events if mark})
                    asset = data.draw(st.sampled_from(spoken))
                    undone(store, world, asset)
            assert {*marks.held_back(store, HERE)} == world.held

    assert world.went_on == []


A, B = stream("a", "one"), stream("a", "two")
MODEL = Asset("model:m", "model", "m", (A.id,))
BELOW = Asset("model:below", "model", "below", (MODEL.id,))
BESIDE = Asset("model:beside", "model", "beside", (B.id,))
TEST = Asset("test:t", "test", "t", (MODEL.id,))
SYNC = Asset("sync:s", "sync", "s", (MODEL.id, TEST.id))
GRAPH = Graph([A, B, MODEL, BELOW, BESIDE, TEST, SYNC])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def said(store: Store, run: str, asset: str, word: marks.Word) -> None:
    marks.mark(store, HERE, run, [asset], word, reason="I looked", author="ann@desk")


def done_since(world: World, before: Mapping[str, int]) -> set[str]:
    return {a for a, times in world.times_done.items() if times > before.get(a, 0)}


def test_a_run_that_was_killed_before_it_had_a_plan_is_done_whole(store: Store):
    world = World(GRAPH)
    request = RunRequest(selection=("model:m",), full_refresh=True)
    owner = this_process("run-1")
    history.start_run(store, owner, environment=HERE, request=asdict(request))

    assert again(store, world) is not None

    assert done_since(world, {}) == {MODEL.id, TEST.id}
    assert again(store, world) is None


def test_what_was_accepted_once_is_not_accepted_again(store: Store):
    asked = RunRequest(
        selection=("model:m+",),
        exclude=("below",),
        full_refresh=True,
        first=True,
        accept=("removed",),
        jobs=3,
    )
    run(store, World(GRAPH, failures={MODEL.id: ["failed"]}), asked)

    request = request_again(chain_of(store), RunRequest(on_overlap="wait"))

    assert request is not None
    assert request == replace(
        asked,
        accept=(),
        on_overlap="wait",
        retry=chain_of(store).last,
        only=("model:m", "test:t", "sync:s"),
    )
    again_with = request_again(chain_of(store), RunRequest(accept=("empty",), jobs=1))
    assert again_with is not None
    assert (again_with.accept, again_with.jobs) == (("empty",), 1)


def test_the_first_run_of_a_chain_means_the_whole_chain(store: Store):
    world = World(GRAPH, failures={MODEL.id: ["failed", "failed"]})
    first = run(store, world, RunRequest())
    second = again(store, world)
    before = dict(world.times_done)

    third = again(store, world, first)

    assert chain_of(store, first).runs == (first, second, third)
    assert done_since(world, before) == {MODEL.id, BELOW.id, TEST.id, SYNC.id}
    assert again(store, world, first) is None


def test_a_test_marked_as_passed_lets_the_sync_go(store: Store):
    world = World(GRAPH, failures={TEST.id: ["stopped"]})
    first = run(store, world, RunRequest())
    said(store, first, TEST.id, "success")

    again(store, world)

    assert world.times_done[SYNC.id] == 1
    assert world.times_done[TEST.id] == 0


def test_what_was_marked_as_skipped_is_left_out_and_is_no_fresher(store: Store):
    world = World(GRAPH, failures={A.id: ["failed"]})
    first = run(store, world, RunRequest())
    said(store, first, A.id, "skipped")

    again(store, world)

    assert world.times_done[A.id] == 0
    assert world.times_done[MODEL.id] == 1
    assert A.id not in asset_log.last_success(store, HERE)


def test_what_was_marked_as_failed_is_done_again_with_all_below_it(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    said(store, first, MODEL.id, "failed")

    assert open_words(chain_of(store)) == ("model:m+",)
    again(store, world)

    assert done_since(world, dict.fromkeys(GRAPH.order, 1)) == {
        MODEL.id,
        BELOW.id,
        TEST.id,
        SYNC.id,
    }
    assert again(store, world) is None


def test_a_retry_of_what_was_marked_failed_may_be_killed_half_way(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    said(store, first, MODEL.id, "failed")
    world.dies_after = 1

    again(store, world)
    again(store, world)

    assert {a: world.times_done[a] for a in (MODEL.id, BELOW.id, SYNC.id)} == {
        MODEL.id: 2,
        BELOW.id: 2,
        SYNC.id: 2,
    }


def test_below_what_was_marked_failed_no_run_goes_on_until_it_ended_well(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    said(store, first, TEST.id, "failed")
    before = dict(world.times_done)

    run(store, world, RunRequest(selection=("sync:s",)))

    detail = history.run_detail(store)
    assert done_since(world, before) == set()
    assert [(r.asset, r.status) for r in detail.results] == [("sync:s", "skipped")]
    assert detail.results[0].message == (
        "`test:t` was marked failed by ann@desk: I looked"
    )
    run(store, world, RunRequest(selection=("test:t",)))
    run(store, world, RunRequest(selection=("sync:s",)))
    assert world.times_done[SYNC.id] == 2


def test_what_was_cleared_counts_as_never_done(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    said(store, first, BESIDE.id, "cleared")

    assert BESIDE.id not in asset_log.last_success(store, HERE)
    assert open_words(chain_of(store)) == ("model:beside+",)


def test_a_word_that_is_taken_back_leaves_all_as_it_was(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    before = asset_log.asset_statuses(store, HERE)
    for word in ("success", "failed", "skipped", "cleared"):
        said(store, first, MODEL.id, word)  # type: ignore[arg-type]

        mark = marks.last_mark(store, HERE, MODEL.id)
        assert mark is not None
        assert marks.take_back(store, [mark], reason="no", author="bob@desk") == []

        assert asset_log.asset_statuses(store, HERE) == before
        assert open_words(chain_of(store)) == ()
    told = marks.marks(store)
    assert {each.taken_back_by for each in told} == {"bob@desk"}
    assert {each.taken_back_reason for each in told} == {"no"}


def test_a_result_that_came_since_stays_when_a_word_is_taken_back(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    said(store, first, MODEL.id, "failed")
    run(store, world, RunRequest(selection=("model:m",)))
    before = asset_log.asset_statuses(store, HERE)

    mark = marks.last_mark(store, HERE, MODEL.id)
    assert mark is not None
    late = marks.take_back(store, [mark], reason="", author="ann@desk")

    assert late == [mark]
    assert asset_log.asset_statuses(store, HERE) == before


def test_a_word_that_is_taken_back_late_counts_no_more_for_when_it_ended_well(
    store: Store,
):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    was = asset_log.last_success(store, HERE)[MODEL.id]
    said(store, first, MODEL.id, "failed")
    said(store, first, MODEL.id, "success")
    world.failures = {MODEL.id: ["failed"]}
    run(store, world, RunRequest(selection=("model:m",)))

    mark = marks.last_mark(store, HERE, MODEL.id)
    assert mark is not None
    assert marks.take_back(store, [mark], reason="", author="ann@desk") == [mark]

    assert MODEL.id in marks.held_back(store, HERE)
    assert MODEL.id not in asset_log.last_success(store, HERE)
    other = marks.last_mark(store, HERE, MODEL.id)
    assert other is not None
    marks.take_back(store, [other], reason="", author="ann@desk")
    assert asset_log.last_success(store, HERE)[MODEL.id] == was


def test_a_word_about_an_older_run_counts_for_retries_of_that_run_only(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    run(store, world, RunRequest())
    before = asset_log.asset_statuses(store, HERE)

    said(store, first, MODEL.id, "failed")

    assert asset_log.asset_statuses(store, HERE) == before
    assert marks.held_back(store, HERE) == {}
    assert open_words(chain_of(store)) == ()
    assert open_words(chain_of(store, first)) == ("model:m+",)


def test_a_word_about_an_older_run_lets_nothing_go_on(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    second = run(store, world, RunRequest())
    said(store, second, MODEL.id, "failed")

    said(store, first, MODEL.id, "success")

    assert marks.held_back(store, HERE) == {
        MODEL.id: "`model:m` was marked failed by ann@desk: I looked"
    }
    said(store, second, MODEL.id, "success")
    assert marks.held_back(store, HERE) == {}


def test_a_word_about_any_run_of_a_chain_is_about_all_of_it(store: Store):
    world = World(GRAPH, failures={MODEL.id: ["failed"]})
    first = run(store, world, RunRequest())
    said(store, first, MODEL.id, "skipped")
    second = again(store, world)
    assert open_words(chain_of(store)) == ()

    said(store, first, BELOW.id, "failed")

    assert second is not None
    assert open_words(chain_of(store, second)) == ("model:below+",)


def test_marked_failed_the_success_before_that_run_counts_for_freshness(store: Store):
    world = World(GRAPH)
    run(store, world, RunRequest())
    was = asset_log.last_success(store, HERE)[MODEL.id]
    second = run(store, world, RunRequest())

    said(store, second, MODEL.id, "failed")

    assert asset_log.last_success(store, HERE)[MODEL.id] == was


def test_a_name_is_found_in_the_latest_run_that_planned_it(store: Store):
    world = World(GRAPH)
    first = run(store, world, RunRequest())
    second = run(store, world, RunRequest(selection=("model:beside",)))

    assert marks.planned_in(store, HERE, "tap:a") == (first, (A.id, B.id))
    assert marks.planned_in(store, HERE, "dbt") == (second, (BESIDE.id,))
    assert marks.planned_in(store, HERE, "dbt", run=first) is not None
    assert marks.planned_in(store, HERE, SYNC.id) == (first, (SYNC.id,))
    assert marks.planned_in(store, HERE, "model:x") is None
    assert marks.planned_in(store, "prod", "tap:a") is None


def test_another_run_that_is_not_done_is_found_unless_it_was_done_since(store: Store):
    world = World(GRAPH, failures={MODEL.id: ["failed"], BESIDE.id: ["failed"]})
    first = run(store, world, RunRequest())
    run(store, world, RunRequest(selection=("model:m+",)))

    assert left_open(store, HERE) == first
    assert left_open(store, HERE, but=[first]) is None
    run(store, world, RunRequest(selection=("model:beside",)))
    assert left_open(store, HERE) is None


def test_a_chain_is_looked_at_once_however_often_it_was_retried(store: Store):
    world = World(GRAPH, failures={MODEL.id: ["failed", "failed", "failed"]})
    run(store, world, RunRequest(selection=("model:m+",)))
    again(store, world)
    again(store, world)
    run(store, world, RunRequest(selection=("model:m+",)))
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)

    assert left_open(store, HERE) is None

    store._connection.set_trace_callback(None)
    assert sum("RECURSIVE" in sql for sql in asked) == 2


def test_what_was_open_before_a_good_run_of_everything_is_open_no_more(store: Store):
    gone = Asset("model:gone", "model", "gone")
    before = World(Graph([*GRAPH, gone]), failures={gone.id: ["failed"]})
    first = run(store, before, RunRequest())
    assert left_open(store, HERE) == first

    run(store, World(GRAPH), RunRequest())

    assert left_open(store, HERE) is None


def test_a_run_that_is_under_way_is_not_left_and_cannot_be_retried(store: Store):
    owner = this_process("run-1")
    history.start_run(store, owner, environment=HERE, request=asdict(RunRequest()))
    entry = history.StepEntry(step="tap:a", kind="tap", reason="", assets=(A.id,))
    history.record_plan(store, "run-1", [entry])

    assert left_open(store, HERE) is None
    with pytest.raises(Unavailable, match="run run-1 is under way"):
        asked_again(store, HERE, RunRequest(retry="run-1"))
    history.finish_run(store, "run-1", "interrupted")
    assert left_open(store, HERE) == "run-1"


def test_what_a_retry_under_way_does_is_not_left(store: Store):
    first = run(store, World(GRAPH, failures={MODEL.id: ["failed"]}), RunRequest())
    owner = this_process("run-2")
    history.start_run(store, owner, environment=HERE, request={}, retry_of=first)

    assert left_open(store, HERE) is None


def ended(store: Store, name: str, status: RunStatus, error: str = "") -> str:
    """Log a run that ended before it had a plan, or had nothing to do."""
    request = asdict(RunRequest())
    history.start_run(store, this_process(name), environment=HERE, request=request)
    history.finish_run(store, name, status, message="why", error=error)
    return name


def test_a_retry_passes_over_a_mistake_and_says_so(store: Store):
    night = run(store, World(GRAPH, failures={MODEL.id: ["failed"]}), RunRequest())
    mistake = ended(store, "typo", "failed", "ConfigError")

    chain, told = chain_to_retry(store, "last")

    assert chain.last == night
    assert told == (
        f"run typo ended before it had a plan; this is about run {night}."
        " `elt retry typo` does the other one whole"
    )
    chain, told = chain_to_retry(store, mistake)
    assert (chain.last, told) == ("typo", "")
    assert request_again(chain, RunRequest()) is not None


def test_a_retry_passes_over_runs_that_had_nothing_to_do(store: Store):
    night = run(store, World(GRAPH, failures={MODEL.id: ["failed"]}), RunRequest())
    ended(store, "idle", "done")

    chain, told = chain_to_retry(store, "last")

    assert (chain.last, told) == (night, "")
    assert request_again(chain_of(store, "idle"), RunRequest()) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [("crashed", ""), ("interrupted", "Interrupted"), ("failed", "Unavailable")],
)
def test_what_ended_before_it_had_a_plan_by_no_mistake_is_retried(
    store: Store, status, error
):
    run(store, World(GRAPH, failures={MODEL.id: ["failed"]}), RunRequest())
    ended(store, "busy", status, error)

    assert chain_to_retry(store, "last")[0].last == "busy"


def test_where_there_were_only_mistakes_the_last_is_retried(store: Store):
    ended(store, "typo", "failed", "ConfigError")

    assert chain_to_retry(store, "last")[0].last == "typo"


def left(*only: str, **more: object) -> RunRequest:
    return RunRequest(retry="run-1", only=only, **more)  # type: ignore[arg-type]


def test_what_the_project_has_no_more_is_left_out_and_named():
    chosen = choose(GRAPH, left("model:m", "model:old", "tap:old"), Facts(), {})

    assert chosen.assets == {"model:m"}
    assert chosen.notes == [
        "left out, because the project has them no more: `model:old`, `tap:old`"
    ]


def test_all_streams_stand_in_for_those_of_a_tap_that_did_not_answer():
    asked = left("tap:a", "model:m", selection=("stream:a.two", "model:m"))

    assert choose(GRAPH, asked, Facts(), {}).assets == {B.id, MODEL.id}


@pytest.mark.parametrize("asked", ["result:failed+", "source_status:fresher+", "m"])
def test_below_a_persons_word_is_what_was_planned_and_not_what_words_choose_today(
    asked,
):
    before = [MODEL.id, BELOW.id, SYNC.id]

    chosen = choose(
        GRAPH, left("model:m+", selection=(asked,)), Facts(), {}, before=before
    )

    assert chosen.assets == {MODEL.id, BELOW.id, SYNC.id}


def test_below_a_tap_that_did_not_answer_and_was_marked_failed_is_done_too():
    asked = left("tap:a+", selection=("tap:a+",))

    chosen = choose(GRAPH, asked, Facts(), {}, before=[BELOW.id])

    assert chosen.assets == {A.id, B.id, BELOW.id}


@pytest.mark.parametrize(
    ("words", "exclude", "streams"),
    [
        (("tap:a", "gone"), (), {A.id, B.id}),
        (("tap:a+",), ("gone", "a.two"), {A.id}),
        (("gone", "a.one"), (), {A.id}),
        (("selector:gone",), (), {A.id, B.id}),
        (("state:modified+",), ("a.two",), {A.id}),
        (("tap:a",), ("result:done",), {A.id, B.id}),
        ((), (), {A.id, B.id}),
    ],
)
def test_old_words_that_mean_nothing_any_more_do_not_stop_a_retry(
    words, exclude, streams
):
    asked = left("tap:a", selection=words, exclude=exclude)

    assert choose(GRAPH, asked, Facts(), {}).assets == streams


def test_a_stream_that_a_tap_had_when_it_did_not_answer_is_named_when_it_is_gone():
    chosen = choose(GRAPH, left("tap:a", selection=("stream:a.old",)), Facts(), {})

    assert chosen.assets == set()
    assert chosen.gone == ("stream:a.old",)


def test_a_tap_that_does_not_answer_fails_again_and_is_not_called_gone():
    facts = Facts(unasked={"a": "is it up?"})

    chosen = choose(GRAPH, left("stream:a.unheard_of"), facts, {})

    assert chosen.assets == {A.id, B.id}
    assert chosen.notes == []


@pytest.mark.parametrize(
    ("state", "together"),
    [
        ('{"bookmarks": {"one": 1, "two": 2}}', False),
        ('{"bookmarks": {}}', False),
        ('{"at": 3}', True),
        ('{"bookmarks": {"acme/shop": 1}}', True),
    ],
)
def test_streams_of_which_one_bookmark_speaks_are_read_together(state, together):
    chosen = choose(GRAPH, left(A.id), Facts(), {"a": state})

    assert chosen.assets == ({A.id, B.id} if together else {A.id})
    assert bool(chosen.notes) == together


def test_a_guess_is_forgotten_when_the_tap_has_answered(store: Store):
    """It failed under a name that no later run can ever have a result for."""
    for number, (asset, unasked) in enumerate([("stream:a.*", True), (A.id, False)]):
        owner = this_process(f"run-{number}")
        above = f"run-{number - 1}" if number else None
        history.start_run(store, owner, environment=HERE, request={}, retry_of=above)
        entry = history.StepEntry(
            step="tap:a", kind="tap", reason="", assets=(asset,), unasked=unasked
        )
        history.record_plan(store, owner.run, [entry])
        assert open_words(chain_of(store)) == (("tap:a",) if unasked else (A.id,))


def test_a_guess_does_not_stand_for_streams_that_an_earlier_run_knew(store: Store):
    """The tap failed in one stream, and did not even answer the retry."""
    plans = [((A.id, B.id), False), (("stream:a.*",), True)]
    for number, (assets, unasked) in enumerate(plans):
        owner = this_process(f"run-{number}")
        above = f"run-{number - 1}" if number else None
        history.start_run(store, owner, environment=HERE, request={}, retry_of=above)
        entry = history.StepEntry(
            step="tap:a", kind="tap", reason="", assets=assets, unasked=unasked
        )
        history.record_plan(store, owner.run, [entry])
        recorder = Recorder(store, owner.run, environment=HERE)
        recorder(AssetFinished(step="tap:a", asset=assets[0], status="failed"))
        if len(assets) > 1:
            recorder(AssetFinished(step="tap:a", asset=B.id, status="done"))

    assert open_words(chain_of(store)) == (A.id,)


@pytest.mark.parametrize("status", ["done", "warned", "planned"])
def test_what_ended_well_is_not_open(status):
    planned = PlannedAsset(asset="a", step="s", run="r", status=status)

    assert not is_open(planned)
    assert is_open(replace(planned, status=None))
    assert is_open(replace(planned, word="cleared"))


def test_a_request_of_an_older_elt_is_read():
    chain = Chain(
        runs=("r",),
        environment=HERE,
        status="failed",
        request={"selection": ["model:m"], "gone_since": 1},
        planned=(PlannedAsset(asset="a", step="s", run="r", status="failed"),),
    )

    request = request_again(chain, RunRequest())

    assert request == RunRequest(selection=("model:m",), retry="r", only=("a",))


@pytest.mark.parametrize(
    ("start", "chosen"),
    [
        ("tap:a", {A.id, MODEL.id, BELOW.id, TEST.id, SYNC.id}),
        ("model:m", {MODEL.id, BELOW.id, TEST.id, SYNC.id}),
        ("dbt", {MODEL.id, BELOW.id, TEST.id, SYNC.id}),
        ("sync:s", {SYNC.id}),
    ],
)
def test_a_run_begins_with_a_step_of_its_plan(start, chosen):
    whole = set(GRAPH.order) - {B.id, BESIDE.id}

    assert beginning_with(GRAPH, whole, Facts(), start) == chosen


def test_a_step_that_is_not_in_the_plan_is_told_with_the_nearest():
    with pytest.raises(ConfigError, match="the plan has no step `m`") as raised:
        beginning_with(GRAPH, set(GRAPH.order), Facts(), "m")

    assert raised.value.hint == "Did you mean `model:m`?"


def test_a_step_of_which_several_may_be_meant_is_told_with_all_of_them():
    twins = Graph([MODEL, Asset("sync:m", "sync", "m", (MODEL.id,)), A])

    with pytest.raises(ConfigError) as raised:
        beginning_with(twins, set(twins.order), Facts(), "m")

    assert raised.value.hint == "Did you mean `model:m` or `sync:m`?"


def test_a_selection_that_chooses_nothing_today_begins_nowhere():
    asked = RunRequest(selection=("result:failed",), from_step="sync:s")

    assert choose(GRAPH, asked, Facts(), {}).assets == set()


def test_changes_of_the_clock_do_not_matter_to_who_is_marked(store: Store):
    """A run of tomorrow, because the clock was wrong, and a word of today about it."""
    tomorrow = datetime(2036, 1, 1, tzinfo=UTC)
    owner = this_process("run-1")
    history.start_run(store, owner, environment=HERE, request={}, now=lambda: tomorrow)
    entry = history.StepEntry(step="tap:a", kind="tap", reason="", assets=(A.id,))
    history.record_plan(store, "run-1", [entry])

    said(store, "run-1", A.id, "skipped")

    assert open_words(chain_of(store)) == ()
