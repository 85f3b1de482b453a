"""A run as plain lines, for logs, cron and CI: what began, moved and ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Self, TextIO

from elt.events import (
    AssetFinished,
    Event,
    LogLine,
    ReceiptsStored,
    RowsLoaded,
    RunFinished,
    RunStarted,
    SchemaChanged,
    StepFinished,
    StepRetrying,
    StepStarted,
)
from elt.report import clean, figures
from elt.report.alike import Gathered, common_words, group_name
from elt.report.endings import ending, run_ending
from elt.report.folds import LINES_FOLDED, Folds
from elt.report.tally import StepTally, Tally
from elt.singer.log_lines import said_of_a_wait

# A commit happens many times a second; a reader of a log wants to see that it moves.
QUIET_SECONDS = 5.0
# So many lines of one step are shown, then one now and then, as a sign of life; the
# run log keeps them all.
LINES_SHOWN = 20
SELDOM_SECONDS = 60.0


def local_now() -> datetime:
    return datetime.now().astimezone()


class PlainLines:
    """A view that writes a line at a time. `tally` hears each event first."""

    def __init__(
        self,
        tally: Tally,
        stream: TextIO,
        *,
        now: Callable[[], datetime] = local_now,
        elapsed: Callable[[], float] = time.monotonic,
        folds: Folds | None = None,
    ) -> None:
        self._tally = tally
        self._stream = stream
        self._now = now
        self._elapsed = elapsed
        self._said_at: dict[str, float] = {}
        self._folds = folds
        self._gathered = Gathered()
        shown = LINES_FOLDED if folds else LINES_SHOWN
        self._notes = Notes(shown, everything=folds is not None, elapsed=elapsed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._folds.rest() if self._folds else ():
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def listen(self, event: Event) -> None:  # noqa: C901, PLR0912  a case an event
        match event:
            case RowsLoaded(step=step, stream=stream, rows=rows) if rows:
                self._say_seldom(step, stream, lambda: self._loaded(step, stream))
            case ReceiptsStored(step=step, sync=sync):
                self._say_seldom(step, sync, lambda: self._sent(step, sync))
            case AssetFinished():
                self._asset_finished(event)
            case RunStarted(run=run, steps=steps):
                self._write(f"run {run}: {figures.counted(len(steps), 'step')}")
            case StepStarted(step=step, attempt=attempt):
                self._said_at[step] = self._elapsed()
                again = f" (attempt {attempt})" if attempt > 1 else ""
                self._say(step, f"started{again}")
            case StepFinished():
                self._step_finished(event)
            case RunFinished(status=status, seconds=seconds):
                ended = run_ending(status, self._tally.results())
                self._write(f"run {ended} in {figures.duration(seconds)}")
            case StepRetrying(step=step):
                self._tell_results(step, self._gathered.of(step))
                self._note(event)
            case SchemaChanged() | LogLine():
                self._note(event)
            case _:
                pass

    def _note(self, event: StepRetrying | SchemaChanged | LogLine) -> None:
        for line in self._notes.lines(event):
            if self._folds and _can_wait(event):
                self._folds.hold(event.step, f"{self._now():%H:%M:%S}  {line}")
            else:
                self._say(event.step, line)

    def _say_seldom(self, step: str, topic: str, text: Callable[[], str]) -> None:
        now = self._elapsed()
        said_at = max(
            self._said_at.get(step, 0.0), self._said_at.get(f"{step} {topic}", 0.0)
        )
        if now - said_at >= QUIET_SECONDS:
            self._said_at[f"{step} {topic}"] = now
            self._say(step, text())

    def _loaded(self, step: str, stream: str) -> str:
        tally = self._tally.step(step)
        rows = tally.streams[stream].loaded
        seconds = max(self._tally.now() - tally.started_at, 0.001)
        loaded = f"{stream}: {figures.counted(rows, 'row')} loaded"
        per_second = rows / seconds
        return f"{loaded}, {figures.rate(per_second)}" if per_second >= 1 else loaded

    def _sent(self, step: str, sync: str) -> str:
        tally = self._tally.step(step).syncs[sync]
        answered = f"{figures.count(tally.answered)} of {figures.count(tally.total)}"
        return f"{answered} changes answered, {tally.rejected:,} rejected"

    def _asset_finished(self, event: AssetFinished) -> None:
        """Tell trouble at once; successes only as a count, now and then."""
        if event.asset == event.step:
            return  # the step's own end says it
        if event.status in {"failed", "stopped", "warned"}:
            self._tell_results(event.step, self._gathered.add(event))
        elif event.status == "skipped":
            return  # the step's end counts them
        elif event.asset.partition(":")[0] in {"model", "test", "seed", "snapshot"}:
            step = self._tally.step(event.step)
            nodes = f"{len(step.ran)} of {len(step.assets)} nodes"
            self._say_seldom(event.step, "", lambda: f"{nodes}, last {event.asset}")

    def _tell_results(self, step: str, groups: Iterable[list[AssetFinished]]) -> None:
        for group in groups:
            self._say(step, asset_words(group))

    def _step_finished(self, event: StepFinished) -> None:
        self._tell_results(event.step, self._gathered.of(event.step))
        step = self._tally.step(event.step)
        self._say(event.step, f"{event.status}, {step_figures(step, event)}")
        if unsaid := unsaid_message(step, event):
            self._say(event.step, unsaid)
        if event.hint:
            self._say(event.step, f"hint: {clean.one_line(event.hint)}")
        for line in self._folds.block(event.step) if self._folds else ():
            self._stream.write(f"{line}\n")

    def _say(self, step: str, text: str) -> None:
        self._write(f"{step:<16}  {text}" if step else text)

    def _write(self, text: str) -> None:
        line = f"{self._now():%H:%M:%S}  {text}"
        self._stream.write(f"{self._folds.safe(line) if self._folds else line}\n")
        self._stream.flush()


class Notes:
    """Which warnings, log lines and remarks are shown while a run goes on.

    With `everything` also what taps and dbt say besides warnings.
    """

    def __init__(
        self,
        shown: int = LINES_SHOWN,
        *,
        everything: bool = False,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shown = shown
        self._everything = everything
        self._elapsed = elapsed
        self._counts: dict[str, int] = {}
        self._said_at: dict[str, float] = {}

    def lines(self, event: StepRetrying | SchemaChanged | LogLine) -> list[str]:
        match event:
            case StepRetrying(attempt=attempt, delay_seconds=delay, reason=reason):
                why = clean.one_line(reason)
                return [f"attempt {attempt} failed, again in {delay:.0f} s: {why}"]
            case SchemaChanged(table=table, column=column, change=change):
                return [f"{table}.{column}: {change}"]
            case LogLine(level="warning" | "error"):
                return self._log_line(event)
            case LogLine(source="elt", text=text):
                return [clean.one_line(text)]  # what keeps us, such as an installation
            case LogLine() if self._everything:
                return self._log_line(event)
            case _:
                return []

    def _log_line(self, event: LogLine) -> list[str]:
        count = self._counts[event.step] = self._counts.get(event.step, 0) + 1
        now = self._elapsed()
        said_at = self._said_at.get(event.step, now)
        if count > self._shown + 1 and now - said_at < SELDOM_SECONDS:
            return []
        self._said_at[event.step] = now
        if count == self._shown + 1:
            return [f"more of these: elt logs last {event.step}".rstrip()]
        is_of_step = event.source in {event.step, event.step.partition(":")[2]}
        source = "" if is_of_step else f"{event.source}: "
        level = "" if event.level == "info" else f"{event.level}: "
        first, *more = clean.plain(event.text).strip().splitlines() or [""]
        return [f"{level}{source}{first}", *(f"  {line}" for line in more)]


def _can_wait(event: StepRetrying | SchemaChanged | LogLine) -> bool:
    """Say whether a line may be told when its step ends: not what keeps us waiting."""
    match event:
        case StepRetrying() | LogLine(source="elt"):
            return False
        case LogLine(level="warning", text=text) if said_of_a_wait(text):
            return False
        case _:
            return bool(event.step)


def asset_words(group: list[AssetFinished]) -> str:
    """Say how an asset ended, or several alike, and what there is to see to."""
    event, name = group[0], group_name(group)
    if len(group) > 1:
        return f"{name} {event.status}: {clean.one_line(common_words(group))}"
    message = clean.one_line(event.message)
    return f"{name} {ending(event)}{f': {message}' if message else ''}"


def step_figures(step: StepTally, event: StepFinished) -> str:
    """Say what a finished step amounted to, for the end of its line."""
    parts = []
    if step.id.startswith("dbt"):
        parts.append(figures.counted(len(step.ran), "node"))
    elif step.rows is not None:
        thing = "change" if step.id.startswith("sync:") else "row"
        if step.rows or event.status == "done":
            parts.append(figures.counted(step.rows, thing))
    if step.rejects:
        parts.append(figures.counted(step.rejects, "reject"))
    if skipped := len(step.results) - len(step.ran):
        parts.append(f"{skipped} skipped")
    parts.append(figures.duration(event.seconds))
    return ", ".join(parts)


def unsaid_message(step: StepTally, event: StepFinished) -> str:
    """Give the step's message unless one of its assets has said the same."""
    said = {r.message for r in step.results.values() if r.asset != step.id}
    if event.status == "done" or event.message in said:
        return ""
    return clean.one_line(event.message)
