"""What a write may set: values by their types, unique ones, links to make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.hubspot.asking import an_object, end_of
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.refusals import Problem, Refused, invalid_json
from elt.testing.apis.hubspot.values import as_id, as_text, check

_REQUIRED = {"tickets": ("hs_pipeline_stage",)}  # HubSpot, Error handling
_STAGED = {"dealstage": "deals", "hs_pipeline_stage": "tickets"}


@dataclass(frozen=True, slots=True)
class Bond:
    """A link that a new record is made with."""

    kind: Kind
    record_id: int


def properties_of(given: Mapping[str, Any]) -> dict[str, Any]:
    found = given.get("properties", {})
    if not isinstance(found, dict):
        raise invalid_json("Cannot deserialize an object: properties")
    if any(isinstance(value, dict | list) for value in found.values()):
        raise invalid_json("Cannot deserialize a string from an object or a list")
    return found


def checked(
    portal: Portal, kind: Kind, given: Mapping[str, Any]
) -> tuple[dict[str, str], list[Problem]]:
    """Give the texts to keep, and what is wrong with the others."""
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        definition = portal.definition(kind, name)
        if definition is None:
            why = f'Property "{name}" does not exist'
            problems.append(Problem(name, "PROPERTY_DOESNT_EXIST", why, as_text(value)))
            continue
        found = check(definition, value)
        if isinstance(found, str):
            found = _known(portal, name, found) or found
        if isinstance(found, Problem):
            problems.append(found)
        else:
            values[name] = found
    return values, problems


def _known(portal: Portal, name: str, text: str) -> Problem | None:
    """Check values whose options are kept elsewhere."""
    around = portal.around
    if name == "hubspot_owner_id" and text and text not in around.owner_ids():
        # No public source has this code and text.
        why = f"The owner with ID {text} does not exist"
        return Problem(name, "INVALID_OWNER_ID", why, text)
    staged = _STAGED.get(name)
    if staged and text and text not in around.stages(staged):
        why = f"{text} was not one of the allowed options: []"
        return Problem(name, "INVALID_OPTION", why, text)
    return None


def required(kind: Kind, values: Mapping[str, str]) -> Refused | None:
    """HubSpot, Error handling: a record without what it must have."""
    missing = [name for name in _REQUIRED.get(kind.name, ()) if not values.get(name)]
    if not missing:
        return None
    return Refused(
        400,
        f"Error creating {kind.singular.upper()}. Some required properties were not "
        "set.",
        context={"properties": missing},
    )


def bonds_of(portal: Portal, kind: Kind, given: object) -> list[Bond]:
    """Read `associations` of a new record. HubSpot, Associate records."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid_json("Cannot deserialize a list: associations")
    return [_bond(portal, kind, one) for one in given]


def _bond(portal: Portal, kind: Kind, given: object) -> Bond:
    keys = an_object(given, ("to", "types"))
    identifier = end_of(keys.get("to"))
    types = keys.get("types")
    if not isinstance(types, list) or not types:
        raise Refused(400, "Some required fields were not set: [types]")
    known = ("associationCategory", "associationTypeId")
    wanted = {an_object(one, known).get("associationTypeId") for one in types}
    other = _other_end(portal, kind, wanted)
    records = portal.records[other.name]
    record_id = as_id(identifier)
    if record_id is None or record_id not in records.live.by_id:
        raise Refused(
            400,
            "One or more associations are invalid",
            context={"INVALID_OBJECT_IDS": [identifier], "objectType": [other.name]},
        )
    return Bond(other, record_id)


def _other_end(portal: Portal, kind: Kind, wanted: Iterable[object]) -> Kind:
    for type_id in wanted:
        for other in portal.kinds:
            if any(link.id == type_id for link in portal.links.types(kind, other)):
                return other
    raise Refused(400, f"invalid from object type {kind.type_id} for associations")
