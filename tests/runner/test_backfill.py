from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.events import Listener
from elt.project.load import load_project
from elt.project.settings import Project
from elt.runner.attempt import AssetResult, Stop
from elt.runner.backfill import (
    PlannedWindow,
    WindowResult,
    check_selection,
    command,
    exit_code,
    planned_windows,
    run_windows,
    what_is_left,
)
from elt.runner.graph import Asset, Graph
from elt.runner.lock import hold, this_process
from elt.runner.plan import RunRequest, Step
from elt.runner.result import RunResult
from elt.runner.resume import left_open
from elt.runner.run import run_project
from elt.runner.store import history, marks
from elt.runner.store.database import Store, open_store
from elt.runner.store.windows import windows
from elt.runner.windows import Window
from tests.runner import test_resume, test_run
from tests.runner.nights import HERE, began, days, ran, result, window

REQUEST = RunRequest(selection=("m",), backfill=True, skip_done=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "elt.toml").write_text(test_run.TOML)
    return load_project(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened


def states(store: Store, wanted: Sequence[Window]) -> list[tuple[str, str]]:
    found = planned_windows(store, HERE, REQUEST, wanted)
    return [(each.state, each.run) for each in found]


def said(store: Store, run: str, word: marks.Word) -> None:
    marks.mark(store, HERE, run, ["model:m"], word, reason="I looked", author="ann")


def test_a_window_is_done_open_or_to_do_as_its_last_run_left_it(store: Store):
    done = ran(store, window("1", "2"))
    failed = ran(store, window("2", "3"), "failed")
    warned = ran(store, window("3", "4"), "warned")

    found = states(store, days(1, 5))

    assert found == [("done", done), ("open", failed), ("done", warned), ("to do", "")]


def test_a_run_that_was_killed_leaves_its_window_open(store: Store):
    killed = began(store, window("1", "2"))

    assert history.mark_crashed(store, alive=lambda _: False) == [killed]

    (row,) = windows(store, HERE, ["m"], [])
    assert (row.status, row.run) == ("crashed", killed)
    assert states(store, days(1, 2)) == [("open", killed)]


def test_a_run_that_was_killed_when_all_was_done_leaves_nothing_open(store: Store):
    killed = began(store, window("1", "2"))
    result(store, killed, "model:m", "done")
    history.mark_crashed(store, alive=lambda _: False)

    assert states(store, days(1, 2)) == [("done", killed)]


def test_a_retry_that_ends_well_makes_its_window_done(store: Store):
    failed = ran(store, window("1", "2"), "failed")
    again = ran(store, window("1", "2"), "done", retry_of=failed)

    assert states(store, days(1, 2)) == [("done", again)]


def test_a_window_that_failed_again_is_open_though_it_was_done_once(store: Store):
    ran(store, window("1", "2"))
    failed = ran(store, window("1", "2"), "failed")

    assert states(store, days(1, 2)) == [("open", failed)]


def test_a_persons_word_closes_a_window_and_opens_one(store: Store):
    failed = ran(store, window("1", "2"), "failed")
    done = ran(store, window("2", "3"))

    said(store, failed, "success")
    said(store, done, "failed")

    assert states(store, days(1, 3)) == [("done", failed), ("open", done)]


def test_windows_that_lie_in_good_ones_are_done(store: Store):
    ran(store, window("1", "3"))
    last = ran(store, window("3", "6T12"))

    found = states(store, [window("2", "5"), window("5", "6"), window("6", "7")])

    assert found == [("done", last), ("done", last), ("to do", "")]


def test_a_longer_window_makes_up_for_those_in_it_that_failed_before(store: Store):
    ran(store, window("1", "2"), "failed")
    whole = ran(store, window("1", "8"))
    later = ran(store, window("2", "3"), "failed")

    assert states(store, days(1, 3)) == [("done", whole), ("open", later)]


def test_windows_count_for_their_selection_in_any_order_and_for_no_other(store: Store):
    ran(store, window("1", "2"), "done", "b", "a")
    ran(store, window("2", "3"), "done", "b a")

    def found(*selection: str, exclude: tuple[str, ...] = ()) -> list[str]:
        asked = RunRequest(selection=selection, exclude=exclude)
        planned = planned_windows(store, HERE, asked, days(1, 3))
        return [each.state for each in planned]

    assert found("a", "b") == ["done", "done"]
    assert found("a") == ["to do", "to do"]
    assert found("a", "b", exclude=("c",)) == ["to do", "to do"]
    assert planned_windows(store, "prod", REQUEST, days(1, 2))[0].state == "to do"


def test_everything_is_one_selection_however_it_is_said(store: Store):
    ran(store, window("1", "2"), "done", "*")

    (found,) = planned_windows(store, HERE, RunRequest(), days(1, 2))

    assert found.state == "done"


def test_a_part_of_a_selection_says_nothing_of_its_window(store: Store):
    run = began(store, window("1", "2"), from_step="dbt")
    history.finish_run(store, run, "done")

    assert states(store, days(1, 2)) == [("to do", "")]


def test_the_windows_stay_when_their_runs_are_forgotten(store: Store):
    done = ran(store, window("1", "2"))
    ran(store, window("2", "3"), "failed")
    with store.writing() as connection:
        connection.execute("DELETE FROM runs")

    assert states(store, days(1, 3)) == [("done", done), ("to do", "")]


def test_what_is_left_of_a_window_is_what_a_retry_does(store: Store):
    failed = ran(store, window("1", "2"), "failed")
    asked = replace(REQUEST, window=window("1", "2").texts, jobs=2)

    request, why = what_is_left(store, HERE, asked)

    assert why == ""
    assert request is not None
    assert (request.retry, request.only) == (failed, ("model:m",))
    assert (request.window, request.backfill) == (window("1", "2").texts, True)
    assert request.jobs == 2


def test_a_window_that_failed_is_left_open_though_a_later_one_was_done(store: Store):
    lost = ran(store, window("1", "2"), "failed")
    with store.writing() as connection:
        connection.execute(
            "INSERT INTO assets (environment, asset, run, status, updated_at,"
            " last_success) VALUES (?1, 'model:m', 'r9', 'done', ?2, ?2)",
            (HERE, "2099-01-01T00:00:00+00:00"),
        )
    ran(store, window("2", "3"))

    assert left_open(store, HERE) == lost

    ran(store, window("1", "3"))
    assert left_open(store, HERE) is None


def test_words_that_choose_something_else_in_each_window_are_refused(project: Project):
    for request in (
        RunRequest(selection=("state:modified+",)),
        RunRequest(selection=("m",), exclude=("result:failed",)),
    ):
        with pytest.raises(ConfigError, match="something else in each window"):
            check_selection(project, request)


def test_the_command_of_a_backfill_can_be_copied():
    asked = RunRequest(selection=("a b", "@c"), exclude=("d",))

    line = command("prod", asked, window("1", "2T06"), "--skip-done")

    assert line == (
        "elt backfill 'a b' @c --exclude d --from 2026-11-01 --to 2026-11-02T06:00Z"
        " --env prod --skip-done"
    )


def ends(*codes: int) -> Iterator[RunResult]:
    statuses = {0: "done", 1: "failed", 3: "stopped", 130: "interrupted"}
    for number, code in enumerate(codes):
        yield RunResult(run=f"r{number}", status=statuses[code], exit_code=code)  # type: ignore[arg-type]


def ended(*codes: int, keep_going: bool = False) -> list[int | None]:
    planned = [PlannedWindow(window=each, state="to do") for each in days(1, 9)]
    results = ends(*codes)
    found = run_windows(
        planned[: len(codes)], lambda _: next(results), keep_going=keep_going
    )
    return [each.exit_code for each in found]


def test_the_first_window_that_fails_is_the_last():
    assert ended(0, 3, 0) == [0, 3]
    assert ended(0, 1, 0) == [0, 1]


def test_with_keep_going_only_an_interruption_ends_it_early():
    assert ended(0, 3, 1, 0, keep_going=True) == [0, 3, 1, 0]
    assert ended(0, 130, 0, keep_going=True) == [0, 130]


def ended_with(*codes: int | None) -> list[WindowResult]:
    return [
        WindowResult(window=each, run="", status="", exit_code=code)
        for each, code in zip(days(1, 9), codes, strict=False)
    ]


@pytest.mark.parametrize(
    ("codes", "code"),
    [((), 0), ((0, None), 0), ((0, 3), 3), ((3, 1, 3, 0), 1), ((1, 143), 143)],
)
def test_a_failure_counts_more_than_a_guard_and_an_interruption_most(codes, code):
    assert exit_code(ended_with(*codes), planned=4) == code


def test_a_window_that_ends_well_after_ctrl_c_is_the_last():
    planned = [PlannedWindow(window=each, state="to do") for each in days(1, 4)]
    stopped = RunResult(run="r1", status="done", exit_code=0, signal=2)

    found = list(run_windows(planned, lambda _: stopped, keep_going=True))

    assert [each.run for each in found] == ["r1"]
    assert exit_code(found, planned=3) == 130
    assert exit_code(found, planned=1) == 0


def all_windows(
    project: Project,
    world: test_run.World,
    wanted: Sequence[Window],
    request: RunRequest,
    *,
    keep_going: bool = False,
) -> list[WindowResult]:
    with open_store(project.private_dir) as opened:
        planned = planned_windows(opened, HERE, request, wanted)

    def do(each: PlannedWindow) -> RunResult:
        asked = replace(request, window=each.window.texts)
        return run_project(project, asked, prepare=world)

    return list(run_windows(planned, do, keep_going=keep_going))


# Not a `backfill`, which not every tap can do.
ALL = RunRequest(selection=("*",), skip_done=True, jobs=1)


def failing_on(*turns: int) -> test_run.World:
    """Give a world whose second tap fails at its first, second, ... turn."""
    turn = 0

    def work(
        step: Step, assets: tuple[Asset, ...], listen: Listener, stop: Stop
    ) -> Iterator[AssetResult]:
        nonlocal turn
        turn += step.id == "tap:billing"
        if step.id == "tap:billing" and turn in turns:
            raise ConfigError("no")
        yield from test_run.all_done(step, assets, listen, stop)

    return test_run.World(work=work)


def test_each_window_is_a_run_of_its_own_that_knows_its_window(project: Project):
    results = all_windows(project, test_run.World(), days(1, 4), ALL)

    with open_store(project.private_dir) as opened:
        runs = history.runs(opened)
    assert [each.run for each in results] == [each.run for each in reversed(runs)]
    assert [(each.window.start, each.window.end) for each in runs if each.window] == [
        ("2026-11-03T00:00:00+00:00", "2026-11-04T00:00:00+00:00"),
        ("2026-11-02T00:00:00+00:00", "2026-11-03T00:00:00+00:00"),
        ("2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00"),
    ]


def test_the_same_again_does_what_is_open_and_what_is_to_do(project: Project):
    world = failing_on(2)

    first = all_windows(project, world, days(1, 4), ALL)
    second = all_windows(project, world, days(1, 4), ALL)
    third = all_windows(project, world, days(1, 4), ALL)

    assert [each.status for each in first] == ["done", "failed"]
    assert [(e.status, e.skipped) for e in second] == [
        ("done", True),
        ("done", False),
        ("done", False),
    ]
    assert all(each.skipped for each in third)
    with open_store(project.private_dir) as opened:
        runs = history.runs(opened)
        assert [each.retry_of for each in runs] == [None, first[1].run, None, None]
        assert dict(history.run_detail(opened, runs[1].run).summary.assets) == {
            "done": 1
        }


def test_a_window_that_another_run_has_done_meanwhile_is_not_done_again(
    project: Project,
):
    asked = replace(ALL, window=window("1", "2").texts)
    done = run_project(project, asked, prepare=test_run.World())

    again = run_project(project, asked, prepare=test_run.World())

    assert (again.run, again.exit_code) == ("", 0)
    assert again.message == f"2026-11-01 .. 2026-11-02 has been done by run {done.run}"
    with open_store(project.private_dir) as opened:
        assert len(history.runs(opened)) == 1


def test_a_retry_by_hand_keeps_the_window_and_closes_it(project: Project):
    world = failing_on(1)
    (failed,) = all_windows(project, world, days(1, 3), ALL)

    retried = run_project(project, RunRequest(retry=failed.run), prepare=world)

    with open_store(project.private_dir) as opened:
        assert states_of(opened) == [("done", retried.run), ("to do", "")]
        request = history.run_detail(opened, retried.run).summary.request
    assert request["jobs"] == 1
    assert request["window"] == [*window("1", "2").texts]


def states_of(store: Store) -> list[tuple[str, str]]:
    found = planned_windows(store, HERE, ALL, days(1, 3))
    return [(each.state, each.run) for each in found]


def test_a_backfill_that_gives_way_to_another_run_ends_there(project: Project):
    project.private_dir.mkdir()
    with hold(project.private_dir / "lock", this_process("other")):
        request = replace(ALL, on_overlap="skip")
        results = all_windows(project, test_run.World(), days(1, 3), request)

    assert [(each.gave_way, each.exit_code) for each in results] == [(True, 0)]
    with open_store(project.private_dir) as opened:
        assert states_of(opened) == [("to do", "")] * 2


@st.composite
def troubles(draw: st.DrawFn) -> tuple[Graph, list[dict], list[int | None], bool]:
    """Draw a graph, what fails in each window, when it is killed, and a flag.

    Without syncs, which a backfill leaves out, and before which tests are due again.
    """
    drawn = draw(test_resume.graphs())
    graph = Graph([each for each in drawn if each.kind != "sync"])
    bad = st.lists(st.sampled_from(["failed", "stopped"]), min_size=1, max_size=2)
    failures = st.dictionaries(st.sampled_from(graph.order), bad, max_size=3)
    return (
        graph,
        draw(st.lists(failures, min_size=1, max_size=3)),
        draw(st.lists(st.none() | st.integers(1, 6), max_size=4)),
        draw(st.booleans()),
    )


@pytest.mark.slow
@settings(max_examples=20)
@given(troubles())
def test_a_backfill_that_is_started_until_it_ends_does_each_window_exactly_once(
    trouble,
):
    graph, failures, kills, keep_going = trouble
    wanted = days(1, 1 + len(failures))
    worlds = {
        each: test_resume.World(graph, failures=dict(bad))
        for each, bad in zip(wanted, failures, strict=True)
    }
    moments = iter(kills)
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as opened:
        opened._connection.execute("PRAGMA synchronous = OFF")
        rounds = 0
        while not _backfilled(opened, worlds, moments, keep_going=keep_going):
            rounds += 1
            assert rounds < 50

    clean = test_resume.World(graph)
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as opened:
        test_resume.run(opened, clean, RunRequest())
    assert [each.tables for each in worlds.values()] == [clean.tables] * len(wanted)
    counts = [each.times_done for each in worlds.values()]
    assert counts == [Counter(graph.order)] * len(wanted)


def _backfilled(
    store: Store,
    worlds: dict[Window, test_resume.World],
    kills: Iterator[int | None],
    *,
    keep_going: bool,
) -> bool:
    """Go through the windows as `elt backfill --skip-done` does; True at its end."""
    history.mark_crashed(store, alive=lambda _: False)

    def do(each: PlannedWindow) -> RunResult:
        asked = replace(ALL, window=each.window.texts)
        request, _ = what_is_left(store, HERE, asked)
        assert request is not None
        worlds[each.window].dies_after = next(kills, None)
        run = test_resume.run(store, worlds[each.window], request)
        status = history.run_detail(store, run).summary.status
        # A process that was killed does not go on with the next window.
        killed = status == "running"
        told = "interrupted" if killed else status
        return RunResult(run=run, status=told, exit_code=0 if status == "done" else 1)

    planned = planned_windows(store, HERE, ALL, [*worlds])
    results = list(run_windows(planned, do, keep_going=keep_going))
    return len(results) == len(worlds) and all(each.is_good for each in results)
