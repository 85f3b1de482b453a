"""The files tap with the target, as `elt run` puts them together."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

PROJECT = """
[project]
name = "x"
[taps.f]
plugin = "files"
select = ["*", "!*.email"]
[taps.f.config.streams.orders]
path = "orders*.csv"
key = "id"
[taps.f.config.streams.events]
path = "*.jsonl"
[taps.f.config.streams.parts]
path = "*.parquet"
missing_ok = true
"""


@pytest.fixture
def load(tmp_path):
    """Run the project; give a query of what is loaded."""
    (tmp_path / "elt.toml").write_text(PROJECT)

    def run():
        command = [sys.executable, "-m", "elt", "run"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

        def query(sql: str) -> list[tuple]:
            with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
                return connection.execute(sql).fetchall()

        return query

    return run


@pytest.mark.slow
def test_files_are_loaded_once_however_they_change(load, tmp_path):
    orders, events = tmp_path / "orders.csv", tmp_path / "events.jsonl"
    orders.write_text("id,price,email\n1,9.90,a@example.com\n2,10.00,b\n")
    events.write_text('{"id":1,"email":"x","o":{"n":1.10}}\n{"id":2}')
    duckdb.connect().sql(f"COPY (SELECT 1 AS id, 'x' AS a) TO '{tmp_path}/1.parquet'")
    duckdb.connect().sql(f"COPY (SELECT 'y' AS b, 2 AS ID) TO '{tmp_path}/2.parquet'")

    query = load()

    assert query("SELECT id, price::VARCHAR FROM raw_f.orders ORDER BY id") == [
        (1, "9.90"),
        (2, "10.00"),
    ]
    assert query("SELECT id, o::VARCHAR FROM raw_f.events ORDER BY id") == [
        (1, '{"n":1.10}'),
        (2, None),
    ]
    assert query("SELECT id, a, b FROM raw_f.parts ORDER BY id") == [
        (1, "x", None),
        (2, None, "y"),
    ]
    assert query(
        "SELECT count(*) FROM duckdb_columns() WHERE column_name = 'email'"
    ) == [(0,)]

    with orders.open("a") as file:
        file.write("2,11.00,b\n3,1.00,c\n")
    with events.open("a") as file:
        file.write('2}\n{"id":3}\n')

    query = load()

    assert query("SELECT id, price::VARCHAR FROM raw_f.orders ORDER BY id") == [
        (1, "9.90"),
        (2, "11.00"),
        (3, "1.00"),
    ]
    assert query("SELECT id FROM raw_f.events ORDER BY id") == [(1,), (3,)]

    events.write_text('{"id":9}\n')

    query = load()

    assert query("SELECT id FROM raw_f.events") == [(9,)]
    assert query("SELECT count(*) FROM raw_f.orders") == [(3,)]
