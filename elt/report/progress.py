"""The live view of a run in a terminal: what is moving now, above it what ended.

Events only change numbers; a thread of rich's draws them a few times a second, so
a million events cost a run nothing that can be seen.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self, TextIO

from rich.console import Group
from rich.live import Live
from rich.text import Text

from elt.events import (
    AssetFinished,
    Event,
    LogLine,
    SchemaChanged,
    StepFinished,
    StepRetrying,
)
from elt.report import clean, figures, marks, screen
from elt.report.alike import Gathered
from elt.report.plain import Notes, asset_words, step_figures, unsaid_message
from elt.report.tally import StepTally, Tally

FRAMES_PER_SECOND = 8
# The streams of one tap that are shown at a time: those that moved last.
STREAMS_SHOWN = 5
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER = "|/-\\"
# A rate is of the last seconds: a tap that has stalled shows it.
_RATE_SECONDS = 5.0


class Progress:
    """A view that owns the last lines of the screen. `tally` hears each event first."""

    def __init__(
        self,
        tally: Tally,
        stream: TextIO,
        *,
        width: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally = tally
        self._console = screen.console(stream, width)
        self._is_unicode = clean.encoding(stream).lower().startswith("utf")
        self._encoding = clean.encoding(stream)
        self._now = now
        self._speeds: dict[str, Speed] = {}
        self._notes = Notes(elapsed=now)
        self._gathered = Gathered()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._live = Live(
            get_renderable=self.picture,
            console=self._console,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def listen(self, event: Event) -> None:
        match event:
            case StepFinished():
                self._print_finished(event)
            case AssetFinished(status="failed" | "stopped" | "warned"):
                if event.asset != event.step:  # the step's own end says it
                    self._print_results(self._gathered.add(event))
            case StepRetrying() | SchemaChanged() | LogLine():
                if isinstance(event, StepRetrying):
                    self._print_results(self._gathered.of(event.step))
                for line in self._notes.lines(event):
                    self._print_note(event.step, line)
            case _:
                pass

    def picture(self) -> Group:
        """Draw the running steps and the bar, as they are at this moment."""
        now = self._now()
        lines: list[Text] = []
        room = max(self._console.height - 3, 4)
        for step in self._tally.running():
            lines.extend(self._step_lines(step, now))
        hidden = len(lines) - room
        if hidden > 0:
            lines = [*lines[:room], self._line("", f"  ... {hidden} more lines")]
        return Group(*lines, self._bar(now))

    def _step_lines(self, step: StepTally, now: float) -> list[Text]:
        if step.retrying is not None:
            words = f"attempt {step.retrying.attempt} failed, waits to try again"
            return [self._head(step, words, now)]
        if step.streams:
            return self._tap_lines(step, now)
        words = _sync_words(step) if step.syncs else _node_words(step)
        return [self._head(step, words, now)]

    def _tap_lines(self, step: StepTally, now: float) -> list[Text]:
        streams = {name: max(s.read, s.loaded) for name, s in [*step.streams.items()]}
        speeds = {
            name: self._speed(f"{step.id} {name}").per_second(rows, now)
            for name, rows in streams.items()
        }
        rate = self._speed(step.id).per_second(sum(streams.values()), now)
        lines = [self._head(step, _rows_words(sum(streams.values()), rate), now)]
        # In the order of their first rows: the eye finds a name where it was.
        busiest = sorted(streams, key=lambda name: -speeds[name])[:STREAMS_SHOWN]
        for name in (name for name in streams if name in busiest):
            words = _rows_words(streams[name], speeds[name])
            lines.append(self._line("", f"  {name:<22}  {words}", "dim"))
        if len(streams) > STREAMS_SHOWN:
            more = figures.counted(len(streams) - STREAMS_SHOWN, "more stream")
            lines.append(self._line("", f"  ... {more}", "dim"))
        return lines

    def _head(self, step: StepTally, words: str, now: float) -> Text:
        elapsed = figures.clock(now - step.started_at)
        return self._line(self._spin(now), f"{step.id:<16}  {elapsed:>6}  {words}")

    def _bar(self, now: float) -> Text:
        elapsed = figures.clock(now - self._tally.started_at)
        steps = list(self._tally.steps.values())
        if not steps:
            words = f"finding out what there is to do  {elapsed}"
            return self._line(self._spin(now), words)
        width = max(10, min(30, self._console.width - 30))
        filled = round(width * sum(map(_fraction, steps)) / len(steps))
        full, empty = ("━", "─") if self._is_unicode else ("#", ".")
        line = self._line("", full * filled, "cyan")
        line.append(empty * (width - filled), "dim")
        ended = sum(step.finished is not None for step in steps)
        line.append(f"  {ended} of {figures.counted(len(steps), 'step')}  {elapsed}")
        if self._tally.is_stopping:
            line.append("  stopping")
        return line

    def _print_finished(self, event: StepFinished) -> None:
        self._print_results(self._gathered.of(event.step))
        step = self._tally.step(event.step)
        mark = marks.mark(event.status, self._encoding)
        words = f"{event.step:<16}  {event.status}, {step_figures(step, event)}"
        line = self._line(mark, words)
        line.stylize(marks.colour(event.status), 0, 1)
        self._console.print(line)
        if unsaid := unsaid_message(step, event):
            self._print_note("", unsaid)

    def _print_results(self, groups: Iterable[list[AssetFinished]]) -> None:
        for group in groups:
            status = group[0].status
            line = self._line(marks.mark(status, self._encoding), asset_words(group))
            line.stylize(marks.colour(status), 0, 1)
            self._console.print(line)

    def _print_note(self, step: str, text: str) -> None:
        self._console.print(self._line("", f"{step}  {text}" if step else text, "dim"))

    def _line(self, mark: str, text: str, style: str = "") -> Text:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{mark or ' '} ")
        line.append(text, style)
        return line

    def _spin(self, now: float) -> str:
        frames = _SPINNER if self._is_unicode else _ASCII_SPINNER
        return frames[int(now * FRAMES_PER_SECOND) % len(frames)]

    def _speed(self, name: str) -> Speed:
        return self._speeds.setdefault(name, Speed())


class Speed:
    """How fast a count grows, over the last few seconds of looking at it."""

    def __init__(self, seconds: float = _RATE_SECONDS) -> None:
        self._seconds = seconds
        self._seen: deque[tuple[float, int]] = deque()

    def per_second(self, count: int, now: float) -> float:
        self._seen.append((now, count))
        while now - self._seen[0][0] > self._seconds and len(self._seen) > 2:  # noqa: PLR2004  two points make a slope
            self._seen.popleft()
        then, before = self._seen[0]
        return max(count - before, 0) / (now - then) if now > then else 0.0


def _rows_words(rows: int, per_second: float) -> str:
    rate = f"  {figures.rate(per_second):>11}" if per_second >= 1 else ""
    return f"{rows:>12,} {'row ' if rows == 1 else 'rows'}{rate}".rstrip()


def _node_words(step: StepTally) -> str:
    ran = step.ran
    if not ran or not step.id.startswith("dbt"):
        kind = step.id.partition(":")[0]
        return {"tap": "reading", "sync": "comparing"}.get(kind, "starting")
    return f"{len(ran)} of {len(step.assets)} nodes, last {ran[-1].asset}"


def _sync_words(step: StepTally) -> str:
    (sync, *_) = list(step.syncs.values())
    answered = f"{sync.answered:,} of {sync.total:,} changes answered"
    return answered + (f", {sync.rejected:,} rejected" if sync.rejected else "")


def _fraction(step: StepTally) -> float:
    """How much of a step is done, where that can be known: 0 to 1."""
    if step.finished is not None:
        return 1.0
    if step.syncs:
        return min(_share(s.answered, s.total) for s in [*step.syncs.values()])
    return _share(len(step.results), len(step.assets))


def _share(part: int, whole: int) -> float:
    return min(part / whole, 1.0) if whole else 0.0
