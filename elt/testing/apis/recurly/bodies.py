"""What may be written: the fields of a body, declared, so that all others are refused.

The fields are those of the specification's objects that are not read-only, as far as
the simulation keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.recurly.readers import (
    Reads,
    address,
    amount,
    code,
    count,
    custom_fields,
    digits,
    discounts,
    email,
    flag,
    one_of,
    prices,
    table,
    tables,
    text,
    when,
    whole,
)
from elt.testing.apis.recurly.refusals import bad_request, invalid


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    reads: Reads
    is_required: bool = False


def read_body(
    body: Mapping[str, Any],
    declared: Sequence[Field],
    *,
    is_new: bool,
    unknown: str = "refused",
) -> dict[str, Any]:
    """Read a body. Raises Refused, which names each field that is wrong."""
    known = {field.name for field in declared}
    for name in body:
        if name not in known and unknown == "refused":
            raise bad_request(f"Parameter {name} is not permitted", name)
    found: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    for field in declared:
        if field.name not in body and not (is_new and field.is_required):
            continue
        try:
            found[field.name] = _value(field, body.get(field.name))
        except ValueError as error:
            wrong.append((field.name, str(error)))
    if wrong:
        raise invalid(wrong)
    return found


def _value(field: Field, value: Any) -> Any:
    if value is not None:
        return field.reads(value)
    if field.is_required:
        raise ValueError("can't be blank")
    return None


_NAMED = ("first_name", "last_name", "company", "vat_number")
_PLACES = ("street1", "street2", "city", "region", "postal_code", "country", "phone")


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, text) for name in names)


BODIES: dict[str, tuple[Field, ...]] = {
    "accounts": (
        Field("code", code, is_required=True),
        Field("email", email),
        Field("address", address),
        Field("billing_info", table),
        Field("custom_fields", custom_fields),
        Field("shipping_addresses", tables),
        Field("acquisition", table),
        Field("tax_exempt", flag),
        Field("bill_to", one_of("parent", "self")),
        *_texts(*_NAMED, "username", "preferred_locale", "cc_emails"),
        *_texts("preferred_time_zone", "dunning_campaign_id", "parent_account_id"),
    ),
    "billing_infos": (
        Field("number", text),
        Field("month", digits),
        Field("year", digits),
        Field("token_id", text),
        Field("address", address),
        *_texts(*_NAMED, "cvv"),
    ),
    "shipping_addresses": (
        *(Field(n, text, is_required=True) for n in ("first_name", "last_name")),
        *(Field(n, text, is_required=True) for n in ("street1", "city", "country")),
        Field("postal_code", text, is_required=True),
        Field("email", email),
        *_texts("nickname", "company", "vat_number", "phone", "street2", "region"),
    ),
    "notes": (Field("message", text, is_required=True),),
    "acquisitions": (
        Field("channel", text),
        Field("cost", table),
        *_texts("subchannel", "campaign"),
    ),
    "coupon_redemptions": (
        Field("coupon_id", text, is_required=True),
        Field("currency", text),
        Field("subscription_id", text),
    ),
    "subscriptions": (
        Field("plan_code", text),
        Field("plan_id", text),
        Field("account", table, is_required=True),
        Field("currency", text, is_required=True),
        Field("unit_amount", amount),
        Field("quantity", count),
        Field("collection_method", one_of("automatic", "manual")),
        Field("trial_ends_at", when),
        Field("starts_at", when),
        Field("auto_renew", flag),
        Field("net_terms", count),
        Field("custom_fields", custom_fields),
        *_texts("po_number", "customer_notes", "terms_and_conditions"),
    ),
    "changed subscriptions": (
        Field("collection_method", one_of("automatic", "manual")),
        Field("custom_fields", custom_fields),
        Field("remaining_billing_cycles", whole),
        Field("auto_renew", flag),
        Field("net_terms", count),
        *_texts("po_number", "customer_notes", "terms_and_conditions"),
    ),
    "plans": (
        Field("code", code, is_required=True),
        Field("name", text, is_required=True),
        Field("currencies", prices, is_required=True),
        Field("interval_unit", one_of("days", "months")),
        Field("interval_length", count),
        Field("trial_unit", one_of("days", "months")),
        Field("trial_length", whole),
        Field("auto_renew", flag),
        Field("custom_fields", custom_fields),
        *_texts("description", "accounting_code", "tax_code"),
    ),
    "add_ons": (
        Field("code", code, is_required=True),
        Field("name", text, is_required=True),
        Field("currencies", prices),
        Field("add_on_type", one_of("fixed", "usage")),
        Field("usage_type", one_of("price", "percentage")),
        Field("measured_unit_id", text),
        Field("default_quantity", whole),
        Field("optional", flag),
        *_texts("accounting_code", "tax_code"),
    ),
    "items": (
        Field("code", code, is_required=True),
        Field("name", text, is_required=True),
        Field("currencies", prices),
        Field("custom_fields", custom_fields),
        Field("tax_exempt", flag),
        *_texts("description", "external_sku", "accounting_code", "tax_code"),
    ),
    "coupons": (
        Field("code", code, is_required=True),
        Field("name", text, is_required=True),
        Field("discount_type", one_of("fixed", "percent", "free_trial")),
        Field("discount_percent", whole),
        Field("currencies", discounts),
        Field("duration", one_of("forever", "single_use", "temporal")),
        Field("max_redemptions", whole),
        Field("max_redemptions_per_account", whole),
        Field("redeem_by_date", text),
        Field("coupon_type", one_of("bulk", "single_code")),
        *_texts("hosted_description", "invoice_description"),
    ),
    "measured_units": (
        Field("name", text, is_required=True),
        Field("display_name", text, is_required=True),
        Field("description", text),
    ),
    "shipping_methods": (
        Field("code", code, is_required=True),
        Field("name", text, is_required=True),
        *_texts("accounting_code", "tax_code"),
    ),
    "usage": (
        Field("amount", amount, is_required=True),
        Field("merchant_tag", text),
        Field("usage_timestamp", when),
        Field("recording_timestamp", when),
    ),
    "line_items": (
        Field("currency", text, is_required=True),
        Field("unit_amount", amount, is_required=True),
        Field("type", one_of("charge", "credit"), is_required=True),
        Field("quantity", count),
        *_texts("description", "accounting_code", "product_code"),
    ),
}
