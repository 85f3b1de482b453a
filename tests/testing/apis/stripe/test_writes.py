from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from elt.testing.apis.registry import make
from elt.testing.apis.serving import served
from elt.testing.apis.stripe.api import Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS
from elt.testing.apis.troubles import HangsUp

KEY = {"Idempotency-Key": "one"}


def test_the_same_key_gives_the_same_answer(account, ask):
    said = {"email": "ada@door.example"}

    first = ask(account, "/v1/customers", "POST", data=said, headers=KEY)
    second = ask(account, "/v1/customers", "POST", data=said, headers=KEY)

    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert len(ask(account, "/v1/customers").json()["data"]) == 1


def test_the_same_key_with_other_parameters_is_refused(account, client):
    v1 = client(account).v1
    v1.customers.create({"name": "Ada"}, {"idempotency_key": "one"})

    with pytest.raises(sdk.IdempotencyError) as caught:
        v1.customers.create({"name": "Bob"}, {"idempotency_key": "one"})

    assert caught.value.http_status == 400
    assert "Try using a key other than 'one'" in str(caught.value)


def test_a_key_is_forgotten_after_a_day(account, ask):
    ask(account, "/v1/customers", "POST", headers=KEY)
    account.api.clock.advance(timedelta(days=1))
    ask(account, "/v1/customers", "POST", headers=KEY)

    assert len(ask(account, "/v1/customers").json()["data"]) == 2


def test_a_key_of_a_refused_request_may_be_used_again(account, ask):
    refused = ask(account, "/v1/customers", "POST", data={"cafe": "1"}, headers=KEY)
    made = ask(account, "/v1/customers", "POST", headers=KEY)

    assert (refused.status_code, made.status_code) == (400, 200)


def test_a_lost_answer_is_asked_for_again_with_its_key(account, client):
    account.api.front.troubles.add(HangsUp(acts=True), method="POST")
    v1 = client(account).v1

    with pytest.raises(sdk.APIConnectionError):
        v1.customers.create({}, {"idempotency_key": "one"})
    again = v1.customers.create({}, {"idempotency_key": "one"})

    assert [each.id for each in v1.customers.list().data] == [again.id]


def test_an_unknown_parameter_of_a_write_is_refused(account, ask):
    answer = ask(account, "/v1/customers", "POST", data={"cafe": "Blue Door"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "parameter_unknown"
    assert answer.json()["error"]["param"] == "cafe"


@pytest.mark.parametrize(
    ("path", "said", "message"),
    [
        ("customers", {"balance": "ten"}, "Invalid integer: ten"),
        ("products", {"name": "x", "active": "yes"}, "Invalid boolean: yes"),
        ("products", {}, "Missing required param: name."),
        ("customers", {"address": "Lisbon"}, "Invalid object"),
        ("coupons", {"percent_off": "half"}, "Invalid decimal: half"),
    ],
)
def test_a_value_of_another_type_is_refused(account, ask, path, said, message):
    answer = ask(account, f"/v1/{path}", "POST", data=said)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == message


def test_metadata_is_laid_over_the_old_and_empty_texts_take_away(account, client):
    customers = client(account).v1.customers
    made = customers.create({"metadata": {"a": "1", "b": "2"}})

    changed = customers.update(made.id, {"metadata": {"b": "", "c": "3"}})
    emptied = customers.update(made.id, {"metadata": ""})

    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    assert emptied.metadata.to_dict() == {}


def test_deleting_a_customer_cancels_what_they_subscribed_to(account, client):
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
    v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})

    v1.customers.delete(customer.id)

    (subscription,) = v1.subscriptions.list({"status": "all"}).data
    assert subscription.status == "canceled"
    with pytest.raises(sdk.InvalidRequestError, match="No such customer"):
        v1.customers.update(customer.id, {"name": "Ada"})


def test_a_whole_yen_is_the_smallest_and_dinars_have_thousandths(account, client):
    v1 = client(account).v1
    card = {"payment_method": "pm_card_visa", "confirm": True}

    yen = v1.payment_intents.create({"amount": 500, "currency": "jpy", **card})
    dinar = v1.payment_intents.create({"amount": 5120, "currency": "kwd", **card})

    entries = {each.source: each for each in v1.balance_transactions.list().data}
    # 500 yen at 0.0058 euros, and 5.120 dinars at 2.86 euros, in cents.
    assert entries[yen.latest_charge].amount == 290
    assert entries[dinar.latest_charge].amount == 1464
    assert entries[yen.latest_charge].exchange_rate == 0.0058
    with pytest.raises(sdk.InvalidRequestError, match="multiple of 10"):
        v1.payment_intents.create({"amount": 5123, "currency": "kwd"})


def test_a_price_may_be_less_than_the_smallest_unit(account, client):
    (product,) = account.api.add("product")

    price = client(account).v1.prices.create(
        {
            "product": product,
            "currency": "eur",
            "unit_amount_decimal": "0.125",
            "recurring": {"interval": "month"},
        }
    )

    assert price.unit_amount is None
    assert str(price.unit_amount_decimal) == "0.125"


def test_an_automatic_payout_knows_what_it_paid_and_a_manual_one_does_not(
    account, client
):
    v1 = client(account).v1
    v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )
    account.api.clock.advance(timedelta(days=3))

    automatic = account.api.pay_out()
    manual = v1.payouts.create({"amount": 10, "currency": "eur"})

    paid = v1.balance_transactions.list({"payout": automatic}).data
    assert [entry.type for entry in paid] == ["payout", "charge"]
    assert sum(entry.net for entry in paid) == 0
    with pytest.raises(sdk.InvalidRequestError, match="only be filtered on automatic"):
        v1.balance_transactions.list({"payout": manual.id})


def test_what_was_written_is_there_again_with_the_same_ids(tmp_path, client):
    kept = tmp_path / "writes.jsonl"

    with served(Stripe(company=False, limits=NO_LIMITS, writes=kept)) as account:
        v1 = client(account).v1
        made = v1.customers.create({"name": "Ada"})
        v1.customers.list()
        v1.customers.update(made.id, {"name": "Bob"})
        before = [event.id for event in v1.events.list().data]
        requests = [event.request.id for event in v1.events.list().data]
    with served(Stripe(company=False, limits=NO_LIMITS, writes=kept)) as account:
        v1 = client(account).v1
        again = v1.customers.retrieve(made.id)
        after = [event.id for event in v1.events.list().data]
        requested = [event.request.id for event in v1.events.list().data]

    assert again.name == "Bob"
    assert (after, requested) == (before, requests)


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"recurring[count]": "1"}, "recurring[interval]"),
        ({"recurring[interval]": "month", "recurring[interval_count]": "x"}, None),
    ],
)
def test_what_is_wrong_inside_a_hash_is_refused(account, ask, said, param):
    (product,) = account.api.add("product")
    price = {"product": product, "currency": "eur", "unit_amount": "450"}

    answer = ask(account, "/v1/prices", "POST", data=price | said)

    assert answer.status_code == 400
    assert param in {None, answer.json()["error"]["param"]}


def test_an_object_that_a_write_names_has_to_be_there(account, ask):
    said = {"customer": "cus_gone", "amount": "5", "currency": "eur"}

    answer = ask(account, "/v1/invoiceitems", "POST", data=said)

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["code"], error["param"]) == ("resource_missing", "customer")


def test_what_was_written_to_the_companys_account_outlives_its_server(tmp_path, ask):
    kept = tmp_path / "writes.jsonl"
    start = datetime(2025, 3, 3, 12, tzinfo=UTC)
    first = make("stripe", seed=7, at=start, runs=False, writes=kept)
    with served(first) as account:
        (row,) = ask(account, "/v1/customers?limit=1").json()["data"]
        said = {"metadata[health_score]": "88"}
        ask(account, f"/v1/customers/{row['id']}", "POST", data=said)

    later = start + timedelta(days=7)
    second = make("stripe", seed=7, at=later, runs=False, writes=kept)
    with served(second) as account:
        again = ask(account, f"/v1/customers/{row['id']}").json()
        newest = ask(account, "/v1/invoices?limit=1").json()["data"][0]

    assert again["metadata"]["health_score"] == "88"
    assert again["metadata"]["crm_account_id"] == row["metadata"]["crm_account_id"]
    assert newest["created"] > start.timestamp()
