"""Write a batch: at most 100 records, and an answer for each of them.

What one bad record does to the others is told apart thus:

- the same id twice, more than 100 inputs, an `idProperty` that is not unique: 400 of
  the whole batch (recorded in amp-labs/connectors; HubSpot/hubspot-api-nodejs#548);
- a property that there is not, or that cannot be written: 400 of the whole batch, which
  lists all of them (recorded in amp-labs/connectors); 207 of a create that has a trace
  id for each input (HubSpot, Error handling: multi-status errors);
- a value that its property does not take: 207 where each input has a trace id, else
  400; always 400 for contacts by e-mail (HubSpot, Contacts: no partial upserts by it);
- a unique value of another record: 409 of the whole batch (airbytehq/airbyte#76340);
  207 of a create that has trace ids;
- a record that is not there: 207; one that was merged away is left out without a word
  (recorded in rudderlabs/rudder-transformer).

Nothing of a refused batch is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from elt.testing.apis.hubspot.asking import Answer, Call, a_text, inputs
from elt.testing.apis.hubspot.checking import (
    Bond,
    bonds_of,
    checked,
    properties_of,
    required,
)
from elt.testing.apis.hubspot.kinds import PORTAL_ID, Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.reading import find, missing_error
from elt.testing.apis.hubspot.refusals import (
    Problem,
    Refused,
    conflict,
    invalid_properties,
    listed_text,
)
from elt.testing.apis.hubspot.showing import batch, show_written
from elt.testing.apis.hubspot.values import as_id

_CREATE = ("properties", "associations", "objectWriteTraceId")
_UPDATE = ("id", "idProperty", "properties", "objectWriteTraceId")


@dataclass(slots=True)
class Row:
    """One input, as far as it is understood; `record_id` is None for a new record."""

    identifier: str
    trace_id: str | None
    values: dict[str, str]
    problems: list[Problem]
    record_id: int | None = None
    bonds: list[Bond] = field(default_factory=list)
    refused: Refused | None = None
    is_missing: bool = False
    is_merged: bool = False

    @property
    def is_writable(self) -> bool:
        out = self.problems or self.refused or self.is_missing or self.is_merged
        return not out


def create_batch(call: Call) -> Answer:
    """POST .../batch/create: 201, or 207."""
    portal, kind = call.portal, call.kind()
    given = inputs(call.json(("inputs",)), portal.limits.batch, _CREATE)
    rows = [_row(portal, kind, one) for one in given]
    for row, one in zip(rows, given, strict=True):
        row.bonds = bonds_of(portal, kind, one.get("associations"))
        row.refused = required(kind, row.values)
    _settle_conflicts(portal, kind, rows)
    if not _all_traced(rows):
        _refuse_all(rows, lambda _: True)
        for row in rows:
            if row.refused:
                raise row.refused
    return _write(call, kind, rows, usual=201)


def update_batch(call: Call) -> Answer:
    """POST .../batch/update, by id or by a unique property."""
    return _change_batch(call, makes_new=False)


def upsert_batch(call: Call) -> Answer:
    """POST .../batch/upsert, by a unique property; `new` says which were made."""
    return _change_batch(call, makes_new=True)


def archive_batch(call: Call) -> Answer:
    """POST .../batch/archive: 204, whoever was there."""
    portal, kind = call.portal, call.kind()
    for one in inputs(call.json(("inputs",)), portal.limits.batch, ("id",)):
        number = as_id(str(one.get("id", "")))
        if number is not None:
            portal.archive(kind, number)
    call.changed()
    return Answer(204)


def _change_batch(call: Call, *, makes_new: bool) -> Answer:
    portal, kind = call.portal, call.kind()
    given = inputs(call.json(("inputs",)), portal.limits.batch, _UPDATE)
    rows = [_row(portal, kind, one) for one in given]
    _refuse_doubled(rows)
    for row, one in zip(rows, given, strict=True):
        by = a_text(one.get("idProperty"), "idProperty")
        _place(portal, kind, row, by, makes_new=makes_new)
    _refuse_all(rows, lambda problem: problem.is_about_the_property)
    by_email = any(one.get("idProperty") == "email" for one in given)
    if not _all_traced(rows) or (makes_new and by_email and kind.name == "contacts"):
        _refuse_all(rows, lambda _: True)
    _settle_conflicts(portal, kind, rows)
    for row in rows:
        if row.refused:
            raise row.refused
    return _write(call, kind, rows, usual=200, tells_new=makes_new)


def _row(portal: Portal, kind: Kind, given: dict[str, Any]) -> Row:
    values, problems = checked(portal, kind, properties_of(given))
    trace_id = given.get("objectWriteTraceId")
    identifier = "" if given.get("id") is None else str(given["id"])
    return Row(
        identifier, None if trace_id is None else str(trace_id), values, problems
    )


def _all_traced(rows: Sequence[Row]) -> bool:
    return all(row.trace_id is not None for row in rows)


def _refuse_doubled(rows: Sequence[Row]) -> None:
    counts = Counter(row.identifier.lower() for row in rows)
    doubled = sorted(identifier for identifier, n in counts.items() if n > 1)
    if doubled:
        listed = ", ".join(doubled)
        raise Refused(
            400,
            f"Duplicate IDs found in batch input: [{listed}]. IDs must be unique",
            context={"ids": doubled},
        )


def _refuse_all(rows: Sequence[Row], counts: Callable[[Problem], bool]) -> None:
    problems = [p for row in rows for p in row.problems if counts(p)]
    if problems:
        raise invalid_properties(problems)


def _place(
    portal: Portal, kind: Kind, row: Row, by: str | None, *, makes_new: bool
) -> None:
    """Find the record that an input is about."""
    records = portal.records[kind.name]
    if makes_new and not by:
        raise Refused(400, "Some required fields were not set: [idProperty]")
    if by and not records.is_unique(by):
        raise Refused(
            400,
            f"Unable to perform update/upsert by non-unique {kind.type_id} property "
            f"{by} in portal ID {PORTAL_ID}",
        )
    found = find(portal, kind, row.identifier, by=by)
    if found is not None:
        row.record_id = found.id
    elif makes_new and by:
        values, problems = checked(portal, kind, {by: row.identifier})
        row.values = {**values, **row.values}
        row.problems += problems
    elif as_id(row.identifier) in records.merged:
        row.is_merged = True
    else:
        row.is_missing = True


def _settle_conflicts(portal: Portal, kind: Kind, rows: Sequence[Row]) -> None:
    """Find unique values that another record, or an earlier input, has."""
    records = portal.records[kind.name]
    claimed: set[tuple[str, str]] = set()
    for row in rows:
        taken = records.taken(row.values, but=row.record_id)
        own = {
            (name, value.lower())
            for name, value in row.values.items()
            if value and records.is_unique(name)
        }
        if taken is not None:
            row.refused = conflict(kind.singular, taken)
            row.refused.more["context"] = {"existingId": [str(taken)]}
        elif own & claimed:
            label = kind.singular.replace("_", " ").capitalize()
            row.refused = Refused(409, f"{label} already exists", "CONFLICT")
        claimed |= own


def _write(
    call: Call, kind: Kind, rows: Sequence[Row], *, usual: int, tells_new: bool = False
) -> Answer:
    portal = call.portal
    results = []
    for row in rows:
        if not row.is_writable:
            continue
        is_new = row.record_id is None
        if row.record_id is None:
            version = portal.create(kind, row.values)
        else:
            version = portal.update(kind, row.record_id, row.values)
        for bond in row.bonds:
            portal.links.add(kind, version.id, bond.kind, bond.record_id)
        new = is_new if tells_new else None
        results.append(show_written(kind, version, trace_id=row.trace_id, new=new))
    call.changed()
    errors = [error for row in rows if (error := _error(kind, row))]
    # HubSpot gives no promise about the order; so here it is not that of the inputs.
    results.sort(key=lambda result: int(result["id"]))
    status = 207 if errors else usual
    return Answer(status, batch(results, portal.now(), errors))


def _error(kind: Kind, row: Row) -> dict[str, Any] | None:
    """Give what a 207 says of an input; `context` says which it was."""
    if row.problems:
        said: dict[str, Any] = {
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": listed_text(row.problems),
            "context": {},
        }
    elif row.refused:
        said = {
            "status": "error",
            "category": row.refused.more["category"],
            "message": row.refused.message,
            "context": dict(row.refused.more.get("context") or {}),
        }
    elif row.is_missing:
        said = missing_error(kind, [row.identifier])
    else:
        return None
    if row.trace_id is not None:
        said["context"]["objectWriteTraceId"] = [row.trace_id]
    return said
