"""`elt run`: bring everything, or what is selected, up to date."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from elt.cli.options import (
    Accept,
    AsJson,
    Environment,
    Exclude,
    First,
    FromStep,
    FullRefresh,
    Jobs,
    Junit,
    LogFormat,
    OverlapWays,
    RunLog,
    Selection,
    SinceLastSuccess,
    Strict,
    examples,
    note,
    on_overlap_of,
    open_project,
    project_folder,
)
from elt.cli.outcome import Outcome, ci_of
from elt.errors import Interrupted

if TYPE_CHECKING:
    from elt.events import Event
    from elt.project.settings import Project
    from elt.report.folds import Folds, Place
    from elt.report.json_log import JsonLog
    from elt.report.plain import PlainLines
    from elt.report.progress import Progress
    from elt.report.tally import Tally
    from elt.runner.attempt import Stop
    from elt.runner.plan import RunRequest
    from elt.runner.result import RunResult


@examples(
    ("elt run", "everything: taps, dbt, syncs"),
    ("elt run tap:crm+", "one tap and all that depends on it"),
    ("elt run +customers --exclude tag:slow", "a model and what it needs"),
    ("elt run state:modified+ result:failed+", "what changed or failed, and on"),
    ("elt run --from dbt", "that step of the plan, and all that is below it"),
    ("elt run mrr+ --since-last-success", "from where its last good window ended"),
    ("elt run --log-format json --json", "for programs: events, then the result"),
    ("elt run --junit elt.xml", "for CI: each stream, model, test and sync as a case"),
)
def run(
    context: typer.Context,
    selection: Selection = None,
    *,
    exclude: Exclude = None,
    from_step: FromStep = "",
    since_last_success: SinceLastSuccess = False,
    full_refresh: FullRefresh = False,
    environment: Environment = None,
    jobs: Jobs = None,
    strict: Strict = False,
    first: First = False,
    accept: Accept = None,
    on_overlap: OverlapWays = "fail",
    log_format: RunLog = LogFormat.AUTO,
    as_json: AsJson = False,
    junit: Junit = None,
) -> None:
    """Load, transform and send: everything, or what is selected.

    Exit codes: 0 done, 1 something failed, 2 wrong usage or configuration, 3 a data
    test or a guard stopped something, 75 try again later, 130 or 143 interrupted.

    On GitHub and GitLab the log is folded by step; GitHub also shows a summary, and
    what failed where it is declared.
    """
    from elt.runner.plan import RunRequest

    request = RunRequest(
        selection=tuple(selection or ()),
        exclude=tuple(exclude or ()),
        from_step=from_step,
        since_last_success=since_last_success,
        full_refresh=full_refresh,
        jobs=jobs,
        first=first,
        accept=tuple(guard.value for guard in accept or ()),
        strict=strict,
    )
    outcome = Outcome(
        log_format=log_format, as_json=as_json, junit=junit, request=request
    )
    with outcome.of_errors(project_folder(context)):
        how, wait_seconds = on_overlap_of(on_overlap)
        request = replace(request, on_overlap=how, wait_seconds=wait_seconds)
        project = open_project(context, environment)
    result = watched_run(project, request, log_format, as_json=as_json, junit=junit)
    raise typer.Exit(result.exit_code)


def watched_run(
    project: Project,
    request: RunRequest,
    log_format: LogFormat = LogFormat.AUTO,
    *,
    as_json: bool = False,
    junit: Path | None = None,
) -> RunResult:
    """Run with a view on stderr and a summary after it; give the result."""
    from elt.project.secrets import Secrets
    from elt.report.tally import Tally
    from elt.runner.attempt import Stop
    from elt.runner.run import run_project

    tally, stop = Tally(), Stop()
    outcome = Outcome(
        log_format=log_format,
        as_json=as_json,
        junit=junit,
        request=request,
        project=project,
    )

    def listen(event: Event) -> None:
        tally.listen(event)
        view.listen(event)

    with outcome.of_errors(project.root, lambda: tally.run):
        outcome.check()
        secrets = outcome.secrets = Secrets(project.root)
        with _view(log_format, tally) as view, _stopped_by_signals(stop, tally):
            result = run_project(
                project, request, listen=listen, stop=stop, secrets=secrets
            )
    _tell_the_end(result, tally, log_format)
    outcome.leave(result)
    return result


def _view(log_format: LogFormat, tally: Tally) -> JsonLog | PlainLines | Progress:
    """Choose the live view for people at a terminal, lines for everyone else."""
    if log_format is LogFormat.JSON:
        from elt.report.json_log import JsonLog

        return JsonLog(sys.stderr)
    ci = ci_of(log_format)
    is_dumb = os.environ.get("TERM", "") in {"", "dumb"} or "CI" in os.environ
    if ci or log_format is LogFormat.PLAIN or is_dumb or not sys.stderr.isatty():
        from elt.report.plain import PlainLines

        return PlainLines(tally, sys.stderr, folds=_folds(ci))
    from elt.report.progress import Progress

    return Progress(tally, sys.stderr)


def _folds(ci: Place | None) -> Folds | None:
    from elt.report.folds import Folds

    return None if ci is None else Folds(ci, time.time)


@contextmanager
def _stopped_by_signals(stop: Stop, tally: Tally) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal ask the run to stop.

    A second signal leaves at once. Raises Interrupted then.
    """
    last = signal.SIGINT

    def ask(number: int, _frame: object) -> None:
        nonlocal last
        last = signal.Signals(number)
        if stop.is_set():
            raise KeyboardInterrupt
        tally.is_stopping = True
        stop.set(f"stopped by {signal.Signals(number).name}", signal=number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        raise _stopped_at_once(last) from None
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _stopped_at_once(number: signal.Signals) -> Interrupted:
    error = Interrupted(
        f"stopped at once by a second {number.name}",
        hint="What was committed is kept; `elt retry` goes on from there",
    )
    error.exit_code = 128 + number
    return error


def _tell_the_end(result: RunResult, tally: Tally, log_format: LogFormat) -> None:
    if log_format is LogFormat.JSON:
        return
    if not result.run or not result.steps:
        note(result.message)
        return
    from elt.report.summary import print_summary

    hints = {each.asset: each.hint for each in result.results}
    folds = _folds(ci_of(log_format))
    if folds is None:
        print_summary(tally, sys.stderr, hints=hints, owners=result.owners)
        return
    told = io.StringIO()
    print_summary(tally, told, hints=hints, owners=result.owners)
    lines = (folds.safe(line) for line in told.getvalue().splitlines())
    sys.stderr.write("\n".join([*lines, ""]))
    sys.stderr.flush()
