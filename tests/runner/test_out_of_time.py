"""What a step and a run say that were asked to end, whoever asked and whatever ran."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from elt.errors import EltError, Interrupted, OutOfTime, Unavailable
from elt.events import AssetFinished, Event, Listener, StepFinished, StepRetrying
from elt.project.load import load_project
from elt.runner.attempt import AssetResult, Do, Edges, RunningStep, Stop
from elt.runner.graph import Asset, Graph
from elt.runner.limits import RunLimits, StepLimits
from elt.runner.plan import RunRequest, Step
from elt.runner.result import exit_code, run_status
from elt.runner.run import run_project
from elt.runner.scheduler import execute
from elt.runner.store import history
from elt.runner.store.database import open_store
from tests.runner.shop import ELT_TOML, Shop, make_shop

TAP = Step(id="tap:crm", kind="tap", assets=("stream:crm.deals",))
DBT = Step(id="dbt", kind="dbt", assets=("model:mrr",))
SYNC = Step(id="sync:top", kind="sync", assets=("sync:top",))


def as_each_kind_does(
    step: Step, assets: tuple[Asset, ...], _: int, stop: Stop
) -> Iterator[AssetResult]:
    """End when asked to, as the kind of step does: only dbt answers for itself."""
    assert stop.wait(10)
    match step.kind:
        case "tap":
            raise Interrupted(stop.reason)
        case "dbt":
            for asset in assets:
                yield AssetResult(asset=asset.id, status="interrupted", seconds=7.5)
        case "sync":
            raise Interrupted("sync `top` was asked to stop")


def end(
    step: Step,
    do: Do = as_each_kind_does,
    *,
    step_seconds: float | None = None,
    run_seconds: float | None = None,
    stop: Stop | None = None,
) -> tuple[AssetResult, int]:
    """Run one step until it is asked to end; give its result and the exit code."""
    stop = stop or Stop()
    limits = StepLimits(
        timeout_seconds=step_seconds,
        timeout_setting="`timeout_seconds` in [run.taps]",
        retry_delay_seconds=60,
    )
    (id_,) = step.assets
    kind, _, name = id_.partition(":")
    results = execute(
        [Step(id=step.id, kind=step.kind, assets=step.assets, limits=limits)],
        Graph([Asset(id_, kind, name)]),  # type: ignore[arg-type]
        do=do,
        limits=RunLimits(timeout_seconds=run_seconds, grace_seconds=0.5),
        stop=stop,
    )
    status = run_status(results.values(), stop)
    return results[id_], exit_code(status, signal=stop.signal or 2)


def told(result: AssetResult) -> tuple[str, str, str]:
    return result.status, result.error, result.message


@pytest.mark.parametrize("step", [TAP, DBT, SYNC], ids=lambda step: step.kind)
def test_a_step_over_its_limit_has_failed_and_names_it(step: Step):
    result, code = end(step, step_seconds=0.05)

    assert told(result) == (
        "failed",
        "OutOfTime",
        "the step took longer than 0.05 s (`timeout_seconds` in [run.taps])",
    )
    assert code == 1


@pytest.mark.parametrize("step", [TAP, DBT, SYNC], ids=lambda step: step.kind)
def test_a_run_over_its_limit_fails_what_runs_and_names_it(step: Step):
    result, code = end(step, run_seconds=0.05)

    assert told(result) == (
        "failed",
        "OutOfTime",
        "the run took longer than 0.05 s (`timeout_seconds` in [run])",
    )
    assert code == 1


@pytest.mark.parametrize("step", [TAP, DBT, SYNC], ids=lambda step: step.kind)
def test_a_signal_interrupts_what_runs_and_is_named(step: Step):
    stop = Stop()
    asked = threading.Timer(0.05, lambda: stop.set("stopped by SIGTERM", signal=15))
    asked.start()

    result, code = end(step, stop=stop)

    assert told(result) == ("interrupted", "Interrupted", "stopped by SIGTERM")
    assert code == 143


def test_what_was_cut_short_keeps_its_own_time():
    result, _ = end(DBT, step_seconds=0.05)

    assert result.seconds == 7.5


def unavailable(*_: object) -> Iterator[AssetResult]:
    raise Unavailable("connection refused")


def broken_when_asked(
    _: Step, __: tuple[Asset, ...], ___: int, stop: Stop
) -> Iterator[AssetResult]:
    assert stop.wait(10)
    raise ZeroDivisionError


def deaf(*_: object) -> Iterator[AssetResult]:
    time.sleep(1)
    yield AssetResult(asset="stream:crm.deals", status="done")


@pytest.mark.parametrize("do", [unavailable, broken_when_asked, deaf])
def test_the_class_of_what_ran_out_of_time_is_one(do: Do):
    result, _ = end(TAP, do, step_seconds=0.05)

    assert (result.status, result.error) == ("failed", "OutOfTime")


def test_a_run_log_that_failed_is_no_limit():
    stop = Stop()
    stop.set("the run log failed", error=EltError)

    result, code = end(TAP, stop=stop)

    assert (result.status, stop.timed_out, code) == ("skipped", True, 1)


# A step that ends in its grace, while what listens takes longer than that grace.
SLOW = Step(
    id="tap:slow",
    kind="tap",
    assets=("stream:slow.rows",),
    limits=StepLimits(timeout_seconds=0.1),
)
BELOW = Step(id="sync:x", kind="sync", assets=("sync:x",), needs=("tap:slow",))
LONG = Step(id="tap:long", kind="tap", assets=("stream:long.rows",))
GRAPH = Graph(
    [
        Asset("stream:slow.rows", "stream", "slow.rows"),
        Asset("sync:x", "sync", "x", upstream=("stream:slow.rows",)),
        Asset("stream:long.rows", "stream", "long.rows"),
    ]
)


def slowly_ended(
    step: Step, assets: tuple[Asset, ...], _: int, stop: Stop
) -> Iterator[AssetResult]:
    if step.id == "tap:slow":
        assert stop.wait(10)
        raise RuntimeError("no answer")
    time.sleep(0.8)
    for asset in assets:
        yield AssetResult(asset=asset.id, status="done")


@pytest.mark.parametrize("slow_at", [AssetFinished, StepFinished])
def test_a_step_that_settles_while_its_grace_ends_is_ended_once(slow_at: type):
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if isinstance(event, slow_at) and event.step == "tap:slow":
            time.sleep(0.5)

    results = execute(
        [SLOW, BELOW, LONG],
        GRAPH,
        do=slowly_ended,
        listen=listen,
        limits=RunLimits(grace_seconds=0.2),
    )

    assert {asset: result.status for asset, result in results.items()} == {
        "stream:slow.rows": "failed",
        "sync:x": "skipped",
        "stream:long.rows": "done",
    }
    assert results["stream:slow.rows"].message == "the step took longer than 0.1 s"
    ends = [event.step for event in heard if isinstance(event, StepFinished)]
    assert sorted(ends) == ["sync:x", "tap:long", "tap:slow"]


def test_what_has_ended_is_not_given_up_and_has_no_time_to_be_over():
    at_its_end: list[object] = []

    def listen(event: Event) -> None:
        if isinstance(event, StepFinished):
            at_its_end.extend([running.give_up(), running.next_moment()])

    running = RunningStep(
        SLOW,
        (Asset("stream:slow.rows", "stream", "slow.rows"),),
        unavailable,
        listen,
        grace_seconds=0.2,
        edges=Edges(start=lambda work, _: work(), sleep=lambda *_: None),
    )

    running.start(on_end=at_its_end.append)

    assert at_its_end == [False, None, running]
    assert not running.given_up


def test_an_error_of_the_listener_fails_the_step_and_not_the_run():
    def listen(event: Event) -> None:
        if isinstance(event, StepRetrying):
            raise ZeroDivisionError("in the listener")

    results = heard_by(listen)

    assert results["stream:crm.deals"].status == "failed"
    assert "in the listener" in results["stream:crm.deals"].message


def heard_by(listen: Listener) -> dict[str, AssetResult]:
    graph = Graph([Asset("stream:crm.deals", "stream", "crm.deals")])
    return execute([TAP], graph, do=unavailable, listen=listen)


DISCOVERY = {
    "answers that it is not there": "sys.exit(75)",
    "never answers": "time.sleep(60)",
}


@pytest.mark.parametrize("discovery", DISCOVERY.values(), ids=DISCOVERY.keys())
def test_the_time_of_a_run_counts_while_taps_are_asked(tmp_path: Path, discovery: str):
    tap = tmp_path / "tap.py"
    tap.write_text(f"#!{sys.executable}\nimport sys, time\n{discovery}\n")
    tap.chmod(0o755)
    (tmp_path / "elt.toml").write_text(
        '[project]\nname = "shop"\n[run]\ntimeout_seconds = 0.6\n'
        'retry_delay_seconds = 30\n[taps.crm]\nexecutable = "./tap.py"\n'
    )
    began = time.monotonic()

    result = run_project(load_project(tmp_path), RunRequest())

    assert time.monotonic() - began < 10
    message = "the run took longer than 0.6 s (`timeout_seconds` in [run])"
    assert (result.status, result.exit_code) == ("failed", 1)
    assert result.message == message
    with open_store(tmp_path / ".elt") as store:
        assert history.run_detail(store).summary.message == message


def test_a_run_whose_time_is_over_before_its_steps_begins_none():
    begun: list[str] = []

    def do(step: Step, *_: object) -> Iterator[AssetResult]:
        begun.append(step.id)
        yield AssetResult(asset="stream:crm.deals", status="done")

    results = execute(
        [TAP],
        Graph([Asset("stream:crm.deals", "stream", "crm.deals")]),
        do=do,
        limits=RunLimits(timeout_seconds=60),
        began=time.monotonic() - 61,
    )

    assert begun == []
    assert results["stream:crm.deals"].message == (
        "the run took longer than 60 s (`timeout_seconds` in [run])"
    )


def test_a_run_that_was_asked_to_end_raises_why():
    stop = Stop()
    stop.heed()
    stop.set("the run took longer than 3 s", error=OutOfTime)

    with pytest.raises(OutOfTime, match="longer than 3 s"):
        stop.heed()


TRANSFORM = ELT_TOML + "[transform]\ntimeout_seconds = 4\n"
ENDLESS = "SELECT count(*) AS n FROM range(10_000_000_000_000) r(i) WHERE hash(i) = 3"


ABSENT = f"#!{sys.executable}\nimport sys\nsys.exit(75)\n"
RETRY = "hint: Nothing had begun: `elt retry` does all of it"


@pytest.fixture
def unparsed(tmp_path: Path) -> Shop:
    """Give a project whose tap is not there, and which dbt has never read."""
    shop = make_shop(tmp_path / "shop", TRANSFORM)
    (shop.path / "tap.py").write_text(ABSENT)
    (shop.path / "transform").mkdir()
    return shop


def limit(shop: Shop, keys: str) -> None:
    toml = shop.path / "elt.toml"
    toml.write_text(toml.read_text().replace("retries = 0", keys))


def test_a_run_over_its_limit_does_not_begin_to_parse(unparsed: Shop):
    limit(unparsed, "timeout_seconds = 1\nretry_delay_seconds = 30")

    done = unparsed.program("run", code=1)

    message = "error: the run took longer than 1 s (`timeout_seconds` in [run])"
    assert message in done.err
    assert RETRY in done.err


def test_a_run_that_is_stopped_while_taps_are_asked_ends_at_once(unparsed: Shop):
    limit(unparsed, "retry_delay_seconds = 30")
    run = subprocess.Popen(unparsed.command("run"), stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    while "asked again" not in run.stderr.readline():
        assert run.poll() is None

    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=20)

    assert run.returncode == 143
    assert "error: stopped by SIGTERM" in said
    assert RETRY in said


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_run_over_its_limit_waits_no_more_for_the_warehouse(tmp_path: Path):
    shop = make_shop(tmp_path / "shop", ELT_TOML)
    shop.rows(whole=[(1, 1, "a")])
    shop.elt("run")
    limit(shop, "timeout_seconds = 0.5")
    began = time.monotonic()

    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(shop.path / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        done = shop.elt("run", code=1)

    assert time.monotonic() - began < 15
    assert "the run took longer than 0.5 s (`timeout_seconds` in [run])" in done.err


@pytest.mark.slow
def test_dbt_over_its_limit_is_told_in_the_document_and_in_junit(tmp_path: Path):
    shop = make_shop(tmp_path / "shop", TRANSFORM)
    models = shop.path / "transform" / "models"
    models.mkdir(parents=True)
    (models.parent / "dbt_project.yml").write_text(
        'name: shop\nversion: "1.0"\nprofile: shop\n'
    )
    (models / "endless.sql").write_text(
        "{{ config(materialized='table') }}\n" + ENDLESS
    )

    junit = tmp_path / "junit.xml"

    done = shop.program("run", "endless", "--json", "--junit", junit, code=1)

    message = "the step took longer than 4 s (`timeout_seconds` in [transform])"
    (step,) = done.json["steps"]
    (asset,) = step["assets"]
    for one in (step, asset):
        assert (one["status"], one["error"]) == ("failed", "OutOfTime")
        assert one["message"] == message
    assert done.json["status"] == "failed"
    failure = ET.parse(junit).find(".//failure")  # noqa: S314
    assert failure is not None
    assert (failure.get("type"), failure.text) == ("OutOfTime", f"failed: {message}")
    assert message in done.err
