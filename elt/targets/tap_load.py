"""What the run has decided about loading one tap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elt.targets.writing.limits import Limits
from elt.targets.writing.plans import StreamPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class TapLoad:
    """Which streams there are, where they go, and when a commit is worth it.

    `plan_for` plans a stream that `streams` lacks, from its name and its key.
    """

    step: str
    tap: str
    environment: str
    run_id: str
    schema: str
    streams: Mapping[str, StreamPlan]  # by each name that a message may use
    spool: Path
    left_out: frozenset[str] = frozenset()  # names of streams that are not wanted
    unread: frozenset[str] = frozenset()  # ids of those that only this run leaves out
    previous_state: str | None = None  # has the bookmarks of streams not read now
    # Whether a STATE moves the bookmark; else it says only what may be committed.
    moves_bookmark: bool = True
    # Streams, by name and id, whose mark is not to fall behind the one before, and
    # what it is called in it: they begin earlier than they would.
    not_behind: Mapping[str, str | None] = field(default_factory=dict)
    plan_for: Callable[[str, tuple[str, ...]], StreamPlan] | None = None
    storage: Mapping[str, Any] = field(default_factory=dict)  # options of its BATCHes
    needs_properties: bool = False  # a SCHEMA without them is an error
    end_tells: bool = True  # at its end the tap has surely sent what it announced
    knows_start: bool = True  # `previous_state` is all that the tap began with
    limits: Limits = field(default_factory=Limits)
    # A commit opens the file, inserts and closes it (40 ms beside the insert): worth
    # it for so many bytes, or when rows have waited for so long.
    commit_bytes: int = 64_000_000
    commit_seconds: float = 15.0
    commit_rows: int | None = None
    commit_first: bool = False  # the first STATE at once, to see early what is wrong
