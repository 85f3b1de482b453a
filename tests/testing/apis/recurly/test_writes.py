"""What is written with Recurly's own client, and what it does not touch."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import recurly
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.recurly.bodies import BODIES
from elt.testing.apis.troubles import HangsUp

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")
EARLY = datetime(2024, 9, 2, 8, tzinfo=UTC)
CARD = {
    "first_name": "Ann",
    "last_name": "Lee",
    "number": "4111 1111 1111 1111",
    "month": "12",
    "year": "2030",
}
PLAN = {
    "code": "gold",
    "name": "Gold",
    "currencies": [{"currency": "EUR", "unit_amount": 19.9}],
}


def names(refused):
    return [param["param"] for param in refused.value.error.params]


def test_an_account_is_made_changed_and_closed(site, sdk):
    client = sdk(site)

    made = client.create_account({"code": "bob", "email": "bob@example.com"})
    changed = client.update_account("code-bob", {"first_name": "Bob"})
    closed = client.deactivate_account(made.id)
    again = client.reactivate_account(made.id)

    assert (made.state, made.first_name, changed.first_name) == ("active", None, "Bob")
    assert (closed.state, again.state) == ("inactive", "active")
    assert closed.deleted_at is not None
    assert again.deleted_at is None


def test_a_closed_account_stays_in_the_list(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob", "billing_info": CARD})
    site.api.clock.advance(timedelta(hours=1))

    client.deactivate_account("code-bob")

    (account,) = client.list_accounts(params={"sort": "updated_at"}).items()
    assert (account.state, account.billing_info) == ("inactive", None)
    assert account.updated_at == account.deleted_at > account.created_at


def test_a_redacted_account_has_no_name_any_more(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob", "email": "bob@example.com"})

    closed = client.deactivate_account("code-bob", params={"redact": True})

    assert (closed.code, closed.email) == ("bob", None)


def test_each_wrong_field_is_named(site, sdk):
    with pytest.raises(recurly.errors.ValidationError) as refused:
        sdk(site).create_account({"email": "bob", "tax_exempt": "no"})

    assert sorted(names(refused)) == ["code", "email", "tax_exempt"]


def test_a_code_is_taken_once(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob"})
    client.create_account({"code": "ann"})

    with pytest.raises(recurly.errors.ValidationError, match="already been taken"):
        client.create_account({"code": "bob"})
    with pytest.raises(recurly.errors.ValidationError, match="already been taken"):
        client.update_account("code-ann", {"code": "bob"})
    assert client.update_account("code-bob", {"code": "bob"}).code == "bob"


def test_an_unknown_field_is_refused(site, sdk):
    with pytest.raises(recurly.errors.BadRequestError, match="not permitted"):
        sdk(site).create_account({"code": "bob", "tier": "gold"})


def test_what_there_is_not_is_not_found(site, sdk):
    with pytest.raises(recurly.errors.NotFoundError, match="Couldn't find Account"):
        sdk(site).get_account("code-nobody")


def test_a_new_card_does_not_touch_the_account(site, sdk):
    client = sdk(site)
    before = client.create_account({"code": "bob", "billing_info": CARD})
    site.api.clock.advance(timedelta(days=1))

    client.update_billing_info("code-bob", {**CARD, "number": "5454545454545454"})

    after = client.get_account("code-bob")
    assert after.updated_at == before.updated_at
    assert after.billing_info.payment_method.last_four == "5454"
    assert after.billing_info.updated_at - after.updated_at == timedelta(days=1)


def test_a_redeemed_coupon_does_not_touch_the_account(site, sdk):
    client = sdk(site)
    before = client.create_account({"code": "bob"})
    client.create_coupon({"code": "ten", "name": "Ten", "discount_type": "percent"})
    site.api.clock.advance(timedelta(days=1))

    client.create_coupon_redemption("code-bob", {"coupon_id": "code-ten"})

    assert client.get_account("code-bob").updated_at == before.updated_at


def test_notes_and_addresses_do_not_touch_the_account(site, sdk):
    client = sdk(site)
    before = client.create_account({"code": "bob"})
    site.api.clock.advance(timedelta(days=1))
    address = {"first_name": "Ann", "last_name": "Lee", "street1": "1 Yard Lane"}
    place = {"city": "Porto", "postal_code": "4000", "country": "PT"}

    note = client.create_account_note("code-bob", {"message": "Nice place"})
    made = client.create_shipping_address("code-bob", {**address, **place})
    client.update_shipping_address("code-bob", made.id, {"city": "Lisbon"})

    after = client.get_account("code-bob")
    assert after.updated_at == before.updated_at
    assert after.shipping_addresses[0].city == "Lisbon"
    assert client.get_account_note("code-bob", note.id).message == "Nice place"
    client.remove_account_note("code-bob", note.id)
    client.remove_shipping_address("code-bob", made.id)
    assert list(client.list_account_notes("code-bob").items()) == []


def test_an_account_without_a_card_has_no_billing_info(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob", "billing_info": CARD})

    client.remove_billing_info("code-bob")

    with pytest.raises(recurly.errors.NotFoundError):
        client.get_billing_info("code-bob")
    assert client.get_account("code-bob").billing_info is None


def test_a_card_needs_a_number(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob"})

    with pytest.raises(recurly.errors.ValidationError) as refused:
        client.update_billing_info("code-bob", {**CARD, "number": "12"})

    assert names(refused) == ["number"]


def test_a_coupon_is_redeemed_ended_and_expires(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob"})
    coupon = {
        "code": "five",
        "name": "Five",
        "discount_type": "fixed",
        "currencies": [{"currency": "EUR", "discount": 5.5}],
        "max_redemptions_per_account": 1,
    }

    made = client.create_coupon(coupon)
    redeemed = client.create_coupon_redemption("code-bob", {"coupon_id": made.id})
    with pytest.raises(recurly.errors.ValidationError, match="max redemptions"):
        client.create_coupon_redemption("code-bob", {"coupon_id": made.id})
    ended = client.remove_coupon_redemption("code-bob")
    expired = client.deactivate_coupon("code-five")

    assert made.discount.currencies[0].amount == 5.5
    assert (redeemed.state, ended.state) == ("active", "inactive")
    assert ended.removed_at is not None
    assert (expired.state, expired.expired_at is None) == ("expired", False)
    assert client.list_coupons().first().state == "expired"
    assert list(client.list_active_coupon_redemptions("code-bob").items()) == []
    assert client.restore_coupon("code-five", {}).state == "redeemable"


def test_plans_items_units_and_methods_end_as_a_state(site, sdk):
    client = sdk(site)
    client.create_plan(PLAN)
    client.create_item({"code": "apron", "name": "Apron"})
    unit = client.create_measured_unit({"name": "sms", "display_name": "Texts"})
    client.create_shipping_method({"code": "post", "name": "Post"})

    client.update_plan("code-gold", {"name": "Golden"})
    plan = client.remove_plan("code-gold")
    item = client.deactivate_item("code-apron")
    unit = client.remove_measured_unit(unit.id)
    method = client.deactivate_shipping_method("code-post")

    assert (plan.name, plan.state) == ("Golden", "inactive")
    assert (item.state, unit.state) == ("inactive", "inactive")
    assert None not in {plan.deleted_at, item.deleted_at, method.deleted_at}
    assert client.list_plans(params={"state": "inactive"}).count() == 1
    assert client.reactivate_item("code-apron").state == "active"


def test_an_add_on_belongs_to_its_plan(site, sdk):
    client = sdk(site)
    client.create_plan(PLAN)
    client.create_plan({**PLAN, "code": "silver"})

    for plan in ("code-gold", "code-silver"):
        client.create_plan_add_on(plan, {"code": "seat", "name": f"Seat of {plan}"})
    client.update_plan_add_on("code-gold", "code-seat", {"name": "Chair"})
    gone = client.remove_plan_add_on("code-gold", "code-seat")

    assert (gone.name, gone.state) == ("Chair", "inactive")
    assert client.get_plan_add_on("code-silver", "code-seat").state == "active"
    assert client.list_add_ons().count() == 2


def subscribe(client, **more):
    account = {"code": "bob", "billing_info": CARD}
    body = {"plan_code": "gold", "currency": "EUR", "account": account}
    return client.create_subscription({**body, **more})


def test_a_subscription_is_billed_and_collected(site, sdk):
    client = sdk(site)
    client.create_plan(PLAN)

    made = subscribe(client, quantity=3)

    assert (made.state, made.plan.code, made.total) == ("active", "gold", 59.7)
    invoice = client.list_subscription_invoices(made.id).first()
    assert (invoice.state, invoice.total, invoice.balance) == ("paid", 59.7, 0.0)
    assert invoice.line_items[0].unit_amount == 19.9
    assert invoice.transactions[0].amount == 59.7
    assert client.get_account("code-bob").has_active_subscription


def test_a_subscription_is_canceled_taken_back_and_ended(site, sdk):
    client = sdk(site)
    client.create_plan(PLAN)
    made = subscribe(client)

    changed = client.update_subscription(made.id, {"po_number": "7"})
    canceled = client.cancel_subscription(f"uuid-{made.uuid}")
    active = client.reactivate_subscription(made.id)
    ended = client.terminate_subscription(made.id, params={"refund": "none"})

    assert changed.po_number == "7"
    assert canceled.expires_at == made.current_term_ends_at
    states = [canceled.state, active.state, ended.state]
    assert states == ["canceled", "active", "expired"]
    with pytest.raises(recurly.errors.ImmutableSubscriptionError):
        client.update_subscription(made.id, {"po_number": "8"})
    assert client.list_subscriptions(params={"state": "expired"}).count() == 1


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"plan_code": "silver"}, "plan_code"),
        ({"currency": "USD"}, "currency"),
        ({"account": {"code": "ann"}}, "billing_info"),
        ({"unit_amount": 1.234}, "unit_amount"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused(site, sdk, more, param):
    client = sdk(site)
    client.create_plan(PLAN)

    with pytest.raises(recurly.errors.ValidationError) as refused:
        subscribe(client, **more)

    assert names(refused) == [param]


def test_usage_is_logged_in_order_of_its_own_time(site, sdk):
    client = sdk(site)
    client.create_plan(PLAN)
    add_on = {"code": "sms", "name": "Texts", "add_on_type": "usage"}
    client.create_plan_add_on("code-gold", add_on)
    made = subscribe(client)

    for day, amount in ((2, 20), (1, 10)):
        used = {"amount": amount, "usage_timestamp": f"2025-06-0{day}T08:00:00Z"}
        client.create_usage(made.id, "code-sms", used)

    ordered = client.list_usage(made.id, "code-sms", params={"order": "asc"})
    assert [usage.amount for usage in ordered.items()] == [10.0, 20.0]
    first = ordered.first()
    assert client.update_usage(first.id, {"amount": 11}).amount == 11.0
    client.remove_usage(first.id)
    unbilled = client.list_usage(
        made.id, "code-sms", params={"billing_status": "unbilled"}
    )
    assert unbilled.count() == 1


def test_a_charge_waits_for_the_next_invoice(site, sdk):
    client = sdk(site)
    client.create_account({"code": "bob"})
    charge = {"currency": "EUR", "unit_amount": 12.3, "type": "charge", "quantity": 2}

    made = client.create_line_item("code-bob", charge)
    credit = client.create_line_item("code-bob", {**charge, "type": "credit"})

    assert (made.state, made.amount, credit.amount) == ("pending", 24.6, -24.6)
    assert client.list_line_items(params={"state": "pending"}).count() == 2


def test_an_open_invoice_is_marked_as_paid(site, sdk):
    client = sdk(site)
    client.create_plan(PLAN)
    account = {"code": "bob"}
    made = subscribe(client, collection_method="manual", account=account)
    invoice = client.list_subscription_invoices(made.id).first()

    assert client.get_account_balance("code-bob").balances[0].amount == 19.9
    paid = client.mark_invoice_successful(invoice.id)

    assert (invoice.state, paid.state, paid.paid) == ("pending", "paid", 19.9)


def test_a_write_whose_answer_is_lost_is_done(site, ask):
    client = ask(site)
    site.api.front.troubles.add(HangsUp(acts=True))

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/accounts", json={"code": "bob"})

    assert client.get("/accounts/code-bob").status_code == 200


def test_what_was_written_is_there_again_with_the_same_ids(serve, sdk, tmp_path):
    writes = tmp_path / "writes.jsonl"
    site = serve(Recurly(clock=Clock(EARLY), writes=writes))
    client = sdk(site)
    client.create_plan(PLAN)
    site.api.clock.advance(timedelta(days=40))
    made = subscribe(client)
    client.update_account("code-acc_0001", {"company": "Blue Door"})

    again = Recurly(clock=Clock(EARLY), writes=writes)

    assert again.shown("subscriptions", made.id) == site.api.shown(
        "subscriptions", made.id
    )
    assert again.store.find("accounts", "code-acc_0001").get("company") == "Blue Door"
    assert again.store.rows.keys() == site.api.store.rows.keys()
    assert {kind: [*rows] for kind, rows in again.store.rows.items()} == {
        kind: [*rows] for kind, rows in site.api.store.rows.items()
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["code", "name", "currency"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


@pytest.mark.slow
@settings(max_examples=150)
@given(data=st.data(), kind=st.sampled_from(sorted(BODIES)))
def test_for_all_bodies_the_answer_is_a_deed_or_a_refusal(data, kind):
    api = Recurly(company=False)
    plan, account = api.add("plans", PLAN)[0], api.add("accounts", {"code": "bob"})[0]
    of = {"account": account}
    api.add("subscriptions", {"plan_id": plan, "uuid": "1"}, of=of)
    add_on = {"code": "sms", "add_on_type": "usage"}
    api.add("add_ons", add_on, of={"plan": plan})
    api.add("coupons", {"code": "ten", "name": "Ten"})
    names = st.sampled_from([field.name for field in BODIES[kind]])
    body = data.draw(st.dictionaries(names, VALUES | st.sampled_from(["bob", "gold"])))
    method, path = WAYS.get(kind, ("POST", f"/{kind}"))

    status, answer = asyncio.run(asked(api, method, path, json.dumps(body)))

    assert status in {200, 201, 400, 422, 404}
    assert ("error" in json.loads(answer)) == (status >= 400)
    json.dumps(everything(api))


WAYS = {
    "billing_infos": ("PUT", "/accounts/code-bob/billing_info"),
    "shipping_addresses": ("POST", "/accounts/code-bob/shipping_addresses"),
    "notes": ("POST", "/accounts/code-bob/notes"),
    "acquisitions": ("PUT", "/accounts/code-bob/acquisition"),
    "coupon_redemptions": ("POST", "/accounts/code-bob/coupon_redemptions/active"),
    "changed subscriptions": ("PUT", "/subscriptions/uuid-1"),
    "add_ons": ("POST", "/plans/code-gold/add_ons"),
    "usage": ("POST", "/subscriptions/uuid-1/add_ons/code-sms/usage"),
    "line_items": ("POST", "/accounts/code-bob/line_items"),
}


def everything(api):
    return [api.shown(kind, i) for kind, rows in api.store.rows.items() for i in rows]


async def asked(api, method, path, body):
    """Ask without a connection: as many bodies as there are here."""
    transport = httpx.ASGITransport(api.front)
    headers = {"Accept": "application/vnd.recurly.latest"}
    headers["Content-Type"] = "application/json"
    async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
        answer = await client.request(
            method, path, content=body, headers=headers, auth=(api.token, "")
        )
    return answer.status_code, answer.content


def test_what_was_written_to_a_path_with_the_site_is_kept(serve, ask, tmp_path):
    writes = tmp_path / "writes.jsonl"
    site = serve(Recurly(company=False, writes=writes))

    path = "/sites/subdomain-kettleandcrew/accounts"
    made = ask(site).post(path, json={"code": "bob"})

    again = Recurly(company=False, writes=writes)
    assert made.status_code == 201
    assert again.store.find("accounts", "code-bob") is not None
