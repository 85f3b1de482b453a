"""What the made-up company set up on its first day: products, prices, coupons."""

from __future__ import annotations

from elt.testing.apis.stripe.catalogue import add_price, recurring
from elt.testing.apis.stripe.space import Space
from elt.testing.lives import PLANS


def found(space: Space, *, at: int) -> None:
    """Make the three products, with a base price and one for each seat."""
    for plan, (base, each) in PLANS.items():
        product = space.id_of("product", plan)
        fields = {
            "description": f"Shift planning, {plan}",
            "metadata": {"plan": plan},
            "name": plan.capitalize(),
            "unit_label": "seat",
            "updated": at,
        }
        space.create("product", fields, at=at, key=product)
        cents = int(base * 100)
        shared = {"currency": "eur", "product": product}
        first = {
            **shared,
            "lookup_key": f"{plan}_base",
            "nickname": f"{plan} base",
            "recurring": recurring(),
            "unit_amount": cents,
            "unit_amount_decimal": str(cents),
        }
        price = add_price(space, first, at=at, key=space.id_of("price", f"{plan}/base"))
        cheaper = (each * 100 * 7 / 8).normalize()  # from the fourth seat on
        second = {
            **shared,
            "lookup_key": f"{plan}_seat",
            "nickname": f"{plan} seat",
            "recurring": recurring(),
            "_tiers": [(3, str(int(each * 100))), (None, f"{cheaper:f}")],
        }
        add_price(space, second, at=at, key=space.id_of("price", f"{plan}/seat"))
        space.change("product", product, {"default_price": price["id"]}, at=at)
    _found_coupons(space, at=at)


def _found_coupons(space: Space, *, at: int) -> None:
    for name, percent in (("LAUNCH", 50.0), ("FRIENDS", 10.0)):
        fields = {"duration": "once", "name": name.capitalize(), "percent_off": percent}
        space.create("coupon", fields, at=at, key=name)
    code = {"code": "FRIEND10", "promotion": {"coupon": "FRIENDS", "type": "coupon"}}
    key = space.id_of("promotion_code", "FRIEND10")
    space.create("promotion_code", code, at=at, key=key)


def drop_coupon(space: Space, *, at: int) -> None:
    if space.store.find("coupon", "LAUNCH"):
        space.delete("coupon", "LAUNCH", at=at)
