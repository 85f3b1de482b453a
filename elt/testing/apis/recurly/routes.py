"""Every path beside the lists: method, path, kind, and what answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from elt.testing.apis.recurly import accounts, exports, reading, subscriptions, writing
from elt.testing.apis.recurly.asked import Call, Reply, Site, find
from elt.testing.apis.recurly.endpoints import LISTINGS, Listing

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
        answer = partial(_list, listing)
        yield Route("GET", listing.path, listing.kind, answer)
    for kind in _ALONE:
        yield Route("GET", f"/{kind}/{{key}}", kind, partial(_one, kind))
    for kind, path, link in _CHILDREN:
        one = f"{path}/{{key}}"
        yield Route("GET", one, kind, partial(_child, kind, link))
    yield from _written()


def _written() -> Iterator[Route]:
    for kind in _SIMPLE:
        one = f"/{kind}/{{key}}"
        yield Route("POST", f"/{kind}", kind, _with(writing.create, kind))
        yield Route("PUT", one, kind, _with(writing.change, kind))
        yield Route("DELETE", one, kind, _with(writing.retire, kind))
    for kind, path, link in _CHILDREN[:2]:
        one = f"{path}/{{key}}"
        created = _with(writing.create_child, kind, link=link)
        changed = _with(writing.change_child, kind, link=link)
        yield Route("POST", path, kind, created)
        yield Route("PUT", one, kind, changed)
    for kind, path, link in _CHILDREN[:3]:
        one = f"{path}/{{key}}"
        retired = _with(writing.retire_child, kind, link=link)
        yield Route("DELETE", one, kind, retired)


def _with(answer: Callable[..., Reply], kind: str, *, link: str = "") -> Answer:
    def answered(site: Site, call: Call) -> Reply:
        if link:
            return answer(site, call, kind, link=link)
        return answer(site, call, kind)

    return answered


def _list(listing: Listing, site: Site, call: Call) -> Reply:
    return reading.answer_list(site, call, listing)


def _one(kind: str, site: Site, call: Call) -> Reply:
    return reading.answer_one(site, call, kind, key=call.within["key"])


def _child(kind: str, link: str, site: Site, call: Call) -> Reply:
    parent = find(site.store, f"{link}s", call.within[link])
    key = call.within["key"]
    return reading.answer_child(site, call, kind, key=key, parent=parent, link=link)


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
    Route(
        "PUT", f"{_ACCOUNT}/reactivate", "accounts", _with(writing.revive, "accounts")
    ),
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
    Route("PUT", "/usage/{key}", "usage", _with(writing.change, "usage")),
    Route("DELETE", "/usage/{key}", "usage", _with(writing.retire, "usage")),
    Route("PUT", "/items/{key}/reactivate", "items", _with(writing.revive, "items")),
    Route("PUT", "/coupons/{key}/restore", "coupons", _with(writing.revive, "coupons")),
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
