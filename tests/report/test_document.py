from __future__ import annotations

import stat

import pytest

from elt.errors import ConfigError, ConfigErrors, EltError, Interrupted, Unavailable
from elt.events import AssetFinished, StepFinished, StepRetrying, StepStarted
from elt.project.load import load_project
from elt.report.document import Ending, recorded, save, saved, unrecorded
from elt.runner import attempt
from elt.runner.lock import Held, this_process
from elt.runner.result import RunResult
from elt.runner.store import history, state
from elt.runner.store.database import open_store
from elt.runner.store.recorder import Recorder

TOML = """
[project]
name = "shop"

[taps.crm]
plugin = "files"
"""
PLACE = state.Place(environment="default", warehouse_id="w1")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "elt.toml").write_text(TOML)
    return load_project(tmp_path)


@pytest.fixture
def store(project):
    with open_store(project.private_dir) as opened:
        yield opened


def begin(
    store, run="r1", assets=("stream:crm.deals", "stream:crm.notes"), retry_of=None
):
    request = {"selection": ["tap:crm"], "exclude": ["x"], "strict": True}
    history.start_run(
        store,
        this_process(run),
        environment="default",
        request=request,
        retry_of=retry_of,
    )
    entry = history.StepEntry(
        step="tap:crm", kind="tap", reason="never loaded", assets=assets
    )
    history.record_plan(store, run, [entry])
    return Recorder(store, run, environment="default")


def a_run(store, run="r1"):
    """Record a run of one tap that fails at its second attempt."""
    tell = begin(store, run)
    tell(StepStarted(step="tap:crm", assets=("stream:crm.deals", "stream:crm.notes")))
    tell(StepRetrying(step="tap:crm", attempt=1, delay_seconds=1.0, reason="busy"))
    tell(StepStarted(step="tap:crm", assets=("stream:crm.notes",), attempt=2))
    tell(AssetFinished(step="tap:crm", asset="stream:crm.deals", status="done", rows=3))
    tell(
        AssetFinished(
            step="tap:crm", asset="stream:crm.notes", status="failed", message="busy"
        )
    )
    tell(StepFinished(step="tap:crm", status="failed", seconds=2.0, message="busy"))
    history.finish_run(store, run, "failed")


def ended(*results):
    return RunResult(run="r1", status="failed", exit_code=1, results=results)


def test_the_log_and_the_process_tell_a_run_together(project, store):
    a_run(store)
    known = attempt.AssetResult(
        asset="stream:crm.notes", status="failed", hint="Wait", error="Unavailable"
    )

    told = recorded(store, project, "r1", Ending(exit_code=1, result=ended(known)))

    assert (told.run, told.project, told.status) == ("r1", "shop", "failed")
    assert told.exit_code == 1
    assert (told.selection, told.exclude) == (["tap:crm"], ["x"])
    assert told.options["strict"] is True
    (step,) = told.steps
    assert (step.kind, step.reason, step.attempts) == ("tap", "never loaded", 2)
    assert (step.status, step.error, step.message) == ("failed", "Unavailable", "busy")
    assert step.started_at < step.ended_at
    deals, notes = step.assets
    assert (deals.status, deals.rows, deals.error, deals.file) == ("done", 3, "", None)
    assert (notes.error, notes.hint) == ("Unavailable", "Wait")
    assert (notes.file, notes.line) == ("elt.toml", 5)


def test_a_run_that_was_killed_is_told_by_the_log_alone(project, store):
    begin(store)(StepStarted(step="tap:crm", assets=("stream:crm.deals",)))
    history.mark_crashed(store, alive=lambda _: False)

    told = recorded(store, project)

    assert (told.status, told.exit_code) == ("crashed", None)
    (step,) = told.steps
    assert (step.status, step.error) == ("interrupted", "Interrupted")
    assert step.assets == []


def test_a_retry_names_the_run_that_it_went_on_with(project, store):
    begin(store)
    begin(store, "r2", retry_of="r1")

    assert recorded(store, project, "r1").retry_of is None
    assert recorded(store, project, "r2").retry_of == "r1"
    asked = unrecorded(Ending(exit_code=75), request={"retry": "r2"})
    assert asked.retry_of == "r2"


def test_a_run_whose_log_failed_at_the_end_is_no_longer_running(project, store):
    begin(store)

    told = recorded(store, project, "r1", Ending(exit_code=1, result=ended()))

    assert (told.status, told.ended_at) == ("failed", None)


@pytest.mark.parametrize(
    ("error", "status"),
    [(EltError("the disk is full"), "failed"), (Interrupted("SIGTERM"), "interrupted")],
)
def test_a_run_that_ended_and_could_not_log_it_is_no_longer_running(
    project, store, error, status
):
    begin(store)

    assert recorded(store, project, "r1", Ending(error=error)).status == status
    assert unrecorded(Ending(error=error)).status == status


def test_a_step_that_never_began_has_no_status(project, store):
    begin(store)

    (step,) = recorded(store, project).steps

    assert (step.status, step.attempts, step.started_at) == (None, 0, None)


def test_states_before_and_after_are_told_without_secrets(project, store):
    state.save(store, PLACE, "crm", '{"at": 1}', origin="r0")
    a_run(store)
    state.save(store, PLACE, "crm", '{"at": 2, "page": "hunter2hunter2"}', origin="r1")
    ending = Ending(scrub=lambda text: text.replace("hunter2hunter2", "***"))

    moved = recorded(store, project, "r1", ending).steps[0].state

    assert (moved.tap, moved.version_before, moved.version) == ("crm", 1, 2)
    assert moved.before == {"at": 1}
    assert moved.after == {"at": 2, "page": "***"}


def test_the_first_state_of_a_tap_has_none_before(project, store):
    a_run(store)
    state.save(store, PLACE, "crm", '{"at": 2}', origin="r1")

    moved = recorded(store, project, "r1").steps[0].state

    assert (moved.version_before, moved.before, moved.after) == (None, None, {"at": 2})


def test_without_a_run_the_errors_are_told():
    errors = ConfigErrors(
        [ConfigError("no token", where="elt.toml:4", hint="Add it"), ConfigError("two")]
    )

    told = unrecorded(Ending(exit_code=2, error=errors))

    assert (told.run, told.status, told.exit_code) == ("", "failed", 2)
    assert [(e.error, e.message, e.where) for e in told.errors] == [
        ("ConfigError", "no token", "elt.toml:4"),
        ("ConfigError", "two", ""),
    ]


def test_an_error_has_the_name_of_its_remedy(tmp_path):
    held = Ending(exit_code=75, error=Held(None, tmp_path))
    bug = Ending(exit_code=1, error=KeyError("hunter2"), scrub=lambda _: "***")

    assert unrecorded(held).errors[0].error == "Unavailable"
    assert unrecorded(bug).errors[0].error == "KeyError"
    assert unrecorded(bug).errors[0].message == "***"
    assert unrecorded(Ending(error=Unavailable("x"))).errors[0].error == "Unavailable"


def test_a_run_that_was_not_needed_is_done():
    skipped = RunResult(run="", status="done", exit_code=0, message="another run")

    told = unrecorded(Ending(exit_code=0, result=skipped))

    assert (told.status, told.exit_code, told.message) == ("done", 0, "another run")


def test_a_document_is_kept_for_its_owner_and_found_again(project, store):
    a_run(store)
    told = recorded(store, project, "r1", Ending(exit_code=1))

    path = save(told, project.private_dir)

    assert saved(project.private_dir, "r1") == told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path == project.private_dir / "runs" / "r1" / "result.json"


def test_a_document_that_is_cut_off_is_none(project, store):
    a_run(store)
    path = save(recorded(store, project, "r1"), project.private_dir)
    path.write_text(path.read_text()[:100])

    assert saved(project.private_dir, "r1") is None
    assert saved(project.private_dir, "r2") is None
