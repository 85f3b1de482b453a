"""Records that are read by their keys: what is there, and what is not.

A batch that is read has results for what is there and names the keys of what is not
(HubSpot, Retrieve records: 207). A record that was merged away is in neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from elt.reverse.destination import Change, Receipt, Removed
from elt.reverse.hubspot.batches import LEFT_OUT, Answer, Batch, Record
from elt.reverse.hubspot.properties import Property, Unfit, is_same, key_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One call that reads some records by their keys."""

    key: str
    changes: Mapping[str, Change]  # by the key's value, in lower case
    properties: Collection[str] = ()

    @property
    def content(self) -> bytes:
        asked = {
            "idProperty": self.key,
            "properties": [self.key, *self.properties],
            "inputs": [{"id": name} for name in self.changes],
        }
        return msgspec.json.encode(asked)

    def receipts(self, answer: Answer) -> Iterator[Removed | Receipt]:
        """Name the records of removed rows; one that is not there is gone already."""
        there = {name: one.id for name, one in self._there(answer)}
        gone = {name.lower() for error in answer.errors for name in error.context.ids}
        for name, change in self.changes.items():
            if name in there and isinstance(change, Removed):
                yield replace(change, destination_id=there[name])
            elif name in gone:
                yield Receipt(change.key, "accepted")
            else:
                yield Receipt(change.key, "unknown", LEFT_OUT)

    def standing(
        self, answer: Answer, batch: Batch, known: Mapping[str, Property]
    ) -> dict[str, str | None]:
        """Give by key which rows are there: an id where they hold what was sent."""
        sent = {change.key: given["properties"] for change, given in batch.rows}
        found = {self.changes[name].key: one for name, one in self._there(answer)}
        return {
            key: record.id
            if all(
                is_same(known[name], value, record.properties.get(name))
                for name, value in sent[key].items()
                if name != self.key
            )
            else None
            for key, record in found.items()
        }

    def _there(self, answer: Answer) -> Iterator[tuple[str, Record]]:
        for record in answer.results:
            name = str(record.properties.get(self.key)).lower()
            if name in self.changes:
                yield name, record


def of_removed(removed: Sequence[Removed], key: str) -> tuple[Lookup, list[Receipt]]:
    """Look for removed rows whose answers were lost; the rest is answered for."""
    changes: dict[str, Change] = {}
    receipts = []
    for change in removed:
        try:
            changes[_name_of(change, key).lower()] = change
        except Unfit as error:
            receipts.append(Receipt(change.key, "rejected", str(error)))
    return Lookup(key=key, changes=changes), receipts


def of_refused(batch: Batch, key: str) -> Lookup:
    """Look for what a refused batch would have made."""
    changes = {given["properties"][key].lower(): change for change, given in batch.rows}
    names = {name for _, given in batch.rows for name in given["properties"]}
    return Lookup(key=key, changes=changes, properties=sorted(names - {key}))


def _name_of(change: Removed, key: str) -> str:
    """Give the key's value; of a row that was never accepted there is no payload."""
    return change.key if change.old_text is None else key_text(change.old_text, key)
