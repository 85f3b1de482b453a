"""A record as the API shows it: only what was asked for, every value a string."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elt.testing.apis.hubspot.cursors import rest_of
from elt.testing.apis.hubspot.kinds import PORTAL_ID, Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.records import Version
from elt.testing.apis.hubspot.values import iso

_USER = 76070032


@dataclass(frozen=True, slots=True)
class Shown:
    """What is wanted of each record.

    HubSpot, Contacts guide: a property that is not set is null, one that there is not
    is left out, and some come always.
    """

    names: tuple[str, ...]
    histories: tuple[str, ...] = ()
    associations: tuple[Kind, ...] = ()
    has_url: bool = True
    origin: str = ""  # of links


def shown(
    portal: Portal,
    kind: Kind,
    properties: Sequence[str] = (),
    *,
    histories: Sequence[str] = (),
    associations: Sequence[Kind] = (),
) -> Shown:
    asked = {*properties, *histories}
    names = {*asked, *kind.always} if asked else set(kind.defaults)
    there = [name for name in names if portal.definition(kind, name)]
    known = [name for name in histories if portal.definition(kind, name)]
    return Shown(tuple(sorted(there)), tuple(known), tuple(associations))


def show(portal: Portal, kind: Kind, version: Version, what: Shown) -> dict[str, Any]:
    values = version.properties
    own: dict[str, Any] = {
        "id": str(version.id),
        "properties": {name: values.get(name) for name in what.names},
    }
    if what.histories:
        own["propertiesWithHistory"] = {
            name: history(portal, kind, version.id, name) for name in what.histories
        }
    own |= _frame(kind, version)
    if what.has_url:
        own["url"] = url(kind, version.id)
    if what.associations:
        found = _associations(portal, kind, version.id, what)
        own |= {"associations": found} if found else {}
    return own


def show_written(
    kind: Kind,
    version: Version,
    *,
    trace_id: str | None = None,
    new: bool | None = None,
) -> dict[str, Any]:
    """Give a record as a write does: with everything that is set."""
    own: dict[str, Any] = {
        "id": str(version.id),
        "properties": dict(sorted(version.properties.items())),
        **_frame(kind, version),
        "url": url(kind, version.id),
    }
    if new is not None:
        own["new"] = new
    if trace_id is not None:
        own["objectWriteTraceId"] = trace_id
    return own


def _frame(kind: Kind, version: Version) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "createdAt": version.properties[kind.created],
        "updatedAt": version.properties[kind.modified],
        "archived": version.archived_at is not None,
    }
    if version.archived_at:
        frame["archivedAt"] = iso(version.archived_at)
    return frame


def url(kind: Kind, record_id: int) -> str:
    own = f"{PORTAL_ID}/record/{kind.type_id}/{record_id}"
    return f"https://app.hubspot.com/contacts/{own}"


def history(
    portal: Portal, kind: Kind, record_id: int, name: str
) -> list[dict[str, Any]]:
    """Give the values that a property has had: HubSpot, Contacts, the newest first."""
    return [
        {
            "value": value,
            "timestamp": iso(change.at),
            "sourceType": change.source,
            **({"updatedByUserId": _USER} if change.source == "CRM_UI" else {}),
        }
        for change, value in portal.records[kind.name].history(record_id, name)
    ]


def _associations(
    portal: Portal, kind: Kind, record_id: int, what: Shown
) -> dict[str, Any]:
    """Give a line for each type of each link; a kind without any is left out.

    So a record's primary company is there twice, with and without `_unlabeled`. Of more
    than 100 lines the rest is on pages of its own (dlt-hub/verified-sources#594).
    """
    most = portal.limits.associations_of_one_v3
    found: dict[str, Any] = {}
    for other in what.associations:
        lines = portal.links.lines(kind, record_id, other)
        if lines:
            found[other.name.replace("_", " ")] = {"results": lines[:most]}
        if len(lines) > most:
            last = int(lines[most - 1]["id"])
            paging = rest_of(what.origin, kind, record_id, other, last)
            found[other.name.replace("_", " ")]["paging"] = paging
    return found


def batch(
    results: list[dict[str, Any]],
    at: datetime,
    errors: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Give the envelope of a batch; one with errors counts them."""
    body: dict[str, Any] = {
        "completedAt": iso(at),
        "status": "COMPLETE",
        "startedAt": iso(at),
        "results": results,
    }
    if errors:
        body |= {"errors": list(errors), "numErrors": len(errors)}
    return body
