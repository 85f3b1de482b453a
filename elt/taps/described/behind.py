"""How far a list of a plain cursor was certainly read, where it is not sorted.

A record that changes while pages are read may be missed. Its new value is larger than
all that there were before; but no clock tells which these are, as with moments. Certain
are the values of the first page, and those that earlier runs saw: so the bookmark of a
list of many pages may be a run behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elt.taps.described.settings import StreamSettings
from elt.taps.rest.marks import Marks
from elt.taps.rest.rows import Record, value_reader

_SEEN = "seen"


class Behind:
    """What one reading has seen; the state keeps the largest for the next."""

    def __init__(self, stream: StreamSettings, field: str, marks: Marks) -> None:
        self._field = field
        self._value_of = value_reader(field)
        self._marks = marks
        # What is remembered of another field is no value of this one.
        self._largest: Any = marks.remembered().get(_SEEN, {}).get(field)
        self._certain = self._largest
        # The lists of several parents are read side by side: none of them is first.
        self._is_first = not stream.parent

    def see(self, records: Sequence[Record]) -> None:
        """Take in a page."""
        values = [v for v in map(self._value_of, records) if v is not None]
        self._largest = _largest(self._largest, *values)
        if self._is_first:
            self._certain = self._largest
        self._is_first = False

    def reached(self) -> Any:
        """Give what the bookmark may move to, at the end of the reading."""
        if not self._marks.is_kept:
            return None
        if self._largest != self._certain:
            self._marks.memory()[_SEEN] = {self._field: self._largest}
        elif _SEEN in self._marks.remembered():
            del self._marks.memory()[_SEEN]
        return self._certain


def _largest(*values: Any) -> Any:
    return max((value for value in values if value is not None), default=None)
