from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from elt.errors import EltError, Guarded, Interrupted, Rejected, Unavailable
from elt.events import (
    AssetFinished,
    Event,
    LogLine,
    StepFinished,
    StepRetrying,
    StepStarted,
)
from elt.runner.attempt import (
    AssetResult,
    Edges,
    Stop,
    step_status,
)
from elt.runner.graph import Asset, Graph
from elt.runner.limits import RunLimits, StepLimits
from elt.runner.plan import Step, plan
from elt.runner.scheduler import execute


def stream(tap: str, name: str) -> Asset:
    full = f"{tap}.{name}"
    return Asset(f"stream:{full}", "stream", full, detail={"tap": tap})


A = stream("a", "rows")
B = stream("b", "rows")
FROM_A = Asset("model:from_a", "model", "from_a", (A.id,))
FROM_B = Asset("model:from_b", "model", "from_b", (B.id,))
BELOW_A = Asset("model:below_a", "model", "below_a", (FROM_A.id,))
SYNC_A = Asset("sync:a", "sync", "a", (BELOW_A.id,))
SYNC_B = Asset("sync:b", "sync", "b", (FROM_B.id,))
GRAPH = Graph([A, B, FROM_A, FROM_B, BELOW_A, SYNC_A, SYNC_B])
STEPS = plan(GRAPH, set(GRAPH.order))

QUICK = Edges(sleep=lambda *_: None, random=lambda: 0.0)


def well(_: Step, assets: tuple[Asset, ...], *__: object) -> Iterator[AssetResult]:
    for asset in assets:
        yield AssetResult(asset=asset.id, status="done", rows=1)


def failing(errors: dict[str, list[Exception]]) -> Callable[..., Iterable[AssetResult]]:
    """Make a doing that raises a step's errors, one an attempt, and then does well."""

    def do(step: Step, assets: tuple[Asset, ...], *_: object) -> Iterator[AssetResult]:
        if errors.get(step.id):
            raise errors[step.id].pop(0)
        yield from well(step, assets)

    return do


def limited(steps: Iterable[Step], **limits: Any) -> list[Step]:
    """Give all steps these limits."""
    return [replace(step, limits=StepLimits(**limits)) for step in steps]


def statuses(results: dict[str, AssetResult]) -> dict[str, str]:
    return {asset: result.status for asset, result in results.items()}


def test_everything_is_done_after_what_it_needs():
    done: list[str] = []

    def do(step: Step, assets: tuple[Asset, ...], *_: object) -> Iterator[AssetResult]:
        done.append(step.id)
        yield from well(step, assets)

    results = execute(STEPS, GRAPH, do=do)

    assert set(statuses(results).values()) == {"done"}
    assert set(done[:2]) == {"tap:a", "tap:b"}
    assert done[2] == "dbt"
    assert set(done[3:]) == {"sync:a", "sync:b"}


def test_a_failure_skips_exactly_what_is_downstream():
    do = failing({"tap:a": [EltError("the API is gone")]})

    results = execute(STEPS, GRAPH, do=do)

    assert statuses(results) == {
        "stream:a.rows": "failed",
        "stream:b.rows": "done",
        "model:from_a": "skipped",
        "model:below_a": "skipped",
        "model:from_b": "done",
        "sync:a": "skipped",
        "sync:b": "done",
    }
    assert results["stream:a.rows"].message == "the API is gone"
    assert results["sync:a"].message == "`stream:a.rows` failed"


def test_the_rest_of_a_step_is_done_without_its_skipped_assets():
    given: list[tuple[str, ...]] = []

    def do(step: Step, assets: tuple[Asset, ...], *_: object) -> Iterator[AssetResult]:
        if step.id == "tap:a":
            raise Rejected("a bad file")
        given.append(tuple(asset.id for asset in assets))
        yield from well(step, assets)

    execute(STEPS, GRAPH, do=do)

    assert ("model:from_b",) in given


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Guarded("a test failed"), "stopped"),
        (Interrupted("asked to"), "interrupted"),
        (EltError("no"), "failed"),
        (ZeroDivisionError("a bug"), "failed"),
        (SystemExit(1), "failed"),
    ],
)
def test_an_exception_is_the_result_of_what_has_none(error: Exception, status: str):
    results = execute(STEPS, GRAPH, do=failing({"tap:a": [error]}), edges=QUICK)

    assert results["stream:a.rows"].status == status
    assert results["sync:a"].status == "skipped"


def test_a_bug_leaves_its_traceback_in_the_log():
    heard: list[Event] = []
    do = failing({"tap:a": [ZeroDivisionError("oh")]})

    execute(STEPS, GRAPH, do=do, listen=heard.append)

    (line,) = [event for event in heard if isinstance(event, LogLine)]
    assert "Traceback" in line.text
    assert "ZeroDivisionError: oh" in line.text


def test_an_asset_nobody_spoke_of_has_failed():
    results = execute(STEPS, GRAPH, do=lambda *_: [])

    assert results["stream:a.rows"].message == "it ended without saying how"


def test_a_temporary_failure_is_tried_again_with_growing_waits():
    heard: list[Event] = []
    slept: list[float] = []
    do = failing({"tap:a": [Unavailable("busy"), Unavailable("busy")]})
    edges = Edges(sleep=lambda _, seconds: slept.append(seconds), random=lambda: 0.5)

    steps = limited(STEPS, retries=2, retry_delay_seconds=4)

    results = execute(steps, GRAPH, do=do, listen=heard.append, edges=edges)

    assert results["stream:a.rows"].status == "done"
    assert slept == [3, 6]
    retries = [event for event in heard if isinstance(event, StepRetrying)]
    assert [(r.attempt, r.delay_seconds, r.reason) for r in retries] == [
        (1, 3, "busy"),
        (2, 6, "busy"),
    ]


def test_tries_come_to_an_end():
    do = failing({"tap:a": [Unavailable("busy")] * 9})

    results = execute(limited(STEPS, retries=2), GRAPH, do=do, edges=QUICK)

    assert results["stream:a.rows"].status == "failed"
    assert results["stream:a.rows"].message == "busy"
    assert results["stream:a.rows"].hint.startswith("It was tried 3 times")


def test_a_source_that_asks_for_hours_is_left_for_the_next_run():
    slept: list[float] = []
    error = Unavailable("the quota of today is used up")
    error.retry_after_seconds = 7200
    edges = Edges(sleep=lambda _, seconds: slept.append(seconds))

    results = execute(STEPS, GRAPH, do=failing({"tap:a": [error]}), edges=edges)

    assert slept == []
    assert results["stream:a.rows"].status == "failed"
    assert "left alone for 7,200 s" in results["stream:a.rows"].hint


def test_only_temporary_failures_are_tried_again():
    left = [EltError("wrong password"), EltError("never reached")]

    execute(STEPS, GRAPH, do=failing({"tap:a": left}), edges=QUICK)

    assert len(left) == 1


def test_the_other_side_is_given_the_time_that_it_asked_for():
    slept: list[float] = []
    error = Unavailable("slow down")
    error.retry_after_seconds = 60
    edges = Edges(sleep=lambda _, seconds: slept.append(seconds), random=lambda: 0.0)

    execute(STEPS, GRAPH, do=failing({"tap:a": [error]}), edges=edges)

    assert slept == [60]


def test_what_was_done_is_not_done_again_in_the_next_attempt():
    graph = Graph([stream("a", "one"), stream("a", "two")])
    asked: list[tuple[str, ...]] = []

    def do(_: Step, assets: tuple[Asset, ...], attempt: int, __: Stop):
        asked.append(tuple(asset.name for asset in assets))
        if attempt == 1:
            yield AssetResult(asset="stream:a.one", status="done")
            raise Unavailable("cut off")
        yield AssetResult(asset="stream:a.two", status="warned")

    results = execute(plan(graph, set(graph.order)), graph, do=do, edges=QUICK)

    assert asked == [("a.one", "a.two"), ("a.two",)]
    assert statuses(results) == {"stream:a.one": "done", "stream:a.two": "warned"}


def test_no_more_steps_run_at_once_than_jobs():
    graph = Graph([stream(f"t{n}", "rows") for n in range(6)])
    lock = threading.Lock()
    running: list[int] = [0, 0]
    pair = threading.Barrier(2)

    def do(step: Step, assets: tuple[Asset, ...], *_: object) -> list[AssetResult]:
        with lock:
            running[0] += 1
            running[1] = max(running)
        pair.wait(10)
        with lock:
            running[0] -= 1
        return list(well(step, assets))

    execute(plan(graph, set(graph.order)), graph, do=do, limits=RunLimits(jobs=2))

    assert running == [0, 2]


def until_stopped(
    step: Step, assets: tuple[Asset, ...], _: int, stop: Stop
) -> Iterator[AssetResult]:
    if step.id == "tap:a":
        assert stop.wait(10)
        raise Interrupted("the tap was stopped")
    yield from well(step, assets)


def test_a_step_that_takes_too_long_is_asked_to_stop_and_has_failed():
    setting = "`timeout_seconds` in [taps.a]"
    steps = limited(STEPS, timeout_seconds=0.5, timeout_setting=setting)

    results = execute(steps, GRAPH, do=until_stopped)

    assert results["stream:a.rows"].status == "failed"
    assert (
        results["stream:a.rows"].message
        == "the step took longer than 0.5 s (`timeout_seconds` in [taps.a])"
    )
    assert results["sync:b"].status == "done"


def test_a_run_that_takes_too_long_stops_what_runs_and_skips_the_rest():
    results = execute(
        STEPS, GRAPH, do=until_stopped, limits=RunLimits(timeout_seconds=0.05)
    )

    assert results["stream:a.rows"].status == "failed"
    assert results["model:from_b"].status == "skipped"
    assert (
        results["sync:b"].message
        == "the run took longer than 0.05 s (`timeout_seconds` in [run])"
    )


def test_a_step_that_runs_out_of_time_between_tries_says_what_failed():
    def do(*_: object) -> Iterable[AssetResult]:
        raise Unavailable("connection refused")

    graph = Graph([A])
    steps = limited(plan(graph, {A.id}), timeout_seconds=0.05, retry_delay_seconds=60)

    results = execute(steps, graph, do=do)

    assert results[A.id].message == (
        "the step took longer than 0.05 s; the try before failed: connection refused"
    )


def test_what_does_not_end_when_asked_is_given_up():
    release = threading.Event()

    def do(step: Step, assets: tuple[Asset, ...], *_: object) -> Iterator[AssetResult]:
        if step.id == "tap:a":
            release.wait(10)
        yield from well(step, assets)

    heard: list[Event] = []
    results = execute(
        limited(STEPS, timeout_seconds=0.03),
        GRAPH,
        do=do,
        listen=heard.append,
        limits=RunLimits(grace_seconds=0.03),
    )
    release.set()
    time.sleep(0.02)

    assert results["stream:a.rows"].status == "failed"
    assert "did not end within 0.03 s" in results["stream:a.rows"].message
    ends = [e for e in heard if isinstance(e, StepFinished) and e.step == "tap:a"]
    assert len(ends) == 1


def test_a_stopped_run_keeps_what_is_done_and_says_what_is_not():
    stop = Stop()

    def do(step: Step, assets: tuple[Asset, ...], attempt: int, own: Stop):
        if step.id == "tap:b":
            yield from well(step, assets)
            stop.set("Ctrl-C", signal=signal.SIGINT)
            return
        yield from until_stopped(step, assets, attempt, own)

    results = execute(STEPS, GRAPH, do=do, stop=stop)

    assert results["stream:b.rows"].status == "done"
    assert results["stream:a.rows"].status == "interrupted"
    assert results["sync:a"].status == "skipped"
    assert results["sync:b"].status == "skipped"
    assert results["sync:b"].message == "Ctrl-C"


def test_a_run_stopped_before_its_start_does_nothing():
    stop = Stop()
    stop.set("Ctrl-C")

    results = execute(STEPS, GRAPH, do=well, stop=stop)

    assert set(statuses(results).values()) == {"skipped"}


def test_a_signal_wakes_a_run_that_waits():
    stop = Stop()
    before = signal.signal(
        signal.SIGUSR1, lambda number, _: stop.set("asked", signal=number)
    )
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        results = execute(STEPS, GRAPH, do=until_stopped, stop=stop)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)

    assert stop.signal == signal.SIGUSR1
    assert results["stream:a.rows"].status == "interrupted"


def test_a_callback_is_called_even_when_it_came_after_the_stop():
    called: list[str] = []
    stop = Stop()
    stop.then(lambda: called.append("before"))

    stop.set("enough")
    stop.set("again")
    stop.then(lambda: called.append("after"))

    assert called == ["before", "after"]
    assert stop.reason == "enough"


def test_events_tell_the_story_of_each_step():
    heard: list[Event] = []
    graph = Graph([A])

    execute(plan(graph, {A.id}), graph, do=well, listen=heard.append)

    started, asset, finished = heard
    assert started == StepStarted(step="tap:a", assets=("stream:a.rows",), attempt=1)
    assert isinstance(asset, AssetFinished)
    assert (asset.asset, asset.status, asset.rows) == ("stream:a.rows", "done", 1)
    assert isinstance(finished, StepFinished)
    assert (finished.step, finished.status) == ("tap:a", "done")


def test_a_step_ends_as_the_worst_of_its_assets():
    def results(*found: str) -> list[AssetResult]:
        return [AssetResult(asset=s, status=s) for s in found]  # type: ignore[arg-type]

    assert step_status(results("done", "warned")) == "warned"
    assert step_status(results("stopped", "skipped", "done")) == "stopped"
    assert step_status(results("failed", "stopped")) == "failed"
