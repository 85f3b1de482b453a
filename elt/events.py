"""What can happen in a run, one frozen value each.

Events are the only way in which the inner layers speak: the terminal, the run log
and the JSON log are listeners. Times are added by the listener that stores them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Status = Literal[
    "done",  # all of it, nothing to look at
    "warned",  # all of it, but look: rejects, a warning test
    "failed",  # it did not happen
    "stopped",  # a guard or a data test held it back on purpose
    "skipped",  # something upstream did not end well
    "planned",  # a sync that was computed and, by its settings, not sent
    "interrupted",  # asked to stop; what was finished is kept
]
RunStatus = Literal[
    "running", "done", "warned", "failed", "stopped", "interrupted", "crashed"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    run: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    step: str
    assets: tuple[str, ...]
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetrying:
    """A temporary failure; the step starts again after `delay_seconds`."""

    step: str
    attempt: int
    delay_seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFinished:
    """One asset of a step has its result; `rows` is None where rows mean nothing."""

    step: str
    asset: str
    status: Status
    rows: int | None = None
    rejects: int = 0
    seconds: float = 0.0
    message: str = ""


def only_rejects(status: str, rejects: int, message: str) -> bool:
    """Say whether rejects, and nothing else, are why an asset did not end as `done`."""
    return status == "warned" and rejects > 0 and not message


# Before the reason why a tap left a stream out that it may not read.
SKIPPED = "skipped: "


def is_left_out(status: str, message: str) -> bool:
    """Say whether its tap skipped a stream, of which all is as it was."""
    return status == "warned" and message.startswith(SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    step: str
    status: Status
    seconds: float
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    run: str
    status: RunStatus
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRead:
    """A tap has written so many records of a stream since the last such event."""

    step: str
    stream: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsLoaded:
    """A commit made so many rows of a stream durable."""

    step: str
    stream: str
    rows: int
    rejects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChanged:
    """A loaded table's columns changed; `change` is a sentence."""

    step: str
    table: str
    column: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookmarkCommitted:
    """A tap's state became durable together with the rows before it."""

    step: str
    tap: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsStored:
    """One more batch of a sync was answered; counts are of all changes so far."""

    step: str
    sync: str
    accepted: int
    rejected: int
    unanswered: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line that a tap, dbt or a destination wrote, or a note of our own."""

    step: str
    source: str
    level: Literal["debug", "info", "warning", "error"]
    text: str


Event = (
    RunStarted
    | StepStarted
    | StepRetrying
    | AssetFinished
    | StepFinished
    | RunFinished
    | RowsRead
    | RowsLoaded
    | SchemaChanged
    | BookmarkCommitted
    | ReceiptsStored
    | LogLine
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing: the default where nobody watches."""
