"""Every path beside the lists: method, path, kind, and what answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from elt.testing.apis.recurly import accounts, exports, reading, subscriptions, writing
from elt.testing.apis.recurly.asked import Call, Reply, Site
from elt.testing.apis.recurly.endpoints import LISTINGS

Answer = Callable[[Site, Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    kind: str
    answer: Answer


def routes() -> Iterator[Route]:
    yield from _OWN
    for listing in LISTINGS:
        listed = partial(reading.answer_list, listing=listing)
        yield Route("GET", listing.path, listing.kind, listed)
    for kind in _ALONE:
        yield Route("GET", f"/{kind}/{{key}}", kind, _of(reading.answer_one, kind))
    for kind, path, link in _CHILDREN:
        child = _of(reading.answer_child, kind, link=link)
        yield Route("GET", f"{path}/{{key}}", kind, child)
    yield from _written()


def _written() -> Iterator[Route]:
    for kind in _SIMPLE:
        one = f"/{kind}/{{key}}"
        yield Route("POST", f"/{kind}", kind, _of(writing.create, kind))
        yield Route("PUT", one, kind, _of(writing.change, kind))
        yield Route("DELETE", one, kind, _of(writing.retire, kind))
    for kind, path, link in _CHILDREN[:2]:
        one = f"{path}/{{key}}"
        yield Route("POST", path, kind, _of(writing.create_child, kind, link=link))
        yield Route("PUT", one, kind, _of(writing.change_child, kind, link=link))
    for kind, path, link in _CHILDREN[:3]:
        retired = _of(writing.retire_child, kind, link=link)
        yield Route("DELETE", f"{path}/{{key}}", kind, retired)


def _of(answer: Callable[..., Reply], kind: str, **more: str) -> Answer:
    return partial(answer, kind=kind, **more)


_ALONE = (
    "sites",
    "accounts",
    "subscriptions",
    "invoices",
    "line_items",
    "transactions",
    "plans",
    "add_ons",
    "items",
    "coupons",
    "credit_payments",
    "measured_units",
    "usage",
    "shipping_methods",
    "custom_field_definitions",
)
_SIMPLE = ("plans", "items", "coupons", "measured_units", "shipping_methods")
_CHILDREN = (
    ("add_ons", "/plans/{plan}/add_ons", "plan"),
    ("shipping_addresses", "/accounts/{account}/shipping_addresses", "account"),
    ("notes", "/accounts/{account}/notes", "account"),
    ("billing_infos", "/accounts/{account}/billing_infos", "account"),
    ("coupon_redemptions", "/accounts/{account}/coupon_redemptions", "account"),
    (
        "coupon_redemptions",
        "/subscriptions/{subscription}/coupon_redemptions",
        "subscription",
    ),
)
_CARD = "/accounts/{account}/billing_info"
_ACTIVE = "/accounts/{account}/coupon_redemptions/active"
_ACQUIRED = "/accounts/{account}/acquisition"
_USAGE = "/subscriptions/{subscription}/add_ons/{add_on}/usage"
_ACCOUNT, _SUBSCRIPTION = "/accounts/{key}", "/subscriptions/{key}"

_OWN = (
    Route("GET", "/export_dates", "exports", exports.answer_dates),
    Route("GET", "/export_dates/{date}/export_files", "exports", exports.answer_files),
    Route("POST", "/accounts", "accounts", accounts.create_account),
    Route("PUT", _ACCOUNT, "accounts", accounts.change_account),
    Route("DELETE", _ACCOUNT, "accounts", accounts.deactivate_account),
    Route("PUT", f"{_ACCOUNT}/reactivate", "accounts", _of(writing.revive, "accounts")),
    Route("GET", "/accounts/{account}/balance", "accounts", reading.answer_balance),
    Route("GET", _CARD, "billing_infos", reading.answer_billing_info),
    Route("PUT", _CARD, "billing_infos", accounts.change_billing_info),
    Route("DELETE", _CARD, "billing_infos", accounts.remove_billing_info),
    Route("GET", _ACQUIRED, "acquisitions", reading.answer_acquisition),
    Route("PUT", _ACQUIRED, "acquisitions", accounts.change_acquisition),
    Route("DELETE", _ACQUIRED, "acquisitions", accounts.remove_acquisition),
    Route("GET", _ACTIVE, "coupon_redemptions", reading.answer_active_redemptions),
    Route("POST", _ACTIVE, "coupon_redemptions", accounts.redeem_coupon),
    Route("DELETE", _ACTIVE, "coupon_redemptions", accounts.remove_redemption),
    Route(
        "DELETE",
        "/accounts/{account}/coupon_redemptions/{key}",
        "coupon_redemptions",
        accounts.remove_redemption,
    ),
    Route("POST", "/accounts/{account}/notes", "notes", accounts.create_note),
    Route(
        "POST",
        "/accounts/{account}/line_items",
        "line_items",
        subscriptions.create_line_item,
    ),
    Route("POST", "/subscriptions", "subscriptions", subscriptions.create_subscription),
    Route("PUT", _SUBSCRIPTION, "subscriptions", subscriptions.change_subscription),
    Route(
        "DELETE", _SUBSCRIPTION, "subscriptions", subscriptions.terminate_subscription
    ),
    Route(
        "PUT",
        f"{_SUBSCRIPTION}/cancel",
        "subscriptions",
        subscriptions.cancel_subscription,
    ),
    Route(
        "PUT",
        f"{_SUBSCRIPTION}/reactivate",
        "subscriptions",
        subscriptions.reactivate_subscription,
    ),
    Route("POST", _USAGE, "usage", subscriptions.create_usage),
    Route("PUT", "/usage/{key}", "usage", _of(writing.change, "usage")),
    Route("DELETE", "/usage/{key}", "usage", _of(writing.retire, "usage")),
    Route("PUT", "/items/{key}/reactivate", "items", _of(writing.revive, "items")),
    Route("PUT", "/coupons/{key}/restore", "coupons", _of(writing.revive, "coupons")),
    Route(
        "PUT",
        "/invoices/{key}/mark_successful",
        "invoices",
        partial(subscriptions.settle_invoice, pays=True),
    ),
    Route(
        "PUT",
        "/invoices/{key}/mark_failed",
        "invoices",
        partial(subscriptions.settle_invoice, pays=False),
    ),
)
