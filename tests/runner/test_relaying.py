"""A foreign Singer target in the warehouse's place, whatever becomes of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from elt.cli.app import main
from elt.cli.foreign_targets import refuse_stale_sources
from elt.errors import ConfigError
from elt.events import Event, LogLine, StepStarted
from elt.project.load import load_project
from elt.runner.assets import build_graph
from elt.runner.decide import plan_project
from elt.runner.plan import RunRequest
from elt.runner.run import run_project
from elt.runner.source_files import write_source_files
from elt.runner.store.database import open_store
from elt.runner.store.state import latest, place_at_target, save
from tests.promises.conftest import TAP, record, schema, state, stream
from tests.runner.test_assets import manifest, node, source

# A Singer target that writes what it reads into a file, and does at the n-th line what
# its config says under `at`. It answers each STATE, as the simplest targets do.
TARGET = """
import json, os, sys, time
config = json.load(open(sys.argv[sys.argv.index("--config") + 1]))
open("target.pid", "w").write(str(os.getpid()))
open("token.txt", "w").write(config.get("token", ""))
out = open(config["out"], "a")
at = config.get("at", {})
answer = config.get("answer", "each")
if config.get("flood"):
    for _ in range(config["flood"]):
        sys.stderr.write("y" * 99 + "\\n")
last = None
for number, line in enumerate(iter(sys.stdin.buffer.readline, b""), 1):
    for what, much in at.get(str(number), {}).items():
        if what == "say":
            print(much, file=sys.stderr, flush=True)
        elif what == "print":
            print(much, flush=True)
        elif what == "print many":
            for each in range(much):
                print("garbage", each)
        elif what == "exit":
            sys.exit(much)
        elif what == "die":
            os.kill(os.getpid(), 9)
        elif what == "sleep":
            time.sleep(much)
    message = json.loads(line)
    out.write(line.decode())
    out.flush()
    if message["type"] == "STATE":
        last = json.dumps(message["value"])
        if answer == "each":
            print(last, flush=True)
if answer == "last" and last:
    time.sleep(config.get("slow_end", 0))
    print(last)
sys.exit(config.get("code", 0))
"""
TOML = """
[project]
name = "relay"
[run]
retries = 0
[taps.t]
executable = "./tap.py"
target = "lake"
idle_timeout_seconds = 20
config = { script = "script.json" }
[targets.lake]
executable = "./target.py"
[targets.lake.config]
out = "out.jsonl"
"""
CATALOG = {"streams": [stream()]}


@dataclass
class Folder:
    """A project whose tap `t` replays a script into the target `lake`."""

    path: Path
    events: list[Event] = field(default_factory=list)

    def script(self, *lines, catalog=None, **more):
        script = {"lines": lines, "catalog": catalog or CATALOG, **more}
        (self.path / "script.json").write_text(json.dumps(script))

    def target(self, **config):
        """Set what the target does; `at` says so by the number of a line."""
        lines = [f"{name} = {_toml(value)}" for name, value in config.items()]
        (self.path / "elt.toml").write_text(TOML + "\n".join(lines) + "\n")

    def setting(self, old, new):
        file = self.path / "elt.toml"
        file.write_text(file.read_text().replace(old, new))

    def run(self, *selection, **request):
        asked = RunRequest(selection=selection, **request)
        return run_project(load_project(self.path), asked, listen=self.events.append)

    def ids(self):
        lines = (self.path / "out.jsonl").read_text().splitlines()
        messages = [json.loads(line) for line in lines]
        return [m["record"]["id"] for m in messages if m["type"] == "RECORD"]

    def state(self):
        with open_store(load_project(self.path).private_dir) as store:
            found = latest(store, place_at_target("default", "lake"), "t")
            return json.loads(found.state) if found else None

    def remember(self, value):
        with open_store(load_project(self.path).private_dir) as store:
            place = place_at_target("default", "lake")
            save(store, place, "t", json.dumps(value), origin="set")

    def said(self, result):
        return " ".join(f"{r.message} {r.hint}" for r in result.results)

    def warnings(self):
        lines = [e for e in self.events if isinstance(e, LogLine)]
        return [e.text for e in lines if e.level == "warning"]


def _toml(value):
    if not isinstance(value, dict):
        return json.dumps(value)
    body = ", ".join(f'"{k}" = {_toml(v)}' for k, v in value.items())
    return f"{{ {body} }}"


@pytest.fixture
def folder(tmp_path):
    for name, text in (("tap.py", TAP), ("target.py", TARGET)):
        (tmp_path / name).write_text(f"#!{sys.executable}\n{text}")
        (tmp_path / name).chmod(0o755)
    made = Folder(tmp_path)
    made.target()
    return made


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def test_rows_reach_the_target_and_its_last_state_is_the_bookmark(folder):
    folder.script(schema(), record(1), record(2), state(at=4, x=1.10), record(3))

    result = folder.run()

    assert result.status == "done"
    assert [(r.asset, r.rows) for r in result.results] == [("stream:t.s", 3)]
    assert folder.ids() == [1, 2, 3]
    assert folder.state() == {"at": 4, "x": 1.1}
    assert not (folder.path / "warehouse.duckdb").exists()


def test_the_next_run_goes_on_from_the_targets_state(folder):
    lines = [schema(), record(1), state(at=3)]
    folder.script(*lines)
    folder.run()

    folder.script(*lines, schema(), record(2), state(at=6))
    folder.run()

    assert folder.ids() == [1, 2]
    assert folder.state() == {"at": 6}


def test_full_refresh_gives_the_tap_no_state(folder):
    lines = [schema(), record(1), state(at=3)]
    folder.script(*lines)
    folder.run()

    folder.run(full_refresh=True)

    assert folder.ids() == [1, 1]
    assert folder.state() == {"at": 3}


def test_a_state_that_the_target_never_writes_moves_no_bookmark(folder):
    folder.target(answer="never")
    folder.script(schema(), record(1), state(at=3))

    result = folder.run()

    assert result.status == "warned"
    assert "did not write the tap's last STATE back" in folder.said(result)
    assert folder.state() is None


def test_an_empty_state_erases_nothing(folder):
    folder.remember({"bookmarks": {"s": {"n": 1}}})
    folder.target(answer="never", at={"1": {"print": "{}"}, "2": {"print": "null"}})
    folder.script(schema(), record(1))

    assert folder.run().status == "done"

    assert folder.state() == {"bookmarks": {"s": {"n": 1}}}
    assert folder.warnings() == []


def test_garbage_on_the_targets_stdout_is_shown_and_is_no_state(folder):
    log_line = '{"level": "info", "event": "loaded"}'
    folder.target(
        at={"1": {"print": log_line}, "2": {"print": "Loading …"}, "3": {"print": "7"}}
    )
    folder.script(schema(), record(1), state(at=3))

    result = folder.run()

    assert result.status == "done"
    assert folder.state() == {"at": 3}
    assert len(folder.warnings()) == 3
    assert log_line in folder.warnings()[0]


def test_a_flood_of_garbage_is_counted_after_the_first_lines(folder):
    folder.target(at={"2": {"print many": 100_000}})
    folder.script(schema(), record(1), state(at=3))

    assert folder.run().status == "done"

    assert folder.state() == {"at": 3}
    assert len(folder.warnings()) == 11
    assert "99,990 more lines" in folder.warnings()[-1]


def test_a_target_that_dies_ends_the_tap_too_and_its_last_words_are_shown(folder):
    folder.target(at={"4": {"say": "disk quota exceeded", "exit": 3}})
    rows = [record(n) for n in range(2, 20_000)]
    folder.script(schema(), record(1), state(at=3), *rows, {"do": "sleep", "much": 60})
    begun = time.monotonic()

    result = folder.run()

    assert time.monotonic() - begun < 20
    assert result.exit_code == 1
    assert "target `lake` ended with exit code 3" in folder.said(result)
    assert "disk quota exceeded" in folder.said(result)
    assert folder.state() == {"at": 3}


def test_a_target_that_dies_while_the_tap_is_silent_is_noticed(folder):
    folder.target(at={"3": {"die": 1}})
    folder.script(schema(), record(1), state(at=3), {"do": "sleep", "much": 60})
    begun = time.monotonic()

    result = folder.run()

    assert time.monotonic() - begun < 20
    assert "target `lake` ended with exit code -9" in folder.said(result)


def test_a_target_that_ends_well_before_it_has_read_all_is_a_failure(folder):
    folder.target(at={"2": {"exit": 0}})
    folder.script(schema(), *(record(n) for n in range(10_000)), state(at=3))

    result = folder.run()

    assert result.exit_code == 1
    assert "exit code 0 before it had read everything" in folder.said(result)


def test_what_an_ended_target_left_in_the_pipe_is_seen(folder):
    (folder.path / "target.py").write_text(
        f"#!{sys.executable}\nimport os, time\nos.read(0, 10)\ntime.sleep(1)\n"
    )
    folder.script(schema(), record(1), record(2))

    result = folder.run()

    assert "exit code 0 before it had read everything" in folder.said(result)


def test_a_targets_exit_code_at_its_end_fails_the_step_and_its_states_count(folder):
    folder.target(code=7)
    folder.script(schema(), record(1), state(at=3))

    result = folder.run()

    assert "target `lake` ended with exit code 7" in folder.said(result)
    assert folder.state() == {"at": 3}


def test_a_tap_that_dies_lets_the_target_load_what_it_was_given(folder):
    folder.target(answer="last", slow_end=1)
    folder.script(schema(), record(1), state(at=3), record(2), {"do": "die"})

    result = folder.run()

    assert result.exit_code == 1
    assert "tap `t` ended with exit code -9" in folder.said(result)
    assert folder.ids() == [1, 2]
    assert folder.state() == {"at": 3}


def test_a_target_that_does_not_read_is_taken_for_hanging(folder):
    folder.target(at={"2": {"sleep": 600}})
    folder.setting("_seconds = 20", "_seconds = 1")
    folder.script(schema(), *(record(n, t="x" * 1000) for n in range(2_000)))
    begun = time.monotonic()

    result = folder.run()

    assert time.monotonic() - begun < 20
    assert "target `lake` read nothing for 1 seconds" in folder.said(result)
    assert not is_alive(int((folder.path / "target.pid").read_text()))


def test_a_target_that_does_not_end_is_taken_for_hanging(folder):
    folder.target(answer="last", slow_end=600)
    folder.setting("_seconds = 20", "_seconds = 1")
    folder.script(schema(), record(1), state(at=3))

    result = folder.run()

    assert "target `lake` did not end within 1 s of its last input" in folder.said(
        result
    )


def test_a_tap_that_hangs_is_named(folder):
    folder.setting("_seconds = 20", "_seconds = 1")
    folder.script(schema(), record(1), state(at=3), {"do": "sleep", "much": 600})

    result = folder.run()

    assert "the tap wrote nothing" in folder.said(result)
    assert folder.state() == {"at": 3}


def test_floods_on_both_stderrs_stop_nobody(folder):
    folder.target(flood=300_000)
    folder.script(schema(), {"do": "flood", "much": 300_000}, record(1), state(at=4))

    result = folder.run()

    assert result.status == "done"
    assert folder.state() == {"at": 4}
    assert len(folder.events) < 20_000


def test_what_is_not_a_singer_message_fails_the_tap(folder):
    folder.script(schema(), record(1), state(at=3), "Traceback: oh no")

    result = folder.run()

    assert "Traceback: oh no" in folder.said(result)
    assert folder.state() == {"at": 3}


def test_a_line_of_twenty_megabytes_passes(folder):
    folder.script(schema(), {"do": "long line", "much": 20}, record(2), state(at=4))

    assert folder.run().status == "done"
    assert folder.ids() == [7, 2]


def test_secrets_of_the_target_are_handed_over_and_struck_out_of_what_it_says(folder):
    (folder.path / ".env").write_text("LAKE_TOKEN=hunter2-and-more\n")
    folder.target(
        token="${env:LAKE_TOKEN}",  # noqa: S106  a reference
        at={"2": {"say": "my token is hunter2-and-more", "exit": 1}},
    )
    folder.script(schema(), record(1), record(2))

    result = folder.run()

    assert (folder.path / "token.txt").read_text() == "hunter2-and-more"
    assert "my token is ***" in folder.said(result)
    assert "hunter2" not in repr(folder.events)
    assert list((folder.path / ".elt").glob("**/config.json")) == []


def test_a_run_of_some_streams_keeps_the_others_bookmarks(folder):
    catalog = {"streams": [stream("a"), stream("b")]}
    folder.script(
        schema("a"),
        record(1, "a"),
        schema("b"),
        record(1, "b"),
        state(bookmarks={"a": {"x": 1}, "b": {"x": 1}}),
        catalog=catalog,
    )
    folder.run()

    folder.script(
        schema("a"),
        record(2, "a"),
        schema("b"),
        record(3, "b"),
        state(bookmarks={"a": {"x": 2}, "b": {"x": 2}}),
        catalog=catalog,
    )
    result = folder.run("stream:t.a")

    assert [(r.asset, r.rows) for r in result.results] == [("stream:t.a", 1)]
    assert folder.state() == {"bookmarks": {"a": {"x": 2}, "b": {"x": 1}}}
    assert folder.ids() == [1, 1, 2]


def test_some_streams_of_a_tap_whose_state_is_one_whole_are_refused(folder):
    catalog = {"streams": [stream("a"), stream("b")]}
    folder.script(schema("a"), record(1, "a"), state(at=3), catalog=catalog)

    result = folder.run("stream:t.a")

    assert "cannot be taken apart" in folder.said(result)
    assert folder.state() is None


def test_a_target_that_confirms_one_stream_keeps_the_bookmarks_of_the_others(folder):
    folder.remember({"bookmarks": {"a": {"x": 1}, "b": {"x": 1}}})
    folder.target(
        answer="never",
        at={"4": {"print": '{"bookmarks": {"a": {"x": 2}}}'}},
    )
    folder.script(
        schema("a"),
        record(2, "a"),
        state(bookmarks={"a": {"x": 2}, "b": {"x": 2}}),
        record(3, "a"),
        catalog={"streams": [stream("a"), stream("b")]},
    )

    folder.run()

    assert folder.state() == {"bookmarks": {"a": {"x": 2}, "b": {"x": 1}}}


@pytest.mark.slow
def test_our_files_tap_writes_rows_for_a_foreign_target(folder):
    (folder.path / "people.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    folder.setting('executable = "./tap.py"', 'plugin = "files"')
    folder.setting(
        'config = { script = "script.json" }',
        'config = { streams = [{ name = "people", path = "people.csv" }] }',
    )

    result = folder.run()

    assert [(r.asset, r.rows) for r in result.results] == [("stream:t.people", 2)]
    assert folder.ids() == [1, 2]
    assert folder.run().status == "done"
    assert folder.ids() == [1, 2]


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "elt", "run", "--log-format", "json"],
        cwd=folder.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def pids(folder):
    return [int((folder.path / name).read_text()) for name in ("tap.pid", "target.pid")]


def slow_run(folder):
    """Start a run that has one STATE confirmed, and then waits for its tap."""
    tap = folder.path / "tap.py"
    text = tap.read_text().replace(
        "state = json", "open('tap.pid', 'w').write(str(os.getpid()))\nstate = json", 1
    )
    tap.write_text(text)
    lines = [schema(), record(1), state(at=3)]
    folder.script(*lines, {"do": "sleep", "much": 60})
    run = start(folder)
    for line in run.stderr:
        if '"bookmark_committed"' in line:
            return run, lines
    raise AssertionError("the run ended without a bookmark")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_tap_and_target_and_keeps_what_is_confirmed(folder, number, code):
    run, lines = slow_run(folder)

    run.send_signal(number)
    _, said = run.communicate(timeout=30)

    assert run.returncode == code
    assert '"status": "interrupted"' in said
    assert not any(is_alive(pid) for pid in pids(folder))
    folder.script(*lines, schema(), record(2))
    assert folder.run().exit_code == 0
    assert folder.ids() == [1, 2]


@pytest.mark.slow
def test_a_killed_run_leaves_neither_behind(folder):
    run, lines = slow_run(folder)

    run.kill()
    run.communicate()

    wait_until(lambda: not any(is_alive(pid) for pid in pids(folder)))
    folder.script(*lines, schema(), record(2))
    assert folder.run().exit_code == 0
    assert folder.ids() == [1, 2]


def test_the_plan_says_where_the_rows_go(folder):
    folder.script(schema(), record(1), state(at=3))

    planned = plan_project(load_project(folder.path), RunRequest())

    ((asset,),) = [step.planned for step in planned.steps]
    assert (asset.mode, asset.mode_reason) == ("into lake", "at least once")
    assert "the target has confirmed nothing" in asset.note


def test_the_streams_are_in_the_log_and_in_the_status(folder, capsys):
    folder.script(schema(), record(1), state(at=3))
    folder.run()

    assert main(["-C", str(folder.path), "status", "--json"]) == 0
    (asset,) = json.loads(capsys.readouterr().out)
    assert main(["-C", str(folder.path), "logs"]) == 0

    assert (asset["asset"], asset["status"], asset["rows"]) == ("stream:t.s", "done", 1)
    assert "tap:t" in capsys.readouterr().out


def test_how_rows_are_written_is_not_said_to_a_foreign_target(folder):
    own = "[taps.t.streams.s]\nmode = 'append'\n"
    folder.setting("[targets.lake]\n", f"{own}[targets.lake]\n")

    with pytest.raises(ConfigError) as raised:
        load_project(folder.path)

    assert "`mode` means nothing to target `lake`" in str(raised.value)
    assert "[targets.lake.config]" in str(raised.value)


def test_dbt_sources_are_not_written_and_a_model_that_needs_them_is_told(folder):
    folder.setting("[run]", "[transform]\nproject_dir = 'dbt'\n[run]")
    (folder.path / "dbt").mkdir()
    (folder.path / "dbt" / "dbt_project.yml").write_text("name: x\n")
    project = load_project(folder.path)
    deals = source("deals", "RAW_T", "s")
    reads = manifest(deals, node("model", "stg", deals.unique_id))

    write_source_files(project, {"t": CATALOG})

    assert not (folder.path / "dbt" / "models").exists()
    assert build_graph(project, {"t": CATALOG}, reads).needs("model:stg") == ()
    with pytest.raises(ConfigError) as raised:
        refuse_stale_sources(project, reads)
    assert "model `stg` reads `RAW_T.s`" in str(raised.value)


def test_the_guides_example_is_a_project(tmp_path):
    guide = Path(__file__).parents[2] / "docs" / "guides" / "singer-targets.md"
    toml = re.search(r"```toml\n(.*?)```", guide.read_text(), re.DOTALL)
    (tmp_path / "elt.toml").write_text(f"[project]\nname = 'guide'\n{toml[1]}")

    assert load_project(tmp_path).file.taps["events"].target == "lake"


def test_check_says_what_is_impossible_then(folder, capsys):
    folder.setting(
        "[targets.lake]", "[targets.unused]\nexecutable='./tap.py'\n[targets.lake]"
    )

    code = main(["-C", str(folder.path), "check"])

    told = capsys.readouterr().out
    assert code == 0
    assert "✓ target lake: program" in told
    assert "at least once" in " ".join(told.split())
    assert "no dbt sources" in told
    assert "no tap loads into it" in told


def test_an_end_that_a_tap_tells_is_no_table_of_the_target(folder):
    catalog = {"streams": [stream(), stream("teams")]}
    teams = {"type": "SCHEMA", "stream": "teams", "schema": {}, "key_properties": []}
    skipped = {**teams, "elt": {"end": "skipped", "why": "HTTP 403"}}
    folder.script(schema(), record(1), skipped, catalog=catalog)

    result = folder.run()

    assert result.status == "warned"
    assert {r.asset: r.message for r in result.results}["stream:t.teams"] == (
        "skipped: HTTP 403"
    )
    assert "teams" not in (folder.path / "out.jsonl").read_text()


def test_rows_of_a_stream_of_a_part_reach_the_target(folder):
    schema_of_all = schema()
    partial = {**schema_of_all, "elt": {"end": "partial", "why": "acme: HTTP 403"}}
    folder.script(schema_of_all, record(1), partial)

    result = folder.run()

    assert result.status == "warned"
    assert [r.message for r in result.results] == ["acme: HTTP 403"]
    assert '"id": 1' in (folder.path / "out.jsonl").read_text()


def test_a_taps_bad_end_takes_back_no_stream_that_had_come_to_its_end(folder):
    catalog = {"streams": [stream(), stream("teams"), stream("users")]}
    complete = {**schema(), "elt": {"end": "complete"}}
    teams = {"type": "SCHEMA", "stream": "teams", "schema": {}, "key_properties": []}
    failed = {**teams, "elt": {"end": "failed", "why": "HTTP 400: no"}}
    folder.script(
        *(
            schema(),
            record(1),
            complete,
            state(at=1),
            failed,
            {"do": "exit", "much": 3},
        ),
        catalog=catalog,
    )

    result = folder.run()

    assert {r.asset: r.status for r in result.results} == {
        "stream:t.s": "done",
        "stream:t.teams": "failed",
        "stream:t.users": "failed",
    }
    said = {r.asset: r.message for r in result.results}
    assert said["stream:t.teams"] == "stream `teams` could not be read: HTTP 400: no"
    assert "tap `t` ended with exit code 3" in said["stream:t.users"]
    assert (folder.ids(), folder.state()) == ([1], {"at": 1})


def test_what_fails_for_a_while_goes_again_to_a_foreign_target(folder):
    catalog = {"streams": [stream(), stream("teams")]}
    complete = {**schema(), "elt": {"end": "complete"}}
    teams = {"type": "SCHEMA", "stream": "teams", "schema": {}, "key_properties": []}
    away = {**teams, "elt": {"end": "failed", "why": "HTTP 503", "temporary": True}}
    folder.setting("retries = 0", "retries = 1\nretry_delay_seconds = 0.01")
    folder.script(schema(), record(1), complete, away, catalog=catalog)

    result = folder.run()

    ended = {r.asset: (r.status, r.error) for r in result.results}
    assert ended["stream:t.s"] == ("done", "")
    assert ended["stream:t.teams"] == ("failed", "Unavailable")
    again = [e for e in folder.events if isinstance(e, StepStarted) and e.attempt == 2]
    assert [e.assets for e in again] == [("stream:t.teams",)]
