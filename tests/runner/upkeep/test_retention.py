"""The past goes when it is old enough, and nothing that is still needed with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from elt.events import AssetFinished, LogLine, StepFinished, StepStarted
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.lock import this_process
from elt.runner.store import asset_log, history, state
from elt.runner.store.database import open_store
from elt.runner.store.recorder import Recorder
from elt.runner.store.windows import windows
from elt.runner.upkeep.retention import (
    MARKER,
    apply_daily,
    apply_retention,
    expired,
    last_error,
)
from elt.warehouse.duckdb import warehouse_of

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def ago(days: float):
    return lambda: NOW - timedelta(days=days)


@pytest.fixture
def store(project):
    with open_store(project.private_dir) as opened:
        yield opened


@pytest.fixture
def empty_warehouse(project):
    return warehouse_of(project, Secrets(project.root))


def record_run(store, run: str, days: float, *assets: str) -> None:
    """Leave what a run of so many days ago left in the log."""
    now = ago(days)
    history.start_run(
        store, this_process(run), environment="default", request={}, now=now
    )
    entry = history.StepEntry(step="tap:crm", kind="tap", reason="", assets=assets)
    history.record_plan(store, run, [entry])
    recorder = Recorder(store, run, environment="default", now=now)
    recorder(StepStarted(step="tap:crm", assets=assets))
    recorder(LogLine(step="tap:crm", source="crm", level="info", text="hello"))
    for asset in assets:
        recorder(AssetFinished(step="tap:crm", asset=asset, status="done", rows=1))
    recorder(StepFinished(step="tap:crm", status="done", seconds=1.0))
    history.finish_run(store, run, "done", now=now)


def known(store):
    """Give all that planning and `elt status` go by."""
    return (
        asset_log.asset_statuses(store, "default"),
        asset_log.last_success(store, "default"),
        asset_log.last_change(store, "default"),
    )


def test_lines_go_after_their_days_and_their_runs_stay(project, store, empty_warehouse):
    record_run(store, "old", 31, "a")
    record_run(store, "new", 29, "a")

    apply_retention(project, store, empty_warehouse, now=ago(0))

    of = "SELECT count(*) FROM events WHERE run = ?"
    assert store.rows(of, ("old",))[0][0] == 0
    assert store.rows(of, ("new",))[0][0] > 0
    assert [run.run for run in history.runs(store)] == ["new", "old"]
    assert len(history.run_detail(store, "old").results) == 1


def test_the_result_of_a_run_goes_with_it(project, store, empty_warehouse):
    record_run(store, "old", 500)
    record_run(store, "new", 10, "a")
    for run in ("old", "new"):
        (project.private_dir / "runs" / run).mkdir(parents=True)
        (project.private_dir / "runs" / run / "result.json").write_text("{}")

    apply_retention(project, store, empty_warehouse, now=ago(0))

    left = [path.name for path in (project.private_dir / "runs").iterdir()]
    assert left == ["new"]


def test_runs_go_after_theirs_but_for_the_last_of_each_asset(
    project, store, empty_warehouse
):
    record_run(store, "r1", 500, "a", "b")
    record_run(store, "r2", 450, "a", "gone")
    record_run(store, "r3", 400, "a")
    record_run(store, "r4", 10, "a")
    before = known(store)

    apply_retention(project, store, empty_warehouse, now=ago(0))

    assert [run.run for run in history.runs(store)] == ["r4", "r2", "r1"]
    assert known(store) == before
    assert store.rows("SELECT count(*) FROM steps")[0][0] == 3


def test_a_run_that_is_under_way_stays_whatever_its_age(
    project, store, empty_warehouse
):
    record_run(store, "old", 500, "a")
    history.start_run(
        store, this_process("long"), environment="default", request={}, now=ago(400)
    )
    record_run(store, "new", 1, "a")

    apply_retention(project, store, empty_warehouse, now=ago(0))

    assert [run.run for run in history.runs(store)] == ["new", "long"]


def record_window(
    store, day: str, days: float, *selection: str, status: str = "done"
) -> None:
    """Leave what a run of so many days ago about a day left in the log."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    request = {
        "selection": selection,
        "window": (start.isoformat(), (start + timedelta(days=1)).isoformat()),
    }
    run, now = f"{day} of {' '.join(selection)}", ago(days)
    history.start_run(
        store, this_process(run), environment="default", request=request, now=now
    )
    history.finish_run(store, run, status, now=now)


def windows_of(store, *selection: str) -> list[tuple[str, str]]:
    rows = windows(store, "default", selection, ())
    return [(f"{row.start:%Y-%m-%d}", row.status) for row in rows]


def test_windows_go_with_their_runs_but_for_the_last_good_one_of_each_selection(
    project, store, empty_warehouse
):
    record_window(store, "2025-06-01", 500, "a")
    record_window(store, "2025-06-02", 499, "a", status="warned")
    record_window(store, "2025-06-03", 498, "a", status="failed")
    record_window(store, "2025-06-01", 400, "b")
    record_window(store, "2025-05-01", 399, "b")  # filled in later, not the last
    record_window(store, "2025-06-02", 398, "b", status="failed")
    record_window(store, "2026-11-19", 2, "b", status="failed")
    record_window(store, "2026-11-19", 2, "c")
    record_window(store, "2025-06-01", 1, "c")

    with empty_warehouse.session() as cursor:
        counted = expired(project, store, cursor, now=ago(0))
    apply_retention(project, store, empty_warehouse, now=ago(0))

    assert [each.rows for each in counted if "windows" in each.what] == [4]
    assert windows_of(store, "a") == [("2025-06-02", "warned")]
    assert windows_of(store, "b") == [("2025-06-01", "done"), ("2026-11-19", "failed")]
    assert windows_of(store, "c") == [("2025-06-01", "done"), ("2026-11-19", "done")]


def test_a_window_that_is_under_way_stays_whatever_its_age(
    project, store, empty_warehouse
):
    window = ("2025-06-01T00:00:00+00:00", "2025-06-02T00:00:00+00:00")
    history.start_run(
        store,
        this_process("long"),
        environment="default",
        request={"selection": ["a"], "window": window},
        now=ago(500),
    )

    apply_retention(project, store, empty_warehouse, now=ago(0))

    assert windows_of(store, "a") == [("2025-06-01", "running")]


def test_the_twenty_newest_states_of_a_tap_stay_whatever_their_age(
    project, store, empty_warehouse
):
    place = state.Place(environment="default", warehouse_id="w1")
    for number in range(25):
        at = f'{{"at": {number}}}'
        state.save(store, place, "crm", at, origin=f"r{number}", now=ago(800 - number))
    state.save(store, place, "few", '{"at": 1}', origin="r1", now=ago(900))

    apply_retention(project, store, empty_warehouse, now=ago(0))

    versions = [each.version for each in state.versions(store, place, "crm")]
    assert versions == list(range(25, 5, -1))
    assert len(state.versions(store, place, "few")) == 1


def note_in_warehouse(warehouse) -> None:
    with warehouse.session() as cursor:
        for days in (400, 1):
            at = NOW - timedelta(days=days)
            cursor.execute(
                "INSERT INTO _elt.loads VALUES ('r', 'default', 'crm', 's', 'raw', 's',"
                " 'append', 1, 0, ?)",
                [at],
            )
            cursor.execute(
                "INSERT INTO _elt.schema_changes VALUES ('r', 'raw', 's', 'c', '', ?)",
                [at],
            )
            cursor.execute(
                "INSERT INTO _elt.sync_changes VALUES ('r', 'default', 'health', 'k',"
                " 'added', 'accepted', NULL, ?)",
                [at],
            )
            cursor.execute(
                "INSERT INTO _elt.rejects BY NAME SELECT 'r' AS run_id,"
                " 'default' AS environment, 'crm' AS tap, 's' AS stream,"
                " 'odd' AS reason, '{}' AS record, ?::TIMESTAMPTZ AS rejected_at",
                [at],
            )


def noted(warehouse) -> dict[str, int]:
    names = ("loads", "schema_changes", "sync_changes", "rejects")
    with warehouse.session() as cursor:
        return {
            name: cursor.execute(f"SELECT count(*) FROM _elt.{name}").fetchone()[0]
            for name in names
        }


def test_notes_in_the_warehouse_go_and_rejects_stay_until_somebody_says_otherwise(
    project, store, folder, empty_warehouse
):
    note_in_warehouse(empty_warehouse)

    apply_retention(project, store, empty_warehouse, now=ago(0))

    assert noted(empty_warehouse) == {
        "loads": 1,
        "schema_changes": 1,
        "sync_changes": 1,
        "rejects": 2,
    }
    file = folder / "elt.toml"
    file.write_text(f"{file.read_text()}\n[retention]\nreject_days = 90\n")

    apply_retention(load_project(folder), store, empty_warehouse, now=ago(0))

    assert noted(empty_warehouse)["rejects"] == 1


def test_the_last_load_of_each_mode_of_a_stream_stays_whatever_its_age(
    project, store, empty_warehouse
):
    with empty_warehouse.session() as cursor:
        for days, stream, mode in (
            (800, "people", "append"),
            (700, "people", "append"),
            (650, "people", "upsert"),
            (600, "deals", "overwrite"),
            (1, "people", "upsert"),
        ):
            cursor.execute(
                "INSERT INTO _elt.loads VALUES ('r', 'default', 'crm', ?, 'raw', ?, ?,"
                " 1, 0, ?)",
                [stream, stream, mode, NOW - timedelta(days=days)],
            )

    apply_retention(project, store, empty_warehouse, now=ago(0))

    with empty_warehouse.session() as cursor:
        left = cursor.execute(
            "SELECT stream, mode, date_diff('day', committed_at, ?) FROM _elt.loads"
            " ORDER BY committed_at",
            [NOW],
        ).fetchall()
    assert left == [
        ("people", "append", 700),
        ("deals", "overwrite", 600),
        ("people", "upsert", 1),
    ]


def test_what_would_go_is_counted_first(project, store, empty_warehouse):
    note_in_warehouse(empty_warehouse)
    record_run(store, "old", 40, "a")
    lines = store.rows("SELECT count(*) FROM events")[0][0]

    with empty_warehouse.session() as cursor:
        found = expired(project, store, cursor, now=ago(0))

    assert {each.what.split(" (")[0]: each.rows for each in found} == {
        "lines of the log": lines,
        "rows of `_elt.loads`": 1,
        "rows of `_elt.schema_changes`": 1,
        "rows of `_elt.sync_changes`": 1,
    }
    assert store.rows("SELECT count(*) FROM events")[0][0] == lines


def test_it_is_applied_at_the_end_of_a_run_once_a_day(project, store):
    secrets = Secrets(project.root)
    record_run(store, "old", 40, "a")
    apply_daily(project, store, secrets, now=ago(0))
    assert store.rows("SELECT count(*) FROM events")[0][0] == 0
    record_run(store, "older", 41, "a")

    apply_daily(project, store, secrets, now=ago(-0.9))
    assert store.rows("SELECT count(*) FROM events")[0][0] > 0

    apply_daily(project, store, secrets, now=ago(-1.1))
    assert store.rows("SELECT count(*) FROM events")[0][0] == 0


def test_a_clock_that_went_back_does_not_keep_it_from_being_applied(project, store):
    secrets = Secrets(project.root)
    apply_daily(project, store, secrets, now=ago(-300))
    record_run(store, "old", 40, "a")

    apply_daily(project, store, secrets, now=ago(0))

    assert store.rows("SELECT count(*) FROM events")[0][0] == 0


def test_what_keeps_it_from_being_applied_fails_no_run_and_is_told_later(
    project, store, empty_warehouse, somebody_has
):
    note_in_warehouse(empty_warehouse)
    marker = project.private_dir / MARKER

    with somebody_has(empty_warehouse.path):
        apply_daily(project, store, Secrets(project.root), now=ago(0))

    assert "open elsewhere" in last_error(marker)
    apply_daily(project, store, Secrets(project.root), now=ago(0))
    assert last_error(marker) == ""
    assert noted(empty_warehouse)["loads"] == 1


def test_a_marker_that_cannot_be_read_is_written_anew(project, store):
    marker = project.private_dir / MARKER
    marker.write_text("[]")

    apply_daily(project, store, Secrets(project.root), now=ago(0))

    assert json.loads(marker.read_text())["at"] == NOW.isoformat()


def test_with_runs_each_day_for_weeks_the_log_stops_growing(folder, store):
    elt_toml = (folder / "elt.toml").read_text()
    text = f"{elt_toml}\n[retention]\nlog_days = 2\nrun_days = 4\n"
    (folder / "elt.toml").write_text(text)
    project, secrets = load_project(folder), Secrets(folder)
    place = state.Place(environment="default", warehouse_id="w1")
    tables = store.rows(
        "SELECT name FROM sqlite_schema"
        " WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )

    rows = []
    for day in range(20, 0, -1):
        for hour in range(0, 24, 6):
            run, now = f"{day}-{hour}", day - hour / 24
            record_run(store, run, now, "a", "b")
            state.save(store, place, "crm", '{"at": 1}', origin=run, now=ago(now))
        apply_daily(project, store, secrets, now=ago(day - 1))
        rows.append(
            {
                name: store.rows(f"SELECT count(*) FROM {name}")[0][0]
                for (name,) in tables
            }
        )

    assert rows[-1] == rows[10]
    assert rows[-1]["runs"] == 4 * 4
    assert rows[-1]["results"] == 2 * 4 * 4
    assert rows[-1]["events"] == rows[1]["events"]


@pytest.mark.parametrize("days", [800_000, 1_000_000_000, 99_999_999_999])
def test_more_days_than_a_calendar_has_keep_all(folder, store, empty_warehouse, days):
    record_run(store, "old", 1_000, "a")
    kinds = ("log_days", "run_days", "load_days", "reject_days")
    table = "\n".join(f"{kind} = {days}" for kind in kinds)
    elt_toml = (folder / "elt.toml").read_text()
    (folder / "elt.toml").write_text(f"{elt_toml}\n[retention]\n{table}\n")
    patient = load_project(folder)

    with empty_warehouse.writer() as cursor:
        assert expired(patient, store, cursor, now=ago(0)) == []
    apply_retention(patient, store, empty_warehouse, now=ago(0))

    assert store.rows("SELECT count(*) FROM events WHERE run = 'old'")[0][0] > 0
