"""`elt demo` as a person runs it: in a process of its own, with nothing prepared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from elt.cli.app import main
from elt.project.scaffold import scaffold
from elt.testing.apis.kept import Written, written_in
from elt.testing.company import TODAY, generate

MARTS = (
    "customers",
    "customer_health",
    "monthly_recurring_revenue",
    "weekly_active_users",
)


@pytest.mark.slow
def test_the_demo_loads_builds_and_sends_everything(tmp_path: Path) -> None:
    said = elt(tmp_path, "demo")

    demo = tmp_path / "elt-demo"
    exported = generate(demo / "data")
    good_lines = exported.event_lines - exported.broken
    assert exported.files_written == 0
    assert query(demo, "SELECT count(*) FROM raw_events.events") == [(good_lines,)]
    assert query(demo, "SELECT tap, stream, reason FROM _elt.rejects") == [
        ("events", "events", "not JSON")
    ]
    assert query(demo, "SELECT count(*), sum(events) FROM weekly_active_users") == [
        (13, exported.events)
    ]
    assert len(scores(written(demo))) == exported.customers
    sent = (demo / "exports" / "customer_list.csv").read_text(encoding="utf-8")
    assert len(sent.splitlines()) == exported.customers + 1
    assert f"HubSpot was sent   the health of {exported.customers} companies" in said
    assert "elt demo --advance 7d" in said


@pytest.mark.slow
def test_a_second_run_sends_nothing_and_a_week_more_only_what_changed(
    tmp_path: Path,
) -> None:
    demo = tmp_path / "demo"
    elt(tmp_path, "demo", "demo")
    tables, received = contents(demo), written(demo)
    listed = (demo / "exports" / "customer_list.csv").stat()

    elt(demo, "run")

    assert contents(demo) == tables
    assert written(demo) == received
    assert (demo / "exports" / "customer_list.csv").stat() == listed

    said = elt(demo, "demo", "--advance", "1w")

    new = scores(written(demo)[len(received) :])
    assert 10 < len(new) < 100
    assert "It is now 2025-06-08" in said
    assert contents(demo) == contents(made_on_a_later_day(tmp_path / "later"))
    # The tap has read what the sync had written, and nothing comes of it.
    assert scores_read(demo) == scores(received)
    received = written(demo)

    elt(demo, "run")

    assert written(demo) == received


def test_time_cannot_go_by_where_no_demo_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["demo", str(tmp_path / "none"), "--advance", "7d"])

    assert code == 2
    assert "Make it first: `elt demo" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_time_that_is_none_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["demo", str(tmp_path / "none"), "--advance", "soon"])

    assert code == 2
    assert "`7d` or `2w`" in capsys.readouterr().err


def test_a_folder_with_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    code = main(["demo", str(tmp_path)])

    assert code == 2
    assert "thesis.txt" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_init_with_the_demos_template_brings_its_data(tmp_path: Path) -> None:
    code = main(["init", str(tmp_path / "shop"), "--template", "demo"])

    assert code == 0
    assert generate(tmp_path / "shop" / "data").files_written == 0


def made_on_a_later_day(folder: Path) -> Path:
    scaffold(folder, "demo")
    generate(folder / "data", until=TODAY + timedelta(days=7))
    elt(folder, "run")
    return folder


def contents(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {mart: query(folder, f"FROM {mart} ORDER BY ALL") for mart in MARTS}


def written(folder: Path) -> list[Written]:
    return written_in(folder / "crm" / "writes.jsonl")


def scores(writes: list[Written]) -> dict[str, str]:
    """Give the score that was last written to each company, by our own id of it."""
    return {
        one["id"]: one["properties"]["health_score"]
        for each in writes
        for one in json.loads(each.body)["inputs"]
    }


def scores_read(folder: Path) -> dict[str, str]:
    sql = "SELECT account_id, health_score FROM raw_crm.companies"
    return {account: score for account, score in query(folder, sql) if score}


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


def elt(folder: Path, *arguments: str) -> str:
    """Run a command line that must succeed; give what it told."""
    done = subprocess.run(
        [sys.executable, "-m", "elt", *arguments],
        cwd=folder,
        env={**os.environ, "TZ": "America/Lima"},  # not the zone of the data
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr
