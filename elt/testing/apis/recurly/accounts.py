"""Writing accounts and what belongs to them.

None of these children touches the account's `updated_at`: who reads accounts by it does
not see a new card or a coupon that was redeemed.
"""

from __future__ import annotations

from typing import Any

from elt.testing.apis.parameters import Parameter, flag
from elt.testing.apis.recurly.asked import Call, Reply, Site, find, now
from elt.testing.apis.recurly.bodies import BODIES, read_body
from elt.testing.apis.recurly.reading import child, read_parameters
from elt.testing.apis.recurly.refusals import invalid, missing
from elt.testing.apis.recurly.rendering import billing_info_of, shown
from elt.testing.apis.recurly.store import Row, iso
from elt.testing.apis.recurly.writing import body_of, check_is_free, make

_NUMBER_DIGITS = range(12, 20)
_PERSONAL = ("email", "first_name", "last_name", "company", "username", "vat_number")


def create_account(site: Site, call: Call) -> Reply:
    row = make_account(site, body_of(site, call, "accounts"))
    return Reply(status=201, body=shown(site.store, row))


def make_account(site: Site, fields: dict[str, Any]) -> Row:
    """Make an account with the children that its body has."""
    own, children = _split(fields)
    billing_info = children.get("billing_info")
    if billing_info:
        read_card(site, billing_info)
    row = make(site, "accounts", own)
    site.store.change(row, row.updated, {"hosted_login_token": row.id[::-1]})
    if billing_info:
        set_card(site, row, billing_info)
    for address in children.get("shipping_addresses") or []:
        kept = _read(site, "shipping_addresses", address)
        make(site, "shipping_addresses", kept, {"account": row.id})
    if children.get("acquisition"):
        kept = _read(site, "acquisitions", children["acquisition"])
        make(site, "acquisitions", kept, {"account": row.id})
    return row


def _read(site: Site, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    unknown = site.unknown_parameters
    return read_body(body, BODIES[kind], is_new=True, unknown=unknown)


def _split(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = {"billing_info", "shipping_addresses", "acquisition"}
    own = {name: value for name, value in fields.items() if name not in names}
    return own, {name: fields[name] for name in names & fields.keys()}


def change_account(site: Site, call: Call) -> Reply:
    row = find(site.store, "accounts", call.within["key"])
    own, children = _split(body_of(site, call, "accounts", is_new=False))
    check_is_free(site, "accounts", own, but=row)
    if children.get("billing_info"):
        set_card(site, row, children["billing_info"])
    site.store.change(row, now(site), own)
    return Reply(body=shown(site.store, row))


def deactivate_account(site: Site, call: Call) -> Reply:
    """Close an account, which stays in the lists as `inactive` with `deleted_at`.

    Its subscriptions are canceled, its billing info is gone.
    """
    asked = read_parameters(site, call, (Parameter("redact", flag),))
    row = find(site.store, "accounts", call.within["key"])
    at = now(site)
    for subscription in site.store.children("subscriptions", "account", row.id):
        if subscription.get("state") == "active":
            ended = {"state": "canceled", "canceled_at": iso(at)}
            site.store.change(subscription, at, ended)
    billing_info = billing_info_of(site.store, row.id)
    if billing_info:
        site.store.remove(billing_info)
    gone = dict.fromkeys(_PERSONAL) if asked.get("redact") else {}
    closed = {"state": "inactive", "deleted_at": iso(at), **gone}
    site.store.change(row, at, closed)
    return Reply(body=shown(site.store, row))


def change_billing_info(site: Site, call: Call) -> Reply:
    account = find(site.store, "accounts", call.within["account"])
    fields = body_of(site, call, "billing_infos")
    return Reply(body=shown(site.store, set_card(site, account, fields)))


def set_card(site: Site, account: Row, body: dict[str, Any]) -> Row:
    fields = read_card(site, body)
    row = billing_info_of(site.store, account.id)
    if row is None:
        return make(site, "billing_infos", fields, {"account": account.id})
    return site.store.change(row, now(site), fields)


def read_card(site: Site, body: dict[str, Any]) -> dict[str, Any]:
    given = _read(site, "billing_infos", body)
    number = "".join((given.get("number") or "").split())
    if not number and not given.get("token_id"):
        if "number" in given or not given:
            raise invalid([("number", "can't be blank")])
    elif number and (not number.isdigit() or len(number) not in _NUMBER_DIGITS):
        raise invalid([("number", "is not a valid credit card number")])
    secret = {"number", "cvv", "month", "year", "token_id"}
    fields = {name: value for name, value in given.items() if name not in secret}
    if number or given.get("token_id"):
        fields["payment_method"] = _method(number, given)
    return fields


def _method(number: str, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "credit_card",
        "card_type": "Visa" if number.startswith("4") else "MasterCard",
        "first_six": number[:6] or "411111",
        "last_four": number[-4:] or "1111",
        "exp_month": int(given.get("month") or 12),
        "exp_year": int(given.get("year") or 2030),
    }


def remove_billing_info(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    row = billing_info_of(site.store, account.id)
    if row is None:
        raise missing("BillingInfo", f"account-{account.id}", "account_id")
    site.store.remove(row)
    return Reply(status=204)


def change_acquisition(site: Site, call: Call) -> Reply:
    account = find(site.store, "accounts", call.within["account"])
    fields = body_of(site, call, "acquisitions", is_new=False)
    rows = list(site.store.children("acquisitions", "account", account.id))
    if rows:
        row = site.store.change(rows[0], now(site), fields)
    else:
        row = make(site, "acquisitions", fields, {"account": account.id})
    return Reply(body=shown(site.store, row))


def remove_acquisition(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    for row in list(site.store.children("acquisitions", "account", account.id)):
        site.store.remove(row)
    return Reply(status=204)


def redeem_coupon(site: Site, call: Call) -> Reply:
    """Redeem a coupon on an account; the account is not updated by that."""
    account = find(site.store, "accounts", call.within["account"])
    fields = body_of(site, call, "coupon_redemptions")
    coupon = find(site.store, "coupons", fields["coupon_id"])
    if coupon.get("state") != "redeemable":
        raise invalid([("coupon_id", "is not redeemable")])
    _check_redemptions(site, account, coupon)
    links = {"account": account.id, "coupon": coupon.id}
    if fields.get("subscription_id"):
        key = fields["subscription_id"]
        links["subscription"] = find(site.store, "subscriptions", key).id
    kept = {"currency": fields.get("currency") or "EUR"}
    row = make(site, "coupon_redemptions", kept, links)
    return Reply(status=201, body=shown(site.store, row))


def _check_redemptions(site: Site, account: Row, coupon: Row) -> None:
    most = coupon.get("max_redemptions_per_account")
    redeemed = [
        row
        for row in site.store.children("coupon_redemptions", "account", account.id)
        if row.links["coupon"] == coupon.id
    ]
    if most is not None and len(redeemed) >= most:
        raise invalid([("coupon_id", "has reached max redemptions for this account")])


def remove_redemption(site: Site, call: Call) -> Reply:
    """End a redemption, the newest active one where none is named; it stays."""
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    row = _redemption(site, account, call.within.get("key"))
    at = now(site)
    site.store.change(row, at, {"state": "inactive", "removed_at": iso(at)})
    return Reply(body=shown(site.store, row))


def _redemption(site: Site, account: Row, key: str | None) -> Row:
    if key:
        return child(site, "coupon_redemptions", key, account, link="account")
    rows = site.store.children("coupon_redemptions", "account", account.id)
    active = [row for row in rows if row.get("state") == "active"]
    if not active:
        raise missing("CouponRedemption", f"account-{account.id}", "account_id")
    return active[-1]


def create_note(site: Site, call: Call) -> Reply:
    account = find(site.store, "accounts", call.within["account"])
    fields = body_of(site, call, "notes")
    row = make(site, "notes", {**fields, "user": None}, {"account": account.id})
    return Reply(status=201, body=shown(site.store, row))
