"""Streams that begin behind their bookmark, run after run."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.events import LogLine
from elt.project.load import load_project
from elt.runner.decide import plan_project
from elt.runner.looking_back import Asked, begun_earlier
from elt.runner.plan import RunRequest
from elt.singer.catalog import Stream
from elt.singer.moved_marks import not_behind
from tests.runner.days import Days, day, make_days, window

LOOKBACK = 'streams.orders = { lookback = "1d" }\n'
ORDERS = Stream(
    id="shop-orders",
    name="orders",
    schema={},
    columns={},
    key_properties=("id",),
    replication_method="INCREMENTAL",
    replication_key="at",
)
NAMES = {"shop-orders", "orders", "items"}


@pytest.fixture
def days(tmp_path) -> Days:
    return make_days(tmp_path / "days", more=LOOKBACK)


def mark(value: Any) -> dict[str, Any]:
    return {"bookmarks": {"orders": {"replication_key": "at"} | value}}


def of_day(number: int) -> dict[str, Any]:
    return mark({"replication_key_value": day(number)})


def warnings(days: Days) -> list[str]:
    lines = (event for event in days.heard if isinstance(event, LogLine))
    return [line.text for line in lines if line.level == "warning"]


def test_a_run_begins_so_much_before_the_bookmark_and_the_bookmark_stays(days: Days):
    days.run()
    before = days.bookmark()
    days.rows((2, day(2), 20), (3, day(3), 30))

    days.run()
    again = days.bookmark()
    days.run()

    assert [call["state"] for call in days.calls] == [None, of_day(2), of_day(2)]
    assert days.table() == [(1, 1), (2, 20), (3, 30)]
    assert again == before
    assert days.bookmark() == before


def test_a_run_that_finds_less_than_before_does_not_creep_back(days: Days):
    days.run()
    days.rows((2, day(2), 20))

    days.run()
    days.run()

    assert days.calls[-1]["state"] == of_day(2)
    assert json.loads(days.bookmark()[0] or "") == of_day(3)
    assert days.table() == [(1, 1), (2, 20), (3, 3)]


def test_a_record_that_is_rejected_with_each_run_is_one_reject(days: Days):
    rows = [(1, day(1), 1), (2, day(2), "odd"), (3, day(3), "odd"), (4, day(3), 4)]
    days.rows(*rows)

    for _ in range(3):
        assert days.run().status == "warned"

    living = "SELECT record ->> 'id' FROM _elt.rejects WHERE stale IS NULL ORDER BY ALL"
    assert days.sql(living) == [("2",), ("3",)]


def test_the_plan_says_from_where_it_reads_again(days: Days):
    days.run()

    planned = plan_project(load_project(days.path), RunRequest())

    assert planned.steps[0].planned[0].note == (
        "reads again from 2026-11-02T00:00:00Z, as `lookback` says"
    )


def test_a_stream_that_begins_anew_looks_back_to_nothing_and_is_not_held(days: Days):
    days.run()
    days.sql("DROP TABLE raw_days.orders")
    days.rows((1, day(1), 10))

    days.run()

    assert days.calls[-1]["state"] == {"bookmarks": {}}
    assert json.loads(days.bookmark()[0] or "") == of_day(1)


def test_a_window_looks_nowhere_else(tmp_path):
    more = LOOKBACK + 'window = { start = "start_date", end = "end_date" }\n'
    days = make_days(tmp_path / "days", more=more)
    days.run()

    days.run(window=window(2, 3))

    assert days.calls[-1]["state"] is None
    assert days.calls[-1]["config"]["start_date"] == day(2)


def test_a_mark_that_cannot_be_moved_is_told_of(tmp_path):
    days = make_days(tmp_path / "days", more="streams.orders = { lookback = 5 }\n")
    days.run()

    days.run()

    assert days.calls[-1]["state"] == of_day(3)
    (told,) = warnings(days)
    assert told == (
        "stream `orders` does not look back by 5, but goes on from its bookmark:"
        " its bookmark cannot be moved by a whole number"
    )


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (([], "INCREMENTAL"), "it is written by `append` (incremental and without a"),
        ((["id"], "FULL_TABLE"), "it is read in full each time"),
    ],
)
def test_a_stream_whose_rows_would_be_there_twice_cannot_look_back(
    tmp_path, stream, why
):
    days = make_days(tmp_path / "days", more=LOOKBACK, streams={"orders": stream})

    with pytest.raises(ConfigError) as refused:
        plan_project(load_project(days.path), RunRequest())

    assert why in refused.value.what
    assert refused.value.where == "elt.toml:8  [taps.days.streams.orders]"


@pytest.mark.parametrize(
    ("start", "expected", "told"),
    [
        (None, None, 0),
        ({"bookmarks": {}}, {"bookmarks": {}}, 0),
        ({"bookmarks": {"items": {"at": 9}}}, {"bookmarks": {"items": {"at": 9}}}, 0),
        ({"bookmarks": {"orders": {}}}, {"bookmarks": {"orders": {}}}, 0),
        (mark({"progress_markers": {"x": 1}}), mark({"progress_markers": {"x": 1}}), 0),
        (
            {"bookmarks": {"shop-orders": {"at": "2026-11-04"}}, "x": 1},
            {"bookmarks": {"shop-orders": {"at": "2026-11-03"}}, "x": 1},
            0,
        ),
        ({"orders": {"at": "2026-11-04"}}, {"orders": {"at": "2026-11-03"}}, 0),
        (mark({"offset": 3}), mark({"offset": 3}), 1),
        (mark({"replication_key_value": 7}), mark({"replication_key_value": 7}), 1),
        ({"position": 7}, {"position": 7}, 1),
    ],
)
def test_a_mark_is_moved_where_it_is_and_else_it_is_told(start, expected, told):
    kept = json.dumps(start)

    moved, found, warned = begun_earlier(start, [Asked(ORDERS, "1d")], NAMES)

    assert moved == expected
    assert bool(found) == (moved != start)
    assert len(warned) == told
    assert json.dumps(start) == kept


def test_partitions_move_each_by_itself_and_one_without_a_mark_stays():
    parts = [
        {"context": {"repo": 1}, "replication_key_value": "2026-11-04"},
        {"context": {"repo": 2}},
        {"context": {"repo": 3}, "replication_key_value": "2026-11-09"},
    ]

    moved, found, warned = begun_earlier(
        {"bookmarks": {"orders": {"partitions": parts}}}, [Asked(ORDERS, "1d")], NAMES
    )

    assert moved is not None
    assert [
        part.get("replication_key_value")
        for part in moved["bookmarks"]["orders"]["partitions"]
    ] == ["2026-11-03", None, "2026-11-08"]
    assert found["shop-orders"].note == "reads again from 1d before its 2 bookmarks"
    assert warned == ()


def at(number: int) -> str:
    return (date(2026, 1, 1) + timedelta(days=number)).isoformat()


@given(
    runs=st.lists(
        st.tuples(
            st.lists(st.integers(0, 60), max_size=6),  # rows that have come since
            st.integers(0, 10),  # STATEs that are committed before it is killed
        ),
        max_size=8,
    ),
    days=st.integers(1, 20),
    name=st.sampled_from(["replication_key_value", "at"]),
)
def test_for_all_runs_the_bookmark_only_goes_on_and_late_rows_are_read(
    runs, days, name
):
    committed: str | None = None
    source: list[int] = []
    for new, lives in runs:
        source += new
        before = committed and read_mark(committed, name)
        start, back, _ = begun_earlier(
            json.loads(committed) if committed else None,
            [Asked(ORDERS, f"{days}d")],
            NAMES,
        )
        since = read_mark(json.dumps(start), name) if start else at(0)
        states = list(states_of(source, since, name))
        keys = {"orders": "at"} if back else {}
        for said in states[:lives]:
            committed = not_behind(said.encode(), committed, keys).decode()

        now = committed and read_mark(committed, name)
        if before:
            assert since <= at(
                (date.fromisoformat(before) - date(2026, 1, 1)).days - days
            )
            assert now is not None
            assert now >= before
        if len(states) <= lives and source:
            assert now == max([at(max(source)), before or ""])


def earlier(moment: str, days: int) -> str:
    return (date.fromisoformat(moment) - timedelta(days=days)).isoformat()


def states_of(source: list[int], since: str, name: str):
    """Say what a sorted tap says, row by row, from its mark on."""
    said = since
    for row in sorted(source):
        if at(row) >= since:
            said = at(row)
            yield json.dumps(mark({name: said}))
    yield json.dumps(mark({name: said}))


def read_mark(state: str, name: str) -> str:
    return str(json.loads(state)["bookmarks"]["orders"][name])
