"""`elt runs` and `elt logs`: what happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli import completion
from elt.cli.options import (
    AsJson,
    examples,
    note,
    open_project,
    print_json,
    say,
)

if TYPE_CHECKING:
    from elt.events import Event
    from elt.runner.store.history import RunSummary

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id, the end of one, or `last`.",
        autocompletion=completion.runs,
    ),
]
Step = Annotated[
    str | None,
    typer.Argument(
        metavar="STEP", help="Only this step: `tap:crm`, `dbt`, `sync:health`."
    ),
]


@examples(
    ("elt runs", "the last 20"),
    ("elt runs --limit 100 --json", "more, for programs"),
    ("elt runs show last", "one of them: every asset, and what people changed"),
    ("elt runs result last", "one of them, as JSON"),
)
def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the latest runs, or look into one."""
    if context.invoked_subcommand is not None:
        return
    from elt.runner.store import history
    from elt.runner.store.database import open_store

    project = open_project(context)
    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        found = history.runs(store, limit)
    if as_json:
        print_json([asdict(run) for run in found])
        return
    if not found:
        note("Nothing has run yet. Start with `elt plan`, then `elt run`.")
        return
    from elt.report.tables import Column, print_table

    print_table(
        (
            Column("run", whole=True),
            Column("status", status=True),
            Column("started", whole=True),
            Column("time", right=True),
            Column("rejects", right=True, optional=True),
            Column("window", optional=True, spare=True, whole=True),
            Column("assets", spare=True),
            Column("retry of", optional=True, spare=True),
        ),
        [_run_row(run) for run in found],
    )


@examples(
    ("elt runs result", "the document that the last `elt run --json` wrote"),
    ("elt runs result 3f9a", "that of a run by the end of its id"),
)
def result(context: typer.Context, run: Run = "last") -> None:
    """Write the result of a run as JSON.

    For a run that was killed it is written from the run log. `elt schema result` says
    what is in it.
    """
    from elt.report import document
    from elt.report.result import as_json
    from elt.runner.store import history
    from elt.runner.store.database import open_store

    project = open_project(context)
    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        found = history.run_detail(store, run).summary.run
        kept = document.saved(project.private_dir, found)
        say(as_json(kept or document.recorded(store, project, found)).rstrip())


@examples(
    ("elt logs", "the last run: its steps, and every line that was written"),
    ("elt logs last tap:crm", "one step"),
    ("elt logs 3f9a dbt --json", "a run by the end of its id"),
)
def logs(
    context: typer.Context,
    run: Run = "last",
    step: Step = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run did, and what was written meanwhile.

    The lines are those of its taps, of dbt, of destinations, and of elt itself.
    """
    from elt.runner.store import history, recorder
    from elt.runner.store.database import open_store

    project = open_project(context)
    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        detail = history.run_detail(store, run)
        events = recorder.logged(store, detail.summary.run, step)
    if as_json:
        _print_events(detail.summary, events)
        return
    print_head(detail.summary)
    for time, event in events:
        _print_event(time, event)


def print_head(run: RunSummary) -> None:
    from elt.report.endings import done_with
    from elt.report.figures import duration, local
    from elt.runner.spans import shown_between

    took = "" if run.seconds is None else f" in {duration(run.seconds)}"
    note(f"run {run.run} of {local(run.started_at, '%Y-%m-%d %H:%M:%S')}:")
    ended = done_with(run.rejects) if run.only_rejects else run.status
    note(f"{ended}{took}{': ' + run.message if run.message else ''}")
    if run.window:
        note(f"window {shown_between(run.window.start, run.window.end)}")
    note("")


def _print_event(time: str, event: Event) -> None:
    from elt.report.figures import local
    from elt.report.log import words

    first, *more = words(event).splitlines() or [""]
    if first:
        step = getattr(event, "step", "")
        say(f"{local(time, '%H:%M:%S')}  {step:<16}  {first}")
    for line in more:
        say(f"{'':<28}{line}")


def _print_events(run: RunSummary, events: Iterable[tuple[str, Event]]) -> None:
    from elt.report.json_log import as_object

    objects = [as_object(datetime.fromisoformat(time), e) for time, e in events]
    print_json(asdict(run) | {"events": objects})


def _run_row(run: RunSummary) -> tuple[str | int | None, ...]:
    from elt.report.endings import done_with
    from elt.report.figures import duration, local
    from elt.runner.spans import shown_between

    counts = ", ".join(f"{n} {status}" for status, n in run.assets.items())
    seconds = None if run.seconds is None else duration(run.seconds)
    started = local(run.started_at)
    rejects = run.rejects or None
    ended = done_with(run.rejects) if run.only_rejects else run.status
    window = shown_between(run.window.start, run.window.end) if run.window else ""
    retry_of = run.retry_of or ""
    return (run.run, ended, started, seconds, rejects, window, counts, retry_of)
