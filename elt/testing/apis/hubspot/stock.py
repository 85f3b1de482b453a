"""The properties that HubSpot itself defines, and those of the made-up company.

Names, types and read-only values as in HubSpot, Properties, and in the definitions
recorded in amp-labs/connectors; of some hundred properties an object has only those
that something here fills, and one or more of each type.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from elt.testing.apis.hubspot.definitions import Definition
from elt.testing.apis.hubspot.kinds import Kind

LIFECYCLE = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)
_PRIORITY = (("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High"))
_SOURCES = (("API", "API"), ("CRM_UI", "CRM UI"), ("INTEGRATION", "Integration"))
_OUTCOMES = ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")
_TASK_STATES = ("NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED", "COMPLETED")
_QUOTE_STATES = ("DRAFT", "APPROVAL_NOT_NEEDED", "PENDING_APPROVAL", "APPROVED")
_DIRECTIONS = ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")


def _options(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple((value, value.replace("_", " ").capitalize()) for value in values)


def _d(name: str, kind: str = "string", field: str = "", **more: Any) -> Definition:
    return Definition(name=name, type=kind, field_type=field, **more)


def _set_by_hubspot(name: str, kind: str, field: str = "") -> Definition:
    return _d(name, kind, field, is_read_only=True)


def _calculated(name: str, kind: str, field: str) -> Definition:
    return _d(name, kind, field, is_read_only=True, is_calculated=True)


_OWNER = _d("hubspot_owner_id", "enumeration", "select", is_open=True)
_LIFECYCLE = _d("lifecyclestage", "enumeration", "radio", options=LIFECYCLE)
_ADDRESS = (_d("address"), _d("city"), _d("state"), _d("zip"), _d("country"))

STOCK: dict[str, tuple[Definition, ...]] = {
    "contacts": (
        _d("email", is_unique=True),
        *(_d("firstname"), _d("lastname"), _d("jobtitle"), _d("company")),
        *(_d("website"), *_ADDRESS, _LIFECYCLE, _OWNER),
        _d("phone", "string", "phonenumber"),
        _d("mobilephone", "phone_number", "phonenumber"),
        _d("date_of_birth", "date"),
        _d(
            "hs_lead_status",
            "enumeration",
            options=_options("NEW", "OPEN", "CONNECTED"),
        ),
        _d("hs_additional_emails", "enumeration", "checkbox", is_open=True),
        _d("associatedcompanyid", "number", "number"),
        _set_by_hubspot("hs_is_contact", "bool"),
        _set_by_hubspot("hs_email_domain", "string"),
        _calculated("hubspotscore", "number", "calculation_score"),
        _calculated("num_associated_deals", "number", "calculation_rollup"),
        _set_by_hubspot("hs_notes_last_activity", "object_coordinates", "text"),
        _set_by_hubspot("hs_user_ids_of_all_owners", "enumeration", "checkbox"),
    ),
    "companies": (
        *(
            _d("name"),
            _d("domain"),
            _d("industry"),
            _d("phone", "string", "phonenumber"),
        ),
        *(*_ADDRESS, _LIFECYCLE, _OWNER),
        _d("description", "string", "textarea"),
        *(_d("numberofemployees", "number"), _d("annualrevenue", "number")),
        _d(
            "hs_lead_status",
            "enumeration",
            options=_options("NEW", "OPEN", "CONNECTED"),
        ),
        _calculated("num_associated_contacts", "number", "calculation_rollup"),
    ),
    "deals": (
        *(_d("dealname"), _d("amount", "number"), _d("closedate", "datetime"), _OWNER),
        _d("dealstage", "enumeration", "radio", is_open=True),
        _d("pipeline", "enumeration", "select", is_open=True),
        _d(
            "dealtype",
            "enumeration",
            options=_options("newbusiness", "existingbusiness"),
        ),
        _d("closed_lost_reason", "string", "textarea"),
        _calculated("hs_is_closed", "bool", "calculation_equation"),
        _calculated("hs_is_closed_won", "bool", "calculation_equation"),
        _calculated("days_to_close", "number", "calculation_equation"),
    ),
    "tickets": (
        *(_d("subject"), _d("content", "string", "textarea"), _OWNER),
        _d("hs_pipeline", "enumeration", "select", is_open=True),
        _d("hs_pipeline_stage", "enumeration", "radio", is_open=True),
        _d(
            "hs_ticket_priority",
            "enumeration",
            options=(*_PRIORITY, ("URGENT", "Urgent")),
        ),
        _d(
            "hs_ticket_category",
            "enumeration",
            "checkbox",
            options=_options(
                "PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY"
            ),
        ),
        _d("closed_date", "datetime"),
        _set_by_hubspot("time_to_close", "number"),
    ),
    "products": (
        *(_d("name"), _d("description", "string", "textarea"), _d("price", "number")),
        *(_d("hs_sku", is_unique=True), _d("hs_cost_of_goods_sold", "number")),
        _d(
            "recurringbillingfrequency",
            "enumeration",
            options=_options("monthly", "quarterly", "annually"),
        ),
    ),
    "line_items": (
        *(_d("name"), _d("price", "number"), _d("quantity", "number")),
        *(
            _d("hs_product_id", "number"),
            _d("hs_sku"),
            _d("hs_external_id", is_unique=True),
        ),
        _calculated("amount", "number", "calculation_equation"),
    ),
    "quotes": (
        *(_d("hs_title"), _d("hs_expiration_date", "date"), _d("hs_currency"), _OWNER),
        _d("hs_status", "enumeration", options=_options(*_QUOTE_STATES)),
        _calculated("hs_quote_amount", "number", "calculation_equation"),
        _set_by_hubspot("hs_public_url_key", "string"),
    ),
    "calls": (
        *(_d("hs_timestamp", "datetime"), _d("hs_call_title"), _OWNER),
        *(_d("hs_call_body", "string", "html"), _d("hs_call_duration", "number")),
        _d("hs_call_direction", "enumeration", options=_options("INBOUND", "OUTBOUND")),
    ),
    "emails": (
        *(_d("hs_timestamp", "datetime"), _d("hs_email_subject"), _OWNER),
        *(_d("hs_email_text", "string", "textarea"), _d("hs_email_headers", "json")),
        _d("hs_email_direction", "enumeration", options=_options(*_DIRECTIONS)),
    ),
    "meetings": (
        *(_d("hs_timestamp", "datetime"), _d("hs_meeting_title"), _OWNER),
        _d("hs_meeting_body", "string", "html"),
        *(
            _d("hs_meeting_start_time", "datetime"),
            _d("hs_meeting_end_time", "datetime"),
        ),
        _d("hs_meeting_outcome", "enumeration", options=_options(*_OUTCOMES)),
    ),
    "notes": (
        *(_d("hs_timestamp", "datetime"), _d("hs_note_body", "string", "html"), _OWNER),
    ),
    "tasks": (
        *(_d("hs_timestamp", "datetime"), _d("hs_task_subject"), _OWNER),
        _d("hs_task_body", "string", "html"),
        _d("hs_task_status", "enumeration", options=_options(*_TASK_STATES)),
        _d("hs_task_priority", "enumeration", options=(("NONE", "None"), *_PRIORITY)),
    ),
}

# What Kettle & Crew added to its account; elt's demo writes the health of an account.
OWN: dict[str, tuple[Definition, ...]] = {
    "companies": (
        _d("account_id", is_unique=True, label="Account ID"),
        *(
            _d("health_score", "number"),
            _d("health_grade"),
            _d("headline"),
            _d("sent_by"),
        ),
        *(
            _d("seats", "number"),
            _d("monthly_amount", "number"),
            _d("customer_since", "date"),
        ),
        _d("plan", "enumeration", options=_options("counter", "kitchen", "house")),
        _d(
            "account_kind",
            "enumeration",
            "radio",
            options=_options("cafe", "bakery", "bistro", "roastery", "patisserie"),
        ),
        _d(
            "channels",
            "enumeration",
            "checkbox",
            options=_options("ios", "android", "web"),
        ),
        _d("has_churned", "bool", "booleancheckbox"),
    ),
    "contacts": (
        _d("person_id", is_unique=True, label="Person ID"),
        *(_d("is_primary", "bool"), _d("health_score", "number"), _d("health_grade")),
    ),
    "deals": (
        _d("plan", "enumeration", options=_options("counter", "kitchen", "house")),
    ),
    "tickets": (_d("help_desk_id", is_unique=True, label="Help desk ID"),),
}

SITE: tuple[Definition, ...] = (  # of the custom object
    *(_d("site_name"), _d("site_code", is_unique=True), _d("opened_on", "date")),
    _d("square_metres", "number"),
)


def of_kind(kind: Kind, own: tuple[Definition, ...] = ()) -> list[Definition]:
    """Give the definitions of a kind with those that every kind has."""
    kept = (
        _set_by_hubspot("hs_object_id", "number"),
        _set_by_hubspot(kind.created, "datetime"),
        _set_by_hubspot(kind.modified, "datetime"),
        _set_by_hubspot("hs_merged_object_ids", "enumeration", "checkbox"),
        _d("hs_object_source", "enumeration", options=_SOURCES, is_read_only=True),
    )
    group = (
        "contactinformation"
        if kind.name == "contacts"
        else f"{kind.singular}information"
    )
    stock = [replace(d, group=group) for d in (*kept, *STOCK.get(kind.name, ()))]
    added = [
        replace(
            d,
            group=group,
            is_custom=True,
            created_at="2024-07-01T08:00:00Z",
            updated_at="2024-07-01T08:00:00Z",
        )
        for d in own
    ]
    return [*stock, *added]
