"""Objects of one kind, in the order of their creation and found by what they name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from elt.testing.apis.stripe.kind import Kind
from elt.testing.apis.stripe.kinds import KINDS

Object = dict[str, Any]
Place = tuple[int, int, str]  # when it was created, its number, its id


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One page: which rows, how many, and from which one on.

    `after` and `before` are ids that there have to be; `index` narrows the search.
    """

    fits: Callable[[Object], bool]
    limit: int
    after: str | None = None
    before: str | None = None
    index: tuple[str, Any] | None = None
    created: tuple[int | None, int | None] = (None, None)  # from, up to and with


def value_at(row: Object, path: Sequence[str]) -> Any:
    found: Any = row
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


class Table:
    """Rows by id; deleted ones keep their place, so that a page may begin behind it."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._rows: dict[str, Object] = {}
        self._deleted: set[str] = set()
        self._places: dict[str, Place] = {}
        self._order: list[Place] = []
        self._paths = {name: name.split(".") for name in kind.indexed}
        self._index: dict[tuple[str, Any], list[Place]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Object]:
        return (self._rows[place[2]] for place in self._order)

    def add(self, rows: Iterable[Object]) -> None:
        """Add rows; many at once cost one sorting."""
        places = []
        for row in rows:
            self._number += 1
            place = (row[self._kind.created], self._number, row["id"])
            self._rows[row["id"]] = row
            self._places[row["id"]] = place
            places.append(place)
            for entry in self._entries(row):
                insort(self._index.setdefault(entry, []), place)
        if len(places) == 1:
            insort(self._order, places[0])
            return
        self._order.extend(places)
        self._order.sort()

    def get(self, key: str) -> Object | None:
        """Give a row; one that was deleted too, see `is_deleted`."""
        return self._rows.get(key)

    def is_deleted(self, key: str) -> bool:
        return key in self._deleted

    def has_place(self, key: str) -> bool:
        return key in self._places

    def set(self, key: str, row: Object) -> None:
        """Put a changed row in the place of the old one."""
        place = self._places[key]
        for entry in self._entries(self._rows[key]):
            _take_out(self._index[entry], place)
        self._rows[key] = row
        for entry in self._entries(row):
            insort(self._index.setdefault(entry, []), place)

    def delete(self, key: str) -> None:
        """Take a row out of all lists."""
        place = self._places[key]
        for entry in self._entries(self._rows[key]):
            _take_out(self._index[entry], place)
        _take_out(self._order, place)
        self._deleted.add(key)

    def named(self, name: str, value: Any) -> list[Object]:
        """Give the rows of an indexed field's value, the oldest first."""
        return [self._rows[place[2]] for place in self._index.get((name, value), ())]

    def page(self, asked: Asked) -> tuple[list[Object], bool]:
        """Give the rows of a page as they are shown, and whether there are more."""
        order = self._order
        if asked.index is not None:
            order = self._index.get(asked.index, [])
        forward = self._kind.is_newest_first == bool(asked.before)
        low, high = _stretch(order, asked.created)
        low, high = self._behind(order, asked, (low, high), forward=forward)
        keys = range(low, high) if forward else range(high - 1, low - 1, -1)
        rows = (self._rows[order[at][2]] for at in keys)
        found = list(islice(filter(asked.fits, rows), asked.limit + 1))
        shown = found[: asked.limit]
        if asked.before:  # the rows next to it, in the order of the list
            shown.reverse()
        return shown, len(found) > asked.limit

    def _behind(
        self,
        order: list[Place],
        asked: Asked,
        stretch: tuple[int, int],
        *,
        forward: bool,
    ) -> tuple[int, int]:
        low, high = stretch
        key = asked.after or asked.before
        if key is None:
            return low, high
        place = self._places[key]
        if forward:
            return max(low, bisect_right(order, place)), high
        return low, min(high, bisect_left(order, place))

    def _entries(self, row: Object) -> list[tuple[str, Any]]:
        return [(name, value_at(row, path)) for name, path in self._paths.items()]


def _take_out(order: list[Place], place: Place) -> None:
    del order[bisect_left(order, place)]


def _stretch(
    order: list[Place], created: tuple[int | None, int | None]
) -> tuple[int, int]:
    first, last = created
    low = 0 if first is None else bisect_left(order, (first, -1, ""))
    high = len(order) if last is None else bisect_left(order, (last + 1, -1, ""))
    return low, max(low, high)


class Store:
    """All tables of one account in one mode."""

    def __init__(self) -> None:
        self.tables = {kind.name: Table(kind) for kind in KINDS}

    def find(self, kind: str, key: str) -> Object | None:
        """Give an object that is there, and not deleted."""
        table = self.tables[kind]
        return None if table.is_deleted(key) else table.get(key)

    def named(self, kind: str, field: str, value: Any) -> list[Object]:
        return self.tables[kind].named(field, value)

    def anywhere(self, key: str) -> Object | None:
        """Find an object of any kind; prices before the plans with the same ids."""
        found = (self.find(kind, key) for kind in self.tables)
        return next((row for row in found if row is not None), None)
