"""Which path is answered by what, and which scope it needs.

A family of paths is there twice: with the number of its version, and with a date
(HubSpot, API versioning: `/crm/objects/2026-03/contacts`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from elt.testing.apis.hubspot import (
    associations,
    batches,
    properties,
    reading,
    search,
    settings,
    writing,
)
from elt.testing.apis.hubspot.asking import Answer, Call

DATES = ("2025-09", "2026-03", "2026-09")

Scopes = Callable[[Call], tuple[str, ...]]  # one of them is enough


def _reads(call: Call) -> tuple[str, ...]:
    return call.kind().reads


def _writes(call: Call) -> tuple[str, ...]:
    return call.kind().writes


def _schemas(call: Call) -> tuple[str, ...]:
    kind = call.kind()
    own = "custom" if kind.is_custom else kind.name
    return (f"crm.schemas.{own}.read", *kind.reads)


def _changes_schemas(call: Call) -> tuple[str, ...]:
    kind = call.kind()
    own = "custom" if kind.is_custom else kind.name
    return (f"crm.schemas.{own}.write", *kind.writes)


def _only(*scopes: str) -> Scopes:
    return lambda _: scopes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path below its family's."""

    method: str
    family: str
    path: str
    answer: Callable[[Call], Answer]
    scopes: Scopes
    is_search: bool = False


FAMILIES = {  # each with its numbered path and its dated one
    "objects": ("/crm/v3/objects", "/crm/objects/{date}"),
    "objects4": ("/crm/v4/objects", "/crm/objects/{date}"),
    "properties": ("/crm/v3/properties", "/crm/properties/{date}"),
    "associations": ("/crm/v4/associations", "/crm/associations/{date}"),
    "associations3": ("/crm/v3/associations", ""),
    "schemas": ("/crm/v3/schemas", "/crm-object-schemas/{date}/schemas"),
    "schemas3": ("/crm-object-schemas/v3/schemas", ""),
    "owners": ("/crm/v3/owners", "/crm/owners/{date}"),
    "pipelines": ("/crm/v3/pipelines", "/crm/pipelines/{date}"),
    "lists": ("/crm/v3/lists", "/crm/lists/{date}"),
    "forms": ("/marketing/v3/forms", "/marketing/forms/{date}"),
    "events": ("/email/public/v1/events", ""),
    "account": ("/account-info/v3", "/account-info/{date}"),
}
_OWNERS = _only("crm.objects.owners.read")
_LISTS = _only("crm.lists.read")
_CUSTOM = _only("crm.schemas.custom.read")
_PAIR = "/{kind}/{other}/batch"
_ONE_TO_ONE = "/{kind}/{id}/associations/{other}/{other_id}"

ENDPOINTS = (
    Endpoint(
        "POST", "objects", "/{kind}/search", search.search, _reads, is_search=True
    ),
    Endpoint("POST", "objects", "/{kind}/batch/read", reading.read_batch, _reads),
    Endpoint("POST", "objects", "/{kind}/batch/create", batches.create_batch, _writes),
    Endpoint("POST", "objects", "/{kind}/batch/update", batches.update_batch, _writes),
    Endpoint("POST", "objects", "/{kind}/batch/upsert", batches.upsert_batch, _writes),
    Endpoint(
        "POST", "objects", "/{kind}/batch/archive", batches.archive_batch, _writes
    ),
    Endpoint("POST", "objects", "/{kind}/merge", writing.merge, _writes),
    Endpoint("POST", "objects", "/{kind}/gdpr-delete", writing.erase, _writes),
    Endpoint("GET", "objects", "/{kind}", reading.list_records, _reads),
    Endpoint("POST", "objects", "/{kind}", writing.create, _writes),
    Endpoint("GET", "objects", "/{kind}/{id}", reading.read_record, _reads),
    # Lists of v4 are those of v3; singer-io/tap-hubspot reads tickets so.
    Endpoint("GET", "objects4", "/{kind}", reading.list_records, _reads),
    Endpoint("PATCH", "objects", "/{kind}/{id}", writing.update, _writes),
    Endpoint("DELETE", "objects", "/{kind}/{id}", writing.archive, _writes),
    Endpoint(
        "GET",
        "objects4",
        "/{kind}/{id}/associations/{other}",
        associations.list_of_one,
        _reads,
    ),
    Endpoint(
        "PUT",
        "objects4",
        "/{kind}/{id}/associations/default/{other}/{other_id}",
        associations.put_one,
        _writes,
    ),
    Endpoint("PUT", "objects4", _ONE_TO_ONE, associations.put_one, _writes),
    Endpoint("DELETE", "objects4", _ONE_TO_ONE, associations.delete_one, _writes),
    Endpoint("POST", "associations", f"{_PAIR}/read", associations.read_batch, _reads),
    Endpoint(
        "POST", "associations", f"{_PAIR}/create", associations.create_batch, _writes
    ),
    Endpoint(
        "POST",
        "associations",
        f"{_PAIR}/associate/default",
        associations.create_batch,
        _writes,
    ),
    Endpoint(
        "POST", "associations", f"{_PAIR}/archive", associations.archive_batch, _writes
    ),
    Endpoint(
        "GET", "associations", "/{kind}/{other}/labels", associations.list_types, _reads
    ),
    Endpoint(
        "POST", "associations3", f"{_PAIR}/read", associations.read_batch_v3, _reads
    ),
    Endpoint("GET", "properties", "/{kind}", properties.list_definitions, _schemas),
    Endpoint(
        "POST", "properties", "/{kind}", properties.create_definition, _changes_schemas
    ),
    Endpoint(
        "POST",
        "properties",
        "/{kind}/batch/create",
        properties.create_definitions,
        _changes_schemas,
    ),
    Endpoint(
        "GET", "properties", "/{kind}/{name}", properties.read_definition, _schemas
    ),
    Endpoint(
        "DELETE",
        "properties",
        "/{kind}/{name}",
        properties.archive_definition,
        _changes_schemas,
    ),
    *(
        Endpoint("GET", family, path, answer, _CUSTOM)
        for family in ("schemas3", "schemas")  # v3 would be taken for a date
        for path, answer in (
            ("", properties.list_schemas),
            ("/{kind}", properties.read_schema),
        )
    ),
    Endpoint("GET", "owners", "", settings.list_owners, _OWNERS),
    Endpoint("GET", "owners", "/{id}", settings.read_owner, _OWNERS),
    Endpoint("GET", "pipelines", "/{kind}", settings.list_pipelines, _reads),
    Endpoint("GET", "pipelines", "/{kind}/{id}", settings.read_pipeline, _reads),
    Endpoint("POST", "lists", "/search", settings.search_lists, _LISTS),
    Endpoint("GET", "forms", "", settings.list_forms, _only("forms")),
    Endpoint("GET", "events", "", settings.list_email_events, _only("content")),
    Endpoint("GET", "account", "/details", settings.account, _only()),
    Endpoint(
        "GET", "account", "/api-usage/daily/private-apps", settings.usage, _only()
    ),
)
