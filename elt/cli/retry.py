"""`elt retry`: what is still open of a run, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli import completion
from elt.cli.options import (
    Accept,
    AsJson,
    First,
    Jobs,
    Junit,
    LogFormat,
    OverlapWays,
    RunLog,
    Strict,
    examples,
    note,
    note_of_elt,
    on_overlap_of,
    open_project,
    project_folder,
)
from elt.cli.outcome import Outcome

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.plan import RunRequest
    from elt.runner.store.chain import Chain

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id, the end of one, or `last`.",
        autocompletion=completion.runs,
    ),
]


@examples(
    ("elt retry", "what the last run left: failed, skipped, interrupted, not begun"),
    ("elt retry --dry-run", "the plan of that; nothing is done"),
    ("elt retry 3f9a", "another run, by its id or the end of it"),
)
def retry(
    context: typer.Context,
    run: Run = "last",
    *,
    accept: Accept = None,
    first: First = False,
    jobs: Jobs = None,
    strict: Strict = False,
    on_overlap: OverlapWays = "fail",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan; nothing is done.")
    ] = False,
    log_format: RunLog = LogFormat.AUTO,
    as_json: AsJson = False,
    junit: Junit = None,
) -> None:
    """Do what is still open of a run: what ended well is not repeated.

    With the run's own flags and environment, but for guards: what the run had waived is
    not waived again. A killed run can be retried too, and a retry as often as it takes.
    Exit codes are those of `elt run`; 0 where nothing is open.
    """
    from elt.cli.run import watched_run
    from elt.runner.plan import RunRequest

    request = RunRequest(
        retry=run,
        accept=tuple(guard.value for guard in accept or ()),
        first=first,
        jobs=jobs,
        strict=strict,
    )
    outcome = Outcome(
        log_format=log_format, as_json=as_json, junit=junit, request=request
    )
    with outcome.of_errors(project_folder(context)):
        how, wait_seconds = on_overlap_of(on_overlap)
        project, chain = _of_run(context, run)
    request = replace(
        request, retry=chain.last, on_overlap=how, wait_seconds=wait_seconds
    )
    if dry_run:
        _print_plan(project, request)
        return
    result = watched_run(project, request, log_format, as_json=as_json, junit=junit)
    _tell_of_another(project, chain)
    raise typer.Exit(result.exit_code)


def _of_run(context: typer.Context, run: str) -> tuple[Project, Chain]:
    """Open the project in the environment that the run was in; give its chain."""
    from elt.project.settings import BASE_ENVIRONMENT
    from elt.runner.resume import chain_to_retry
    from elt.runner.store.database import open_store

    project = open_project(context)
    with open_store(project.private_dir) as store:
        chain, told = chain_to_retry(store, run)
    if told:
        note(told)
    if chain.environment == BASE_ENVIRONMENT:
        return project, chain
    return open_project(context, chain.environment), chain


def _print_plan(project: Project, request: RunRequest) -> None:
    from elt.cli.plan import print_plan
    from elt.runner.decide import plan_project

    planned = plan_project(project, request, listen=note_of_elt)
    for text in planned.notes:
        note(text)
    if planned.steps:
        print_plan(planned.steps, planned.unasked, does_it="elt retry")


def _tell_of_another(project: Project, chain: Chain) -> None:
    """Where nothing was open, name a run of which something is."""
    from elt.runner.resume import is_over, left_open
    from elt.runner.store.database import open_store

    if not is_over(chain):
        return
    with open_store(project.private_dir) as store:
        other = left_open(store, project.environment, but=chain.runs)
    if other is not None:
        note(f"hint: run {other} is not done either: `elt retry {other}`")
