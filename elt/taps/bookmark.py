"""How far a stream has been read: the largest cursor value, which never goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from elt.errors import EltError


class Bookmark:
    """The bookmark of one stream inside the tap's state, which is updated in place."""

    def __init__(
        self,
        stream: str,
        cursor: str | None,
        state: dict[str, Any],
        *,
        in_order: bool = False,
    ) -> None:
        self._stream = stream
        self._cursor = cursor
        self._state = state
        self._in_order = in_order
        self._records = 0
        self._seen = 0
        self.moved = False
        stored = (state.get("bookmarks") or {}).get(stream) or {}
        same = cursor is not None and stored.get("replication_key") == cursor
        self.since: Any = stored.get("replication_key_value") if same else None
        self._value: Any = self.since
        self._order = None if self.since is None else _order(self.since)

    def see(self, page: Sequence[Mapping[str, Any]]) -> None:
        """Take the records' cursor values in.

        Raises EltError for values that cannot be compared, and for a record out of
        order in a stream that promises order.
        """
        if self._cursor is None:
            return
        self._records += len(page)
        for record in page:
            value = record.get(self._cursor)
            if value is None:
                continue
            self._seen += 1
            order = _order(value)
            if self._order is None or self._is_later(order, value):
                self._value, self._order, self.moved = value, order, True

    def finish(self) -> None:
        """Raise EltError when no record had a cursor: it would never move."""
        if self._records and not self._seen:
            raise EltError(
                f"no record of stream `{self._stream}` has its cursor `{self._cursor}`",
                hint="Name the column that orders change, or leave `cursor` out",
            )

    def state(self) -> dict[str, Any]:
        """Give the tap's whole state with this bookmark in it."""
        if self._value is not None:
            bookmarks = self._state.setdefault("bookmarks", {})
            bookmarks[self._stream] = {
                **(bookmarks.get(self._stream) or {}),
                "replication_key": self._cursor,
                "replication_key_value": msgspec.to_builtins(self._value),
            }
        self.moved = False
        return self._state

    def _is_later(self, order: Any, value: object) -> bool:
        try:
            later = bool(order > self._order)
            earlier = bool(order < self._order)
        except TypeError as error:
            raise EltError(
                f"the cursor `{self._cursor}` of stream `{self._stream}` cannot be"
                f" compared: {self._value!r} and {value!r}",
                hint="Give all its values one type",
            ) from error
        # Rows that the bookmark already covers may come again; only what this run
        # itself has passed is out of order.
        if earlier and self._in_order and self._value is not self.since:
            raise EltError(
                f"stream `{self._stream}` is `sorted`, but {value!r} came after"
                f" {self._value!r}",
                hint="Ask the source for order, or leave `sorted` out",
            )
        return later


def _order(value: Any) -> Any:
    """Give what a value is compared by: moments by time, not by their text."""
    # Eight digits without dashes may be a number that somebody counts up as text.
    if isinstance(value, str) and value[4:5] == value[7:8] == "-":
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value
