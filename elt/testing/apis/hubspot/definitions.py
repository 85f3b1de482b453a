"""What a property is: its type, its options, and who may write it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

TYPES = {  # HubSpot, Properties: each type, and its form fields, the usual one first
    "bool": ("booleancheckbox", "calculation_equation"),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
    "date": ("date",),
    "datetime": ("date",),
    "string": ("text", "textarea", "html", "file", "phonenumber"),
    "number": ("number", "calculation_equation"),
    "phone_number": ("phonenumber",),
    "json": ("text",),
    "object_coordinates": ("text",),
}
_BOTH = (("true", "True"), ("false", "False"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One property of one kind; `options` are pairs of value and label."""

    name: str
    type: str = "string"
    label: str = ""
    field_type: str = ""
    group: str = ""
    description: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_unique: bool = False
    is_read_only: bool = False
    is_calculated: bool = False
    is_open: bool = False  # its options are kept elsewhere: owners, pipelines
    is_custom: bool = False
    created_at: str = "2020-06-30T15:57:37.277Z"
    updated_at: str = "2024-09-12T14:22:56.844Z"
    archived_at: datetime | None = None

    @property
    def all_options(self) -> tuple[tuple[str, str], ...]:
        return self.options or (_BOTH if self.type == "bool" else ())


def render(definition: Definition, order: int = -1) -> dict[str, Any]:
    """Give a definition as GET /crm/v3/properties does."""
    is_archived = definition.archived_at is not None
    own: dict[str, Any] = {
        "updatedAt": definition.updated_at,
        "createdAt": definition.created_at,
        "name": definition.name,
        "label": definition.label or definition.name.replace("_", " ").capitalize(),
        "type": definition.type,
        "fieldType": definition.field_type or TYPES[definition.type][0],
        "description": definition.description,
        "groupName": definition.group,
        "options": _options(definition),
        "displayOrder": order,
        "calculated": definition.is_calculated,
        "externalOptions": definition.is_open,
        "hasUniqueValue": definition.is_unique,
        "hidden": False,
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": not definition.is_custom,
            "readOnlyValue": definition.is_read_only,
        },
        "formField": not definition.is_read_only,
        "dataSensitivity": "non_sensitive",
    }
    if definition.is_custom:
        users = {"createdUserId": "76070032", "updatedUserId": "76070032"}
        own |= {**users, "archived": is_archived}
    else:
        own["hubspotDefined"] = True
    if definition.archived_at:
        own |= {"archived": True, "archivedAt": definition.archived_at.isoformat()}
    return own


def _options(definition: Definition) -> list[dict[str, Any]]:
    # Those of HubSpot's own properties have no description.
    described = {"description": ""} if definition.is_custom else {}
    return [
        {
            "label": label,
            "value": value,
            **described,
            "displayOrder": order,
            "hidden": False,
        }
        for order, (value, label) in enumerate(definition.all_options)
    ]
