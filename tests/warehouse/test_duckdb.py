"""The DuckDB file: made whole, let go of, given back as it was."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from elt.errors import ConfigError, EltError, Interrupted, Unavailable
from elt.warehouse.duckdb import Warehouse


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse(tmp_path / "deep" / "w.duckdb")


def sql(warehouse, text):
    with warehouse.session() as cursor:
        return cursor.execute(text).fetchall()


def test_a_warehouse_is_made_when_it_is_first_needed_and_nothing_lies_beside_it(
    warehouse,
):
    assert not warehouse.exists()

    assert len(warehouse.id) == 32
    assert [path.name for path in warehouse.path.parent.iterdir()] == ["w.duckdb"]


def test_a_warehouse_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EltError, match="cannot be opened") as caught:
        sql(Warehouse(tmp_path / "file" / "w.duckdb"), "SELECT 1")

    assert caught.value.where == str(tmp_path / "file" / "w.duckdb")


def test_a_writer_keeps_all_or_nothing(warehouse):
    with warehouse.writer() as cursor:
        cursor.execute("CREATE TABLE t AS SELECT 1 AS n")
    with warehouse.writer(keep=False) as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(duckdb.Error), warehouse.writer() as cursor:
        cursor.execute("INSERT INTO t VALUES (3); SELECT error('no')")

    assert sql(warehouse, "FROM t") == [(1,)]


def test_the_file_is_free_while_nobody_has_a_session(warehouse):
    with warehouse.session(), warehouse.session() as cursor:
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]

    with duckdb.connect(str(warehouse.path), config={"threads": 1}) as other:
        assert other.execute("SELECT 1").fetchall() == [(1,)]


def test_a_warehouse_of_a_newer_elt_is_refused_and_let_go_of(warehouse):
    sql(warehouse, "SELECT 1")
    with duckdb.connect(str(warehouse.path)) as other:
        other.execute("UPDATE _elt.meta SET value = '99' WHERE key = 'version'")

    with pytest.raises(ConfigError, match="newer elt"):
        sql(warehouse, "SELECT 1")

    # Another configuration is refused while the file is open in this process.
    duckdb.connect(str(warehouse.path), config={"threads": 1}).close()


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_who_waits_for_the_file_is_told_once_who_holds_it(warehouse):
    sql(warehouse, "SELECT 1")
    told = []
    waiting = Warehouse(warehouse.path, busy_timeout_seconds=1.3, on_wait=told.append)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(Unavailable):
            sql(waiting, "SELECT 1")

    (words,) = told
    assert words.startswith("waiting up to 1.3 s for the warehouse: w.duckdb is open")
    assert f"(process {holder.pid})" in words


def test_who_was_asked_to_stop_does_not_wait_for_the_file(warehouse):
    sql(warehouse, "SELECT 1")
    waits = []

    def asked():
        waits.append("again")
        if len(waits) == 3:
            raise Interrupted("asked to stop")

    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(Interrupted), warehouse.heeding(asked):
            sql(warehouse, "SELECT 1")

    assert len(waits) == 3
