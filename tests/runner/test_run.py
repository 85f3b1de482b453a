from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from elt.errors import (
    ConfigError,
    EltError,
    Guarded,
    Interrupted,
    OutOfTime,
    Unavailable,
)
from elt.events import BookmarkCommitted, Event, Listener, LogLine, RunStatus
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.attempt import AssetResult, Do, Stop
from elt.runner.decide import plan_project
from elt.runner.graph import Asset
from elt.runner.lock import Held, hold, this_process
from elt.runner.plan import Facts, RunRequest, Step
from elt.runner.result import exit_code, run_status
from elt.runner.run import run_project
from elt.runner.store import asset_log, history, marks, state
from elt.runner.store.database import Store, open_store
from elt.runner.store.recorder import logged
from elt.transform.manifest import Manifest, Node, Source

TOML = """
[project]
name = "acme"
[run]
retries = 0
[taps.crm]
plugin = "files"
[taps.billing]
plugin = "files"
"""


def catalog(*streams: str) -> dict[str, Any]:
    return {
        "streams": [
            {
                "tap_stream_id": name,
                "stream": name,
                "schema": {"properties": {"id": {"type": "integer"}}},
                "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
            }
            for name in streams
        ]
    }


def all_done(
    _: Step, assets: tuple[Asset, ...], __: Listener, ___: Stop
) -> Iterator[AssetResult]:
    for asset in assets:
        yield AssetResult(asset=asset.id, status="done", rows=3)


Work = Callable[[Step, tuple[Asset, ...], Listener, Stop], Iterable[AssetResult]]


@dataclass
class World:
    """What steps.py would find out and do, without taps, dbt or a warehouse."""

    work: Work = all_done
    catalogs: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"crm": catalog("deals"), "billing": catalog("bills")}
    )
    manifest: Manifest | None = None
    facts: Facts = field(default_factory=Facts)
    warehouse_id: str | None = "w1"
    bookmarks: Mapping[str, str] = field(default_factory=dict)
    last_loads: tuple[tuple[str, str, datetime], ...] = ()
    error: Exception | None = None
    closed: int = 0
    previews: list[bool] = field(default_factory=list)

    def __call__(
        self,
        project: Project,
        request: RunRequest,
        *,
        preview: bool,
        listen: Listener,
        **_: object,
    ) -> World:
        assert request is not None
        assert project.name == "acme"
        self.previews.append(preview)
        listen(LogLine(step="", source="tap", level="info", text="looking around"))
        if self.error is not None:
            raise self.error
        return self

    def doing(self, run: str, listen: Listener) -> Do:
        assert run

        def do(
            step: Step, assets: tuple[Asset, ...], _: int, stop: Stop
        ) -> Iterable[AssetResult]:
            return self.work(step, assets, listen, stop)

        return do

    def warm(self) -> None:
        raise AssertionError("this project has no dbt step")

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "elt.toml").write_text(TOML)
    return load_project(tmp_path)


def failing(error: Exception) -> Work:
    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        if step.id == "tap:crm":
            raise error
        yield from all_done(step, assets, listen, stop)

    return work


def run_row(project: Project) -> history.RunSummary:
    with open_store(project.private_dir) as store:
        return history.run_detail(store).summary


def texts(store: Store) -> list[str]:
    events = (event for _, event in logged(store))
    return [event.text for event in events if isinstance(event, LogLine)]


def test_a_run_does_its_plan_and_stays_in_the_log(project: Project):
    heard: list[Event] = []
    world = World()

    result = run_project(project, RunRequest(), listen=heard.append, prepare=world)

    assert (result.status, result.exit_code) == ("done", 0)
    assert [r.asset for r in result.results] == [
        "stream:crm.deals",
        "stream:billing.bills",
    ]
    assert type(heard[1]).__name__ == "RunStarted"
    assert type(heard[-1]).__name__ == "RunFinished"
    assert world.closed == 1
    summary = run_row(project)
    assert (summary.run, summary.status, summary.rows) == (result.run, "done", 6)


def test_the_preview_decides_as_the_run_does(project: Project):
    world = World()
    request = RunRequest(selection=("tap:crm",))

    plan = plan_project(project, request, prepare=world)
    result = run_project(project, request, prepare=world)

    assert plan.steps == result.steps
    assert [step.id for step in plan.steps] == ["tap:crm"]
    assert world.previews == [True, False]
    assert world.closed == 2


def test_a_preview_leaves_no_run_behind(project: Project):
    plan_project(project, RunRequest(), prepare=World())

    with open_store(project.private_dir) as store:
        assert history.runs(store) == []


def test_the_next_plan_knows_what_was_done(project: Project):
    before = plan_project(project, RunRequest(), prepare=World())
    run_project(project, RunRequest(), prepare=World())

    after = plan_project(project, RunRequest(), prepare=World())

    assert before.steps[0].reason == "never loaded"
    assert after.steps[0].reason == "selected"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EltError("no"), "failed", 1),
        (Unavailable("busy"), "failed", 1),
        (Guarded("too many removed rows"), "stopped", 3),
        (ConfigError("a secret is missing"), "failed", 1),
    ],
)
def test_what_fails_in_a_step_decides_the_exit_code(
    project: Project, error: Exception, status: RunStatus, code: int
):
    result = run_project(project, RunRequest(), prepare=World(work=failing(error)))

    assert (result.status, result.exit_code) == (status, code)
    assert run_row(project).status == status


def results(*statuses: str) -> list[AssetResult]:
    return [AssetResult(asset=s, status=s) for s in statuses]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statuses", "status", "code"),
    [
        (["done"], "done", 0),
        (["done", "planned"], "done", 0),
        (["done", "warned"], "warned", 0),
        (["stopped", "warned", "skipped"], "stopped", 3),
        (["stopped", "failed", "skipped"], "failed", 1),
        (["interrupted", "skipped"], "interrupted", 130),
        (["done", "skipped"], "stopped", 3),
        ([], "done", 0),
    ],
)
def test_the_worst_asset_names_the_run(
    statuses: list[str], status: RunStatus, code: int
):
    assert run_status(results(*statuses), Stop()) == status
    assert exit_code(status) == code


def test_strict_makes_a_warning_count():
    assert exit_code("warned", strict=True) == 3
    assert exit_code("done", strict=True) == 0


def test_a_stop_that_came_too_late_changes_nothing():
    stop = Stop()
    stop.set("Ctrl-C")

    assert run_status(results("done", "warned"), stop) == "warned"


def test_a_run_out_of_time_has_failed():
    stop = Stop()
    stop.set("the run took longer than 60 s", error=OutOfTime)

    assert run_status(results("done", "skipped"), stop) == "failed"


def test_a_signal_gives_its_exit_code_and_keeps_what_is_done(project: Project):
    stop = Stop()

    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, own: Stop
    ) -> Iterator[AssetResult]:
        if step.id == "tap:billing":
            yield from all_done(step, assets, listen, own)
            stop.set("SIGTERM", signal=signal.SIGTERM)
        else:
            assert own.wait(10)

    result = run_project(project, RunRequest(), stop=stop, prepare=World(work=work))

    assert (result.status, result.exit_code) == ("interrupted", 143)
    assert {r.asset: r.status for r in result.results} == {
        "stream:crm.deals": "interrupted",
        "stream:billing.bills": "done",
    }
    assert run_row(project).status == "interrupted"


def test_secrets_are_in_no_result_log_or_view(project: Project):
    secret = "hunter22-hunter22"  # noqa: S105
    secrets = Secrets(project.root, {"KEY": secret})
    heard: list[Event] = []

    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, _: Stop
    ) -> Iterator[AssetResult]:
        assert assets
        secrets.resolve("${env:KEY}", "here")
        listen(LogLine(step=step.id, source="tap", level="info", text=f"key={secret}"))
        raise ZeroDivisionError(secret)
        yield

    result = run_project(
        project,
        RunRequest(),
        listen=heard.append,
        secrets=secrets,
        prepare=World(work=work),
    )

    assert "***" in result.results[0].message
    assert secret not in repr(result) + repr(heard)
    files = [path.read_bytes() for path in project.private_dir.iterdir()]
    assert not any(secret.encode() in content for content in files)


def test_an_error_before_the_first_step_is_scrubbed_and_in_the_log(project: Project):
    secrets = Secrets(project.root, {"KEY": "hunter22-hunter22"})
    secrets.resolve("${env:KEY}", "here")
    world = World(error=ConfigError("no tap takes hunter22-hunter22", hint="Use it"))

    with pytest.raises(ConfigError, match=r"no tap takes \*\*\*"):
        run_project(project, RunRequest(), secrets=secrets, prepare=world)

    summary = run_row(project)
    assert (summary.status, summary.message) == ("failed", "no tap takes ***")
    with open_store(project.private_dir) as store:
        assert texts(store) == ["looking around"]


def test_a_committed_bookmark_is_copied_with_its_history(project: Project):
    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        listen(BookmarkCommitted(step=step.id, tap=step.id[4:], state='{"at": 7}'))
        yield from all_done(step, assets, listen, stop)

    result = run_project(project, RunRequest(), prepare=World(work=work))

    place = state.Place(environment="default", warehouse_id="w1")
    with open_store(project.private_dir) as store:
        kept = state.latest(store, place, "crm")
    assert kept is not None
    assert (kept.state, kept.origin) == ('{"at": 7}', result.run)


def test_a_bookmark_that_differs_is_healed_and_told(project: Project):
    place = state.Place(environment="default", warehouse_id="w1")
    with open_store(project.private_dir) as store:
        state.save(store, place, "crm", '{"at": 9}', origin="run-0")

    run_project(project, RunRequest(), prepare=World(bookmarks={"crm": '{"at": 5}'}))

    with open_store(project.private_dir) as store:
        kept = state.latest(store, place, "crm")
        lines = texts(store)
    assert kept is not None
    assert kept.state == '{"at": 5}'
    assert "the warehouse's counts" in lines[1]


def test_a_view_that_fails_does_not_fail_the_run(project: Project):
    def view(_: Event) -> None:
        raise BrokenPipeError

    result = run_project(project, RunRequest(), listen=view, prepare=World())

    assert result.status == "done"
    with open_store(project.private_dir) as store:
        assert "the view failed" in texts(store)[1]


def test_a_run_that_cannot_be_recorded_is_stopped(project: Project):
    damaged = threading.Event()

    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        if not damaged.is_set():
            damaged.set()
            with open_store(project.private_dir) as store:
                store.rows("DROP TABLE assets")
        yield from all_done(step, assets, listen, stop)

    request = RunRequest(jobs=1)
    result = run_project(project, request, prepare=World(work=work))

    assert (result.status, result.exit_code) == ("failed", 1)
    assert result.message.startswith("the run log failed: the store cannot be used")
    assert result.results[1].status == "skipped"


def test_an_overlap_fails_or_is_skipped_as_asked(project: Project):
    world = World()
    with hold(project.private_dir / "lock", this_process("run-1")):
        with pytest.raises(Held):
            run_project(project, RunRequest(), prepare=world)
        result = run_project(project, RunRequest(on_overlap="skip"), prepare=world)

    assert world.previews == []
    assert (result.run, result.exit_code) == ("", 0)
    assert "another run of this project is under way: run-1" in result.message


def test_a_backfill_leaves_the_age_of_streams_as_it_was(project: Project):
    toml = project.root / "elt.toml"
    told = 'plugin = "files"\nwindow = { start = "since", end = "until" }'
    toml.write_text(toml.read_text().replace('plugin = "files"', told))
    project = load_project(project.root)
    run_project(project, RunRequest(selection=("tap:crm",)), prepare=World())
    with open_store(project.private_dir) as store:
        before = asset_log.last_success(store, "default")

    window = ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")
    result = run_project(
        project, RunRequest(window=window, backfill=True), prepare=World()
    )

    assert result.status == "done"
    with open_store(project.private_dir) as store:
        assert asset_log.last_success(store, "default") == before


def test_a_retry_is_recorded_with_what_it_goes_on_with(project: Project):
    asked = RunRequest(full_refresh=True, accept=("removed",))
    broken = World(work=failing(EltError("no")))
    first = run_project(project, asked, prepare=broken)

    result = run_project(project, RunRequest(retry="last"), prepare=World())

    assert [(r.asset, r.status) for r in result.results] == [
        ("stream:crm.deals", "done")
    ]
    summary = run_row(project)
    assert (summary.run, summary.retry_of) == (result.run, first.run)
    assert summary.request["full_refresh"] is True
    assert summary.request["accept"] == []
    assert summary.request["only"] == ["stream:crm.deals"]


def test_where_nothing_is_left_no_run_begins(project: Project):
    run_project(project, RunRequest(), prepare=World())
    world = World()

    result = run_project(project, RunRequest(retry="last"), prepare=world)

    assert (result.run, result.exit_code) == ("", 0)
    assert "there is nothing left to do of it" in result.message
    assert world.previews == []
    plan = plan_project(project, RunRequest(retry="last"), prepare=world)
    assert plan.steps == ()
    assert "there is nothing left to do" in plan.notes[0]


def test_a_run_of_another_environment_is_not_retried_in_this(project: Project):
    run_project(project, RunRequest(), prepare=World(work=failing(EltError("no"))))
    (project.root / "elt.toml").write_text(TOML + "[environments.prod]\n")
    elsewhere = load_project(project.root, "prod")

    with pytest.raises(ConfigError, match="was in the environment `default`"):
        run_project(elsewhere, RunRequest(retry="last"), prepare=World())


def test_the_plan_says_what_a_persons_word_holds_back(project: Project):
    world = World(manifest=reading("crm", "deals"))
    result = run_project(project, RunRequest(selection=("tap:crm",)), prepare=world)
    with open_store(project.private_dir) as store:
        marks.mark(
            store,
            "default",
            result.run,
            ["stream:crm.deals"],
            "failed",
            reason="half of it",
            author="ann@desk",
        )
    request = RunRequest(selection=("model:customers",))

    plan = plan_project(project, request, prepare=world)

    (planned,) = plan.steps[0].planned
    why = "`stream:crm.deals` was marked failed by ann@desk: half of it"
    assert planned.note == f"held back: {why}"
    hold = plan.held["model:customers"]
    assert hold.why == why
    (note,) = plan.notes
    assert note == f"{why}; nothing below it goes on: {hold.hint}"
    assert hold.hint == (
        "`elt run stream:crm.deals` does it again, `elt runs undo stream:crm.deals`"
        " takes the word back"
    )
    done = run_project(project, request, prepare=world)
    assert (done.status, done.exit_code) == ("stopped", 3)
    assert [(r.status, r.message, r.hint) for r in done.results] == [
        ("skipped", why, hold.hint)
    ]
    everything = plan_project(project, RunRequest(), prepare=world)
    assert everything.held == {}


def reading(tap: str, table: str) -> Manifest:
    """Give a manifest of one model, `customers`, that reads a loaded table."""
    source = Source(
        unique_id="source.s",
        name=f"raw_{tap}.{table}",
        database="warehouse",
        schema=f"raw_{tap}",
        identifier=table,
    )
    node = Node(
        unique_id="model.customers",
        kind="model",
        name="customers",
        fqn=("shop", "customers"),
        database="warehouse",
        schema="main",
        identifier="customers",
        depends_on=("source.s",),
        tags=(),
        severity="error",
        path="models/customers.sql",
        package="shop",
        materialized="table",
    )
    return Manifest(nodes={node.unique_id: node}, sources={source.unique_id: source})


KILLED = """
import sys, time
from pathlib import Path
from elt.project.load import load_project
from elt.runner.plan import RunRequest
from elt.runner.run import run_project

sys.path.insert(0, sys.argv[2])
from test_run import World

def work(step, assets, listen, stop):
    print(step.id, flush=True)
    time.sleep(60)

project = load_project(Path(sys.argv[1]))
run_project(project, RunRequest(jobs=1), prepare=World(work=work))
"""


def test_a_killed_run_is_marked_by_the_next_which_begins_at_once(project: Project):
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(project.root), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "tap:crm\n"
    killed.kill()
    killed.communicate()

    result = run_project(project, RunRequest(), prepare=World())

    assert result.status == "done"
    with open_store(project.private_dir) as store:
        newest, crashed = history.runs(store)
    assert newest.status == "done"
    assert crashed.status == "crashed"
    assert crashed.message.startswith("its process is gone; last seen 20")
    assert crashed.message.endswith(" UTC: step started, tap:crm")


def test_a_clock_that_went_back_is_told_and_the_newest_run_stays_the_newest(
    project: Project,
):
    next_year = datetime.now(UTC) + timedelta(days=365)
    with open_store(project.private_dir) as store:
        early = this_process("early")
        request: dict[str, object] = {}
        history.start_run(
            store, early, environment="default", request=request, now=lambda: next_year
        )
        history.finish_run(store, "early", "done", now=lambda: next_year)
    told: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, LogLine):
            told.append(event.text)

    result = run_project(project, RunRequest(), listen=listen, prepare=World())

    assert result.status == "done"
    (text,) = (text for text in told if text.startswith("the clock says"))
    assert text.endswith("is the time of this machine right?")
    with open_store(project.private_dir) as store:
        assert [run.run for run in history.runs(store)] == [result.run, "early"]


def test_who_waits_for_another_run_is_told_at_which_step_that_is(project: Project):
    other = this_process("run-1")
    with open_store(project.private_dir) as store:
        history.start_run(store, other, environment="default", request={})
        step = history.StepEntry(step="tap:crm", kind="tap", reason="", assets=())
        history.record_plan(store, "run-1", [step])
        with store.writing() as connection:
            connection.execute("UPDATE steps SET status = 'running'")
    told: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, LogLine):
            told.append(event.text)

    request = RunRequest(on_overlap="wait", wait_seconds=0.3)
    with hold(project.private_dir / "lock", other), pytest.raises(Held) as raised:
        run_project(project, request, listen=listen, prepare=World())

    assert [text.startswith("waiting: another run") for text in told] == [True]
    assert told[0].endswith(", at tap:crm")
    assert raised.value.what.endswith(", at tap:crm")


def with_limits(project: Project, text: str) -> Project:
    toml = project.root / "elt.toml"
    toml.write_text(toml.read_text() + text)
    return load_project(project.root)


def test_steps_of_one_pool_do_not_run_at_once(project: Project):
    limited = with_limits(project, 'pool = "api"\n[pools]\napi = 1\n')
    toml = limited.root / "elt.toml"
    toml.write_text(toml.read_text().replace("[taps.crm]", "[taps.crm]\npool = 'api'"))
    inside = threading.Semaphore(1)
    met: list[bool] = []

    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        alone = inside.acquire(blocking=False)
        met.append(alone)
        stop.wait(0.05)
        if alone:
            inside.release()
        yield from all_done(step, assets, listen, stop)

    result = run_project(
        load_project(limited.root), RunRequest(jobs=4), prepare=World(work)
    )

    assert result.status == "done"
    assert met == [True, True]


def test_a_step_goes_by_its_own_limits(project: Project):
    limited = with_limits(
        project, "timeout_seconds = 0.05\n[run.taps]\nretry_delay_seconds = 0\n"
    )
    toml = limited.root / "elt.toml"
    toml.write_text(toml.read_text().replace("[taps.crm]", "[taps.crm]\nretries = 3"))
    tries: list[str] = []

    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        tries.append(step.id)
        if step.id == "tap:crm" and tries.count("tap:crm") < 4:
            raise Unavailable("not yet")
        if step.id == "tap:billing" and stop.wait(10):
            raise Interrupted("the tap was stopped")
        yield from all_done(step, assets, listen, stop)

    result = run_project(load_project(limited.root), RunRequest(), prepare=World(work))

    crm, billing = result.results
    assert (crm.status, tries.count("tap:crm")) == ("done", 4)
    assert (billing.status, result.exit_code) == ("failed", 1)
    assert billing.message == (
        "the step took longer than 0.05 s (`timeout_seconds` in [taps.billing])"
    )
