"""What a line holds: events, each with its rows, and bad events, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

Record = dict[str, Any]


class Event(Struct, gc=False):
    """A good event: what it is known by, when the collector had it, its rows.

    A row is the name of a stream and a record of it.
    """

    key: str
    collected_at: datetime | None
    rows: list[tuple[str, Record]]


class Bad(Struct, gc=False):
    """An event that is set aside, with what could be learnt of it.

    `raw` is None where it is the whole line.
    """

    reasons: list[str]
    schema: str | None = None
    event_id: str | None = None
    collected_at: datetime | None = None
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class StreamShape:
    """The columns of a stream and those that a row is known by."""

    properties: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]


class Format(Protocol):
    """One way in which events are written."""

    def read(self, line: bytes) -> Iterator[Event | Bad]:
        """Judge what a line, or an element of an array, holds."""

    def fixed(self) -> Mapping[str, StreamShape]:
        """Give the streams that there are whatever the events are."""

    def shape_of(self, stream: str) -> StreamShape:
        """Give the shape of a stream that `read` has named."""

    def notes(self) -> list[str]:
        """Give what a person should know of the lines since the last call."""
