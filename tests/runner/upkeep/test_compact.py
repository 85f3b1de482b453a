"""The warehouse copied without its empty space: all of it, or not at all."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time

import duckdb
import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.load import load_project
from elt.runner.lock import Held, hold, this_process
from elt.runner.upkeep.compact import aside_of, compact
from elt.runner.upkeep.disk import require_space

EVERYTHING = """
    CREATE SCHEMA "odd.schema";
    CREATE TYPE mood AS ENUM ('fine', 'tired');
    CREATE TYPE money AS DECIMAL(18, 2);
    CREATE SEQUENCE numbers START 5;
    CREATE TABLE parent (id BIGINT PRIMARY KEY);
    CREATE TABLE "odd.schema"."a ""table" (
        id BIGINT DEFAULT nextval('numbers') UNIQUE,
        mood mood,
        price money NOT NULL CHECK (price > 0),
        doubled BIGINT GENERATED ALWAYS AS (id * 2),
        document JSON,
        nested STRUCT(a INTEGER, b VARCHAR[]),
        mapped MAP(VARCHAR, INTEGER),
        either UNION(n INTEGER, s VARCHAR),
        seen TIMESTAMPTZ,
        huge HUGEINT,
        bytes BLOB,
        key UUID,
        lasts INTERVAL
    );
    CREATE TABLE a_child (parent BIGINT REFERENCES parent (id));
    INSERT INTO parent VALUES (1);
    INSERT INTO a_child VALUES (1);
    INSERT INTO "odd.schema"."a ""table" (mood, price, document, nested,
        mapped, either, seen, huge, bytes, key, lasts)
    VALUES ('tired', 1.10, '{"n": 1.10}', {'a': 1, 'b': ['x']}, MAP {'q': 1}, 's',
        '2026-11-21 09:00:00+00', 170141183460469231731687303715884105727, 'ab',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', INTERVAL 1 DAY);
    CREATE INDEX by_price ON "odd.schema"."a ""table" (price);
    COMMENT ON TABLE parent IS 'a table';
    COMMENT ON COLUMN parent.id IS 'a column';
    CREATE VIEW z_first AS SELECT id AS renamed FROM parent;
    CREATE VIEW a_second AS SELECT * FROM z_first;
    COMMENT ON VIEW z_first IS 'a view';
    CREATE MACRO plus_one(a) AS a + 1;
    CREATE MACRO few(n) AS TABLE SELECT * FROM parent LIMIT n;
"""


def sum_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_space_of_deleted_rows_is_given_back(project, warehouse, rows):
    before = warehouse.path.stat().st_size

    made = compact(project)

    assert made.before_bytes == before
    assert warehouse.path.stat().st_size == made.after_bytes < before / 2
    assert rows(warehouse.path, "SELECT count(*) FROM raw_crm.people") == [(50_000,)]
    assert [path.name for path in warehouse.path.parent.glob("*duckdb*")] == [
        "warehouse.duckdb"
    ]


def test_everything_that_a_warehouse_can_hold_survives(project, warehouse, rows):
    with warehouse.session() as cursor:
        cursor.execute(EVERYTHING)
    warehouse_id = warehouse.id
    whole = 'FROM "odd.schema"."a ""table"'
    before = rows(warehouse.path, whole)

    made = compact(project)

    assert made.is_smaller
    assert warehouse.id == warehouse_id
    assert rows(warehouse.path, whole) == before
    assert rows(warehouse.path, "FROM a_second") == [(1,)]
    assert rows(warehouse.path, "SELECT plus_one(1), (FROM few(1))") == [(2, 1)]
    kept = "FROM duckdb_views() WHERE view_name = 'z_first'"
    assert rows(warehouse.path, f"SELECT comment {kept}") == [("a view",)]
    indexes = "SELECT index_name FROM duckdb_indexes() WHERE schema_name <> '_elt'"
    assert rows(warehouse.path, indexes) == [("by_price",)]
    with duckdb.connect(str(warehouse.path)) as connection:
        assert connection.execute("SELECT nextval('numbers')").fetchall() == [(6,)]
        with pytest.raises(duckdb.ConstraintException):
            connection.execute('UPDATE "odd.schema"."a ""table" SET price = 0')
        made_for = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases()"
            " WHERE database_name = 'warehouse'"
        ).fetchone()
    assert made_for[0].startswith("v1.4.0")


def test_a_second_time_there_is_nothing_to_give_back(project, warehouse):
    compact(project)
    before = sum_of(warehouse.path)

    again = compact(project)

    assert not again.is_smaller
    assert sum_of(warehouse.path) == before


@pytest.mark.parametrize("for_reading", [False, True])
def test_a_file_that_somebody_has_open_is_left_alone(
    project, warehouse, somebody_has, for_reading
):
    before = sum_of(warehouse.path)

    with (
        somebody_has(warehouse.path, for_reading=for_reading) as holder,
        pytest.raises(Unavailable, match=str(holder.pid)),
    ):
        compact(project)

    assert sum_of(warehouse.path) == before


@pytest.mark.usefixtures("warehouse")
def test_a_run_under_way_keeps_it_out(project):
    with (
        hold(project.private_dir / "lock", this_process("r1")),
        pytest.raises(Held, match="r1"),
    ):
        compact(project)


def test_what_duckdb_cannot_copy_leaves_the_file_as_it_was(project, warehouse):
    with warehouse.session() as cursor:
        cursor.execute("""
            CREATE MACRO twice(a) AS a * 2;
            CREATE TABLE odd (n INTEGER DEFAULT twice(2));
            INSERT INTO odd DEFAULT VALUES
        """)
    before = sum_of(warehouse.path)

    with pytest.raises(EltError, match="DuckDB cannot copy") as caught:
        compact(project)

    assert "Nothing was changed" in caught.value.hint
    assert sum_of(warehouse.path) == before
    assert not aside_of(warehouse.path).exists()


def test_a_view_on_another_database_is_kept_and_told(
    project, warehouse, tmp_path, rows
):
    other = tmp_path / "other.duckdb"
    duckdb.connect(str(other)).execute("CREATE TABLE t AS SELECT 1 AS n").close()
    with warehouse.session() as cursor:
        cursor.execute(f"ATTACH '{other}' AS other")
        cursor.execute("CREATE VIEW abroad AS SELECT * FROM other.t")
        cursor.execute("CREATE VIEW files AS SELECT * FROM raw_crm.people")
        cursor.execute("DETACH other")

    made = compact(project)

    assert made.copied.unreadable_views == ("main.abroad",)
    sql = "SELECT sql FROM duckdb_views() WHERE view_name = 'abroad'"
    assert "other.t" in rows(warehouse.path, sql)[0][0]


def test_a_log_that_a_killed_program_left_is_taken_in_first(project, warehouse, rows):
    write = (
        "import duckdb, os, signal, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('CREATE TABLE late AS SELECT 1 AS n')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", write, str(warehouse.path)], check=False)
    log = warehouse.path.with_name("warehouse.duckdb.wal")
    assert log.exists()

    compact(project)

    assert not log.exists()
    assert rows(warehouse.path, "FROM late") == [(1,)]


def test_a_link_to_the_file_stays_a_link(folder, warehouse, tmp_path, rows):
    elsewhere = tmp_path / "disk" / "w.duckdb"
    elsewhere.parent.mkdir()
    warehouse.path.rename(elsewhere)
    warehouse.path.symlink_to(elsewhere)
    elsewhere.chmod(0o640)

    compact(load_project(folder))

    assert warehouse.path.is_symlink()
    assert elsewhere.stat().st_mode & 0o777 == 0o640
    assert rows(elsewhere, "SELECT count(*) FROM raw_crm.people") == [(50_000,)]


def test_without_a_warehouse_there_is_nothing_to_compact(project):
    with pytest.raises(ConfigError, match="no warehouse yet"):
        compact(project)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(EltError, match="needs about 1000000"):
        require_space(tmp_path, 10**15, "compacting")


COMPACT = (
    "import sys\n"
    "from pathlib import Path\n"
    "from elt.project.load import load_project\n"
    "from elt.runner.upkeep.compact import compact\n"
    "print('ready', flush=True)\n"
    "compact(load_project(Path(sys.argv[1])))\n"
)


def killed_after(folder, seconds: float) -> bool:
    """Compact in a process of its own; say whether the kill met it alive."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMPACT, str(folder)], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    time.sleep(seconds)
    landed = process.poll() is None
    process.kill()
    process.communicate()
    return landed


def kill_often(folder, warehouse, rows, times: int) -> int:
    state = "SELECT (SELECT (count(*), sum(hash(p))) FROM raw_crm.people AS p),"
    state += " (SELECT count(*) FROM duckdb_tables())"
    before, warehouse_id = rows(warehouse.path, state), warehouse.id
    moments, landed = random.Random(7), 0  # noqa: S311
    for _ in range(times):
        landed += killed_after(folder, moments.uniform(0, 0.5))
        assert rows(warehouse.path, state) == before
        assert warehouse.id == warehouse_id
    compact(load_project(folder))
    assert rows(warehouse.path, state) == before
    assert not aside_of(warehouse.path).exists()
    return landed


def test_killed_while_it_works_it_leaves_a_whole_warehouse(folder, warehouse, rows):
    assert kill_often(folder, warehouse, rows, 3) >= 1


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_a_whole_warehouse(folder, warehouse, rows):
    with warehouse.session() as cursor:
        cursor.execute("""
            INSERT INTO raw_crm.people
            SELECT i, md5(i::VARCHAR) FROM range(1_000_000) AS r(i)
        """)

    assert kill_often(folder, warehouse, rows, 40) >= 10
    assert os.listdir(folder / ".elt")  # noqa: PTH208
