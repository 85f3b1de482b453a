"""What may be written: the fields of a body, declared, so that all others are refused.

The fields are those of the specification's objects that are not read-only, as far as
the simulation keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from elt.testing.apis.parameters import moment
from elt.testing.apis.recurly.kinds import ADDRESS
from elt.testing.apis.recurly.refusals import bad_request, invalid

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MOST_OF_A_CODE = 50
_CODE = re.compile(r"[\w@+.:\- ]+")
Reads = Callable[[Any], Any]  # raises ValueError with what Recurly says


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


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a string")  # noqa: TRY004
    return value


def email(value: Any) -> str:
    if not _EMAIL.fullmatch(text(value)):
        raise ValueError("is not a valid email address")
    return text(value)


def code(value: Any) -> str:
    if len(text(value)) > _MOST_OF_A_CODE:
        raise ValueError(f"is too long (maximum is {_MOST_OF_A_CODE} characters)")
    if not _CODE.fullmatch(value):
        raise ValueError("is invalid")
    return text(value)


def amount(value: Any) -> float:
    """Take money in major units, with two decimal places at most."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")  # noqa: TRY004
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -2:  # noqa: PLR2004
        raise ValueError("has more than 2 decimal places")
    return float(value)


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("is not an integer")  # noqa: TRY004
    return int(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not a boolean")  # noqa: TRY004
    return value


def when(value: Any) -> str:
    return moment(text(value)).strftime("%Y-%m-%dT%H:%M:%SZ")


def table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("is not an object")  # noqa: TRY004
    return value


def tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError("is not an array")  # noqa: TRY004
    return [table(part) for part in value]


def one_of(*choices: str) -> Reads:
    def read_choice(value: Any) -> str:
        if value not in choices:
            raise ValueError("is not included in the list")
        return text(value)

    return read_choice


def count(value: Any) -> int:
    if whole(value) < 0:
        raise ValueError("must be greater than or equal to 0")
    return whole(value)


def digits(value: Any) -> str:
    if not (text(value).isascii() and value.isdigit()):
        raise ValueError("is not a number")
    return text(value)


def address(value: Any) -> dict[str, Any]:
    for name, part in table(value).items():
        if name not in ADDRESS:
            raise ValueError(f"has no {name}")
        if part is not None:
            text(part)
    return {**ADDRESS, **value}


def custom_fields(value: Any) -> list[dict[str, Any]]:
    """Take pairs of name and value (specification, `CustomField`)."""
    for part in tables(value):
        if part.keys() != {"name", "value"} or not isinstance(part["name"], str):
            raise ValueError("need a name and a value each")
    return tables(value)


def discounts(value: Any) -> list[dict[str, Any]]:
    return [
        {"currency": text(part.get("currency")), "amount": amount(part.get("discount"))}
        for part in tables(value)
    ]


def prices(value: Any) -> list[dict[str, Any]]:
    """Take the prices of a thing: each has a currency and an amount."""
    found = []
    for price in tables(value):
        if not isinstance(price.get("currency"), str):
            raise ValueError("needs a currency")  # noqa: TRY004
        unit = price.get("unit_amount")
        found.append({**price, "unit_amount": None if unit is None else amount(unit)})
    return found


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
