"""Writing customers, products, prices, coupons, and what changes in a plain way."""

from __future__ import annotations

from typing import Any

from elt.testing.apis.stripe import errors, subscriptions
from elt.testing.apis.stripe.blanks_billing import ADDRESS
from elt.testing.apis.stripe.catalogue import add_price, change_price, recurring
from elt.testing.apis.stripe.forms import merged, whole
from elt.testing.apis.stripe.kinds import BY_NAME
from elt.testing.apis.stripe.money import check_amount, check_currency
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object

Values = dict[str, Any]


def found(space: Space, kind: str, values: Values, name: str) -> Object:
    """Find what a parameter names. Raises Refused with 400."""
    if not values.get(name):
        raise errors.missing_parameter(name)
    key = str(values[name])
    row = space.store.find(kind, key)
    if row is None:
        raise errors.missing(BY_NAME[kind].title, key, name, status=400)
    return row


def plain(values: Values, old: Object | None = None) -> Object:
    """Give what can be put into an object as it is: with its metadata merged."""
    fields = {name: values[name] for name in values if name != "expand"}
    if "metadata" in fields:
        before = old["metadata"] if old else {}
        fields["metadata"] = merged(before, fields["metadata"])
    if fields.get("address"):
        fields["address"] = ADDRESS | fields["address"]
    return fields


def update(space: Space, row: Object, values: Values) -> Object:
    return space.change(row["object"], row["id"], plain(values, row))


def delete(space: Space, row: Object, _: Values) -> Object:
    return space.delete(row["object"], row["id"])


def create_customer(space: Space, values: Values) -> Object:
    key = space.id_of("customer")
    fields = {"invoice_prefix": key[-8:].upper()}
    return space.create("customer", fields | plain(values), key=key)


def delete_customer(space: Space, row: Object, _: Values) -> Object:
    """Delete one; this "also immediately cancels" subscriptions (API reference)."""
    for each in space.store.named("subscription", "customer", row["id"]):
        if each["status"] != "canceled":
            subscriptions.cancel(space, each["id"])
    return space.delete("customer", row["id"])


def create_tax_id(space: Space, values: Values) -> Object:
    customer = str(values["customer"])
    owner = {"type": "customer", "customer": customer}
    return space.create("tax_id", plain(values) | {"owner": owner})


def create_product(space: Space, values: Values) -> Object:
    price = values.pop("default_price_data", None)
    key = values.pop("id", None) or space.id_of("product")
    if space.store.find("product", key):
        raise errors.invalid("id", "Product already exists.", "resource_already_exists")
    fields = plain(values) | {"updated": space.now()}
    row = space.create("product", fields, key=key)
    if price:
        made = create_price(space, {**_typed_price(price), "product": key})
        changes = {"default_price": made["id"]}
        row = space.change("product", key, changes)
    return row


def _typed_price(said: Values) -> Values:
    if "unit_amount" in said:
        return {**said, "unit_amount": whole(said, "unit_amount", 0)}
    return dict(said)


def update_product(space: Space, row: Object, values: Values) -> Object:
    fields = plain(values, row) | {"updated": space.now()}
    return space.change("product", row["id"], fields)


def delete_product(space: Space, row: Object, _: Values) -> Object:
    """Delete one that has no prices (API reference)."""
    if space.store.named("price", "product", row["id"]):
        said = (
            "This product cannot be deleted because it has one or more user-created "
            "prices."
        )
        raise errors.Refused(400, said)
    return space.delete("product", row["id"])


def create_price(space: Space, values: Values) -> Object:
    found(space, "product", values, "product")
    fields = plain(values)
    fields["currency"] = check_currency(values["currency"])
    fields["_tiers"] = _tiers(fields.pop("tiers", None))
    if values.get("recurring"):
        said = values["recurring"]
        if "interval" not in said:
            raise errors.missing_parameter("recurring[interval]")
        count = whole(said, "interval_count", 1)
        fields["recurring"] = recurring(said["interval"], count)
    return add_price(space, _amounts(fields, "unit_amount"))


def create_plan(space: Space, values: Values) -> Object:
    found(space, "product", values, "product")
    fields = plain(values)
    interval, count = fields.pop("interval"), fields.pop("interval_count", 1)
    for name in ("amount", "amount_decimal"):
        if name in fields:
            fields[f"unit_{name}"] = fields.pop(name)
    period = recurring(interval, count)
    period["trial_period_days"] = fields.pop("trial_period_days", None)
    fields |= {"currency": check_currency(values["currency"]), "recurring": period}
    key = fields.pop("id", None)
    row = add_price(space, _amounts(fields, "unit_amount"), key=key)
    return space.store.tables["plan"].get(row["id"]) or row


def _amounts(fields: Values, name: str) -> Values:
    """Say a price both ways: whole where it is, and as a decimal text."""
    decimal = fields.get(f"{name}_decimal")
    amount = fields.get(name)
    if amount is None and decimal is None:
        if fields.get("_tiers"):
            return fields
        raise errors.missing_parameter(name)
    if amount is not None:
        check_amount(amount, fields["currency"], name)
        return fields | {f"{name}_decimal": str(amount)}
    is_whole = decimal is not None and decimal.isdigit()
    return fields | {name: int(decimal or 0) if is_whole else None}


def _tiers(said: list[Values] | None) -> list[tuple[int | None, str]] | None:
    if not said:
        return None
    return [
        (
            None if tier.get("up_to") == "inf" else whole(tier, "up_to", 0),
            str(tier.get("unit_amount_decimal", tier.get("unit_amount", "0"))),
        )
        for tier in said
    ]


def update_price(space: Space, row: Object, values: Values) -> Object:
    change_price(space, row["id"], plain(values, row))
    return space.store.tables[row["object"]].get(row["id"]) or row


def delete_plan(space: Space, row: Object, _: Values) -> Object:
    """Delete one; its price can no longer be used (API reference)."""
    space.change("price", row["id"], {"active": False})
    return space.delete("plan", row["id"])


def create_coupon(space: Space, values: Values) -> Object:
    if "percent_off" not in values and "amount_off" not in values:
        raise errors.missing_parameter("percent_off")
    key = values.pop("id", None) or space.id_of("coupon").split("_")[1][:8].upper()
    if space.store.find("coupon", key):
        raise errors.invalid("id", "Coupon already exists.", "resource_already_exists")
    return space.create("coupon", plain(values), key=key)


def create_promotion_code(space: Space, values: Values) -> Object:
    promotion = values["promotion"]
    coupon = found(space, "coupon", promotion, "coupon")
    key = space.id_of("promotion_code")
    fields = {"code": key[-8:].upper()} | plain(values)
    promoted = {"promotion": {"coupon": coupon["id"], "type": "coupon"}}
    return space.create("promotion_code", {**fields, **promoted}, key=key)
