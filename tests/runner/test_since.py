from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from elt.errors import ConfigError
from elt.events import Event, LogLine
from elt.project.load import load_project
from elt.project.settings import Project
from elt.runner.asked import asked_of
from elt.runner.decide import plan_project
from elt.runner.plan import RunRequest
from elt.runner.run import run_project
from elt.runner.since import since_last_success
from elt.runner.store import history, marks, moments
from elt.runner.store.database import Store, open_store
from elt.runner.store.windows import windows
from elt.runner.windows import Window
from tests.runner import test_run
from tests.runner.nights import ran, window

NOW = datetime(2026, 11, 8, 12, 0, 1, 999, tzinfo=UTC)
ASKED = RunRequest(selection=("m",), since_last_success=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "elt.toml").write_text(test_run.TOML)
    return load_project(tmp_path)


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with open_store(project.private_dir) as opened:
        yield opened


def since(
    store: Store, project: Project, asked: RunRequest = ASKED, *, now: datetime = NOW
) -> tuple[Window | None, tuple[str, ...]]:
    request, notes = since_last_success(store, project, asked, now=lambda: now)
    found = request.window if request else None
    return (Window.of(found) if found else None), notes


def test_it_begins_where_the_last_good_window_ends_and_ends_now(store, project):
    ran(store, window("6", "7"))
    ran(store, window("7", "8"), "warned")
    ran(store, window("8", "8T06"), "failed")
    ran(store, window("5", "6"))

    found, notes = since(store, project)

    assert found == Window(
        datetime(2026, 11, 8, tzinfo=UTC), datetime(2026, 11, 8, 12, 0, 1, tzinfo=UTC)
    )
    assert notes == ()


def test_other_selections_and_runs_without_a_window_do_not_count(store, project):
    ran(store, window("7", "8"), "done", "other")
    ran(store, None)

    with pytest.raises(ConfigError, match="no window of this selection") as error:
        since(store, project)

    assert "Say where the first begins: `--since DATE`" in (error.value.hint or "")


def test_where_the_first_window_begins_is_told_and_passed_over_later(store, project):
    asked = replace(ASKED, since="2026-10-01")

    first, _ = since(store, project, asked)
    ran(store, window("7", "8"))
    second, _ = since(store, project, asked)

    assert first is not None
    assert second is not None
    assert first.start == datetime(2026, 10, 1, tzinfo=UTC)
    assert second.start == datetime(2026, 11, 8, tzinfo=UTC)


@pytest.mark.parametrize("moment", ["soon", "2026-11-09"])
def test_a_first_moment_that_is_none_or_to_come_is_refused(store, project, moment):
    with pytest.raises(ConfigError, match=r"neither a date|has not come yet"):
        since(store, project, replace(ASKED, since=moment))


def test_a_first_moment_without_its_window_is_refused(store, project):
    with pytest.raises(ConfigError, match="where the first window begins"):
        asked_of(store, project, RunRequest(since="2026-11-01"))


def test_a_last_window_that_is_too_long_ago_is_refused_with_both_ways_out(
    store, project
):
    ran(store, window("1", "1T11"))

    with pytest.raises(ConfigError, match="`max_catch_up`, which is 7d") as error:
        since(store, project)

    assert error.value.hint == (
        "`elt backfill m --from 2026-11-01T11:00Z --to 2026-11-08T12:00:01Z"
        " --skip-done` catches up in days; or let `max_catch_up` in [run] be longer"
    )


def test_how_far_it_catches_up_can_be_said(store, project):
    ran(store, window("1", "1T11"))
    toml = project.root / "elt.toml"
    toml.write_text(toml.read_text().replace("[run]", '[run]\nmax_catch_up = "8d"'))

    found, _ = since(store, load_project(project.root))

    assert found is not None
    assert found.start == datetime(2026, 11, 1, 11, tzinfo=UTC)


def test_exactly_as_long_ago_as_may_be_is_not_too_long(store, project):
    ran(store, window("1", "2"))

    found, _ = since(store, project, now=datetime(2026, 11, 9, tzinfo=UTC))

    assert found == window("2", "9")


def test_a_limit_beyond_the_calendar_is_none(store, project):
    ran(store, window("1", "2"))
    toml = project.root / "elt.toml"
    text = '[run]\nmax_catch_up = "9999999w"'
    toml.write_text(toml.read_text().replace("[run]", text))

    assert since(store, load_project(project.root))[0] is not None


def test_a_clock_that_went_back_is_told(store, project):
    ran(store, window("8", "9"))

    with pytest.raises(ConfigError, match="ends at 2026-11-09, but the clock says"):
        since(store, project)


def test_where_no_time_has_passed_there_is_nothing_to_do(store, project):
    ran(store, window("7", "8"))

    found, (why,) = since(store, project, now=datetime(2026, 11, 8, tzinfo=UTC))

    assert found is None
    assert why.startswith("nothing to do")


def test_windows_that_failed_before_it_and_are_not_covered_are_told(store, project):
    lost = ran(store, window("3", "4"), "failed")
    ran(store, window("4", "5"), "failed")
    ran(store, window("4", "5T06"))
    ran(store, window("5T06", "6"), "failed")
    ran(store, window("5", "7"))

    _, (told,) = since(store, project)

    assert told == (
        f"2026-11-03 .. 2026-11-04 failed in run {lost}: `elt backfill m --from"
        " 2026-11-03 --to 2026-11-04 --skip-done` fills it"
    )


def test_of_many_lost_windows_three_are_told_and_the_others_counted(store, project):
    for day in range(1, 6):
        ran(store, window(str(day), str(day + 1)), "failed")
    ran(store, window("7", "8"))

    _, notes = since(store, project)

    assert len(notes) == 4
    assert notes[-1] == "2 more windows before it are not done"


def test_a_persons_word_counts_for_the_last_good_window(store, project):
    ran(store, window("6", "7"))
    failed = ran(store, window("7", "8"), "failed")
    assert since(store, project)[0] == Window(window("6", "7").end, _now())

    said = {"reason": "I looked", "author": "ann"}
    marks.mark(store, "default", failed, ["model:m"], "success", **said)

    assert since(store, project)[0] == Window(window("7", "8").end, _now())


def _now() -> datetime:
    return NOW.replace(microsecond=0)


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        (RunRequest(since_last_success=True, from_step="dbt"), "--from"),
        (RunRequest(since_last_success=True, full_refresh=True), "--full-refresh"),
    ],
)
def test_what_contradicts_a_window_is_refused(store, project, asked, option):
    with pytest.raises(ConfigError, match=f"does not go with `{option}`"):
        since(store, project, asked)


def test_words_about_the_past_are_refused(store, project):
    asked = RunRequest(selection=("state:modified",), since_last_success=True)

    with pytest.raises(ConfigError, match="in each window"):
        since(store, project, asked)


TAP = RunRequest(selection=("tap:crm",), since_last_success=True)


def just_ended(store: Store) -> Window:
    """Give a good window of the tap that ended an hour ago."""
    end = moments.now_utc().replace(microsecond=0) - timedelta(hours=1)
    found = Window(end - timedelta(days=1), end)
    ran(store, found, "done", "tap:crm")
    return found


def test_the_run_is_about_the_window_that_its_plan_showed(store, project):
    before = just_ended(store)
    heard: list[Event] = []

    plan = plan_project(project, TAP, prepare=test_run.World())
    result = run_project(project, TAP, prepare=test_run.World(), listen=heard.append)

    assert plan.window is not None
    assert Window.of(plan.window).start == before.end
    summary = history.run_detail(store, result.run).summary
    assert summary.window is not None
    assert summary.window.start == before.end.isoformat()
    assert summary.request["backfill"] is False
    texts = [event.text for event in heard if isinstance(event, LogLine)]
    assert any(text.startswith("window ") for text in texts)


def test_the_next_run_begins_where_this_one_ended(store, project):
    just_ended(store)
    run_project(project, TAP, prepare=test_run.World())

    *_, last = windows(store, "default", ["tap:crm"], [])
    found, _ = since(store, project, TAP, now=last.end + timedelta(minutes=5))

    assert found == Window(last.end, last.end + timedelta(minutes=5))


def test_a_run_that_fails_is_made_up_for_by_the_next(store, project):
    before = just_ended(store)
    world = test_run.World(work=test_run.failing(ConfigError("no")))
    failed = run_project(project, TAP, prepare=world)

    run_project(project, TAP, prepare=test_run.World())

    rows = windows(store, "default", ["tap:crm"], [], since=before.end)
    assert failed.status == "failed"
    assert [row.start for row in rows if row.is_good] == [before.end]


def test_a_retry_is_about_the_same_window(store, project):
    just_ended(store)
    world = test_run.World(work=test_run.failing(ConfigError("no")))
    failed = run_project(project, TAP, prepare=world)

    again = run_project(project, RunRequest(retry=failed.run), prepare=test_run.World())

    first = history.run_detail(store, failed.run).summary
    second = history.run_detail(store, again.run).summary
    assert second.window == first.window
    assert second.request["since_last_success"] is True


def test_without_a_good_window_there_is_neither_a_plan_nor_a_run(store, project):
    for do in (run_project, plan_project):
        with pytest.raises(ConfigError, match="no window of this selection"):
            do(project, TAP, prepare=test_run.World())

    assert history.runs(store) == []
