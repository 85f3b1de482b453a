"""`elt backfill`: the past again, or for the first time, one window after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli import completion
from elt.cli.backfill_told import (
    Backfill,
    show,
    tell_left_off,
    tell_of_fewer,
    tell_the_end,
)
from elt.cli.options import (
    AsJson,
    Environment,
    Exclude,
    Jobs,
    LogFormat,
    OverlapWays,
    RunLog,
    Strict,
    examples,
    on_overlap_of,
    open_project,
)
from elt.cli.outcome import exit_code_of
from elt.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.backfill import PlannedWindow, WindowResult
    from elt.runner.plan import RunRequest
    from elt.runner.result import RunResult
    from elt.runner.windows import Window

Chosen = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTION",
        help="What to run for each window, in the words of `elt run`; `*` means"
        " everything.",
        show_default=False,
        autocompletion=completion.selections,
    ),
]
From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="MOMENT",
        help="Where it begins: `2026-11-03` or `2026-11-03T06:00`, in UTC where no"
        " offset says otherwise.",
        show_default=False,
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="MOMENT",
        help="Where it ends; this moment itself is not in it. By default today's"
        " midnight in UTC, or now for windows that are shorter than a day, and then"
        " only whole windows.",
        show_default=False,
    ),
]
Length = Annotated[
    str,
    typer.Option(
        "--window",
        metavar="LENGTH",
        help="How long each window is: `6h`, `1d`, `1w`, or `1mo` for the months of"
        " the calendar.",
    ),
]


@examples(
    ("elt backfill tap:crm+ --from 2026-11-01", "day by day until today's midnight"),
    (
        "elt backfill tap:crm+ --from 2026-11-01 --skip-done",
        "only what is not done yet",
    ),
    ("elt backfill orders+ --from 2026-01-01 --window 1mo --dry-run", "the windows"),
    ("elt backfill '*' --from 2026-11-03T06:00 --to 2026-11-03T12:00 --window 1h", ""),
)
def backfill(
    context: typer.Context,
    selection: Chosen,
    *,
    begins: From,
    ends: To = None,
    window: Length = "1d",
    exclude: Exclude = None,
    skip_done: Annotated[
        bool,
        typer.Option(
            "--skip-done",
            help="Leave out windows that are done, and of others what ended well.",
        ),
    ] = False,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Do the other windows when one fails."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the windows and the plan of each.")
    ] = False,
    environment: Environment = None,
    jobs: Jobs = None,
    strict: Strict = False,
    on_overlap: OverlapWays = "wait",
    log_format: RunLog = LogFormat.AUTO,
    as_json: AsJson = False,
) -> None:
    """Run a selection once for each window of a span of time.

    Each window is a run of its own; between two of them other runs may go. Bookmarks do
    not move and syncs send nothing. A window that fails ends the backfill with the exit
    code of its run, as `elt run` has them; the same command with `--skip-done` goes on.
    """
    from elt.runner.backfill import check_selection
    from elt.runner.plan import RunRequest
    from elt.runner.spans import moment_of, size_of, span_of
    from elt.runner.store.moments import now_utc

    how, wait_seconds = on_overlap_of(on_overlap)
    request = RunRequest(
        selection=tuple(selection),
        exclude=tuple(exclude or ()),
        jobs=jobs,
        strict=strict,
        on_overlap=how,
        wait_seconds=wait_seconds,
        backfill=True,
        skip_done=skip_done,
    )
    until = None if ends is None else moment_of(ends)
    span = span_of(moment_of(begins), until, size_of(window), now=now_utc())
    project = open_project(context, environment)
    check_selection(project, request)
    asked = Backfill(
        project=project,
        request=request,
        length=window,
        log_format=log_format,
        planned=_planned(project, request, span.windows),
    )
    tell_left_off(asked, span)
    tell_of_fewer(asked)
    if dry_run:
        show(asked, as_json=as_json)
        return
    raise typer.Exit(_run(asked, keep_going=keep_going, as_json=as_json))


def _run(asked: Backfill, *, keep_going: bool, as_json: bool) -> int:
    from elt.runner.backfill import run_windows

    to_run = _to_run(asked)
    done = sum(each.state == "done" for each in to_run)
    if done:
        asked.tell(f"{done} of {len(to_run)} windows are done already")
    try:
        for each in run_windows(to_run, partial(_do, asked), keep_going=keep_going):
            asked.results.append(each)
    except ConfigError as error:
        # No window has failed: what was asked for is refused, and so for the others.
        tell_the_end(asked, error.exit_code, as_json=as_json)
        raise
    except (Exception, KeyboardInterrupt) as error:
        asked.results.append(_broken_off(asked, error))
        tell_the_end(asked, _code(asked), as_json=as_json)
        raise
    tell_the_end(asked, _code(asked), as_json=as_json)
    return _code(asked)


def _code(asked: Backfill) -> int:
    from elt.runner.backfill import exit_code

    return exit_code(asked.results, planned=len(asked.planned))


def _to_run(asked: Backfill) -> list[PlannedWindow]:
    if asked.request.skip_done:
        return [*asked.planned]
    return [replace(each, state="to do", run="", status="") for each in asked.planned]


def _do(asked: Backfill, planned: PlannedWindow) -> RunResult:
    from elt.cli.run import watched_run
    from elt.runner.spans import shown_window

    place = f"window {len(asked.results) + 1} of {len(asked.planned)}"
    asked.tell(f"{place}: {shown_window(planned.window)}")
    request = asked.request_of(planned.window)
    result = watched_run(asked.project, request, asked.log_format)
    asked.left_out = result.left_out or asked.left_out
    return result


def _broken_off(asked: Backfill, error: BaseException) -> WindowResult:
    from elt.runner.backfill import WindowResult

    stopped = isinstance(error, KeyboardInterrupt | Interrupted)
    return WindowResult(
        window=asked.planned[len(asked.results)].window,
        run=getattr(error, "run", ""),
        status="interrupted" if stopped else "failed",
        exit_code=exit_code_of(error),
    )


def _planned(
    project: Project, request: RunRequest, windows: Sequence[Window]
) -> list[PlannedWindow]:
    from elt.runner.backfill import planned_windows
    from elt.runner.store import history
    from elt.runner.store.database import open_store

    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        return planned_windows(store, project.environment, request, windows)
