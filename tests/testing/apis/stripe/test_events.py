from __future__ import annotations

from datetime import timedelta

import pytest

from elt.testing.apis.stripe.versions import NEWEST

HELD = {"Stripe-Version": NEWEST}


def test_every_change_of_a_customer_makes_its_event(account, client):
    v1 = client(account).v1
    made = v1.customers.create({"name": "Blue Door", "metadata": {"crm": "1"}})
    v1.customers.update(made.id, {"name": "Red Door", "metadata": {"crm": "2"}})
    v1.customers.delete(made.id)

    deleted, updated, created = v1.events.list({"type": "customer.*"}).data

    assert [e.type for e in (created, updated, deleted)] == [
        "customer.created",
        "customer.updated",
        "customer.deleted",
    ]
    assert updated.data.object.name == "Red Door"
    assert updated.data.previous_attributes.to_dict() == {
        "name": "Blue Door",
        "metadata": {"crm": "1"},
    }
    assert deleted.data.object.id == made.id
    assert deleted.data.object.name == "Red Door"  # the whole object, for the last time
    assert created.request.id.startswith("req_")


def test_events_of_one_second_are_newest_first(account, client):
    v1 = client(account).v1
    made = v1.customers.create({})
    for name in ("One", "Two", "Three"):
        v1.customers.update(made.id, {"name": name})

    events = v1.events.list({"type": "customer.updated"}).data

    assert len({event.created for event in events}) == 1
    assert [event.data.object.name for event in events] == ["Three", "Two", "One"]


def test_a_star_finds_events_of_other_objects_too(account, client):
    v1 = client(account).v1
    made = v1.customers.create({})
    v1.customers.tax_ids.create(made.id, {"type": "eu_vat", "value": "PT123"})

    events = v1.events.list({"type": "customer.*"}).data

    assert [event.data.object.object for event in events] == ["tax_id", "customer"]


def test_a_subscription_that_ends_says_that_it_is_deleted(company, ask):
    path = "/v1/events?type=customer.subscription.deleted"

    events = ask(company, path).json()["data"]

    assert events
    assert {e["data"]["object"]["status"] for e in events} == {"canceled"}


def test_several_types_are_asked_for_at_once(account, client):
    v1 = client(account).v1
    product = v1.products.create({"name": "Roster"})
    v1.customers.create({})
    v1.products.delete(product.id)

    types = ["product.created", "product.deleted"]
    events = v1.events.list({"types": types}).data

    assert [event.type for event in events] == types[::-1]


def test_type_and_types_together_are_refused(account, ask):
    answer = ask(account, "/v1/events?type=customer.*&types[]=charge.succeeded")

    assert answer.status_code == 400


@pytest.mark.parametrize(("number", "status"), [(20, 200), (21, 400)])
def test_at_most_20_types_are_taken(account, ask, number, status):
    query = "&".join(f"types[]=customer.x{each}" for each in range(number))

    assert ask(account, f"/v1/events?{query}").status_code == status


def test_events_are_kept_for_30_days(account, client, ask):
    v1 = client(account).v1
    v1.customers.create({})
    (event,) = v1.events.list().data

    account.api.clock.advance(timedelta(days=30))
    kept = ask(account, "/v1/events").json()["data"]
    account.api.clock.advance(timedelta(seconds=1))

    assert [each["id"] for each in kept] == [event.id]
    assert ask(account, "/v1/events").json()["data"] == []
    assert ask(account, f"/v1/events/{event.id}").status_code == 404


def test_an_event_has_the_accounts_version_and_not_the_requests(account, client, ask):
    v1 = client(account).v1
    customer = v1.customers.create({})
    v1.invoice_items.create({"customer": customer.id, "amount": 5, "currency": "eur"})
    v1.invoices.create({"customer": customer.id})

    path = "/v1/events?type=invoice.created"
    (event,) = ask(account, path, headers=HELD).json()["data"]
    (invoice,) = ask(account, "/v1/invoices", headers=HELD).json()["data"]

    assert event["api_version"] == "2024-06-20"
    assert "subscription" in event["data"]["object"]
    assert "parent" not in event["data"]["object"]
    assert "parent" in invoice


def test_events_keep_the_version_that_they_were_made_in(account, client):
    v1 = client(account).v1
    v1.customers.create({})
    account.api.upgrade(NEWEST)
    v1.customers.create({})

    events = v1.events.list({"type": "customer.created"}).data

    assert [event.api_version for event in events] == [NEWEST, "2024-06-20"]


def test_ids_in_an_event_stay_ids(company, ask):
    path = "/v1/events?type=charge.succeeded&limit=1"

    (event,) = ask(company, path).json()["data"]

    assert event["data"]["object"]["customer"].startswith("cus_")
    expanded = ask(company, f"{path}&expand[]=data.data.object.customer")
    assert expanded.status_code == 400


def test_undelivered_events_are_told_apart(account, client, ask):
    v1 = client(account).v1
    v1.customers.create({"name": "heard"})
    account.api.hold_webhooks()
    v1.customers.create({"name": "unheard"})

    def names(query: str) -> list[str]:
        page = ask(account, f"/v1/events?{query}").json()
        return [event["data"]["object"]["name"] for event in page["data"]]

    assert names("delivery_success=true") == ["heard"]
    assert names("delivery_success=false") == ["unheard"]


def test_paying_an_invoice_makes_events_of_all_that_it_touches(account, client):
    v1 = client(account).v1
    customer = v1.customers.create({})
    v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "eur"})
    invoice = v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    v1.invoices.pay(invoice.id)

    types = [event.type for event in v1.events.list({"limit": 100}).data][::-1]

    assert types == [
        "customer.created",
        "invoiceitem.created",
        "invoice.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.updated",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_only_an_update_says_what_was_before(company, ask):
    events = ask(company, "/v1/events?limit=100").json()["data"]

    saying = {e["type"] for e in events if "previous_attributes" in e["data"]}

    assert saying
    assert all(name.endswith(".updated") for name in saying)


def test_a_changed_item_is_shown_with_the_list_as_it_was(account, client):
    v1 = client(account).v1
    (product,) = account.api.add("product")
    price = v1.prices.create(
        {
            "product": product,
            "currency": "eur",
            "unit_amount": 450,
            "recurring": {"interval": "month"},
        }
    )
    customer = v1.customers.create({})
    begun = v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id, "quantity": 3}]}
    )
    (item,) = begun["items"].data

    v1.subscription_items.update(item.id, {"quantity": 4})
    event = v1.events.list({"type": "customer.subscription.updated"}).data[0]

    assert event.data.object["items"].data[0].quantity == 4
    before = event.data.previous_attributes["items"]["data"][0]
    assert before["quantity"] == 3
