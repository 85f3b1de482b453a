"""The benchmarks run at small sizes, and what they check is really checked."""

from __future__ import annotations

import importlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MODULES = {path.stem for path in BENCHMARKS.glob("*.py")} | {"rows"}


@pytest.fixture
def bench(monkeypatch):
    """Import a module of the benchmarks, which are no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module
    for name in [n for n in sys.modules if n.split(".")[0] in MODULES]:
        del sys.modules[name]


def run(*options, code=0):
    ran = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran


def test_a_row_is_measured_and_told_with_its_limit_and_a_verdict():
    said = run("--only", "help", "--times", "1").stdout.splitlines()

    assert "cores" in said[0]
    assert "`elt --help` | against `python -c" in said[1]
    assert "must be <= 1.5" in said[1]
    assert said[1].split()[1] in {"met", "MISSED"}


def test_what_needs_other_tools_is_skipped_and_says_why():
    said = run("--only", "stock-tap,peers", "--rows", "1000").stdout

    assert said.count("skipped") == 6
    assert "no `--peers FOLDER` was given" in said


def test_an_unknown_row_is_refused_with_the_known_ones():
    assert "there is events, events-dbt" in run("--only", "event", code=1).stderr


@pytest.mark.slow
def test_the_target_is_fed_and_its_table_compared_at_a_small_size():
    said = run("--only", "target", "--rows", "5000", "--times", "1").stdout

    assert "5,000 RECORD lines of 2" in said
    assert "5,000 RECORD lines of 5" in said
    assert "FAILED" not in said


def test_a_log_of_many_runs_is_made_and_asked(tmp_path):
    script = [sys.executable, str(BENCHMARKS / "many_runs.py")]
    for what in ("make", "ask"):
        words = [*script, what, str(tmp_path / "long"), "50"]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout

    assert json.loads(said)["what is open"] < 1
    with sqlite3.connect(tmp_path / "long" / ".elt" / "elt.db") as connection:
        made = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("runs", "steps", "results", "events", "assets")
        }
    connection.close()
    assert made == {
        "runs": 50,
        "steps": 150,
        "results": 450,
        "events": 600,
        "assets": 9,
    }


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_row_runs_at_a_small_size():
    said = run("--rows", "5000", "--times", "1").stdout

    assert "FAILED" not in said
    assert "upserts" in said


def test_a_table_that_lacks_a_row_is_found(bench, tmp_path):
    made = bench("generated")
    lines = made.write_lines(tmp_path / "e.jsonl", made.events_sql(1000))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(f"CREATE TABLE e AS FROM read_json('{lines}')")
    wanted = made.event_sums(made.events_sql(1000))

    made.check_events(tmp_path / "w.duckdb", "e", wanted)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("DELETE FROM e WHERE id = 7")

    with pytest.raises(bench("measuring").FailedError, match="999 rows and not 1,000"):
        made.check_events(tmp_path / "w.duckdb", "e", wanted)


def test_a_twentieth_is_upserted_a_fifth_of_it_new(bench):
    made = bench("generated")

    delta = made.event_sums(made.delta_sql(1000))
    merged = made.event_sums(made.merged_sql(1000))

    assert (delta.rows, delta.ids) == (50, 50)
    assert (merged.rows, merged.ids) == (1010, 1010)
    assert merged.cents != made.event_sums(made.events_sql(1010)).cents


def test_memory_and_time_are_those_of_all_processes(bench, tmp_path):
    measuring = bench("measuring")
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c',"
        " 'import time; held = bytearray(200_000_000); time.sleep(0.5)'], check=True)"
    )
    program = measuring.Program(command=(sys.executable, "-c", code), cwd=tmp_path)

    found = measuring.measure(program, pss=True)

    assert 200 < found.rss_mb < 300
    assert 200 < found.pss_mb < 300
    assert found.seconds > 0.5
    assert found.cpu_seconds < found.seconds + 1


def test_a_program_that_ends_badly_is_an_error_with_its_words(bench, tmp_path):
    measuring = bench("measuring")
    program = measuring.Program(command=("sh", "-c", "echo no; exit 4"), cwd=tmp_path)

    with pytest.raises(measuring.FailedError, match="ended with 4:\nno"):
        measuring.measure(program)


def test_the_page_keeps_what_people_wrote_around_the_table(bench, tmp_path):
    page, results, curve = bench("page"), bench("results"), bench("curve")
    (tmp_path / "pictures").mkdir()
    written = tmp_path / "benchmarks.md"
    written.write_text(f"# Before\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\n## After\n")
    points = (
        curve.Point(seconds=0.5, rss_mb=100, pss_mb=90, rows=0),
        curve.Point(seconds=1.0, rss_mb=120, pss_mb=99, rows=10),
    )

    page.write(
        {"wide": [results.Result(work="wide rows", must="<= 3", verdict="MISSED")]},
        command="python benchmarks/run.py --only wide --write",
        asked="Pairs.",
        curves=[curve.Curve(name="files", about="events", rows=10, points=points)],
        left_out=["events"],
        docs=tmp_path,
    )

    text = written.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("## After\n")
    assert "old" not in text
    assert "| wide rows |  |  |  | <= 3 | **MISSED** |" in text
    assert "Not measured in this run: `events`." in text
    assert "files,1.0,120,99,10" in (tmp_path / "benchmarks-memory.csv").read_text()
    assert "<polyline" in (tmp_path / "pictures" / "memory.svg").read_text()
