"""What the warehouse remembers of a tap, and for which streams it no longer counts.

A bookmark counts only while its table exists in the generation that it was written
for, and while nobody has asked that the stream begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elt.targets.writing.evolve import place_of, tables_in
from elt.warehouse.bookmarks import Bookmark, LoadedStream, bookmarks, loaded_streams

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WAS_RESET = "its bookmark was reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A tap's bookmark and the tables that it speaks of; keys are ids of streams."""

    bookmark: Bookmark | None = None
    loaded: Mapping[str, LoadedStream] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)  # why, in words

    @property
    def state(self) -> str | None:
        return self.bookmark.state if self.bookmark else None

    @property
    def reset(self) -> frozenset[str]:
        """The streams that begin anew because somebody asked for it."""
        return frozenset(
            stream
            for stream, loaded in self.loaded.items()
            if loaded.is_reset and self.broken[stream] == WAS_RESET
        )


def remembered(cursor: DuckDBPyConnection, environment: str, tap: str) -> Remembered:
    bookmark = bookmarks(cursor, environment).get(tap)
    known = loaded_streams(cursor, environment, tap)
    tables = tables_in(cursor, {loaded.schema for loaded in known.values()})
    broken = {}
    for stream, loaded in known.items():
        name = f"{loaded.schema}.{loaded.table}"
        table = tables.get(place_of(loaded.schema, loaded.table))
        if table is None:
            broken[stream] = f"its table {name} is gone"
        elif table.generation != loaded.made_as:
            broken[stream] = f"its table {name} was made anew"
        elif loaded.is_reset:
            broken[stream] = WAS_RESET
    return Remembered(bookmark=bookmark, loaded=known, broken=broken)
