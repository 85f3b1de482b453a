"""`elt backfill`: the past again, or for the first time, one window after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli import completion
from elt.cli.options import (
    AsJson,
    Environment,
    Exclude,
    Jobs,
    LogFormat,
    OverlapWays,
    Strict,
    examples,
    note,
    note_of_elt,
    on_overlap_of,
    open_project,
    print_json,
)
from elt.errors import EltError, Interrupted

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.backfill import PlannedWindow, WindowResult
    from elt.runner.plan import RunRequest
    from elt.runner.result import RunResult
    from elt.runner.spans import Span
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
    log_format: Annotated[
        LogFormat,
        typer.Option("--log-format", help="How a run tells what it does, on stderr."),
    ] = LogFormat.AUTO,
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
    from elt.runner.store.history import now_utc

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
    asked = _Backfill(
        project=project,
        request=request,
        length=window,
        log_format=log_format,
        planned=_planned(project, request, span.windows),
    )
    _tell_left_off(asked, span)
    if dry_run:
        _show(asked, as_json=as_json)
        return
    raise typer.Exit(asked.run(keep_going=keep_going, as_json=as_json))


@dataclass(slots=True, kw_only=True)
class _Backfill:
    """A backfill on its way; `results` are those of the windows that had their turn."""

    project: Project
    request: RunRequest
    length: str
    log_format: LogFormat
    planned: Sequence[PlannedWindow]
    results: list[WindowResult] = field(default_factory=list)

    def run(self, *, keep_going: bool, as_json: bool) -> int:
        from elt.runner.backfill import exit_code, run_windows

        done = sum(each.state == "done" for each in self._to_run())
        if done:
            self.tell(f"{done} of {len(self.planned)} windows are done already")
        try:
            for each in run_windows(self._to_run(), self._do, keep_going=keep_going):
                self.results.append(each)
        except (EltError, KeyboardInterrupt) as error:
            self.results.append(self._broken_off(error))
            raise
        finally:
            code = exit_code(self.results, planned=len(self.planned))
            self._end(code, as_json=as_json)
        return code

    def request_of(self, window: Window) -> RunRequest:
        return replace(self.request, window=window.texts)

    def tell(self, text: str) -> None:
        """Narrate on stderr, in the form that the runs there have."""
        from elt.events import LogLine

        if self.log_format is not LogFormat.JSON:
            note(text)
            return
        from elt.report.json_log import JsonLog

        event = LogLine(step="", source="elt", level="info", text=text)
        JsonLog(sys.stderr).listen(event)

    def _to_run(self) -> list[PlannedWindow]:
        if self.request.skip_done:
            return [*self.planned]
        return [
            replace(each, state="to do", run="", status="") for each in self.planned
        ]

    def _do(self, planned: PlannedWindow) -> RunResult:
        from elt.cli.run import watched
        from elt.runner.spans import shown_window

        place = f"window {len(self.results) + 1} of {len(self.planned)}"
        self.tell(f"{place}: {shown_window(planned.window)}")
        return watched(self.project, self.request_of(planned.window), self.log_format)

    def _broken_off(self, error: BaseException) -> WindowResult:
        from elt.runner.backfill import WindowResult

        stopped = isinstance(error, KeyboardInterrupt | Interrupted)
        return WindowResult(
            window=self.planned[len(self.results)].window,
            run=getattr(error, "run", ""),
            status="interrupted" if stopped else "failed",
            exit_code=getattr(error, "exit_code", Interrupted.exit_code),
        )

    def _end(self, code: int, *, as_json: bool) -> None:
        if as_json:
            print_json({"windows": _windows(self), "exit_code": code})
        if self.log_format is not LogFormat.JSON:
            _tell_the_end(self)


def _planned(
    project: Project, request: RunRequest, windows: Sequence[Window]
) -> list[PlannedWindow]:
    from elt.runner.backfill import planned_windows
    from elt.runner.store import history
    from elt.runner.store.database import open_store

    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        return planned_windows(store, project.environment, request, windows)


def _tell_left_off(asked: _Backfill, span: Span) -> None:
    from elt.runner.spans import shown, shown_window

    if span.left_off is not None:
        end = shown(span.left_off.end)
        asked.tell(
            f"left off: {shown_window(span.left_off)}, which is no whole window yet;"
            f" `--to {end}` takes it in"
        )


def _show(asked: _Backfill, *, as_json: bool) -> None:
    """Show the windows as they stand, and what the first that is not done would do."""
    from elt.cli.plan import print_plan
    from elt.runner.decide import plan_project

    open_ = [
        each.window
        for each in asked.planned
        if each.state != "done" or not asked.request.skip_done
    ]
    if not as_json:
        _print_windows(asked)
    if not open_:
        note("Nothing is left to do.")
        plan = None
    else:
        request = replace(asked.request_of(open_[0]), skip_done=False)
        plan = plan_project(asked.project, request, listen=note_of_elt)
    code = EltError.exit_code if plan and plan.unasked else 0
    if as_json:
        steps = [asdict(step) for step in plan.steps] if plan else []
        print_json({"windows": _windows(asked), "steps": steps, "exit_code": code})
    elif plan:
        note("\nFor each of them, as far as it is open:\n")
        print_plan(plan.steps, plan.unasked, does_it="elt backfill")
    raise typer.Exit(code)


def _print_windows(asked: _Backfill) -> None:
    from elt.report.tables import Column, print_table
    from elt.runner.spans import shown_window

    rows = [
        (shown_window(each.window), each.status or "to do", each.run)
        for each in asked.planned
    ]
    columns = (Column("window", whole=True), Column("state"), Column("run", whole=True))
    print_table(columns, rows)


def _windows(asked: _Backfill) -> list[dict[str, Any]]:
    """Tell of each window how it ended, or how it stands where it had no turn."""
    told = [
        _entry(each.window, each.run, each.status, each.exit_code, each.skipped)
        for each in asked.results
    ]
    had = len(asked.results)
    return told + [
        _entry(each.window, each.run, each.status, None, each.state == "done")
        for each in asked.planned[had:]
    ]


def _entry(
    window: Window, run: str, status: str, exit_code: int | None, skipped: bool
) -> dict[str, Any]:
    start, end = window.texts
    return {
        "start": start,
        "end": end,
        "run": run,
        "status": status or None,
        "exit_code": exit_code,
        "skipped": skipped,
    }


def _tell_the_end(asked: _Backfill) -> None:
    from elt.report.tables import Column, print_table
    from elt.runner.backfill import command
    from elt.runner.spans import shown_window
    from elt.runner.windows import Window

    bad = [each for each in asked.results if not each.is_good and not each.gave_way]
    note(f"\nbackfill: {_counts(asked, bad)}")
    rows = [
        (shown_window(e.window), e.status, f"elt retry {e.run}" if e.run else "")
        for e in bad
    ]
    if rows:
        print_table(
            (
                Column("window", whole=True),
                Column("status", status=True),
                Column("way on", whole=True, optional=True),
            ),
            rows,
            stream=sys.stderr,
        )
    if bad or len(asked.results) < len(asked.planned):
        whole = Window(asked.planned[0].window.start, asked.planned[-1].window.end)
        more = ("--window", asked.length, "--skip-done")
        way = command(asked.project.environment, asked.request, whole, *more)
        note(f"hint: when that is mended, `{way}` goes on with what is left")


def _counts(asked: _Backfill, bad: Sequence[WindowResult]) -> str:
    skipped = sum(each.skipped for each in asked.results)
    good = sum(each.is_good and not each.skipped for each in asked.results)
    left = len(asked.planned) - skipped - good - len(bad)
    counts = (
        (good, "done"),
        (len(bad), "failed"),
        (skipped, "skipped"),
        (left, "left"),
    )
    told = ", ".join(f"{number} {word}" for number, word in counts if number)
    total = len(asked.planned)
    return f"{total} window{'' if total == 1 else 's'}: {told}"
