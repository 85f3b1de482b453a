from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from elt.errors import ConfigError
from elt.events import (
    BookmarkCommitted,
    LogLine,
    RowsRead,
    SchemaChanged,
    StepFinished,
    StepRetrying,
    StepStarted,
)
from elt.runner.lock import Owner, this_process
from elt.runner.store import asset_log, history
from elt.runner.store.database import Store, open_store
from elt.runner.store.recorder import Refused, logged, scrubbed
from tests.runner.store.recorded import Clock, begin, finished


def test_a_run_is_told_from_its_start_to_its_end(store: Store, clock: Clock):
    record = begin(store, clock, "run-1", "stream:crm.deals")
    record(StepStarted(step="tap:crm", assets=("stream:crm.deals",)))
    record(StepRetrying(step="tap:crm", attempt=1, delay_seconds=5, reason="busy"))
    record(StepStarted(step="tap:crm", assets=("stream:crm.deals",), attempt=2))
    record(finished("stream:crm.deals"))
    clock.pass_(60)
    record(StepFinished(step="tap:crm", status="done", seconds=60))
    history.finish_run(store, "run-1", "done", now=clock.now)

    detail = history.run_detail(store)

    assert detail.summary.status == "done"
    assert detail.summary.seconds == 60
    assert detail.summary.assets == {"done": 1}
    assert detail.summary.rows == 5
    (step,) = detail.steps
    assert (step.step, step.status, step.attempts) == ("tap:crm", "done", 2)
    (result,) = detail.results
    assert (result.asset, result.status, result.rows) == ("stream:crm.deals", "done", 5)


def test_a_result_is_durable_when_it_was_told(store: Store, clock: Clock):
    begin(store, clock)(finished("stream:crm.deals"))

    with open_store(store.path.parent) as other:
        (status,) = asset_log.asset_statuses(other, "default")

    assert (status.asset, status.status) == ("stream:crm.deals", "done")


def texts(store: Store, *what: str) -> list[str]:
    events = (event for _, event in logged(store, *what))
    return [event.text for event in events if isinstance(event, LogLine)]


def test_lines_are_gathered_for_half_a_second(store: Store, clock: Clock):
    record = begin(store, clock)
    line = LogLine(step="tap:crm", source="tap", level="info", text="page 1")

    record(line)
    at_once = texts(store)
    clock.pass_(0.6)
    record(RowsRead(step="tap:crm", stream="deals", rows=1))

    assert at_once == []
    assert texts(store) == ["page 1"]


def test_lines_of_one_step_are_found_in_their_order(store: Store, clock: Clock):
    record = begin(store, clock)
    for number in range(1_200):
        record(
            LogLine(step="tap:crm", source="tap", level="info", text=f"line {number}")
        )
    record(LogLine(step="", source="elt", level="warning", text="of the run"))
    record.flush()

    lines = texts(store, "run-1", "tap:crm")

    assert lines == [f"line {n}" for n in range(1_200)]
    assert texts(store)[-1] == "of the run"


def test_events_come_back_as_they_were(store: Store, clock: Clock):
    record = begin(store, clock)
    started = StepStarted(step="tap:crm", assets=("stream:crm.deals",))
    changed = SchemaChanged(step="tap:crm", table="t", column="c", change="now JSON")
    record(started)
    record(changed)

    assert [event for _, event in logged(store)] == [started, changed]


def test_a_state_is_not_written_into_the_log(store: Store, clock: Clock):
    record = begin(store, clock)

    record(BookmarkCommitted(step="tap:crm", tap="crm", state='{"token": 1}'))

    ((_, event),) = logged(store)
    assert event == BookmarkCommitted(step="tap:crm", tap="crm", state="")


def test_a_run_is_found_by_a_part_of_its_id(store: Store, clock: Clock):
    begin(store, clock, "20261121T091500-3f9a")
    clock.pass_(1)
    begin(store, clock, "20261121T091501-77bb")

    assert history.run_detail(store).summary.run == "20261121T091501-77bb"
    assert history.run_detail(store, "3f9a").summary.run == "20261121T091500-3f9a"
    with pytest.raises(ConfigError, match="there is no run `3f9b`"):
        history.run_detail(store, "3f9b")


def test_an_unknown_step_is_named_with_those_there_are(store: Store, clock: Clock):
    begin(store, clock)

    with pytest.raises(ConfigError) as raised:
        logged(store, "last", "dbt")

    assert raised.value.hint == "It has `tap:crm`"


def test_before_the_first_run_there_is_a_hint(store: Store):
    assert history.runs(store) == []
    with pytest.raises(ConfigError, match="nothing has run yet"):
        history.run_detail(store)


def test_runs_are_listed_newest_first(store: Store, clock: Clock):
    for number in range(3):
        begin(store, clock, f"run-{number}")
        clock.pass_(1)

    assert [run.run for run in history.runs(store, limit=2)] == ["run-2", "run-1"]


def test_ids_of_runs_sort_as_their_starts_do(clock: Clock):
    first = history.new_run_id(clock.now)
    clock.pass_(1)

    assert first.startswith("20261121T091500-")
    assert first < history.new_run_id(clock.now)


def test_a_run_without_a_living_owner_has_crashed(store: Store, clock: Clock):
    gone = Owner(
        run="run-1",
        pid=this_process("").pid,
        host=this_process("").host,
        boot=this_process("").boot,
        process_start="1",
        started_at="",
    )
    record = begin(store, clock, "run-1", "stream:crm.deals", owner=gone)
    record(StepStarted(step="tap:crm", assets=("stream:crm.deals",)))
    begin(store, clock, "run-2")

    assert history.mark_crashed(store, now=clock.now) == ["run-1"]

    detail = history.run_detail(store, "run-1")
    assert detail.summary.status == "crashed"
    assert detail.steps[0].status == "interrupted"
    (asset,) = asset_log.asset_statuses(store, "default")
    assert (asset.status, asset.message) == ("interrupted", "the run crashed")
    assert history.run_detail(store, "run-2").summary.status == "running"


def test_secrets_are_struck_out_of_every_text_but_a_bookmark():
    def scrub(text: str) -> str:
        return text.replace("hunter22", "***")

    line = LogLine(step="tap:crm", source="tap", level="info", text="key hunter22")
    bookmark = BookmarkCommitted(step="tap:crm", tap="crm", state='["hunter22"]')

    assert scrubbed(line, scrub).text == "key ***"  # type: ignore[union-attr]
    assert scrubbed(bookmark, scrub) is bookmark


def test_a_result_outlives_a_kill_right_after_it_was_told(tmp_path: Path):
    code = """
        import os, signal, sys
        from pathlib import Path
        from elt.events import AssetFinished
        from elt.runner.store.database import open_store
        from elt.runner.store.recorder import Recorder
        with open_store(Path(sys.argv[1])) as store:
            record = Recorder(store, "run-1", environment="default")
            for number in range(50):
                asset = f"stream:crm.s{number}"
                record(AssetFinished(step="tap:crm", asset=asset, status="done"))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    with open_store(tmp_path) as store:
        history.start_run(
            store, this_process("run-1"), environment="default", request={}
        )

    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    killed = subprocess.run(command, check=False)

    assert killed.returncode == -signal.SIGKILL
    with open_store(tmp_path) as store:
        assert len(asset_log.asset_statuses(store, "default")) == 50


def test_only_the_start_of_a_step_waits_for_the_disk(store: Store, clock: Clock):
    def level() -> int:
        return store.rows("PRAGMA synchronous")[0][0]

    full, normal = 2, 1
    record = begin(store, clock)
    record(StepStarted(step="tap:crm", assets=("stream:crm.deals",)))
    at_start = level()
    record(finished("stream:crm.deals"))
    at_result = level()
    history.finish_run(store, "run-1", "done", now=clock.now)

    assert (at_start, at_result, level()) == (full, normal, full)


def test_one_event_that_the_store_refuses_keeps_no_other_out(
    store: Store, clock: Clock
):
    record = begin(store, clock, "run-1", "stream:crm.a")
    record(StepStarted(step="tap:crm", assets=("stream:crm.a",)))
    record(LogLine(step="tap:crm", source="crm", level="info", text="before"))
    refused = StepRetrying(
        step="tap:crm", attempt=1, delay_seconds=math.inf, reason="busy"
    )

    with pytest.raises(Refused, match=r"StepRetrying of `tap:crm`.*json_valid"):
        record(refused)
    record(finished("stream:crm.a"))

    assert [result.status for result in history.run_detail(store).results] == ["done"]
    kinds = [type(event).__name__ for _, event in logged(store)]
    assert kinds == ["StepStarted", "LogLine", "AssetFinished"]


def test_a_text_that_is_no_unicode_is_kept_as_far_as_it_is(store: Store, clock: Clock):
    record = begin(store, clock, "run-1", "stream:crm.a")
    name = os.fsdecode(b"caf\xe9.csv")

    record(replace(finished("stream:crm.a", "failed"), message=f"{name} is not there"))

    (result,) = history.run_detail(store).results
    assert result.message == "caf?.csv is not there"


def test_of_two_runs_within_a_second_the_later_takes_another_name(
    store: Store, clock: Clock
):
    begin(store, clock, "run-1")
    names = iter(["run-1", "run-2"])

    assert history.free_run_id(store, "run-1", lambda: next(names)) == "run-2"
    assert history.free_run_id(store, "run-3") == "run-3"
