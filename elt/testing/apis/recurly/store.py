"""The rows of a simulated Recurly, by id, by code, by parent, and in both orders."""

from __future__ import annotations

import hashlib
import uuid
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from elt.testing.apis.recurly.kinds import KINDS

Key = tuple[int, str]  # Unix seconds and id
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class Row:
    """One object. `fields` has only what differs from its kind's defaults.

    Times are whole seconds, as Recurly's are; `links` are the ids that it belongs to.
    """

    kind: str
    id: str
    created: int
    updated: int
    fields: dict[str, Any]
    links: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self.fields.get(name, KINDS[self.kind].fields.get(name))


class Index:
    """The keys of rows in order; what comes out of order is sorted when read."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._is_sorted = True

    def add(self, key: Key) -> None:
        if self._keys and key < self._keys[-1]:
            self._is_sorted = False
        self._keys.append(key)

    def move(self, old: Key, new: Key) -> None:
        self.remove(old)
        insort(self._keys, new)

    def remove(self, key: Key) -> None:
        del self.keys[bisect_left(self._keys, key)]

    @property
    def keys(self) -> list[Key]:
        if not self._is_sorted:
            self._keys.sort()
            self._is_sorted = True
        return self._keys


class Store:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}
        self.created: dict[str, Index] = {kind: Index() for kind in KINDS}
        self.updated: dict[str, Index] = {kind: Index() for kind in KINDS}
        self._named: dict[tuple[str, str, str], str] = {}
        self._children: dict[tuple[str, str, str], dict[str, None]] = {}
        self._numbers = 0
        self._invoices = 999  # Recurly's first invoice of a site is number 1000

    def identify(self, kind: str, name: object) -> str:
        """Make the id of what has a name of its own: always the same one."""
        digest = hashlib.sha256(f"{self._seed}/{kind}/{name}".encode()).digest()
        number = int.from_bytes(digest[:8], "big")
        letters = []
        for _ in range(12):
            number, rest = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[rest])
        return "".join(letters)

    def next_id(self, kind: str) -> str:
        """Make the id of what was written: from a counter, so a replay repeats it."""
        self._numbers += 1
        return self.identify(kind, f"written {self._numbers}")

    def next_invoice_number(self) -> str:
        self._invoices += 1
        return str(self._invoices)

    def add(self, row: Row) -> Row:
        self.rows[row.kind][row.id] = row
        self.created[row.kind].add((row.created, row.id))
        self.updated[row.kind].add((row.updated, row.id))
        for link, parent in row.links.items():
            self._children.setdefault((row.kind, link, parent), {})[row.id] = None
        self._name(row)
        return row

    def change(self, row: Row, at: int, fields: Mapping[str, Any]) -> Row:
        """Change a row, which makes it updated now; its parents are not touched."""
        self._unname(row)
        row.fields.update(fields)
        self._name(row)
        self.updated[row.kind].move((row.updated, row.id), (at, row.id))
        row.updated = at
        return row

    def link(self, row: Row, link: str, parent: str) -> None:
        """Let a row belong to one more thing; that does not make it updated."""
        row.links = {**row.links, link: parent}
        self._children.setdefault((row.kind, link, parent), {})[row.id] = None

    def remove(self, row: Row) -> None:
        self._unname(row)
        del self.rows[row.kind][row.id]
        self.created[row.kind].remove((row.created, row.id))
        self.updated[row.kind].remove((row.updated, row.id))
        for link, parent in row.links.items():
            del self._children[row.kind, link, parent][row.id]

    def find(self, kind: str, key: str, scope: str = "") -> Row | None:
        """Find by id, or by `code-gold` where the kind has codes."""
        prefix = KINDS[kind].by + "-"
        if KINDS[kind].by and key.startswith(prefix):
            named = self._named.get((kind, scope, key.removeprefix(prefix)))
            return self.rows[kind][named] if named else None
        return self.rows[kind].get(key)

    def children(self, kind: str, link: str, parent: str) -> Iterable[Row]:
        """Give the rows of a parent, oldest first by their making."""
        rows = self.rows[kind]
        return [rows[i] for i in self._children.get((kind, link, parent), ())]

    def _name(self, row: Row) -> None:
        if name := self._name_of(row):
            self._named[name] = row.id

    def _unname(self, row: Row) -> None:
        if (name := self._name_of(row)) and self._named.get(name) == row.id:
            del self._named[name]

    def _name_of(self, row: Row) -> tuple[str, str, str] | None:
        kind = KINDS[row.kind]
        value = row.fields.get(kind.by) if kind.by else None
        if not value:
            return None
        return row.kind, row.links.get(kind.scope, ""), value


def uuid_of(identity: str) -> str:
    """Make Recurly's second name of a thing: 32 hexadecimal digits."""
    return uuid.uuid5(uuid.NAMESPACE_OID, identity).hex


def iso(seconds: int) -> str:
    """Write a time as Recurly does: whole seconds, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
