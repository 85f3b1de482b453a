"""A night in which nearly everything goes wrong, told by its commands and exit codes.

`pytest -m slow -n 0 -s tests/promises/test_a_bad_night.py` prints it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

PROJECT = {
    "elt.toml": """
[project]
name = "night"
[warehouse]
type = "duckdb"
path = "warehouse.duckdb"
[run]
retry_delay_seconds = 0.2
[taps.shop]
plugin = "shop"
owner = "ann"
window = { start = "from", end = "until" }
[transform]
project_dir = "transform"
[destinations.exports]
plugin = "file"
[destinations.exports.config]
path = "exports"
[syncs.revenue]
model = "revenue"
destination = "exports"
object = "revenue.csv"
key = "day"
mode = "upsert"
[syncs.revenue.fields]
day = "day"
amount = "amount"
""",
    # An API: a file for each day. `down` says how often it will answer 503.
    "plugins/shop.py": """
import json, pathlib, time
from elt import stream
from elt.errors import Unavailable

API = pathlib.Path(__file__).parent.parent / "api"


@stream(key="id", cursor="at")
def orders(config, since):
    down = API / "down"
    left = int(down.read_text()) if down.exists() else 0
    if left:
        down.write_text(str(left - 1))
        raise Unavailable("503 from the shop's API")
    if (API / "slow").exists():
        (API / "slow").rename(API / "reading")
        time.sleep(60)
    for day in sorted(API.glob("2026-*.json")):
        for order in json.loads(day.read_text()):
            wanted = order["at"] >= config.get("from", since or "")
            if wanted and order["at"] < config.get("until", "9999"):
                yield order
""",
    "transform/dbt_project.yml": """
name: night
version: "1.0"
profile: elt
model-paths: ["models"]
""",
    "transform/models/revenue.sql": """
select cast("at" as date) as day, cast(sum(amount) as decimal(18, 2)) as amount
from {{ source("raw_shop", "orders") }}
group by 1
""",
    "transform/models/schema.yml": """
models:
  - name: revenue
    columns:
      - name: amount
        data_tests: [not_below_zero]
""",
    "transform/macros/not_below_zero.sql": """
{% test not_below_zero(model, column_name) %}
select * from {{ model }} where {{ column_name }} < 0
{% endtest %}
""",
}


@dataclass
class Night:
    """The project's folder, and the API beside it."""

    path: Path

    def day(self, day: int, *orders: tuple[int, str, float]) -> None:
        rows = [
            {"id": number, "at": f"2026-11-{day:02}T{at}:00Z", "amount": amount}
            for number, at, amount in orders
        ]
        self.write(f"api/2026-11-{day:02}.json", json.dumps(rows))

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "elt", "-C", str(self.path), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def elt(self, *words: str, code: int) -> str:
        """Run a command and print it as a terminal shows it."""
        run = self.start(*words)
        said, _ = run.communicate(timeout=120)
        shown = f"$ elt {' '.join(words)}\n{said.strip()}\n[{run.returncode}]\n\n"
        sys.stdout.write(shown)
        assert run.returncode == code, said
        return said

    def tell(self, text: str) -> None:
        sys.stdout.write(f"# {text}\n")

    def exported(self) -> dict[str, float]:
        (file,) = (self.path / "exports").glob("revenue.csv")
        rows = [line.split(",") for line in file.read_text().split()[1:]]
        return {row[0].strip(chr(34)): float(row[1]) for row in rows}

    def bookmark(self) -> str:
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as db:
            ((state,),) = db.execute("FROM _elt.bookmarks SELECT state").fetchall()
        return state


@pytest.fixture
def night(tmp_path: Path) -> Night:
    made = Night(tmp_path / "night")
    for name, text in PROJECT.items():
        made.write(name, text.lstrip())
    made.day(17, (1, "09:00", 10.0), (2, "15:00", 2.5))
    return made


@pytest.mark.slow
def test_after_a_bad_night_all_is_there_once_and_each_exit_code_says_what_to_do(night):
    the_api_is_down_for_a_moment(night)
    a_test_stops_the_sync(night)
    the_machine_runs_out_of_memory(night)
    lost_days_are_filled_in(night)

    assert night.exported() == {
        "2026-11-03": 3,
        "2026-11-04": 4,
        "2026-11-05": 5,
        "2026-11-17": 12.5,
        "2026-11-18": 9,
        "2026-11-19": 5,
    }
    night.elt("runs", code=0)


def the_api_is_down_for_a_moment(night):
    night.tell("17 November, 02:00. The API is down for a moment.")
    night.write("api/down", "2")
    said = night.elt("run", code=0)
    assert "started (attempt 3)" in said


def a_test_stops_the_sync(night):
    night.tell("18 November, 02:00. A refund was booked with the wrong sign.")
    night.day(18, (3, "11:00", -99.0))
    said = night.elt("run", code=3)
    assert "sync:revenue" in said
    assert night.exported() == {"2026-11-17": 12.5}

    night.tell("In the morning the shop mends it.")
    night.day(18, (3, "11:00", 9.0))
    night.elt("run", code=0)
    assert night.exported() == {"2026-11-17": 12.5, "2026-11-18": 9}


def the_machine_runs_out_of_memory(night):
    night.tell("19 November, 02:00. The API hangs, and at 03:00 cron starts again.")
    night.day(19, (4, "08:00", 5.0))
    night.write("api/slow", "")
    first = night.start("run")
    while not (night.path / "api/reading").exists():
        assert first.poll() is None
        time.sleep(0.02)
    said = night.elt("run", code=75)
    assert "another run of this project is under way" in said

    night.tell("The machine runs out of memory: kill -9.")
    first.kill()
    first.communicate()
    said = night.elt("status", code=0)
    assert "crashed" in said
    night.elt("retry", code=0)
    assert night.exported()["2026-11-19"] == 5


def lost_days_are_filled_in(night):
    night.tell("The shop finds three days that it never gave out.")
    for day in (3, 4, 5):
        night.day(day, (day + 100, "10:00", float(day)))
    before = night.bookmark()
    command = ("backfill", "tap:shop+", "--from", "2026-11-03", "--to", "2026-11-06")
    night.elt(*command, "--dry-run", code=0)

    night.tell("The API is down, for longer than three tries.")
    night.write("api/down", "4")
    night.elt(*command, code=1)
    night.tell("It is up again: what is done is not done twice.")
    night.write("api/down", "0")
    said = night.elt(*command, "--skip-done", code=0)
    assert "afterwards, once: `elt run sync:revenue`" in said
    assert night.bookmark() == before
    night.elt("run", "sync:revenue", code=0)
