"""Which windows of a backfill are done, which are open, and doing the rest in order.

A window is one run. What the log says of it is asked twice: for the plan, and again
under the lock, because another run may have done it meanwhile.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from elt.errors import ConfigError
from elt.project.settings import BASE_ENVIRONMENT, Project
from elt.runner.plan import RunRequest
from elt.runner.result import RunResult
from elt.runner.resume import asked_again, is_open
from elt.runner.selection import asks_the_past
from elt.runner.spans import shown, shown_window
from elt.runner.store.chain import Chain, chain_of
from elt.runner.store.database import Store
from elt.runner.store.marks import marks
from elt.runner.store.windows import GOOD, WindowRow, windows
from elt.runner.windows import Window
from elt.runner.words import check_given

State = Literal["done", "open", "to do"]

_SEVERITY = (0, 3, 1)  # a failure counts more than a guard; any other code most


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow:
    """A window and what the log says of it; `run` did it, or left it open."""

    window: Window
    state: State
    run: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """How a window ended; `skipped` because it had been done before."""

    window: Window
    run: str
    status: str
    exit_code: int | None
    skipped: bool = False
    gave_way: bool = False  # to another run, as it was told to
    signal: int | None = None  # that asked it to stop, though all may have ended

    @property
    def is_good(self) -> bool:
        return self.status in GOOD


Run = Callable[[PlannedWindow], RunResult]


def run_windows(
    planned: Iterable[PlannedWindow], do: Run, *, keep_going: bool = False
) -> Iterator[WindowResult]:
    """Do what is not done, one window after the other, until one does not end well.

    With `keep_going` only an interruption ends it before its time.
    """
    for each in planned:
        result = _skipped(each) if each.state == "done" else _ended(each, do(each))
        yield result
        asked = result.signal is not None or result.status == "interrupted"
        if asked or result.gave_way or not (result.is_good or keep_going):
            return


def exit_code(results: Sequence[WindowResult], *, planned: int) -> int:
    """Give the exit code of a backfill: the worst of its windows.

    One that was asked to stop and has windows left was interrupted, also where the
    window of that moment came to a good end.
    """

    def severity(code: int) -> int:
        return _SEVERITY.index(code) if code in _SEVERITY else len(_SEVERITY)

    codes = [each.exit_code for each in results if each.exit_code is not None]
    if len(results) < planned:
        codes += [128 + each.signal for each in results if each.signal is not None]
    return max(codes, key=severity, default=0)


def planned_windows(
    store: Store, environment: str, request: RunRequest, wanted: Sequence[Window]
) -> list[PlannedWindow]:
    """Say of each window whether all that was asked for has been done for it.

    It has where the run of just this window left nothing open, or where good windows
    of the same selection cover it; those count only if they ended later than that run.
    """
    rows = windows(
        store,
        environment,
        request.selection,
        request.exclude,
        since=min((each.start for each in wanted), default=None),
    )
    done = settled(store, rows)
    exact = {(row.start, row.end): row for row in rows}
    return [
        _planned(store, each, exact.get((each.start, each.end)), done)
        for each in wanted
    ]


def what_is_left(
    store: Store, environment: str, request: RunRequest
) -> tuple[RunRequest | None, str]:
    """Give the request for what is open of its window, or None and why nothing is."""
    assert request.window is not None  # noqa: S101  who asks for it has one
    window = Window.of(request.window)
    (found,) = planned_windows(store, environment, request, [window])
    match found.state:
        case "done":
            return None, f"{shown_window(window)} has been done by run {found.run}"
        case "open":
            return asked_again(store, environment, replace(request, retry=found.run))
        case "to do":
            return request, ""


def settled(store: Store, rows: Iterable[WindowRow]) -> list[WindowRow]:
    """Keep the windows of which nothing is open: a person's word counts, too."""
    spoken = _runs_with_words(store)
    return [row for row in rows if _is_settled(store, row, spoken)]


def covers(done: Iterable[WindowRow], window: Window) -> WindowRow | None:
    """Give the last of the windows that together cover another; None if they do not.

    They come in the order of their starts.
    """
    edge = window.start
    for row in done:
        if row.start <= edge < row.end:
            edge = row.end
        if edge >= window.end:
            return row
    return None


def check_selection(project: Project, request: RunRequest) -> None:
    """Refuse words that choose something else in each window, and arguments without."""
    check_given(request.selection, request.exclude)
    if asks_the_past([*request.selection, *request.exclude], project.file.selections):
        raise ConfigError(
            "`state:`, `result:` and `source_status:` choose by what the last run did,"
            " which is something else in each window",
            hint="Choose by names, tags or paths",
        )


def command(
    environment: str, request: RunRequest, window: Window | None = None, *more: str
) -> str:
    """Write the command line of a backfill of what was selected."""
    words = ["elt", "backfill", *(request.selection or ("*",))]
    words += [word for each in request.exclude for word in ("--exclude", each)]
    if window is None:
        words += ["--from", "DATE"]
    else:
        words += ["--from", shown(window.start), "--to", shown(window.end)]
    if environment != BASE_ENVIRONMENT:
        words += ["--env", environment]
    return shlex.join([*words, *more])


def _planned(
    store: Store, window: Window, row: WindowRow | None, done: Sequence[WindowRow]
) -> PlannedWindow:
    if row in done:
        by = row
    else:
        by = covers([each for each in done if _counts_after(each, row)], window)
    if by is not None:
        # It may have crashed when all was done, or a person closed it.
        status = by.status if by.is_good else "done"
        return PlannedWindow(window=window, state="done", run=by.run, status=status)
    if row is None or _chain(store, row.run) is None:
        return PlannedWindow(window=window, state="to do")
    return PlannedWindow(window=window, state="open", run=row.run, status=row.status)


def _counts_after(row: WindowRow, last: WindowRow | None) -> bool:
    return last is None or _end_of(row) >= _end_of(last)


def _end_of(row: WindowRow) -> datetime:
    return row.ended_at or datetime.max.replace(tzinfo=row.end.tzinfo)


def _is_settled(store: Store, row: WindowRow, spoken: set[str]) -> bool:
    if row.is_good and row.run not in spoken:
        return True
    chain = _chain(store, row.run)
    if chain is None or not chain.planned:
        return row.is_good
    return not any(map(is_open, chain.planned))


def _runs_with_words(store: Store) -> set[str]:
    """Give the runs of all chains of which a person said something."""
    said = {each.run for each in marks(store) if each.taken_back_at is None}
    chains = (_chain(store, run) for run in said)
    return {run for chain in chains if chain is not None for run in chain.runs}


def _chain(store: Store, run: str) -> Chain | None:
    try:
        return chain_of(store, run)
    except ConfigError:  # it was longer ago than runs are kept
        return None


def _skipped(planned: PlannedWindow) -> WindowResult:
    return WindowResult(
        window=planned.window,
        run=planned.run,
        status=planned.status,
        exit_code=None,
        skipped=True,
    )


def _ended(planned: PlannedWindow, result: RunResult) -> WindowResult:
    return WindowResult(
        window=planned.window,
        run=result.run or planned.run,
        status="" if result.gave_way else result.status,
        exit_code=result.exit_code,
        skipped=not result.run and not result.gave_way,
        gave_way=result.gave_way,
        signal=result.signal,
    )
