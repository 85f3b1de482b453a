"""Definitions of properties: list them, read one, make more, archive one.

HubSpot, Properties. Recorded in amp-labs/connectors: one that is there already makes
a batch 207, with OBJECT_ALREADY_EXISTS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from elt.testing.apis.hubspot.asking import (
    Answer,
    Call,
    a_text,
    an_object,
    flag,
    inputs,
)
from elt.testing.apis.hubspot.definitions import TYPES, Definition, render
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.refusals import Refused, invalid_json
from elt.testing.apis.hubspot.showing import batch
from elt.testing.apis.hubspot.values import iso
from elt.testing.apis.parameters import Parameter, one_of

_LIST = (
    Parameter("archived", flag),
    Parameter("properties", str),
    Parameter("dataSensitivity", one_of("non_sensitive", "sensitive")),
)
_GIVEN = (
    "name",
    "label",
    "type",
    "fieldType",
    "groupName",
    "description",
    "options",
    "hasUniqueValue",
    "hidden",
    "displayOrder",
    "formField",
    "calculationFormula",
    "externalOptions",
    "referencedObjectType",
    "dataSensitivity",
)
_NEEDED = ("name", "label", "type", "fieldType", "groupName")
_OPTION = ("label", "value", "description", "displayOrder", "hidden")


def list_definitions(call: Call) -> Answer:
    """GET /crm/v3/properties/{kind}: all at once; archived ones only when asked for."""
    is_archived = bool(call.query(_LIST).get("archived"))
    found = call.portal.definitions[call.kind().name].values()
    chosen = [d for d in found if (d.archived_at is not None) == is_archived]
    return Answer(200, {"results": [render(d, n) for n, d in enumerate(chosen)]})


def read_definition(call: Call) -> Answer:
    is_archived = bool(call.query(_LIST).get("archived"))
    found = call.portal.definitions[call.kind().name].get(call.path("name"))
    if found is None or (found.archived_at is not None) != is_archived:
        raise _unknown(call.path("name"))
    return Answer(200, render(found))


def create_definition(call: Call) -> Answer:
    """POST /crm/v3/properties/{kind}: 201, 409 where the name is taken."""
    kind = call.kind()
    made = _made(call, call.json(_GIVEN))
    if made.name in call.portal.definitions[kind.name]:
        raise Refused(409, **_exists(made.name))
    call.portal.define(kind, made)
    call.changed()
    return Answer(201, render(made))


def create_definitions(call: Call) -> Answer:
    """POST /crm/v3/properties/{kind}/batch/create."""
    kind, portal = call.kind(), call.portal
    given = inputs(call.json(("inputs",)), portal.limits.batch, _GIVEN)
    results, errors = [], []
    for made in [_made(call, one) for one in given]:
        if made.name in portal.definitions[kind.name]:
            errors.append({"status": "error", **_exists(made.name)})
            continue
        portal.define(kind, made)
        results.append(render(made))
    call.changed()
    status = 207 if errors else 201
    return Answer(status, batch(results, portal.now(), errors))


def archive_definition(call: Call) -> Answer:
    """DELETE /crm/v3/properties/{kind}/{name}: 204; HubSpot's own stay."""
    kind, portal = call.kind(), call.portal
    found = portal.definition(kind, call.path("name"))
    if found is None:
        raise _unknown(call.path("name"))
    if not found.is_custom:
        raise Refused(400, f"Property {found.name} is defined by HubSpot")
    portal.define(kind, replace(found, archived_at=portal.now()))
    call.changed()
    return Answer(204)


def _unknown(name: str) -> Refused:
    # No public source has this text.
    return Refused(404, f"No property exists with name '{name}'", "OBJECT_NOT_FOUND")


def _exists(name: str) -> dict[str, Any]:
    return {
        "category": "OBJECT_ALREADY_EXISTS",
        "subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS",
        "message": f"A property named '{name}' already exists.",
        "context": {"name": [name]},
    }


def _made(call: Call, given: dict[str, Any]) -> Definition:
    missing = [name for name in _NEEDED if not a_text(given.get(name), name)]
    if missing:
        raise Refused(400, f"Some required fields were not set: [{', '.join(missing)}]")
    if given["type"] not in TYPES:
        raise invalid_json(f'"{given["type"]}" is not one of {", ".join(TYPES)}')
    if given["fieldType"] not in TYPES[given["type"]]:
        raise Refused(400, f"{given['type']} cannot be a {given['fieldType']}")
    options = _options(given.get("options"))
    if given["type"] == "enumeration" and not options:
        raise Refused(400, "A property of type enumeration needs options")
    now = iso(call.portal.now())
    return Definition(
        name=given["name"],
        type=given["type"],
        label=given["label"],
        field_type=given["fieldType"],
        group=given["groupName"],
        description=a_text(given.get("description"), "description") or "",
        options=options,
        is_unique=bool(given.get("hasUniqueValue")),
        is_custom=True,
        created_at=now,
        updated_at=now,
    )


def _options(given: object) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise invalid_json("Cannot deserialize a list: options")
    found = [
        (a_text(one.get("value"), "value"), a_text(one.get("label"), "label"))
        for one in (an_object(each, _OPTION) for each in given)
    ]
    return tuple((value, label) for value, label in found if value and label)


def schema(call: Call, kind: Kind) -> dict[str, Any]:
    """Give a type of object, as Custom objects and amp-labs/connectors have it."""
    portal = call.portal
    found = [d for d in portal.definitions[kind.name].values() if not d.archived_at]
    first = next(iter(kind.defaults)) if not kind.is_custom else "site_name"
    singular = kind.singular.replace("_", " ").capitalize()
    return {
        "labels": {
            "singular": singular,
            "plural": kind.name.replace("_", " ").capitalize(),
        },
        "requiredProperties": [],
        "searchableProperties": [],
        "primaryDisplayProperty": first,
        "secondaryDisplayProperties": [],
        "description": None,
        "allowsSensitiveProperties": not kind.is_custom,
        "archived": False,
        "restorable": True,
        "metaType": "PORTAL_SPECIFIC" if kind.is_custom else "HUBSPOT",
        "id": kind.type_id.partition("-")[2],
        "fullyQualifiedName": kind.qualified_name,
        "createdAt": "1970-01-01T00:00:00Z",
        "updatedAt": "2025-03-05T18:12:37.434Z",
        "createdByUserId": None,
        "updatedByUserId": None,
        "objectTypeId": kind.type_id,
        "properties": [render(d, n) for n, d in enumerate(found)],
        "associations": [
            _association(kind, other, link.id, link.name)
            for other in portal.kinds
            if other is not kind
            for link in portal.links.types(kind, other)
        ],
        "name": kind.singular if kind.is_custom else kind.qualified_name,
    }


def _association(kind: Kind, other: Kind, type_id: int, name: str) -> dict[str, Any]:
    return {
        "fromObjectTypeId": kind.type_id,
        "toObjectTypeId": other.type_id,
        "name": name.upper(),
        "cardinality": "ONE_TO_MANY",
        "inverseCardinality": "ONE_TO_MANY",
        "hasUserEnforcedMaxToObjectIds": False,
        "hasUserEnforcedMaxFromObjectIds": False,
        "maxToObjectIds": 10000,
        "maxFromObjectIds": 10000,
        "id": str(type_id),
        "createdAt": None,
        "updatedAt": None,
    }


def list_schemas(call: Call) -> Answer:
    """GET /crm/v3/schemas: the account's own types only."""
    is_archived = bool(call.query((Parameter("archived", flag),)).get("archived"))
    own = [kind for kind in call.portal.kinds if kind.is_custom and not is_archived]
    return Answer(200, {"results": [schema(call, kind) for kind in own]})


def read_schema(call: Call) -> Answer:
    call.query(())
    return Answer(200, schema(call, call.kind()))
