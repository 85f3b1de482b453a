"""Write one record: create, update, archive, merge, erase."""

from __future__ import annotations

from elt.testing.apis.hubspot.asking import Answer, Call, a_text
from elt.testing.apis.hubspot.checking import (
    bonds_of,
    checked,
    properties_of,
    required,
)
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.reading import find
from elt.testing.apis.hubspot.records import Version
from elt.testing.apis.hubspot.refusals import (
    Refused,
    conflict,
    invalid_properties,
    not_found,
)
from elt.testing.apis.hubspot.showing import show_written, url
from elt.testing.apis.hubspot.values import as_id
from elt.testing.apis.parameters import Parameter, text

_BY = (Parameter("idProperty", text),)


def create(call: Call) -> Answer:
    """POST /crm/v3/objects/{kind}: 201, 409 where a unique value is taken."""
    portal, kind = call.portal, call.kind()
    body = call.json(("properties", "associations", "objectWriteTraceId"))
    values, problems = checked(portal, kind, properties_of(body))
    if problems:
        raise invalid_properties(problems)
    if refused := required(kind, values):
        raise refused
    bonds = bonds_of(portal, kind, body.get("associations"))
    taken = portal.records[kind.name].taken(values)
    if taken is not None:
        raise conflict(kind.singular, taken)
    version = portal.create(kind, values)
    for bond in bonds:
        portal.links.add(kind, version.id, bond.kind, bond.record_id)
    call.changed()
    headers = {"Location": url(kind, version.id)}
    return Answer(201, show_written(kind, version), headers)


def update(call: Call) -> Answer:
    """PATCH /crm/v3/objects/{kind}/{id}; an empty text clears a value."""
    portal, kind = call.portal, call.kind()
    by = call.query(_BY).get("idProperty")
    found = find(portal, kind, call.path("id"), by=by)
    if found is None:
        raise not_found(call.path("id"), by=by)
    body = call.json(("properties", "objectWriteTraceId"))
    values, problems = checked(portal, kind, properties_of(body))
    if problems:
        raise invalid_properties(problems)
    taken = portal.records[kind.name].taken(values, but=found.id)
    if taken is not None:
        raise conflict(kind.singular, taken)
    version = portal.update(kind, found.id, values)
    call.changed()
    return Answer(200, show_written(kind, version))


def archive(call: Call) -> Answer:
    """DELETE /crm/v3/objects/{kind}/{id}: 204, also where there is nothing.

    The latter is in no public source.
    """
    kind, identifier = call.kind(), call.path("id")
    number = as_id(identifier)
    if number is None:
        raise not_found(identifier)
    call.portal.archive(kind, number)
    call.changed()
    return Answer(204)


def merge(call: Call) -> Answer:
    """POST /crm/v3/objects/{kind}/merge."""
    portal, kind = call.portal, call.kind()
    body = call.json(("primaryObjectId", "objectIdToMerge"))
    winner = _there(portal, kind, str(body.get("primaryObjectId", "")))
    loser = _there(portal, kind, str(body.get("objectIdToMerge", "")))
    if winner.id == loser.id:
        raise Refused(400, "A record cannot be merged with itself")
    version = portal.merge(kind, winner.id, loser.id)
    call.changed()
    return Answer(200, show_written(kind, version))


def erase(call: Call) -> Answer:
    """POST /crm/v3/objects/{kind}/gdpr-delete: not in the archive either."""
    portal, kind = call.portal, call.kind()
    body = call.json(("objectId", "idProperty"))
    identifier = str(body.get("objectId", ""))
    by = a_text(body.get("idProperty"), "idProperty")
    found = find(portal, kind, identifier, by=by)
    if found is not None:
        portal.erase(kind, found.id)
        call.changed()
    return Answer(204)


def _there(portal: Portal, kind: Kind, identifier: str) -> Version:
    found = find(portal, kind, identifier)
    if found is None:
        raise not_found(identifier)
    return found
