"""Records of one kind: those that live, those in the archive, and what search knows.

A record's versions are values: a change puts a new one in the place of the last. So
search can keep an older one for a while without a copy.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush

from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.values import iso, to_milliseconds

_KEPT_RESULTS = 16


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it is from one moment on; `properties` are those that are set."""

    id: int
    properties: Mapping[str, str]
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one write set; a value that was cleared is empty."""

    at: datetime
    values: Mapping[str, str]
    source: str


@dataclass(slots=True)
class Shelf:
    """Versions by id, their ids in order."""

    by_id: dict[int, Version] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)

    def put(self, version: Version) -> None:
        if version.id not in self.by_id:
            # Nearly always the highest: then this is an append.
            insort(self.ids, version.id)
        self.by_id[version.id] = version

    def take(self, record_id: int) -> Version | None:
        version = self.by_id.pop(record_id, None)
        if version is not None:
            del self.ids[bisect_left(self.ids, record_id)]
        return version

    def page(self, after: int, limit: int) -> list[Version]:
        """Give the versions whose ids are at or behind `after`."""
        start = bisect_left(self.ids, after)
        return [self.by_id[i] for i in self.ids[start : start + limit]]


class Index:
    """The copy that search reads: it hears of a change some time after it was made.

    HubSpot, Search the CRM: it may take a few moments until new and updated records
    are found. `number` grows with every change that it has heard of.
    """

    def __init__(self, lag_milliseconds: int) -> None:
        self._lag = lag_milliseconds
        self._coming: list[tuple[int, int, int, Version | None]] = []
        self._count = 0
        self.shelf = Shelf()
        self.number = 0

    def tell(self, at: datetime, record_id: int, version: Version | None) -> None:
        """Say what a record is from now on; None takes it out."""
        self._count += 1
        heard_at = to_milliseconds(at) + self._lag
        heappush(self._coming, (heard_at, self._count, record_id, version))

    def hear(self, now: datetime) -> None:
        moment = to_milliseconds(now)
        while self._coming and self._coming[0][0] <= moment:
            _, _, record_id, version = heappop(self._coming)
            self.number += 1
            if version is None:
                self.shelf.take(record_id)
            else:
                self.shelf.put(version)


class Records:
    """All records of one kind."""

    def __init__(self, kind: Kind, *, lag_milliseconds: int) -> None:
        self.kind = kind
        self.live = Shelf()
        self.archived = Shelf()
        self.index = Index(lag_milliseconds)
        self.merged: dict[int, int] = {}  # the loser's id to the winner's
        self._changes: dict[int, list[Change]] = {}
        self._unique: dict[str, dict[str, int]] = {}

    def make_unique(self, names: Iterable[str]) -> None:
        for name in names:
            self._unique.setdefault(name, {})

    def is_unique(self, name: str) -> bool:
        return name in self._unique

    def by_unique(self, name: str, value: str) -> int | None:
        return self._unique[name].get(value.lower())

    def taken(self, values: Mapping[str, str], *, but: int | None = None) -> int | None:
        """Give a record, other than `but`, that has one of the unique values."""
        for name, ids in self._unique.items():
            found = ids.get(values.get(name, "").lower())
            if found is not None and found != but:
                return found
        return None

    def create(
        self, record_id: int, values: Mapping[str, str], at: datetime, source: str
    ) -> Version:
        created = iso(at)
        properties = {name: value for name, value in values.items() if value}
        properties["hs_object_id"] = str(record_id)
        properties[self.kind.created] = created
        properties[self.kind.modified] = created
        properties["hs_object_source"] = source
        version = Version(record_id, properties)
        self._changes[record_id] = [Change(at, properties, source)]
        self._keep(version, at)
        return version

    def update(
        self, record_id: int, values: Mapping[str, str], at: datetime, source: str
    ) -> Version:
        old = self.live.by_id[record_id]
        new = {**values, self.kind.modified: iso(at)}
        properties = {k: v for k, v in {**old.properties, **new}.items() if v}
        version = replace(old, properties=properties)
        self._changes[record_id].append(Change(at, new, source))
        self._forget(old)
        self._keep(version, at)
        return version

    def archive(self, record_id: int, at: datetime) -> None:
        old = self.live.take(record_id)
        if old is None:
            return
        self._forget(old)
        self.archived.put(replace(old, archived_at=at))
        self.index.tell(at, record_id, None)

    def erase(self, record_id: int, at: datetime) -> None:
        """Leave nothing of a record, wherever it is."""
        old = self.live.take(record_id)
        if old is not None:
            self._forget(old)
        self.archived.take(record_id)
        self._changes.pop(record_id, None)
        self.index.tell(at, record_id, None)

    def history(self, record_id: int, name: str) -> list[tuple[Change, str]]:
        """Give the values that a property has had, the newest first."""
        changes = self._changes.get(record_id, [])
        return [(c, c.values[name]) for c in reversed(changes) if name in c.values]

    def _keep(self, version: Version, at: datetime) -> None:
        self.live.put(version)
        for name, ids in self._unique.items():
            if value := version.properties.get(name):
                ids[value.lower()] = version.id
        self.index.tell(at, version.id, version)

    def _forget(self, version: Version) -> None:
        for name, ids in self._unique.items():
            ids.pop(version.properties.get(name, "").lower(), None)


@dataclass(slots=True)
class Results:
    """Ids that earlier queries found: the next page must not search all again."""

    _kept: dict[str, tuple[int, list[int]]] = field(default_factory=dict)

    def get(self, key: str, number: int) -> list[int] | None:
        kept_number, ids = self._kept.get(key, (-1, []))
        return ids if kept_number == number else None

    def put(self, key: str, number: int, ids: list[int]) -> None:
        if len(self._kept) >= _KEPT_RESULTS:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (number, ids)
