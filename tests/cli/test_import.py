from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest
import tomli

TAP = """\
#!{python}
import json, sys
config = json.load(open(sys.argv[sys.argv.index("--config") + 1]))
schema = {{"type": "object", "properties": {{"id": {{"type": "integer"}}}}}}
about = [{{"breadcrumb": [], "metadata": {{}}}}]
stream = {{"tap_stream_id": "days", "stream": "days", "schema": schema,
          "key_properties": ["id"], "metadata": about}}
if "--discover" in sys.argv:
    print(json.dumps({{"streams": [stream]}}))
    sys.exit()
print(json.dumps({{"type": "SCHEMA", "stream": "days", "schema": schema,
                   "key_properties": ["id"]}}))
for number in range(config["days"]):
    record = {{"type": "RECORD", "stream": "days", "record": {{"id": number}}}}
    print(json.dumps(record))
"""
MELTANO = """\
default_environment: dev
environments:
- name: dev
- name: prod
  config:
    plugins:
      extractors:
      - name: tap-days
        config: {days: 5}
plugins:
  extractors:
  - name: tap-days
    namespace: tap_days
    executable: ./tap-days
    config: {days: 3, password: secret-in-clear}
  loaders:
  - name: target-duckdb
    pip_url: target-duckdb
jobs:
- {name: daily, tasks: [tap-days target-duckdb]}
schedules:
- {name: every-day, interval: '@daily', job: daily}
"""


@pytest.fixture
def old(tmp_path) -> Path:
    """Give a Meltano project with a tap that runs, and states in its database."""
    folder = tmp_path / "old"
    (folder / ".meltano").mkdir(parents=True)
    (folder / "meltano.yml").write_text(MELTANO)
    (folder / ".env").write_text("OTHER=1\n")
    (folder / "tap-days").write_text(TAP.format(python=sys.executable))
    (folder / "tap-days").chmod(0o755)
    connection = sqlite3.connect(folder / ".meltano" / "meltano.db")
    connection.execute(
        "CREATE TABLE state (state_id VARCHAR, partial_state VARCHAR,"
        " completed_state VARCHAR, updated_at DATETIME)"
    )
    state = json.dumps({"singer_state": {"bookmarks": {"days": {"at": 7}}}})
    rows = [("dev:tap-days-to-target-duckdb", None, state), ("who knows", None, state)]
    connection.executemany("INSERT INTO state VALUES (?, ?, ?, NULL)", rows)
    connection.commit()
    connection.close()
    return folder


@pytest.mark.slow
def test_a_meltano_project_runs_after_its_import(program, old):
    done = program("import", "meltano", old)
    assert (done.code, done.err) == (0, "")
    assert (old / ".env").read_text() == (
        "OTHER=1\nTAP_DAYS_PASSWORD=secret-in-clear\n"
    )

    checked = program("-C", old, "check")
    ran = program("-C", old, "run", "--env", "prod")
    counted = program("-C", old, "query", "SELECT count(*) AS n FROM tap_days.days")

    assert (checked.code, ran.code) == (0, 0), checked.out + ran.err
    assert counted.out.split() == ["n", "5"]


def test_the_report_says_what_to_do_next(run_elt, old):
    done = run_elt("import", "meltano", old / "meltano.yml")

    assert "tap-days          [taps.days]" in done.out
    assert f"@daily  cd {old.resolve()} && elt run tag:daily --env dev" in done.out
    assert "TAP_DAYS_PASSWORD, out of meltano.yml" in done.out
    assert "who knows                      meltano-state/days.json" in done.out
    command = "elt state import meltano-state/days.dev.json --tap days --env dev"
    assert "Only where you bring the old tables" in done.out
    assert command in done.out[done.out.index("Only where") :]
    state = json.loads((old / "meltano-state" / "days.dev.json").read_text())
    assert state == {"bookmarks": {"days": {"at": 7}}}
    assert set((old / ".gitignore").read_text().split()) >= {".env", ".elt/"}


def test_a_state_counts_at_once_where_the_warehouse_is_the_old_one(run_elt, old):
    (old / "warehouse.duckdb").touch()

    done = run_elt("import", "meltano", old)

    assert "Only where" not in done.out.replace("tap TAP", "")[: done.out.index("run")]
    following = done.out[done.out.index("\nNext") :]
    assert "elt state import meltano-state/days.dev.json" in following.split("Only")[0]


def test_into_another_folder_nothing_of_the_old_one_changes(run_elt, old, tmp_path):
    before = {path.name: path.read_bytes() for path in old.iterdir() if path.is_file()}

    done = run_elt("import", "meltano", old, "--into", tmp_path / "a" / "new")

    new = tmp_path / "a" / "new"
    assert done.code == 0
    assert {
        path.name: path.read_bytes() for path in old.iterdir() if path.is_file()
    } == before
    tap = tomli.loads((new / "elt.toml").read_text())["taps"]["days"]
    assert tap["executable"] == str(old.resolve() / "./tap-days")
    assert (new / ".env").read_text() == "TAP_DAYS_PASSWORD=secret-in-clear\n"
    assert run_elt("-C", new, "check").code == 0


def test_an_elt_toml_is_never_written_over(run_elt, old):
    (old / "elt.toml").write_text("mine")

    done = run_elt("import", "meltano", old)

    assert done.code == 2
    assert "is not written over" in done.err
    assert "--into DIR" in done.err
    assert (old / "elt.toml").read_text() == "mine"
    assert not (old / "meltano-state").exists()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nowhere"], "there is no meltano.yml here"),
        (["{old}", "--state", "nowhere.json"], "there is no file `nowhere.json`"),
        (["{old}", "--state", "{old}/tap-days"], "the state in `tap-days`"),
        (["{old}", "--into", "{old}/tap-days"], "the folder cannot be made"),
    ],
)
def test_bad_input_is_told_and_nothing_written(run_elt, old, arguments, what):
    done = run_elt("import", "meltano", *(a.format(old=old) for a in arguments))

    assert done.code == 2
    assert what in done.err
    assert "hint:" in done.err
    assert not (old / "elt.toml").exists()
