"""What the warehouse knows of loads when the run log is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from elt.warehouse.bookmarks import (
    Bookmark,
    LastLoad,
    last_loads,
    write_bookmark,
    write_load,
)
from elt.warehouse.duckdb import Warehouse


@pytest.fixture
def cursor(tmp_path):
    with Warehouse(tmp_path / "w.duckdb").session() as opened:
        yield opened


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def load(cursor, run: str, at: datetime, *, stream: str, environment="default") -> None:
    write_load(
        cursor,
        {
            "run_id": run,
            "environment": environment,
            "tap": "crm",
            "stream": stream,
            "table_schema": "raw_crm",
            "table_name": stream,
            "mode": "upsert",
            "rows": 1,
            "rejects": 0,
            "committed_at": at,
        },
    )


def bookmark(cursor, run: str, at: datetime, environment="default") -> None:
    write_bookmark(cursor, environment, Bookmark("crm", "{}", run), at=at)


def last(stream: str, run: str, at: datetime) -> LastLoad:
    return LastLoad(tap="crm", stream=stream, run_id=run, at=at)


def test_of_each_stream_the_last_load_is_given(cursor):
    load(cursor, "r1", day(1), stream="people")
    load(cursor, "r1", day(1), stream="deals")
    load(cursor, "r2", day(2), stream="people")
    bookmark(cursor, "r2", day(2))

    found = last_loads(cursor, "default")

    assert sorted(found, key=lambda each: each.stream) == [
        last("deals", "r1", day(1)),
        last("people", "r2", day(2)),
    ]


def test_a_tap_without_a_bookmark_was_loaded_when_its_last_load_says(cursor):
    load(cursor, "r1", day(1), stream="people")
    load(cursor, "r2", day(2), stream="people")

    assert last_loads(cursor, "default") == [last("people", "r2", day(2))]


def test_loads_of_a_backfill_make_nothing_younger_than_the_bookmark(cursor):
    load(cursor, "r1", day(1), stream="people")
    bookmark(cursor, "r1", day(1))
    load(cursor, "backfill", day(9), stream="people")

    assert last_loads(cursor, "default") == [last("people", "backfill", day(1))]


def test_another_environment_has_loads_and_bookmarks_of_its_own(cursor):
    load(cursor, "r1", day(1), stream="people")
    load(cursor, "p1", day(5), stream="people", environment="prod")
    bookmark(cursor, "p0", day(4), environment="prod")

    assert last_loads(cursor, "default") == [last("people", "r1", day(1))]
    assert last_loads(cursor, "prod") == [last("people", "p1", day(4))]
    assert last_loads(cursor, "staging") == []
