"""The columns of what stands around the objects."""

from __future__ import annotations

from typing import Any

from elt.taps.rest.marks import UNIX_MILLISECONDS, Cursor
from elt.taps.rest.reading import Shape

_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_DATED = "createdAt updatedAt"


def _shape(
    name: str, key: tuple[str, ...], cursor: Cursor | None = None, **columns: str
) -> Shape:
    """Declare a stream; `columns` are names with a space between, by their type."""
    types: dict[str, Any] = {
        "moments": _MOMENT,
        "texts": {"type": ["string", "null"]},
        "flags": {"type": ["boolean", "null"]},
        "numbers": {"type": ["integer", "null"]},
        "objects": {"type": ["object", "null"]},
        "lists": {"type": ["array", "null"]},
    }
    properties: dict[str, Any] = {one: {"type": "string"} for one in key}
    for kind, names in columns.items():
        properties |= dict.fromkeys(names.split(), types[kind])
    return Shape(name=name, key=key, properties=properties, cursor=cursor)


OWNERS = _shape(
    "owners",
    ("id",),
    texts="email type firstName lastName",
    numbers="userId userIdIncludingInactive",
    lists="teams",
    moments=_DATED,
    flags="archived",
)
PIPELINES = _shape(
    "pipelines",
    ("object_type", "id"),
    texts="label",
    numbers="displayOrder",
    lists="stages",
    moments=_DATED,
    flags="archived",
)
STAGES = _shape(
    "stages",
    ("object_type", "pipeline_id", "id"),
    texts="label writePermissions",
    numbers="displayOrder",
    objects="metadata",
    moments=_DATED,
    flags="archived",
)
LISTS = _shape(
    "lists",
    ("listId",),
    texts="name objectTypeId processingType processingStatus createdById updatedById",
    numbers="listVersion",
    moments=f"{_DATED} filtersUpdatedAt deletedAt",
    objects="additionalProperties",
)
FORMS = _shape(
    "forms",
    ("id",),
    texts="name formType",
    lists="fieldGroups",
    objects="configuration displayOptions legalConsentOptions",
    moments=f"{_DATED} archivedAt",
    flags="archived",
)
EMAIL_EVENTS = _shape(
    "email_events",
    ("id", "created"),
    Cursor("created", UNIX_MILLISECONDS),
    texts="type recipient appName subject response url userAgent hmid sendId smtpId",
    numbers="created appId emailCampaignId portalId",
    objects="sentBy browser location",
)
PROPERTIES = _shape(
    "properties",
    ("object_type", "name"),
    texts="label type fieldType description groupName dataSensitivity"
    " referencedObjectType calculationFormula createdUserId updatedUserId",
    numbers="displayOrder",
    flags="calculated externalOptions formField hasUniqueValue hidden hubspotDefined"
    " archived",
    lists="options",
    objects="modificationMetadata",
    moments=f"{_DATED} archivedAt",
)
SCHEMAS = _shape(
    "schemas",
    ("objectTypeId",),
    texts="id name fullyQualifiedName description metaType primaryDisplayProperty",
    objects="labels",
    lists="properties associations requiredProperties searchableProperties"
    " secondaryDisplayProperties",
    numbers="createdByUserId updatedByUserId",
    moments=_DATED,
    flags="archived restorable allowsSensitiveProperties",
)
