"""From one answer to a receipt for each row, by places that settings name.

A row is accepted only by a word that can be put down to it: where entries cannot be
matched with rows, the rows are unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elt.errors import ConfigError
from elt.reverse.destination import Change, Receipt, ReceiptStatus, read_config
from elt.reverse.http import alike
from elt.reverse.rest.paths import MISSING, JsonPath, at, read_path
from elt.reverse.rest.settings import CallTable, ErrorsTable, ResultsTable

STRAY = "the answer has entries that belong to no row"
CONTRADICTION = "the answer says of one row that it was taken and that it was not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list in an answer, and whose each entry is."""

    path: JsonPath
    key: JsonPath | None = None
    index: JsonPath | None = None
    message: JsonPath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    listing: Listing
    status: JsonPath | None
    accepted: frozenset[str]
    retryable: frozenset[str]
    id: JsonPath | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the answers to one kind of call are read."""

    results: Results | None = None
    errors: Listing | None = None

    @property
    def is_there(self) -> bool:
        return self.results is not None or self.errors is not None


def read_reading(table: CallTable, where: str) -> Reading:
    """Compile `results` and `errors`. Raises ConfigError for what cannot be read."""
    results = errors = None
    if table.results is not None:
        results = _results(
            read_config(ResultsTable, table.results, where=f"{where} results"),
            f"{where} results",
        )
    if table.errors is not None:
        errors = _errors(
            read_config(ErrorsTable, table.errors, where=f"{where} errors"),
            f"{where} errors",
        )
    return Reading(results=results, errors=errors)


def receipts(
    reading: Reading, body: bytes, changes: Sequence[Change]
) -> Iterable[Receipt]:
    """Read an answer that took the call. With nothing to look for, all is accepted."""
    results, errors = reading.results, reading.errors
    if results is None and errors is None:
        return alike(changes, "accepted")
    alone = len(changes) == 1
    if not body.strip() and alone and errors is None and _is_only_id(results):
        return alike(changes, "accepted")  # 204: there is no id to be had
    try:
        # Numbers stay as they are written: ids and keys may be some.
        document = json.loads(body, parse_float=str)
    except (ValueError, RecursionError):
        return alike(changes, "unknown", "the answer is not JSON")
    try:
        refused = {} if errors is None else _refused(errors, document, changes)
        taken = None if results is None else _taken(results, document, changes)
    except _Stray as stray:
        return alike(changes, "unknown", str(stray))
    silent: ReceiptStatus = "accepted" if taken is None else "unknown"
    said = "" if taken is None else "the answer has no result for this row"
    return [
        refused.get(c.key) or (taken or {}).get(c.key) or Receipt(c.key, silent, said)
        for c in changes
    ]


class _Stray(Exception):
    """An entry cannot be put down to a row."""


def _refused(
    errors: Listing, document: Any, changes: Sequence[Change]
) -> dict[str, Receipt]:
    entries = _entries(errors, document, may_lack=True)
    return {
        change.key: Receipt(change.key, "rejected", _text(errors.message, entry))
        for change, entry in _matched(errors, entries, changes)
    }


def _taken(
    results: Results, document: Any, changes: Sequence[Change]
) -> dict[str, Receipt]:
    listing = results.listing
    may_lack = _is_only_id(results) and len(changes) == 1
    entries = _entries(listing, document, may_lack=may_lack)
    if may_lack and not entries:
        return {changes[0].key: Receipt(changes[0].key, "accepted")}
    taken: dict[str, Receipt] = {}
    for change, entry in _matched(listing, entries, changes):
        found = Receipt(
            change.key,
            _status(results, entry),
            _text(listing.message, entry),
            _text(results.id, entry) or None,
        )
        if taken.setdefault(change.key, found).status != found.status:
            raise _Stray(CONTRADICTION)
    return taken


def _is_only_id(results: Results | None) -> bool:
    """Tell results that only name rows from those that say how they fared."""
    return results is not None and results.status is None


def _entries(listing: Listing, document: Any, *, may_lack: bool) -> list[Any]:
    found = at(listing.path, document)
    if isinstance(found, list):
        return found
    if found is MISSING or found is None:
        if may_lack:
            return []
        raise _Stray("the answer has no results where they should be")
    return [found]


def _matched(
    listing: Listing, entries: list[Any], changes: Sequence[Change]
) -> Iterable[tuple[Change, Any]]:
    """Put each entry down to its row. Raises _Stray for one that has none."""
    place = listing.key or listing.index
    if place is None:
        if len(entries) != len(changes):
            raise _Stray(f"{len(entries)} results for {len(changes)} rows")
        return zip(changes, entries, strict=True)
    rows: Mapping[str, Change] = (
        {change.key: change for change in changes}
        if listing.key
        else {str(position): change for position, change in enumerate(changes)}
    )
    named = [(_scalar(at(place, entry)), entry) for entry in entries]
    if any(name not in rows for name, _ in named):
        raise _Stray(STRAY)
    return [(rows[name], entry) for name, entry in named]


def _status(results: Results, entry: Any) -> ReceiptStatus:
    if results.status is None:
        return "accepted"
    value = _scalar(at(results.status, entry))
    if value in results.accepted:
        return "accepted"
    return "retryable" if value in results.retryable else "rejected"


def _text(place: JsonPath | None, entry: Any) -> str:
    found = MISSING if place is None else at(place, entry)
    if found is MISSING or found is None:
        return ""
    nested = isinstance(found, list | dict)
    text = json.dumps(found, ensure_ascii=False) if nested else _scalar(found)
    # No database takes half of a surrogate pair, which JSON can say.
    return text.encode("utf-8", "replace").decode()


def _scalar(value: Any) -> str:
    """Give a value as text by which `200` is `"200"`, and `true` is `"true"`."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _results(table: ResultsTable, where: str) -> Results:
    return Results(
        listing=_listing(table, where),
        status=_place(table.status, where, "status"),
        accepted=frozenset(map(_scalar, table.accepted)),
        retryable=frozenset(map(_scalar, table.retryable)),
        id=_place(table.id, where, "id"),
    )


def _errors(table: ErrorsTable, where: str) -> Listing:
    if table.key is None and table.index is None:
        raise ConfigError(
            "nothing says which row an error is about",
            where=where,
            hint="Name the place of the row's key as `key`, or that of its position in"
            " the call as `index`",
        )
    return _listing(table, where)


def _listing(table: ResultsTable | ErrorsTable, where: str) -> Listing:
    if table.key is not None and table.index is not None:
        raise ConfigError("`key` and `index` exclude each other", where=where)
    return Listing(
        path=read_path(table.path, f"{where} path"),
        key=_place(table.key, where, "key"),
        index=_place(table.index, where, "index"),
        message=_place(table.message, where, "message"),
    )


def _place(text: str | None, where: str, name: str) -> JsonPath | None:
    return None if text is None else read_path(text, f"{where} {name}")
