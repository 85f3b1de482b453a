from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest


@pytest.fixture
def ask(run_elt, project, warehouse):
    """Ask the warehouse of the project, with any options."""
    assert warehouse.parent == project
    return lambda sql, *options: run_elt("-C", project, "query", sql, *options)


def test_json_holds_every_value_exactly(ask):
    done = ask("FROM odd", "--json")

    (row,) = json.loads(done.out, parse_float=Decimal)
    assert row == {
        "price": Decimal("1.10"),
        "big": 123456789012345678901234567890,
        "ratio": Decimal("0.1"),
        "nothing": None,
        "at": "2026-11-21T08:00:00.123456Z",
        "local": "2026-11-21T09:00:00",
        "day": "2026-11-21",
        "text": 'a "quoted", line\nbreak',
        "empty": "",
        "missing": None,
        "document": {"n": Decimal("1.10")},
        "nested": {"x": [1, 2], "y": "z"},
        "yes": True,
    }
    assert '"price": 1.10,' in done.out


def test_csv_holds_every_value_exactly(ask):
    done = ask("FROM odd", "--format", "csv")

    (row,) = csv.DictReader(io.StringIO(done.out))
    assert row["price"] == "1.10"
    assert row["big"] == "123456789012345678901234567890"
    assert row["at"] == "2026-11-21T08:00:00.123456Z"
    assert row["text"] == 'a "quoted", line\nbreak'
    assert row["document"] == '{"n": 1.10}'
    assert json.loads(row["nested"]) == {"x": [1, 2], "y": "z"}
    assert ',"",,' in done.out  # an empty text is not a NULL


def test_an_answer_without_rows_is_an_empty_list(ask):
    done = ask("FROM odd WHERE NOT yes", "--json")

    assert json.loads(done.out) == []


def test_columns_of_the_same_name_keep_their_values(ask):
    done = ask("SELECT 1 AS a, 2 AS a", "-f", "csv")

    assert done.out == "a,a\n1,2\n"


def test_a_big_table_is_cut_and_says_so_on_stderr(ask):
    done = ask("FROM range(1000)", "--limit", "10")

    assert len(done.out.splitlines()) == 11
    assert "the first 10 rows" in done.err


def test_a_table_that_fits_says_nothing_on_stderr(ask):
    done = ask("FROM range(10)", "--limit", "10")

    assert len(done.out.splitlines()) == 11
    assert done.err == ""


def test_sql_may_end_in_a_semicolon_or_a_comment(ask):
    for end in (";", " -- one", "; -- one", " /* ; */"):
        assert ask(f"SELECT 'é;' AS a{end}", "-f", "csv").out == "a\né;\n"


def test_the_tables_can_be_listed(ask):
    done = ask("SHOW TABLES", "-f", "csv")

    assert done.out == "name\nodd\n"


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE odd",
        "INSERT INTO odd FROM odd",
        "COPY odd TO 'out.csv'",
        "SELECT 1; DROP TABLE odd",
        "ATTACH 'other.duckdb'",
        "",
    ],
)
def test_what_is_not_one_question_is_refused(ask, warehouse, sql):
    done = ask(sql)

    assert done.code == 2
    assert done.err.startswith("error: ")
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("SELECT count(*) FROM odd").fetchone() == (1,)


def test_wrong_sql_is_explained_in_duckdbs_words(ask):
    done = ask("FROM ood")

    assert done.code == 2
    assert "ood" in done.err
    assert "odd" in done.err  # DuckDB offers the nearest name
    assert "Traceback" not in done.err


def test_a_mistake_that_shows_only_while_reading_is_explained_too(ask):
    done = ask("SELECT text::INTEGER FROM odd")

    assert done.code == 2
    assert "Could not convert" in done.err


def test_no_warehouse_is_no_bug(run_elt, project):
    done = run_elt("-C", project, "query", "SELECT 1")

    assert done.code == 2
    assert "there is no warehouse yet" in done.err


def test_somebody_else_may_read_the_warehouse_meanwhile(ask, warehouse):
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True);"
        " print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        done = ask("SELECT 1 AS a", "-f", "csv")
        other.communicate()

    assert done.out == "a\n1\n"


def test_a_reader_that_leaves_early_hears_no_complaint(warehouse):
    folder = str(warehouse.parent)
    command = [sys.executable, "-m", "elt", "-C", folder, "query"]
    with subprocess.Popen(
        [*command, "FROM range(5_000_000)", "--format", "csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait()

    assert said == b""
    assert code == 141
