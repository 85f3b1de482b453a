"""What is decided about a stream before its rows are written, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from elt.project.stream_settings import Nested, OnMissing, SchemaPolicy
from elt.targets.bookmarks import Mark
from elt.targets.columns import Column
from elt.targets.reading.maps import NO_MAPS, Maps
from elt.targets.reading.parts import Part
from elt.targets.writing.evolve import Change
from elt.targets.writing.modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """Where and how a stream's rows are written."""

    stream: str  # the tap's id of it
    schema: str
    table: str
    mode: Mode
    key: tuple[str, ...] = ()
    learns_key: bool = False  # nobody has named a key yet: the SCHEMA may
    replication_key: str | None = None
    replace_from: tuple[Mark, ...] = ()  # rows from these on are read again
    allow_shrink: bool = False
    # Nothing says whether the rows come again: no key, no method, and no bookmark.
    doubtful: bool = False
    full_table: bool = False  # the tap sends the whole of it each time
    reads_again: bool = False  # rows from before the bookmark come once more
    # What becomes of rows that the source has no more; None: the mode decides.
    on_missing: OnMissing | None = None
    # Values of rows that are not gone though this read of the whole lacks them.
    spared: tuple[Mapping[str, str], ...] = ()
    policy: SchemaPolicy = "evolve"
    nested: Nested = "json"
    types: Mapping[str, str] = field(default_factory=dict)  # pinned, by property
    maps: Maps = NO_MAPS

    @property
    def keyed(self) -> bool:
        """Whether the table has a key's row once, or each of its versions once."""
        return bool(self.key) and self.mode.name != "append"

    @property
    def keeps_one(self) -> bool:
        """Whether the table has one row for each key, as it was last."""
        return self.keyed and self.mode.name != "history"

    @property
    def staged(self) -> bool:
        """Whether rows are gathered aside before they meet those of the table."""
        return self.mode.name in ("upsert", "history")

    @property
    def told_apart(self) -> bool:
        """Whether rows that a full read lacks are looked for, so that it must end."""
        looks = self.on_missing in ("mark", "delete") or bool(self.spared)
        return self.full_table and looks

    @property
    def deletes_missing(self) -> bool:
        """Whether rows that the source has no more leave the table."""
        by_itself = self.on_missing is None and bool(self.spared)
        return by_itself or self.on_missing == "delete" or self.mode.name == "overwrite"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBatch:
    """What one stream has for a commit. `columns` make the table even without rows.

    `earlier` is what came before, under another key.
    """

    plan: StreamPlan
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    rejects_before: int = 0
    records_before: int = 0
    whole: bool = False  # the parts are all rows there are, and what they lack is gone
    active_version: int | None = None  # rows of older versions are gone
    earlier: tuple[StreamBatch, ...] = ()

    @property
    def all_parts(self) -> tuple[Part, ...]:
        return tuple(part for one in (*self.earlier, self) for part in one.parts)

    @property
    def appends(self) -> bool:
        """Whether there are rows that are there twice when they are written twice."""
        return any(
            one.parts and one.plan.mode.name == "append"
            for one in (*self.earlier, self)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every row of a commit is marked with, and when its tap was started."""

    run_id: str
    environment: str
    tap: str
    started_at: datetime
    at: datetime


@dataclass(slots=True, kw_only=True)
class Written:
    """What one stream's part of a commit did."""

    rows: int = 0
    rejects: int = 0
    filtered: int = 0  # rows that stayed out because of the stream's filter
    gone: int = 0  # rows marked or deleted because the source has them no more
    unlike: int = 0  # rows that went for another with their key and other values
    changes: list[Change] = field(default_factory=list)
    generation: str = ""

    def take_off(self, filtered: int) -> None:
        """Count rows that were written as ones that the filter has kept out."""
        self.filtered += filtered
        self.rows -= filtered

    def add(self, other: Written) -> None:
        """Take over what came of the rows after these."""
        self.rows += other.rows
        self.rejects += other.rejects
        self.filtered += other.filtered
        self.gone += other.gone
        self.unlike += other.unlike
        self.changes += other.changes
        self.generation = other.generation
