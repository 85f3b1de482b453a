from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
import stripe as sdk

from elt.testing.apis.clock import Clock
from elt.testing.apis.serving import served
from elt.testing.apis.stripe.api import TEST_TOKEN, TODAY, TOKEN, Stripe
from elt.testing.apis.stripe.keys import Limits


def test_a_request_without_a_key_is_refused(account):
    answer = httpx.get(f"{account.origin}/v1/customers")

    assert answer.status_code == 401
    assert "You did not provide an API key" in answer.text


def test_a_wrong_key_is_refused_and_not_shown(account, client):
    with pytest.raises(sdk.AuthenticationError) as caught:
        client(account, "sk_live_wrong_1234").v1.customers.list()

    assert caught.value.http_status == 401
    assert str(caught.value).endswith("Invalid API Key provided: sk_live_******1234")


def test_a_key_that_was_taken_back_is_refused(account, client):
    account.api.keys.expire(TOKEN)

    with pytest.raises(sdk.AuthenticationError, match="Expired API Key") as caught:
        client(account).v1.customers.list()

    assert caught.value.error.code == "api_key_expired"


def test_a_key_may_come_as_the_name_of_a_user(account):
    answer = httpx.get(f"{account.origin}/v1/customers", auth=(TOKEN, ""))

    assert answer.status_code == 200


def test_a_restricted_key_reads_what_it_may(account, client):
    account.api.restrict("rk_live_reader", ["customer_read", "invoice_write"])
    v1 = client(account, "rk_live_reader").v1

    assert v1.customers.list().data == []
    assert v1.invoices.list().data == []  # who may write may read
    with pytest.raises(sdk.PermissionError) as caught:
        v1.charges.list()
    assert caught.value.http_status == 403
    assert "Having the 'rak_charge_read' permission" in str(caught.value)
    with pytest.raises(sdk.PermissionError, match="rak_customer_write"):
        v1.customers.create({})


def test_test_keys_see_the_data_of_the_test_mode(account, client):
    (live,) = account.api.add("customer")
    v1 = client(account, TEST_TOKEN).v1

    made = v1.customers.create({})

    assert made.livemode is False
    assert [each.id for each in v1.customers.list().data] == [made.id]
    with pytest.raises(sdk.InvalidRequestError, match="exists in live mode"):
        v1.customers.retrieve(live)


def test_a_connected_account_has_data_of_its_own(account, client, ask):
    account.api.connect("acct_cafe")
    mine = client(account).v1.customers.create({})
    theirs = client(account, stripe_account="acct_cafe").v1.customers.create({})

    def ids(**headers: str) -> list[str]:
        page = ask(account, "/v1/customers", headers=headers).json()
        return [row["id"] for row in page["data"]]

    assert ids() == [mine.id]
    connected = {"Stripe-Account": "acct_cafe"}
    assert ids(**connected) == [theirs.id]
    own = ask(account, "/v1/account", headers=connected).json()
    assert own["id"] == "acct_cafe"
    (event,) = ask(account, "/v1/events", headers=connected).json()["data"]
    assert event["account"] == "acct_cafe"


def test_connected_accounts_are_listed_and_an_unknown_one_is_refused(account, client):
    account.api.connect("acct_cafe")

    (listed,) = client(account).v1.accounts.list().data

    assert listed.id == "acct_cafe"
    with pytest.raises(sdk.PermissionError) as caught:
        client(account, stripe_account="acct_gone").v1.customers.list()
    assert caught.value.error.code == "account_invalid"


def test_the_account_of_a_key_is_read(account, ask):
    assert ask(account, "/v1/account").json()["id"] == "acct_kettle"


@pytest.mark.parametrize(("key", "most"), [(TOKEN, 100), (TEST_TOKEN, 25)])
def test_an_account_may_ask_so_often_a_second(key, most):
    clock = Clock(TODAY, elapsed=lambda: 0.0)
    api = Stripe(company=False, clock=clock, limits=Limits(endpoint=1000))
    headers = {"Authorization": f"Bearer {key}"}

    with served(api) as account, httpx.Client(headers=headers) as http:
        address = f"{account.origin}/v1/customers"
        allowed = [http.get(address).status_code for _ in range(most)]
        refused = http.get(address)
        clock.advance(timedelta(seconds=1))
        after = http.get(address).status_code

    assert (set(allowed), after) == ({200}, 200)
    assert refused.status_code == 429
    assert refused.headers["stripe-rate-limited-reason"] == "global-rate"
    assert refused.headers["stripe-should-retry"] == "false"
    assert refused.json()["error"]["code"] == "rate_limit"


def test_one_endpoint_may_be_asked_less_often(client):
    clock = Clock(TODAY, elapsed=lambda: 0.0)
    api = Stripe(company=False, clock=clock, limits=Limits(endpoint=2))
    with served(api) as account:
        v1 = client(account).v1
        for _ in range(2):
            v1.customers.list()

        with pytest.raises(sdk.RateLimitError) as caught:
            v1.customers.list()
        other = v1.charges.list()

    assert caught.value.headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert other.data == []


def test_an_object_that_is_held_is_refused_once_and_may_be_asked_again(account, client):
    (customer,) = account.api.add("customer")
    account.api.lock(customer)
    v1 = client(account).v1

    with pytest.raises(sdk.RateLimitError) as caught:
        v1.customers.update(customer, {"name": "Blue Door"})

    assert caught.value.error.code == "lock_timeout"
    assert caught.value.headers["stripe-should-retry"] == "true"
    assert v1.customers.update(customer, {"name": "Blue Door"}).name == "Blue Door"


def test_every_answer_has_the_id_of_its_request(account, ask):
    first = ask(account, "/v1/customers")
    second = ask(account, "/v1/gone")

    assert first.headers["request-id"] != second.headers["request-id"]
    log = second.json()["error"]["request_log_url"]
    assert second.headers["request-id"] in log
