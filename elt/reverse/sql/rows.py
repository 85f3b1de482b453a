"""Changes as rows: every field still in its exact JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from elt.reverse.canonical import json_name
from elt.reverse.destination import Change, Removed
from elt.reverse.payload import members
from elt.reverse.sql.columns import INTEGERS, Field

# Types whose JSON has no quotes around it.
BARE = INTEGERS | {"DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN"}
MOST_CHARACTERS = 4_000_000  # of one statement; more is no faster


@dataclass(frozen=True, slots=True)
class Row:
    key: str  # the change's, for its receipt
    text: str  # a JSON object
    members: Mapping[str, str]  # field -> JSON text

    def only(self, name: str) -> Row:
        return Row(
            self.key, f"{{{json_name(name)}:{self.members[name]}}}", self.members
        )


def row_of(change: Change, key: Field) -> Row:
    """Read a change; of a removed one only the key is known for certain."""
    if not isinstance(change, Removed):
        return Row(change.key, change.text, members(change.text))
    known = members(change.old_text) if change.old_text else {}
    bare = change.key if key.source in BARE else json_name(change.key)
    value = known.get(key.name) or bare
    return Row(change.key, f"{{{json_name(key.name)}:{value}}}", {key.name: value})


def alike(rows: Iterable[Row]) -> Iterator[tuple[frozenset[str], list[Row]]]:
    """Part rows by the fields that they have: `on_null = "skip"` leaves some out."""
    parts: dict[frozenset[str], list[Row]] = {}
    for row in rows:
        parts.setdefault(frozenset(row.members), []).append(row)
    yield from parts.items()


def portions(rows: Sequence[Row], row_bytes: int) -> Iterator[Sequence[Row]]:
    """Part rows so that a statement stays well below what one row may be."""
    start, size = 0, 0
    most = min(MOST_CHARACTERS, row_bytes // 5)
    for end, row in enumerate(rows):
        if size and size + len(row.text) > most:
            yield rows[start:end]
            start, size = end, 0
        size += len(row.text)
    if start < len(rows):
        yield rows[start:]
