"""What has happened in a run so far, gathered from its events.

The views draw it, the summary tells it, the result document holds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from elt.events import (
    AssetFinished,
    Event,
    LogLine,
    ReceiptsStored,
    RowsLoaded,
    RowsRead,
    RunFinished,
    RunStarted,
    SchemaChanged,
    StepFinished,
    StepRetrying,
    StepStarted,
)


@dataclass(slots=True)
class StreamTally:
    read: int = 0
    loaded: int = 0
    rejects: int = 0


@dataclass(slots=True)
class SyncTally:
    accepted: int = 0
    rejected: int = 0
    unanswered: int = 0
    total: int = 0

    @property
    def answered(self) -> int:
        return self.accepted + self.rejected + self.unanswered


@dataclass(slots=True)
class StepTally:
    """One step: `started_at` is on the tally's own clock."""

    id: str
    assets: tuple[str, ...] = ()
    attempt: int = 0
    started_at: float = 0.0
    retrying: StepRetrying | None = None
    streams: dict[str, StreamTally] = field(default_factory=dict)
    syncs: dict[str, SyncTally] = field(default_factory=dict)
    results: dict[str, AssetFinished] = field(default_factory=dict)
    finished: StepFinished | None = None

    @property
    def is_running(self) -> bool:
        return self.attempt > 0 and self.finished is None

    @property
    def ran(self) -> list[AssetFinished]:
        """Results of what was begun at all, in the order of their ends."""
        return [r for r in list(self.results.values()) if r.status != "skipped"]

    @property
    def rows(self) -> int | None:
        """Rows of the finished assets; None where rows mean nothing."""
        rows = [r.rows for r in list(self.results.values()) if r.rows is not None]
        return sum(rows) if rows else None

    @property
    def rejects(self) -> int:
        return sum(r.rejects for r in list(self.results.values()))


class Tally:
    """The whole run. Give it every event, from one thread at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.run = ""
        self.started_at = now()
        self.finished: RunFinished | None = None
        self.is_stopping = False  # set by whoever asked the run to stop
        self.steps: dict[str, StepTally] = {}
        self.schema_changes: list[SchemaChanged] = []
        self.notes: list[LogLine] = []

    def listen(self, event: Event) -> None:  # noqa: C901, PLR0912  one case an event
        match event:
            # The frequent ones first: a long load sends thousands a second.
            case RowsRead(step=step, stream=name, rows=rows):
                self._stream(step, name).read += rows
            case RowsLoaded(step=step, stream=name, rows=rows, rejects=rejects):
                stream = self._stream(step, name)
                stream.loaded += rows
                stream.rejects += rejects
            case ReceiptsStored(step=step):
                self._note_receipts(event)
            case AssetFinished(step=step, asset=asset):
                self.step(step).results[asset] = event
            case StepStarted(step=step):
                self._start(event)
            case StepRetrying(step=step):
                self.step(step).retrying = event
            case StepFinished(step=step):
                self.step(step).finished = event
            case RunStarted(run=run, steps=steps):
                self.run = run
                self.steps |= {name: StepTally(name) for name in steps}
            case RunFinished():
                self.finished = event
            case SchemaChanged():
                self.schema_changes.append(event)
            case LogLine(step="", level="warning" | "error"):
                self.notes.append(event)  # about the run itself; there are few
            case _:
                pass

    def step(self, name: str) -> StepTally:
        return self.steps.setdefault(name, StepTally(name))

    def results(self) -> list[AssetFinished]:
        return [r for step in self.steps.values() for r in step.results.values()]

    def running(self) -> list[StepTally]:
        return [step for step in list(self.steps.values()) if step.is_running]

    def _stream(self, step: str, name: str) -> StreamTally:
        streams = self.step(step).streams
        found = streams.get(name)
        if found is None:
            found = streams[name] = StreamTally()
        return found

    def _start(self, event: StepStarted) -> None:
        step = self.step(event.step)
        step.assets = event.assets
        step.attempt = event.attempt
        step.retrying = None
        step.finished = None
        step.syncs.clear()  # a retried sync computes its changes anew
        for stream in step.streams.values():
            stream.read = stream.loaded  # what was read beyond is read again
        if event.attempt == 1:
            step.started_at = self.now()

    def _note_receipts(self, event: ReceiptsStored) -> None:
        self.step(event.step).syncs[event.sync] = SyncTally(
            event.accepted, event.rejected, event.unanswered, event.total
        )
