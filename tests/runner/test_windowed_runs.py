"""Runs with a window: what the tap is told, what is loaded, and what stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from elt.errors import ConfigError
from elt.events import BookmarkCommitted
from elt.project.load import load_project
from elt.runner.decide import plan_project
from elt.runner.plan import RunRequest
from tests.runner.days import KEYED, WINDOW, Days, day, make_days, window


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return make_days(tmp_path / "days")


def test_a_stream_that_no_catalog_knows_is_read_by_windows_only_with_a_key(
    tmp_path,
):
    days = make_days(tmp_path / "days")
    tap = days.path / "tap.py"
    extra = 'say("SCHEMA", stream="extra", schema=schema, key_properties=[])'
    tap.write_text(tap.read_text() + extra)

    result = days.run(window=window(1, 3))

    assert result.status == "failed"
    assert "`extra`, which the catalog does not know, has no key" in (
        result.results[0].message
    )


def test_a_tap_is_told_the_window_and_gets_no_state(days: Days):
    days.run()
    days.run(window=window(1, 3))

    first, second = days.calls
    assert first == {"config": {}, "state": None}
    assert second["config"] == {"start_date": day(1), "end_date": day(3)}
    assert second["state"] is None


def test_a_window_writes_rows_and_moves_no_bookmark(days: Days):
    days.run()
    before = days.bookmark()
    days.rows((1, day(1), 10), (2, day(2), 20), (3, day(3), 30))
    days.heard.clear()

    result = days.run(window=window(1, 3), backfill=True)

    assert result.status == "done"
    assert days.table() == [(1, 10), (2, 20), (3, 3)]
    assert days.bookmark() == before
    assert before[0] == before[1] != None  # noqa: E711
    assert not [e for e in days.heard if isinstance(e, BookmarkCommitted)]
    assert days.sql("SELECT mode, rows FROM _elt.loads ORDER BY committed_at") == [
        ("upsert", 3),
        ("upsert", 2),
    ]


def test_behind_a_window_without_a_bookmark_the_stream_is_read_from_its_start(
    days: Days,
):
    days.run(window=window(2, 3))
    assert days.table() == [(2, 2)]
    assert days.bookmark() == (None, None)

    days.run()

    assert days.calls[-1] == {"config": {}, "state": None}
    assert days.table() == [(1, 1), (2, 2), (3, 3)]
    assert days.bookmark()[0] == days.bookmark()[1] is not None


def test_a_dropped_table_is_not_taken_for_whole_because_a_window_made_it_anew(
    days: Days,
):
    days.run()
    before = days.bookmark()
    days.sql("DROP TABLE raw_days.orders")

    days.run(window=window(2, 3))
    days.run(window=window(3, 4))
    windows = days.table(), days.bookmark()
    days.run()

    assert windows == ([(2, 2), (3, 3)], before)
    assert days.table() == [(1, 1), (2, 2), (3, 3)]


def test_a_reset_stream_is_still_to_be_read_anew_behind_a_window(days: Days):
    days.run()
    days.sql("UPDATE _elt.streams SET generation = 'reset ' || generation")

    days.run(window=window(2, 3))
    days.run()

    assert days.calls[-1]["state"] == {"bookmarks": {}}


def test_a_window_lets_no_row_go_that_lies_outside_of_it(tmp_path):
    streams = {"orders": (["id"], "INCREMENTAL"), "whole": (["id"], "FULL_TABLE")}
    more = f'streams.whole = {{ on_missing = "delete" }}\n{WINDOW}'
    days = make_days(tmp_path / "days", more=more, streams=streams)
    days.about(version=1)
    days.run()
    days.about(version=2)
    days.rows((2, day(2), 20))

    days.run(window=window(2, 3))

    assert days.table("orders") == [(1, 1), (2, 20), (3, 3)]
    assert days.table("whole") == [(1, 1), (2, 20), (3, 3)]
    assert days.sql("SELECT count(_sdc_deleted_at) FROM raw_days.orders") == [(0,)]


def test_streams_that_a_window_would_double_or_lose_are_named_before_anything_runs(
    tmp_path,
):
    streams = {**KEYED, "log": ([], "INCREMENTAL"), "whole": (["id"], "FULL_TABLE")}
    days = make_days(tmp_path / "days", streams=streams)

    with pytest.raises(ConfigError) as refused:
        days.run(window=window(1, 3))

    assert str(refused.value.what) == (
        "a window is read only of streams that are written by `upsert`; others would"
        " have rows twice, or lose the rest\n"
        "  stream:days.log  append: incremental and without a key\n"
        "  stream:days.whole  overwrite: the whole table is read each time"
    )
    assert "`--exclude 'stream:days.log stream:days.whole'`" in refused.value.hint
    assert not (days.path / "calls.jsonl").exists()

    days.run(window=window(1, 3), exclude=("stream:days.log", "stream:days.whole"))

    assert days.table() == [(1, 1), (2, 2)]


def test_a_backfill_names_the_taps_that_take_no_window(tmp_path):
    days = make_days(tmp_path / "days", more="")

    with pytest.raises(ConfigError) as refused:
        days.run(window=window(1, 3), backfill=True)

    assert refused.value.what == "a backfill cannot tell its window to tap `days`"
    assert refused.value.where == "elt.toml:6  [taps.days]"
    assert (
        '`window = { start = "start_date", end = "end_date" }` in `[taps.days]`'
        in refused.value.hint
    )


def test_without_a_backfill_such_taps_are_read_by_their_bookmark(tmp_path):
    days = make_days(tmp_path / "days", more="")
    days.run()

    days.run(window=window(1, 3))

    mark = {"replication_key": "at", "replication_key_value": day(3)}
    assert days.calls[-1]["state"] == {"bookmarks": {"orders": mark}}


def test_the_plan_tells_the_window_and_a_run_may_not_begin_anew_with_one(days: Days):
    days.run()
    project = load_project(days.path)

    planned = plan_project(project, RunRequest(window=window(1, 3)))
    with pytest.raises(ConfigError, match="exclude each other"):
        plan_project(project, RunRequest(window=window(1, 3), full_refresh=True))

    assert planned.steps[0].planned[0].note == (
        "reads 2026-11-01 .. 2026-11-03; its bookmark stays"
    )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Days:
    made = make_days(tmp_path_factory.mktemp("loaded") / "days")
    toml = made.path / "elt.toml"
    toml.write_text("[warehouse]\ncommit_megabytes = 0.000001\n" + toml.read_text())
    made.run()
    made.rows((1, day(1), 10), (2, day(2), 20), (3, day(3), 30))
    return made


SLOW = [
    pytest.param(point, marks=pytest.mark.slow)
    for point in ("tap-started:1", "rows-written:1", "stream-noted:2", "tap-ended:1")
]


@pytest.mark.parametrize("point", ["commit-done:1", *SLOW])
def test_a_window_that_is_killed_half_way_and_repeated_is_as_if_nothing_had_been(
    tmp_path, loaded: Days, point
):
    days = Days(Path(shutil.copytree(loaded.path, tmp_path / "days")))
    before = days.bookmark()

    code = days.program(fault=point, window=window(1, 3), backfill=True)
    killed = days.bookmark()
    days.run(window=window(1, 3), backfill=True)

    assert code == -9
    assert killed == before
    assert days.bookmark() == before
    assert days.table() == [(1, 10), (2, 20), (3, 3)]


def test_a_window_goes_through_tap_and_dbt(days: Days):
    toml = days.path / "elt.toml"
    toml.write_text(toml.read_text() + "[transform]\n")
    models = days.path / "transform" / "models"
    models.mkdir(parents=True)
    (models.parent / "dbt_project.yml").write_text(
        "name: days\nversion: '1.0'\nconfig-version: 2\nprofile: days\n"
    )
    (models / "by_day.sql").write_text("""
        {{ config(materialized='incremental', incremental_strategy='microbatch',
                  event_time='happened', batch_size='day', begin='2026-11-01') }}
        SELECT id, n, "at" AS happened, '{{ var("elt_window_end", none) }}' AS until
        FROM {{ source('raw_days', 'orders') }}
    """)
    days.run(window=window(1, 4))
    days.rows(*((number, day(number), 10 * number) for number in (1, 2, 3)))

    result = days.run(window=window(2, 3), backfill=True)

    assert [one.status for one in result.results] == ["done", "done"]
    built = days.sql("SELECT id, n, until FROM by_day ORDER BY id")
    assert [(id_, n) for id_, n, _ in built] == [(1, 1), (2, 20), (3, 3)]
    assert built[1][2] == "2026-11-03T00:00:00+00:00"
