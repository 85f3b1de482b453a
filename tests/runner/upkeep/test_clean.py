"""What can go is found, named and deleted, and nothing beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from elt.errors import ConfigError
from elt.project.load import load_project
from elt.runner.lock import Held, hold, this_process
from elt.runner.store import state
from elt.runner.store.database import open_store
from elt.runner.upkeep.clean import clean, look
from elt.warehouse.bookmarks import (
    Bookmark,
    LoadedStream,
    bookmarks,
    write_bookmark,
    write_loaded_stream,
)


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write(path, text="x" * 100):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(warehouse, tap: str, stream: str, at) -> None:
    """Leave what a load of a stream leaves."""
    with warehouse.session() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS raw_{tap}")
        cursor.execute(f"CREATE OR REPLACE TABLE raw_{tap}.{stream} AS SELECT 1 AS n")
        loaded = LoadedStream(tap, stream, f"raw_{tap}", stream, "g1")
        write_loaded_stream(cursor, "default", loaded)
        mark = Bookmark(tap, json.dumps({"bookmarks": {stream: 1}}), "r1")
        write_bookmark(cursor, "default", mark, at=at)


def test_leftovers_of_killed_runs_are_found_and_deleted(project, folder, dead_pid):
    private = folder / ".elt"
    left = [
        write(private / "spool" / "r1" / "crm" / "part.jsonl").parents[1],
        write(private / "syncs" / "health.1.x" / "changes.parquet").parent,
        write(private / "taps" / f"tap-{dead_pid}-abc" / "config.json").parent,
        write(private / "catalogs" / f"default.crm.{dead_pid}"),
        write(private / "catalogs" / "default.removed.json"),
        write(private / "catalogs" / "gone.crm.json"),
        write(private / "dbt" / "gone" / "manifest.json").parent,
        write(private / "environments" / "tap-old-123" / "1" / "elt.json").parents[1],
        write(folder / "warehouse.compacting.duckdb"),
        write(folder / "warehouse.restoring.duckdb"),
        write(folder / "backups" / "shop-1.tar.partial"),
    ]
    kept = [
        write(private / "taps" / f"tap-{os.getpid()}-abc" / "config.json"),
        write(private / "catalogs" / "default.crm.json"),
        write(private / "dbt" / "default" / "manifest.json"),
        write(folder / "backups" / "shop-20261121T060000Z.tar"),
        write(folder / "warehouse.before-restore-20261121T060000Z.duckdb"),
        write(folder / "notes.txt"),
    ]
    (private / "spool" / "empty").mkdir()

    found = look(project)
    gone = clean(project, found)

    assert {each.path for each in found.leftovers} == set(left)
    assert gone.leftovers == found.leftovers
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_what_came_after_it_was_shown_stays(project, folder):
    write(folder / ".elt" / "spool" / "r1" / "part.jsonl")
    agreed = look(project)
    late = write(folder / ".elt" / "spool" / "r2" / "part.jsonl")

    clean(project, agreed)

    assert late.exists()


def test_while_a_run_is_under_way_nothing_is_looked_at(project):
    with hold(project.private_dir / "lock", this_process("r1")), pytest.raises(Held):
        look(project)


def test_a_removed_tap_is_listed_and_dropped_only_by_name(project, warehouse, now):
    load(warehouse, "old", "deals", now)
    load(warehouse, "crm", "people", now)

    found = look(project)
    clean(project, found)

    assert [each.name for each in found.remains] == ["tap:old"]
    assert found.remains[0].tables == (("raw_old", "deals"),)
    assert look(project).remains == found.remains

    clean(project, look(project, drop=["tap:old"]))

    assert look(project).remains == []
    with warehouse.session() as cursor:
        assert set(bookmarks(cursor, "default")) == {"crm"}
        assert cursor.execute("FROM raw_crm.people").fetchall() == [(1,)]
        known = cursor.execute("SELECT 1 FROM duckdb_tables() WHERE table_name='deals'")
        assert known.fetchall() == []


def test_a_stream_that_is_not_selected_any_more_can_be_dropped(
    project, warehouse, folder, now
):
    load(warehouse, "crm", "people", now)
    load(warehouse, "crm", "deals", now)
    streams = [
        {"tap_stream_id": "people", "stream": "people", "schema": {"properties": {}}}
    ]
    catalog = {"identity": "", "catalog": {"streams": streams}}
    write(folder / ".elt" / "catalogs" / "default.crm.json", json.dumps(catalog))

    found = look(project, drop=["stream:crm.deals"])
    clean(project, found)

    assert [each.name for each in found.remains] == ["stream:crm.deals"]
    assert look(project).remains == []
    with warehouse.session() as cursor:
        # Its row stays, so that a bookmark is known to have lost its table.
        rows = cursor.execute("SELECT stream FROM _elt.streams ORDER BY 1").fetchall()
        assert rows == [("deals",), ("people",)]


def test_a_table_that_another_tap_loads_into_is_never_dropped(project, warehouse, now):
    load(warehouse, "old", "people", now)
    with warehouse.session() as cursor:
        shared = LoadedStream("crm", "people", "raw_old", "people", "g1")
        write_loaded_stream(cursor, "prod", shared)

    clean(project, look(project, drop=["tap:old"]))

    with warehouse.session() as cursor:
        assert cursor.execute("FROM raw_old.people").fetchall() == [(1,)]


def test_what_is_known_of_a_removed_sync_is_dropped_by_name(project, warehouse):
    with warehouse.session() as cursor:
        cursor.execute("""
            INSERT INTO _elt.sync_state VALUES
            ('default', 'health', 'a', 'h', '{}', NULL, 'accepted', 0, NULL, now()),
            ('prod', 'health', 'a', 'h', '{}', NULL, 'accepted', 0, NULL, now())
        """)

    found = look(project, drop=["sync:health"])
    clean(project, found)

    assert [(each.name, each.rows) for each in found.drop] == [("sync:health", 1)]
    with warehouse.session() as cursor:
        left = cursor.execute("SELECT environment FROM _elt.sync_state").fetchall()
    assert left == [("prod",)]


@pytest.mark.usefixtures("warehouse")
def test_what_is_in_use_cannot_be_dropped(project, now, warehouse):
    load(warehouse, "crm", "people", now)
    load(warehouse, "old", "deals", now)

    for name in ("tap:crm", "raw_crm.people", "tap:odl"):
        with pytest.raises(ConfigError) as caught:
            look(project, drop=[name])
    assert "`tap:old`" in caught.value.hint


def test_a_broken_other_environment_is_told_and_nothing_deleted(folder):
    (folder / ".elt").mkdir()
    left = write(folder / ".elt" / "spool" / "r1" / "part.jsonl")
    project = load_project(folder)
    (folder / "elt.toml").write_text('[project]\nnmae = "shop"\n')

    with pytest.raises(ConfigError):
        look(project)

    assert left.exists()


def test_the_store_gives_its_space_back(project):
    place = state.Place(environment="default", warehouse_id="w")
    with open_store(project.private_dir) as store:
        state.save(store, place, "crm", json.dumps({"at": "x" * 2_000_000}), origin="r")
        with store.writing() as connection:
            connection.execute("DELETE FROM states")

    clean(project, look(project))

    assert (project.private_dir / "elt.db").stat().st_size < 1_000_000
