"""`elt runs` and `elt logs`: what happened."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

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
    from elt.report.result import Result
    from elt.runner.store.history import RunSummary

Run = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A run's id, the end of one, or `last`."),
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
    ("elt runs show last", "one of them"),
)
def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the latest runs, the newest first."""
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
            Column("assets", spare=True),
        ),
        [_run_row(run) for run in found],
    )


@examples(
    ("elt runs show last", "each step and asset, and what there is to look at"),
    ("elt runs show 3f9a --json", "the document that `elt run --json` wrote"),
)
def show(context: typer.Context, run: Run = "last", as_json: AsJson = False) -> None:
    """Show how one run ended."""
    from elt.report import document
    from elt.runner.store import history
    from elt.runner.store.database import open_store

    project = open_project(context)
    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        detail = history.run_detail(store, run)
        found = document.saved(project.private_dir, detail.summary.run)
        # A run that was killed left none, but the log has what it came to.
        result = found or document.recorded(store, project, detail.summary.run)
    if as_json:
        from elt.report.result import as_json as written

        sys.stdout.write(written(result))
        return
    _print_head(detail.summary)
    _print_result(result)


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
    _print_head(detail.summary)
    for time, event in events:
        _print_event(time, event)


def _print_result(result: Result) -> None:
    from elt.report.clean import one_line
    from elt.report.figures import duration
    from elt.report.tables import Column, print_table
    from elt.report.troubles import troubles

    print_table(
        (
            Column("what ran"),
            Column("status", status=True),
            Column("rows", right=True),
            Column("rejects", right=True, optional=True),
            Column("time", right=True),
        ),
        [
            (
                a.asset,
                a.status,
                a.rows,
                a.rejects or None,
                duration(a.seconds) if a.seconds else None,
            )
            for a in result.assets()
        ],
    )
    for each in troubles(result):
        say(f"\n{each.name} {each.status}: {one_line(each.message)}")
        if each.hint:
            say(f"  hint: {one_line(each.hint)}")


def _print_head(run: RunSummary) -> None:
    from elt.report.endings import done_with
    from elt.report.figures import duration, local

    took = "" if run.seconds is None else f" in {duration(run.seconds)}"
    note(f"run {run.run} of {local(run.started_at, '%Y-%m-%d %H:%M:%S')}:")
    ended = done_with(run.rejects) if run.only_rejects else run.status
    note(f"{ended}{took}{': ' + run.message if run.message else ''}\n")


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

    counts = ", ".join(f"{n} {status}" for status, n in run.assets.items())
    seconds = None if run.seconds is None else duration(run.seconds)
    started = local(run.started_at)
    rejects = run.rejects or None
    ended = done_with(run.rejects) if run.only_rejects else run.status
    return (run.run, ended, started, seconds, rejects, counts)
