"""What holds for every run, whatever its graph, its limits and what goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given

from elt.runner.attempt import AssetResult
from elt.runner.graph import Asset, Graph
from elt.runner.limits import RunLimits, StepLimits
from elt.runner.plan import Step, plan
from elt.runner.scheduler import execute, split_off_skipped
from elt.runner.turns import ready
from tests.runner.worlds import Case, World, cases, expected, stream


@given(cases())
def test_every_asset_ends_as_it_must_and_a_failure_skips_what_is_downstream_only(
    case: Case,
):
    world = World(case).run()

    assert {a: r.status for a, r in world.results.items()} == expected(case)


@given(cases(timeouts=True))
def test_every_asset_and_every_step_gets_exactly_one_result(case: Case):
    world = World(case).run()

    assets = [asset for step in case.steps for asset in step.assets]
    assert sorted(world.results) == sorted(assets)
    assert world.answers() == dict.fromkeys(assets, 1)
    assert world.ends() == dict.fromkeys([step.id for step in case.steps], 1)


@given(cases(timeouts=True))
def test_nothing_begins_before_what_it_needs_has_ended(case: Case):
    world = World(case).run()

    needs = case.graph.among(asset for step in case.steps for asset in step.assets)
    assert all(
        world.told.index(need) < place
        for place, asset in enumerate(world.told)
        for need in needs[asset]
    )


@given(cases())
def test_turns_go_by_priority_and_plan_no_limit_is_exceeded_and_no_room_is_wasted(
    case: Case,
):
    world = World(case).run()

    assert world.broken == []


@given(cases(timeouts=True))
def test_limits_hold_while_steps_and_runs_are_out_of_time(case: Case):
    world = World(case).run()

    assert [law for law in world.broken if "wait for nothing" not in law] == []


def step(name: str, *pools: str, priority: int = 0) -> Step:
    limits = StepLimits(pools=pools, priority=priority)
    return Step(id=name, kind="tap", assets=(name,), limits=limits)


def test_a_full_pool_lets_others_pass():
    limits = RunLimits(jobs=3, pools={"crm_api": 1})
    waiting = [step("b", "crm_api"), step("c")]

    assert ready(waiting, [step("a", "crm_api")], limits) == waiting[1]
    assert ready(waiting, [step("a")], limits) == waiting[0]


def test_a_step_of_two_pools_needs_room_in_both():
    limits = RunLimits(jobs=9, pools={"crm_api": 1, "heavy": 2})
    waiting = [step("b", "crm_api", "heavy")]

    assert ready(waiting, [step("a", "heavy")], limits) == waiting[0]
    assert ready(waiting, [step("a", "crm_api")], limits) is None
    assert ready(waiting, [step("a", "heavy"), step("c", "heavy")], limits) is None


def test_no_more_than_jobs_are_ready():
    assert ready([step("b")], [step("a")], RunLimits(jobs=1)) is None
    assert ready([], [], RunLimits()) is None


def test_the_highest_priority_begins_first_and_equals_in_the_order_of_the_plan():
    graph = Graph([stream(name, "rows") for name in ("a", "b", "c", "d")])
    priorities = {"tap:b": 5, "tap:d": 5, "tap:c": -1}
    steps = [
        Step(
            id=each.id,
            kind=each.kind,
            assets=each.assets,
            limits=StepLimits(priority=priorities.get(each.id, 0)),
        )
        for each in plan(graph, set(graph.order))
    ]
    case = Case(
        graph,
        tuple(steps),
        RunLimits(jobs=1),
        {},
        {},
        dict.fromkeys([each.id for each in steps], 1.0),
    )

    assert World(case).run().begun == ["tap:b", "tap:d", "tap:a", "tap:c"]


def test_a_step_that_is_given_up_frees_its_place_in_the_pool():
    graph = Graph([stream("a", "rows"), stream("b", "rows")])
    limits = StepLimits(pools=("crm_api",), timeout_seconds=1)
    steps = tuple(
        Step(id=each.id, kind=each.kind, assets=each.assets, limits=limits)
        for each in plan(graph, set(graph.order))
    )
    run_limits = RunLimits(pools={"crm_api": 1})
    case = Case(graph, steps, run_limits, {}, {}, {"tap:a": 1e6, "tap:b": 0.5})

    world = World(case).run()

    assert {a: r.status for a, r in world.results.items()} == {
        "stream:a.rows": "failed",
        "stream:b.rows": "done",
    }
    assert world.now == 31.5


# What happens below, by how the asset above has ended. Each row is tried for a sync,
# which is a step of its own, for a model beside others in one step, and further down.
TABLE = {
    "done": "done",
    "warned": "done",
    "planned": "done",
    "failed": "skipped, `stream:a.rows` failed",
    "stopped": "skipped, `stream:a.rows` was stopped",
    "interrupted": "skipped, `stream:a.rows` was interrupted",
    "skipped": "skipped, `stream:top.rows` failed",
}
A, OTHER, TOP = stream("a", "rows"), stream("b", "rows"), stream("top", "rows")
MODEL = Asset("model:m", "model", "m", (A.id,))
BESIDE = Asset("model:beside", "model", "beside", (OTHER.id,))
DEEP = Asset("model:deep", "model", "deep", (MODEL.id,))
SYNC = Asset("sync:s", "sync", "s", (A.id,))
FAR = Asset("sync:far", "sync", "far", (DEEP.id,))
TABLE_GRAPH = Graph([A, OTHER, MODEL, BESIDE, DEEP, SYNC, FAR])


def ended_above(status: str) -> dict[str, AssetResult]:
    """Run with the first tap ending so; what is below answers for itself."""

    def do(_: Step, assets: tuple[Asset, ...], *__: object):
        for asset in assets:
            mine = status if asset is A else "done"
            message = "`stream:top.rows` failed" if mine == "skipped" else ""
            yield AssetResult(asset=asset.id, status=mine, message=message)  # type: ignore[arg-type]

    return execute(plan(TABLE_GRAPH, set(TABLE_GRAPH.order)), TABLE_GRAPH, do=do)


def told(result: AssetResult) -> str:
    return ", ".join(filter(None, (result.status, result.message)))


@pytest.mark.parametrize("below", [SYNC.id, MODEL.id, DEEP.id, FAR.id])
@pytest.mark.parametrize(("above", "then"), TABLE.items())
def test_what_happens_below_an_asset_by_how_it_has_ended(above, then, below):
    assert told(ended_above(above)[below]) == then


@pytest.mark.parametrize("above", TABLE)
def test_what_is_beside_an_asset_is_done_however_that_one_has_ended(above):
    assert ended_above(above)[BESIDE.id].status == "done"


@pytest.mark.parametrize(("above", "then"), TABLE.items())
def test_it_is_the_same_across_what_was_not_chosen(above, then):
    message = "`stream:top.rows` failed" if above == "skipped" else ""
    graph = Graph([A, MODEL, Asset("sync:s", "sync", "s", (MODEL.id,))])
    needs = graph.among([A.id, "sync:s"])
    sync = plan(graph, {A.id, "sync:s"})[-1]
    result = AssetResult(asset=A.id, status=above, message=message)

    to_do, skipped = split_off_skipped(sync, needs, {A.id: result})

    assert to_do == (("sync:s",) if then == "done" else ())
    assert [told(each) for each in skipped.values()] == (
        [] if then == "done" else [then]
    )
