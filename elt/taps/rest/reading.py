"""What a stream of an API is, and a reading of it: from where, to where, what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from elt.errors import EltError
from elt.taps.rest.marks import Cursor, Marks
from elt.taps.rest.rows import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some records of a stream, in the order in which they came.

    records: JSON objects, each on any number of lines.
    part: which part of the stream they belong to, as in `Marks`.
    in_order: the server sorts by the cursor, ascending, and no earlier record of this
        part will come: the bookmark may move before the part's end.
    ends: the part was read to its end, or to where its memory says.
    reached: all up to this value of the cursor was read, in a stream whose shape says
        that its source tells so.
    """

    records: Sequence[Record] = ()
    part: str = ""
    in_order: bool = False
    ends: bool = False
    reached: Any = None


@dataclass(slots=True, kw_only=True)
class Run:
    """What the streams of one run of a tap share.

    began_at: before the first request.
    behind: how far the API's clock is behind the one that `began_at` is of, as far as
        its answers told by now.
    start, end: what the config asks for, in UTC.
    failures: which streams failed, and why.
    skipped: those that are not for us, and why.
    """

    began_at: datetime
    start: datetime | None = None
    end: datetime | None = None
    behind: Callable[[], timedelta] = timedelta
    failures: list[tuple[str, EltError]] = field(default_factory=list)
    skipped: list[tuple[str, EltError]] = field(default_factory=list)

    def latest(self) -> datetime:
        """Give what no bookmark passes: the run's beginning, by the API's clock."""
        return self.began_at - self.behind()


@dataclass(slots=True)
class Reading:
    """One reading of a stream: from where to where, and what is to be told of it.

    left_out: parts that could not be read, each with values that tell its rows; these
        stay. Where it has none, nobody can tell, and all rows stay.
    notes: what else a person should know.

    A source that sets `version` sends its records with it. One that sets `is_whole`
    too has sent all that there is: rows of older versions are gone.
    """

    marks: Marks
    until: datetime  # not inclusive; the run's start where no end was set
    has_end: bool  # an end was set
    start: datetime | None = None  # of the config, whatever the bookmark
    keeps: Callable[[str], bool] | None = None  # which columns; None for all
    left_out: dict[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    version: int | None = None
    is_whole: bool = False

    def since(self, part: str = "") -> Any | None:
        return self.marks.since(part)

    def wants(self, column: str) -> bool:
        """Say whether a column is selected, so that others are not asked for."""
        return self.keeps is None or self.keeps(column)

    def leave_out(self, what: str, *rows: Mapping[str, str]) -> None:
        """Tell of a part that could not be read though the rest could.

        `rows` are values of columns, as texts; who has those of one is of that part.
        """
        self.left_out[what] = rows

    def note(self, what: str) -> None:
        """Tell of what does not make rows lack that there are."""
        self.notes.append(what)


Source = Callable[[Reading], Iterator[Chunk]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What Singer wants to know of a stream.

    `cursor` makes it incremental; without one it is read in full each time.
    `part_field` is the name that parts have in the state. `tells_reached`: the source
    says how far it has read, and the values of its records move no bookmark.
    """

    name: str
    key: tuple[str, ...]
    properties: Mapping[str, Any]
    cursor: Cursor | None = None
    part_field: str | None = None
    selected_by_default: bool = True
    tells_reached: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": dict(self.properties),
            "additionalProperties": True,
        }
