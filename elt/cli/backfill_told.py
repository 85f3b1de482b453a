"""What `elt backfill` shows: its windows before, how they ended, and the way on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import typer

from elt.cli.options import LogFormat, note, note_of_elt, print_json
from elt.errors import EltError

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.backfill import PlannedWindow, WindowResult
    from elt.runner.plan import RunRequest
    from elt.runner.spans import Span
    from elt.runner.windows import Window

_MANY_WINDOWS = 14
_LENGTHS = ("1d", "1w", "1mo")


@dataclass(slots=True, kw_only=True)
class Backfill:
    """A backfill on its way; `results` are those of the windows that had their turn."""

    project: Project
    request: RunRequest
    length: str
    log_format: LogFormat
    planned: Sequence[PlannedWindow]
    results: list[WindowResult] = field(default_factory=list)
    left_out: Sequence[str] = ()

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


def tell_left_off(asked: Backfill, span: Span) -> None:
    from elt.runner.spans import shown, shown_window

    if span.left_off is not None:
        end = shown(span.left_off.end)
        asked.tell(
            f"left off: {shown_window(span.left_off)}, which is no whole window yet;"
            f" `--to {end}` takes it in"
        )


def tell_of_fewer(asked: Backfill) -> None:
    """Name a longer window where there are many, unless some may be done already."""
    from elt.report.figures import counted
    from elt.runner.spans import size_of, split

    count = len(asked.planned)
    if count <= _MANY_WINDOWS or asked.request.skip_done:
        return
    start, end = asked.planned[0].window.start, asked.planned[-1].window.end
    runs = {each: len([*split(start, end, size_of(each))]) for each in _LENGTHS}
    few = (each for each, made in runs.items() if made <= _MANY_WINDOWS)
    length = next(few, _LENGTHS[-1])
    if runs[length] < count:
        asked.tell(
            f"hint: {count} windows are as many runs; `--window {length}` makes"
            f" {counted(runs[length], 'run')}"
        )


def show(asked: Backfill, *, as_json: bool) -> None:
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
        _tell_left_out(plan.left_out)
    raise typer.Exit(code)


def _print_windows(asked: Backfill) -> None:
    from elt.report.tables import Column, print_table
    from elt.runner.spans import shown_window

    rows = [
        (shown_window(each.window), each.status or "to do", each.run)
        for each in asked.planned
    ]
    columns = (Column("window", whole=True), Column("state"), Column("run", whole=True))
    print_table(columns, rows)


def _windows(asked: Backfill) -> list[dict[str, Any]]:
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


def tell_the_end(asked: Backfill, code: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"windows": _windows(asked), "exit_code": code})
    if asked.results and asked.log_format is not LogFormat.JSON:
        _sum_up(asked)


def _sum_up(asked: Backfill) -> None:
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
    _tell_left_out(asked.left_out)


def _tell_left_out(syncs: Sequence[str]) -> None:
    if syncs:
        way = f"elt run {' '.join(syncs)}"
        note(f"hint: a backfill sends nothing; afterwards, once: `{way}`")


def _counts(asked: Backfill, bad: Sequence[WindowResult]) -> str:
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
