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


# How fields are read, by name; one that is not here is text.
_READS: dict[str, Reads] = {
    "account": table,
    "acquisition": table,
    "add_on_type": one_of("fixed", "usage"),
    "address": address,
    "amount": amount,
    "auto_renew": flag,
    "bill_to": one_of("parent", "self"),
    "billing_info": table,
    "code": code,
    "collection_method": one_of("automatic", "manual"),
    "cost": table,
    "coupon_type": one_of("bulk", "single_code"),
    "currencies": prices,
    "custom_fields": custom_fields,
    "default_quantity": whole,
    "discount_percent": whole,
    "discount_type": one_of("fixed", "percent", "free_trial"),
    "duration": one_of("forever", "single_use", "temporal"),
    "email": email,
    "interval_length": count,
    "interval_unit": one_of("days", "months"),
    "max_redemptions": whole,
    "max_redemptions_per_account": whole,
    "month": digits,
    "net_terms": count,
    "optional": flag,
    "quantity": count,
    "recording_timestamp": when,
    "remaining_billing_cycles": whole,
    "shipping_addresses": tables,
    "starts_at": when,
    "tax_exempt": flag,
    "trial_ends_at": when,
    "trial_length": whole,
    "trial_unit": one_of("days", "months"),
    "type": one_of("charge", "credit"),
    "unit_amount": amount,
    "usage_timestamp": when,
    "usage_type": one_of("price", "percentage"),
    "year": digits,
}


def _fields(names: str, **own: Reads) -> tuple[Field, ...]:
    """Declare a body; `!` is a must."""
    reads = _READS | own
    return tuple(
        Field(name, reads.get(name, text), is_required=bool(must))
        for name, must, _ in (each.partition("!") for each in names.split())
    )


BODIES: dict[str, tuple[Field, ...]] = {
    "accounts": _fields(
        "code! email address billing_info custom_fields shipping_addresses acquisition"
        " tax_exempt bill_to first_name last_name company vat_number username"
        " preferred_locale cc_emails preferred_time_zone dunning_campaign_id"
        " parent_account_id"
    ),
    "billing_infos": _fields(
        "number month year token_id address first_name last_name company vat_number cvv"
    ),
    "shipping_addresses": _fields(
        "first_name! last_name! street1! city! country! postal_code! email nickname"
        " company vat_number phone street2 region"
    ),
    "notes": _fields("message!"),
    "acquisitions": _fields("channel cost subchannel campaign"),
    "coupon_redemptions": _fields("coupon_id! currency subscription_id"),
    "subscriptions": _fields(
        "plan_code plan_id account! currency! unit_amount quantity collection_method"
        " trial_ends_at starts_at auto_renew net_terms custom_fields po_number"
        " customer_notes terms_and_conditions"
    ),
    "changed subscriptions": _fields(
        "collection_method custom_fields remaining_billing_cycles auto_renew net_terms"
        " po_number customer_notes terms_and_conditions"
    ),
    "plans": _fields(
        "code! name! currencies! interval_unit interval_length trial_unit trial_length"
        " auto_renew custom_fields description accounting_code tax_code"
    ),
    "add_ons": _fields(
        "code! name! currencies add_on_type usage_type measured_unit_id"
        " default_quantity optional accounting_code tax_code"
    ),
    "items": _fields(
        "code! name! currencies custom_fields tax_exempt description external_sku"
        " accounting_code tax_code"
    ),
    "coupons": _fields(
        "code! name! discount_type discount_percent currencies duration"
        " max_redemptions max_redemptions_per_account redeem_by_date coupon_type"
        " hosted_description invoice_description",
        currencies=discounts,
    ),
    "measured_units": _fields("name! display_name! description"),
    "shipping_methods": _fields("code! name! accounting_code tax_code"),
    "usage": _fields("amount! merchant_tag usage_timestamp recording_timestamp"),
    "line_items": _fields(
        "currency! unit_amount! type! quantity description accounting_code product_code"
    ),
}
