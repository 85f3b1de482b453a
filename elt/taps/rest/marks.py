"""How far a stream of an API has been read, as a whole or by part.

A bookmark never passes the start of the run that wrote it: what changes while it
reads may have been seen too early, and comes again. It never goes back either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """How an API writes what its records are ordered by.

    read: the value as something that compares, here a moment. Raises ValueError or
        TypeError for what is none.
    """

    read: Callable[[Any], Any]
    write: Callable[[datetime], Any] | None


def _iso(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def moment_of(value: Any) -> datetime | None:
    """Read a moment as ISO 8601 has it, in UTC where it has no zone; None for none."""
    try:
        return _iso(value)
    except (ValueError, TypeError):
        return None


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _from_seconds(value: Any) -> datetime:
    return datetime.fromtimestamp(float(value), UTC)


def _from_milliseconds(value: Any) -> datetime:
    return datetime.fromtimestamp(float(value) / 1000, UTC)


def _plain(value: Any) -> Any:
    if value is None:
        raise TypeError("nothing has no order")
    return value


def _written_iso(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


ISO = Kind(_iso, _written_iso)
UNIX_SECONDS = Kind(_from_seconds, lambda moment: int(moment.timestamp()))
UNIX_MILLISECONDS = Kind(_from_milliseconds, milliseconds)
# Numbers and texts that are no moments: there is no start of a run among them.
PLAIN = Kind(_plain, None)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The field that orders change, and how it is written."""

    field: str
    kind: Kind = ISO


class Marks:
    """The bookmarks of one stream inside the tap's state, updated in place.

    `part_field` names what the stream is read by, one part after the other, such as
    `repository`; the state keeps a mark for each. A stream without parts has one, "".
    """

    def __init__(
        self,
        state: dict[str, Any],
        cursor: Cursor | None,
        *,
        run_start: datetime,
        start: datetime | None,
        part_field: str | None = None,
    ) -> None:
        self._state = state
        self._cursor = cursor
        self.run_start = run_start  # which may turn out to be earlier
        self._start = start
        self._part_field = part_field
        self._newest: dict[str, Any] = {}
        self._parts: dict[str, dict[str, Any]] = {
            entry.get("context", {}).get(part_field): entry
            for entry in state.get("partitions", [])
        }

    def since(self, part: str = "") -> datetime | Any | None:
        """Give where to begin, inclusive: the mark, else the start; None: everything.

        A moment, but for cursors that are none.
        """
        stored = self.mark(part)
        return self._start if stored is None else stored

    @property
    def is_kept(self) -> bool:
        """Say whether there are marks at all; a stream read in full has none."""
        return self._cursor is not None

    def mark(self, part: str = "") -> datetime | Any | None:
        """Give the mark alone; None where there is none yet."""
        if self._cursor is None:
            return None
        entry = self._find(part) or {}
        if entry.get("replication_key") != self._cursor.field:
            return None
        try:
            return self._cursor.kind.read(entry.get("replication_key_value"))
        except (ValueError, TypeError, OverflowError):
            return None

    def memory(self, part: str = "") -> dict[str, Any]:
        """Give what else is to be remembered, as JSON; it is kept with the mark."""
        found: dict[str, Any] = self._entry(part).setdefault("memory", {})
        return found

    def remembered(self, part: str = "") -> Mapping[str, Any]:
        """Give what was remembered, without a place for more."""
        return (self._find(part) or {}).get("memory") or {}

    def forget_memory(self, part: str = "") -> None:
        (self._find(part) or {}).pop("memory", None)

    def see(self, values: Iterable[Any], part: str = "") -> None:
        """Take in the cursor's values of records that were written."""
        if self._cursor is None:
            return
        for value in values:
            try:
                order = self._cursor.kind.read(value)
            except (ValueError, TypeError, OverflowError):
                continue  # a row without a time moves nothing
            newest = self._newest.get(part)
            if newest is None or order > newest[0]:
                self._newest[part] = (order, value)

    def checkpoint(self, part: str = "") -> bool:
        """Move the mark to what was seen; say whether it moved."""
        cursor, newest = self._cursor, self._newest.get(part)
        if cursor is None or newest is None:
            return False
        order, value = newest
        if cursor.kind.write and order > self.run_start:
            order, value = self.run_start, cursor.kind.write(self.run_start)
        stored = self.mark(part)
        if stored is not None and order <= stored:
            return False
        entry = self._entry(part)
        entry["replication_key"] = cursor.field
        entry["replication_key_value"] = value
        return True

    def _find(self, part: str) -> dict[str, Any] | None:
        return self._parts.get(part) if part else self._state

    def _entry(self, part: str) -> dict[str, Any]:
        found = self._find(part)
        if found is None:
            found = self._parts[part] = {"context": {self._part_field: part}}
            self._state.setdefault("partitions", []).append(found)
        return found
