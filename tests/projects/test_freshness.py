"""Freshness with the real dbt: what elt writes, what it reads, what it stops for."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.slow

FILES = {
    "elt.toml": """
[project]
name = "shop"

[taps.days]
plugin = "days"
max_age = "26h"

[transform]

[destinations.out]
plugin = "file"
config = { path = "out" }

[syncs.people]
model = "people"
destination = "out"
object = "people.csv"
key = "id"
on_stale = "stop"
""",
    "plugins/days.py": """
from elt import stream


@stream(key="id")
def days(config):
    yield {"id": 1, "name": "monday"}
""",
    "transform/dbt_project.yml": """
name: shop
version: "1.0"
config-version: 2
profile: shop
""",
    "transform/models/people.sql": """
SELECT id, name, (SELECT count(*) FROM {{ source('web', 'visits') }}) AS visits
FROM {{ source('raw_days', 'days') }}
""",
    "transform/models/web.yml": """
sources:
  - name: web
    schema: web
    tables:
      - name: visits
        config:
          loaded_at_field: came_at
          freshness:
            warn_after: {count: 1, period: hour}
            error_after: {count: 1, period: day}
""",
}


@dataclass
class Done:
    code: int
    out: str
    err: str


@dataclass
class Shop:
    path: Path

    def elt(self, *words: str) -> Done:
        command = [sys.executable, "-m", "elt", "-C", str(self.path), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def sql(self, text: str) -> None:
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as connection:
            connection.execute(text)

    def age(self, asset: str, hours: int) -> None:
        with sqlite3.connect(self.path / ".elt" / "elt.db") as store:
            store.execute(
                "UPDATE assets SET last_success ="
                " strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', ?) WHERE asset = ?",
                (f"-{hours} hours", asset),
            )
        store.close()

    def freshness(self) -> dict[str, str]:
        told = json.loads(self.elt("status", "--json").out)
        return {each["asset"]: each["freshness"] for each in told}


@pytest.fixture(scope="session")
def loaded(tmp_path_factory) -> Path:
    """Give a project that was loaded and built; its sync has sent nothing yet."""
    folder = tmp_path_factory.mktemp("freshness") / "shop"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shop = Shop(folder)
    shop.sql(
        "CREATE SCHEMA web; CREATE TABLE web.visits AS"
        " SELECT now() - INTERVAL 5 MINUTE AS came_at"
    )
    done = shop.elt("run", "--exclude", "sync:people")
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def shop(loaded, tmp_path) -> Shop:
    return Shop(Path(shutil.copytree(loaded, tmp_path / "shop")))


def test_dbt_looks_at_what_elt_loaded_and_elt_at_what_dbt_found(shop):
    assert shop.freshness()["source:web.visits"] == "unknown"

    done = shop.elt("dbt", "--warn-error", "source", "freshness")

    assert done.code == 0, done.out
    assert "PASS freshness of raw_days.days" in done.out
    assert "deprecat" not in done.out.lower()
    assert shop.freshness() == {
        "source:web.visits": "fresh",
        "stream:days.days": "fresh",
        "model:people": None,
    }

    shop.sql("UPDATE raw_days.days SET _elt_loaded_at = now() - INTERVAL 27 HOUR")
    shop.sql("UPDATE web.visits SET came_at = now() - INTERVAL 2 DAY")
    done = shop.elt("dbt", "source", "freshness")

    assert done.code == 1
    assert "ERROR STALE freshness of raw_days.days" in done.out
    # elt has looked an hour ago, and the source had nothing newer.
    assert shop.freshness()["stream:days.days"] == "fresh"
    assert shop.freshness()["source:web.visits"] == "stale"


def test_a_sync_waits_for_what_is_above_it(shop):
    assert shop.elt("dbt", "source", "freshness").code == 0
    shop.age("stream:days.days", 30)

    planned = shop.elt("plan", "sync:people")
    assert "would stop: `stream:days.days` is 30 h old" in planned.out
    shown = shop.elt("sync", "plan", "people")
    assert "■ would stop: `stream:days.days` is 30 h old" in shown.out

    stopped = shop.elt("run", "sync:people")
    assert stopped.code == 3
    assert "`stream:days.days` is 30 h old, and may be 26 h old" in stopped.err
    assert "`elt run tap:days` loads it" in stopped.err
    assert not (shop.path / "out" / "people.csv").exists()

    waived = shop.elt("run", "sync:people", "--accept", "stale")
    assert waived.code == 0, waived.err
    assert (shop.path / "out" / "people.csv").exists()


def test_what_the_run_itself_loads_is_young_when_the_sync_begins(shop):
    assert shop.elt("dbt", "source", "freshness").code == 0
    shop.age("stream:days.days", 30)

    done = shop.elt("run")

    assert done.code == 0, done.err
    assert shop.elt("status", "--fail-if-stale").code == 0


def test_a_sync_that_warns_sends_and_says_so(shop):
    toml = shop.path / "elt.toml"
    toml.write_text(toml.read_text().replace('on_stale = "stop"', 'on_stale = "warn"'))
    shop.age("stream:days.days", 30)

    done = shop.elt("run", "sync:people", "--strict")

    assert done.code == 3
    assert "nobody knows how old `source:web.visits` is" in done.err
    assert (shop.path / "out" / "people.csv").exists()
