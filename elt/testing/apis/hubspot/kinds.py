"""The objects of a CRM: their names, ids, scopes, and what is given unless asked.

HubSpot, Object type IDs; Search the CRM (default properties); Scopes.
"""

from __future__ import annotations

from dataclasses import dataclass

PORTAL_ID = 12345678  # of the account

_ENGAGEMENT = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One type of object; `defaults` are the properties that come unasked."""

    name: str  # as in most paths: contacts
    singular: str  # as in associations: contact
    type_id: str
    defaults: tuple[str, ...] = _ENGAGEMENT
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    reads: tuple[str, ...] = ()  # one of these scopes is enough
    writes: tuple[str, ...] = ()
    is_custom: bool = False

    @property
    def qualified_name(self) -> str:
        """Give the name that HubSpot calls fully qualified."""
        if self.is_custom:
            return f"p{PORTAL_ID}_{self.singular}"
        return self.singular.upper()

    @property
    def always(self) -> tuple[str, str, str]:
        """Give the properties that come with any that were asked for."""
        return (self.created, self.modified, "hs_object_id")

    def called(self) -> set[str]:
        """Give every name that a path may have for it, in lower case.

        HubSpot, Custom objects: by objectTypeId, p_name or the fully qualified name.
        """
        names = {self.name, self.singular, self.type_id, self.qualified_name}
        if self.is_custom:
            names |= {f"p_{self.singular}"}
        return {name.lower() for name in names}


def _kind(name: str, singular: str, type_id: str, *defaults: str, scope: str) -> Kind:
    has_old_names = "createdate" in defaults
    is_contact = singular == "contact"
    return Kind(
        name=name,
        singular=singular,
        type_id=type_id,
        defaults=tuple(sorted(defaults)) or _ENGAGEMENT,
        created="createdate" if has_old_names else "hs_createdate",
        # Only contacts have the old name of the cursor (supaglue-labs/supaglue#478).
        modified="lastmodifieddate" if is_contact else "hs_lastmodifieddate",
        reads=_scopes(scope, "read"),
        writes=_scopes(scope, "write"),
    )


def _scopes(scope: str, may: str) -> tuple[str, ...]:
    return (scope,) if scope in {"tickets", "e-commerce"} else (f"{scope}.{may}",)


_CONTACTS = "crm.objects.contacts"
_TIMES = ("createdate", "hs_lastmodifieddate", "hs_object_id")

KINDS = (
    _kind(
        "contacts",
        "contact",
        "0-1",
        *("createdate", "lastmodifieddate", "hs_object_id"),
        *("email", "firstname", "lastname"),
        scope=_CONTACTS,
    ),
    _kind(
        "companies",
        "company",
        "0-2",
        *_TIMES,
        *("domain", "name"),
        scope="crm.objects.companies",
    ),
    _kind(
        "deals",
        "deal",
        "0-3",
        *_TIMES,
        *("amount", "closedate", "dealname", "dealstage", "pipeline"),
        scope="crm.objects.deals",
    ),
    _kind(
        "tickets",
        "ticket",
        "0-5",
        *_TIMES,
        *("content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category"),
        *("hs_ticket_priority", "subject"),
        scope="tickets",
    ),
    _kind(
        "products",
        "product",
        "0-7",
        *_TIMES,
        *("description", "name", "price"),
        scope="e-commerce",
    ),
    _kind(
        "line_items",
        "line_item",
        "0-8",
        *_TIMES,
        *("hs_product_id", "quantity"),
        scope="e-commerce",
    ),
    _kind(
        "quotes",
        "quote",
        "0-14",
        *("hs_createdate", "hs_expiration_date", "hs_lastmodifieddate"),
        *("hs_object_id", "hs_public_url_key", "hs_status", "hs_title"),
        scope="crm.objects.quotes",
    ),
    _kind("calls", "call", "0-48", scope=_CONTACTS),
    _kind("emails", "email", "0-49", scope=_CONTACTS),
    _kind("meetings", "meeting", "0-47", scope=_CONTACTS),
    _kind("notes", "note", "0-46", scope=_CONTACTS),
    _kind("tasks", "task", "0-27", scope=_CONTACTS),
)


def custom_kind(singular: str, plural: str, number: int) -> Kind:
    """Make a type of the account's own, as Custom objects has it."""
    return Kind(
        name=plural,
        singular=singular,
        type_id=f"2-{number}",
        reads=("crm.objects.custom.read",),
        writes=("crm.objects.custom.write",),
        is_custom=True,
    )
