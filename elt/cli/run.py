"""`elt run`: bring everything, or what is selected, up to date."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli.options import (
    AsJson,
    Environment,
    Exclude,
    FromStep,
    FullRefresh,
    Guard,
    LogFormat,
    OverlapWays,
    Selection,
    examples,
    note,
    on_overlap_of,
    open_project,
    print_json,
)

if TYPE_CHECKING:
    from elt.events import Event
    from elt.project.settings import Project
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
    ("elt run --log-format json --json", "for programs: events, then the result"),
)
def run(
    context: typer.Context,
    selection: Selection = None,
    *,
    exclude: Exclude = None,
    from_step: FromStep = "",
    full_refresh: FullRefresh = False,
    environment: Environment = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="NUMBER", min=1, help="Steps side by side."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where a run only warns.")
    ] = False,
    first: Annotated[
        bool, typer.Option("--first", help="Let a sync send for the first time.")
    ] = False,
    accept: Annotated[
        list[Guard] | None,
        typer.Option(
            "--accept",
            help="Waive a guard of the syncs, this once; may be repeated.",
        ),
    ] = None,
    on_overlap: OverlapWays = "fail",
    log_format: Annotated[
        LogFormat,
        typer.Option("--log-format", help="How a run tells what it does, on stderr."),
    ] = LogFormat.AUTO,
    as_json: AsJson = False,
) -> None:
    """Load, transform and send: everything, or what is selected.

    Exit codes: 0 done, 1 something failed, 2 wrong usage or configuration, 3 a data
    test or a guard stopped something, 75 try again later, 130 or 143 interrupted.
    """
    from elt.runner.plan import RunRequest

    how, wait_seconds = on_overlap_of(on_overlap)
    request = RunRequest(
        selection=tuple(selection or ()),
        exclude=tuple(exclude or ()),
        from_step=from_step,
        full_refresh=full_refresh,
        jobs=jobs,
        first=first,
        accept=tuple(guard.value for guard in accept or ()),
        strict=strict,
        on_overlap=how,
        wait_seconds=wait_seconds,
    )
    project = open_project(context, environment)
    raise typer.Exit(watched_run(project, request, log_format, as_json=as_json))


def watched_run(
    project: Project,
    request: RunRequest,
    log_format: LogFormat = LogFormat.AUTO,
    *,
    as_json: bool = False,
) -> int:
    """Run with a view on stderr and a summary after it; give the exit code."""
    from elt.report.tally import Tally
    from elt.runner.attempt import Stop
    from elt.runner.run import run_project

    tally, stop = Tally(), Stop()

    def listen(event: Event) -> None:
        tally.listen(event)
        view.listen(event)

    with _view(log_format, tally) as view, _stopped_by_signals(stop, tally):
        result = run_project(project, request, listen=listen, stop=stop)
    _tell_the_end(result, tally, log_format)
    if as_json:
        print_json(_document(result, tally))
    return result.exit_code


def _view(log_format: LogFormat, tally: Tally) -> JsonLog | PlainLines | Progress:
    """Choose the live view for people at a terminal, lines for everyone else."""
    if log_format is LogFormat.JSON:
        from elt.report.json_log import JsonLog

        return JsonLog(sys.stderr)
    is_dumb = os.environ.get("TERM", "") in {"", "dumb"} or "CI" in os.environ
    if log_format is LogFormat.PLAIN or is_dumb or not sys.stderr.isatty():
        from elt.report.plain import PlainLines

        return PlainLines(tally, sys.stderr)
    from elt.report.progress import Progress

    return Progress(tally, sys.stderr)


@contextmanager
def _stopped_by_signals(stop: Stop, tally: Tally) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask the run to stop; a second one leaves at once."""

    def ask(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        tally.is_stopping = True
        stop.set(f"stopped by {signal.Signals(number).name}", signal=number)

    before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _tell_the_end(result: RunResult, tally: Tally, log_format: LogFormat) -> None:
    if log_format is LogFormat.JSON:
        return
    if not result.run or not result.steps:
        note(result.message)
        return
    from elt.report.summary import print_summary

    hints = {each.asset: each.hint for each in result.results}
    print_summary(tally, sys.stderr, hints=hints, owners=result.owners)


def _document(result: RunResult, tally: Tally) -> dict[str, Any]:
    from elt.report.summary import steps_document

    return {
        "run": result.run,
        "status": result.status,
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 3),
        "message": result.message,
        "steps": steps_document(tally, result.owners),
    }
