from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.testing.apis.serving import served
from elt.testing.apis.stripe import lists
from elt.testing.apis.stripe.api import Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS
from elt.testing.apis.stripe.kinds import BY_NAME
from elt.testing.apis.stripe.versions import NEWEST
from elt.testing.apis.troubles import BreaksOff, CutJson

DAY = 86400


def test_a_list_is_newest_first_and_of_ten_rows(account, ask):
    made = account.api.add("customer", 12)

    page = ask(account, "/v1/customers").json()

    assert [row["id"] for row in page["data"]] == made[:1:-1]
    assert page["has_more"] is True


def test_rows_of_one_second_keep_their_order(account, ask):
    now = account.api.space().now()
    made = [account.api.add("customer", created=now)[0] for _ in range(5)]

    first = ask(account, "/v1/customers?limit=2").json()["data"]
    after = f"/v1/customers?limit=3&starting_after={first[-1]['id']}"
    rest = ask(account, after).json()["data"]

    assert [row["id"] for row in [*first, *rest]] == made[::-1]


@pytest.mark.parametrize("limit", ["0", "101"])
def test_a_limit_beyond_1_to_100_is_refused(account, ask, limit):
    answer = ask(account, f"/v1/customers?limit={limit}")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "parameter_invalid_integer"
    assert answer.json()["error"]["param"] == "limit"


def test_a_list_takes_a_limit_of_100(account, ask):
    account.api.add("customer", 101)

    assert len(ask(account, "/v1/customers?limit=100").json()["data"]) == 100


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_a_cursor_that_is_unknown_is_refused(account, ask, name):
    answer = ask(account, f"/v1/charges?{name}=ch_gone")

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("resource_missing", name)
    assert error["message"] == "No such charge: 'ch_gone'"


def test_two_cursors_are_refused(account, ask):
    (made,) = account.api.add("charge")

    path = f"/v1/charges?starting_after={made}&ending_before={made}"

    assert ask(account, path).status_code == 400


def test_a_page_may_begin_behind_a_customer_who_was_deleted(account, ask):
    first, second, third = account.api.add("customer", 3)
    account.api.delete("customer", second)

    page = ask(account, f"/v1/customers?starting_after={second}").json()

    assert [row["id"] for row in page["data"]] == [first]
    assert third not in str(page)


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ("created[gte]={1}", [2, 1]),
        ("created[gt]={1}", [2]),
        ("created[lte]={1}", [1, 0]),
        ("created[lt]={1}", [0]),
        ("created={1}", [1]),
        ("created[gte]={0}&created[lt]={2}", [1, 0]),
    ],
)
def test_rows_are_found_by_when_they_were_created(account, ask, bounds, found):
    days = [1_700_000_000 + day * DAY for day in range(3)]
    made = [account.api.add("charge", created=at)[0] for at in days]

    page = ask(account, f"/v1/charges?{bounds.format(*days)}").json()

    assert [made.index(row["id"]) for row in page["data"]] == found


def test_a_time_that_is_no_unix_timestamp_is_refused(account, ask):
    answer = ask(account, "/v1/charges?created[gte]=2024-01-01")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Invalid timestamp")


def test_there_is_no_filter_for_what_was_updated(account, ask):
    answer = ask(account, "/v1/customers?updated[gte]=1700000000")

    assert answer.json()["error"]["code"] == "parameter_unknown"


def test_canceled_subscriptions_are_hidden_unless_they_are_asked_for(account, ask):
    active, canceled = account.api.add("subscription", 2)
    account.api.update("subscription", canceled, {"status": "canceled"})

    def found(query: str) -> list[str]:
        page = ask(account, f"/v1/subscriptions?{query}").json()
        return [row["id"] for row in page["data"]]

    assert found("") == [active]
    assert found("status=all") == [canceled, active]
    assert found("status=canceled") == [canceled]
    assert found("status=ended") == [canceled]
    assert found("status=active") == [active]


def test_a_status_that_there_is_not_is_refused(account, ask):
    answer = ask(account, "/v1/subscriptions?status=gone")

    assert "must be one of active, all" in answer.json()["error"]["message"]


def test_subscription_items_are_not_listed_without_their_subscription(account, ask):
    answer = ask(account, "/v1/subscription_items")

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["message"] == "Missing required param: subscription."
    assert error["code"] == "parameter_missing"


def test_rows_of_a_customer_are_found_and_an_unknown_one_is_refused(account, ask):
    ann, bob = account.api.add("customer", 2)
    (of_ann,) = account.api.add("charge", customer=ann)
    account.api.add("charge", customer=bob)

    page = ask(account, f"/v1/charges?customer={ann}").json()
    refused = ask(account, "/v1/charges?customer=cus_gone")

    assert [row["id"] for row in page["data"]] == [of_ann]
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "resource_missing"


def test_deleted_customers_leave_the_list_and_their_address_says_so(account, ask):
    kept, gone = account.api.add("customer", 2)
    account.api.delete("customer", gone)

    page = ask(account, "/v1/customers").json()
    answer = ask(account, f"/v1/customers/{gone}")

    assert [row["id"] for row in page["data"]] == [kept]
    assert answer.status_code == 200
    assert answer.json() == {"id": gone, "object": "customer", "deleted": True}


@pytest.mark.parametrize("kind", ["coupon", "plan", "product"])
def test_other_deleted_objects_are_gone(account, ask, kind):
    (gone,) = account.api.add(kind)
    account.api.delete(kind, gone)

    answer = ask(account, f"/v1/{kind}s/{gone}")

    assert ask(account, f"/v1/{kind}s").json()["data"] == []
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "resource_missing"


def test_products_that_are_not_active_stay_in_the_list(account, ask):
    (made,) = account.api.add("product", active=False)

    assert ask(account, "/v1/products").json()["data"][0]["id"] == made
    assert ask(account, "/v1/products?active=true").json()["data"] == []


def test_an_entry_of_the_balance_is_seen_late(ask):
    api = Stripe(company=False, limits=NO_LIMITS, balance_lag=timedelta(minutes=10))
    with served(api) as account:
        (entry,) = api.add("balance_transaction")

        def seen() -> tuple[int, int]:
            page = ask(account, "/v1/balance_transactions").json()
            one = ask(account, f"/v1/balance_transactions/{entry}")
            return len(page["data"]), one.status_code

        before = seen()
        api.clock.advance(timedelta(minutes=10))
        after = seen()

    assert (before, after) == ((0, 404), (1, 200))


def test_ids_become_objects_where_they_are_expanded(account, ask):
    (customer,) = account.api.add("customer")
    account.api.add("charge", customer=customer)

    plain = ask(account, "/v1/charges").json()["data"][0]
    path = "/v1/charges?expand[]=data.customer"
    expanded = ask(account, path).json()["data"][0]

    assert plain["customer"] == customer
    assert expanded["customer"]["email"] == "person0@bulk.example"


def test_a_deleted_customer_is_expanded_to_what_is_left(account, ask):
    (customer,) = account.api.add("customer")
    account.api.add("charge", customer=customer)
    account.api.delete("customer", customer)

    path = "/v1/charges?expand[]=data.customer"
    (charge,) = ask(account, path).json()["data"]

    assert charge["customer"] == {
        "id": customer,
        "object": "customer",
        "deleted": True,
    }


def test_tiers_and_refunds_are_there_only_where_they_are_expanded(company, ask):
    path = "/v1/prices?lookup_keys[]=house_seat"
    plain = ask(company, path).json()["data"][0]
    expanded = ask(company, f"{path}&expand[]=data.tiers").json()["data"][0]
    charges = "/v1/charges?limit=1&expand[]=data.refunds"
    charge = ask(company, charges).json()["data"][0]

    assert "tiers" not in plain
    assert [tier["unit_amount_decimal"] for tier in expanded["tiers"]] == [
        "735",
        "643.125",
    ]
    assert charge["refunds"]["object"] == "list"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("customer", "You may want to try expanding 'data.customer' instead."),
        ("data.amount", "This property cannot be expanded (data.amount)."),
        ("data.a.b.c.d", "You cannot expand more than 4 levels of a property."),
        ("data.invoice", "This property cannot be expanded (data.invoice)."),
    ],
)
def test_what_cannot_be_expanded_is_refused(account, ask, path, said):
    headers = {"Stripe-Version": NEWEST}

    answer = ask(account, f"/v1/charges?expand[]={path}", headers=headers)

    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_four_levels_are_expanded(company, ask):
    path = "/v1/refunds?limit=1&expand[]=data.charge.payment_intent.customer"

    refund = ask(company, path).json()["data"][0]

    assert refund["charge"]["payment_intent"]["customer"]["object"] == "customer"


def test_rows_may_change_between_two_pages(account, client):
    account.api.add("customer", 4)
    account.api.between_pages = lambda: account.api.add("customer")

    listed = client(account).v1.customers.list({"limit": 2})
    found = [customer.id for customer in listed.auto_paging_iter()]

    # New ones come at the front, which the pages have left behind.
    assert len(found) == len(set(found)) == 4
    assert len(account.api.space().store.tables["customer"]) > 4


def test_addresses_that_there_are_not_are_refused(account, ask):
    answer = ask(account, "/v1/cafes")

    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith(
        "Unrecognized request URL (GET: /v1/cafes)."
    )


@pytest.mark.parametrize("trouble", [BreaksOff(), CutJson()])
def test_an_answer_may_break_off(account, ask, trouble):
    account.api.add("customer", 10)
    account.api.front.troubles.add(trouble)

    with pytest.raises((httpx.RemoteProtocolError, ValueError)):
        ask(account, "/v1/customers").json()

    assert len(ask(account, "/v1/customers").json()["data"]) == 10


@settings(max_examples=25)
@given(
    seconds=st.lists(st.integers(0, 5), max_size=30),
    limit=st.integers(1, 7),
)
def test_for_all_limits_paging_gives_each_id_once(seconds, limit):
    api = Stripe(company=False)
    made = {api.add("charge", created=1_700_000_000 + at)[0] for at in seconds}

    found: list[str] = []
    more = True
    while more:
        cursor = [("starting_after", found[-1])] if found else []
        listed = lists.Listed(kind=BY_NAME["charge"], url="/v1/charges")
        asked = [("limit", str(limit)), *cursor]
        page = lists.page(api.space(), listed, asked, version=NEWEST)
        found += [row["id"] for row in page["data"]]
        more = page["has_more"]

    assert len(found) == len(made)
    assert set(found) == made


def test_an_invoice_item_says_its_date_and_is_found_by_created(account, ask):
    early, late = 1_700_000_000, 1_700_000_000 + DAY
    account.api.add("invoiceitem", created=early)
    (made,) = account.api.add("invoiceitem", created=late)

    page = ask(account, f"/v1/invoiceitems?created[gte]={late}").json()

    (row,) = page["data"]
    assert (row["id"], row["date"]) == (made, late)
    assert "created" not in row


def test_discounts_are_ids_until_they_are_expanded(account, ask):
    (coupon,) = account.api.add("coupon", percent_off=10.0)
    source = {"coupon": coupon, "type": "coupon"}
    (discount,) = account.api.add("discount", source=source)
    account.api.add("invoice", discounts=[discount])
    path = "/v1/invoices?expand[]=data.discounts"

    def discounts(path: str, version: str) -> list:
        headers = {"Stripe-Version": version}
        return ask(account, path, headers=headers).json()["data"][0]["discounts"]

    assert discounts("/v1/invoices", NEWEST) == [discount]
    assert discounts(path, NEWEST)[0]["source"] == source
    assert discounts(path, "2024-06-20")[0]["coupon"]["percent_off"] == 10.0


def test_what_a_customer_has_may_be_expanded(account, ask):
    (customer,) = account.api.add("customer")
    active, canceled = account.api.add("subscription", 2, customer=customer)
    account.api.update("subscription", canceled, {"status": "canceled"})
    names = ("subscriptions", "sources", "tax_ids")
    path = "&".join(f"expand[]=data.{name}" for name in names)

    (plain,) = ask(account, "/v1/customers").json()["data"]
    (row,) = ask(account, f"/v1/customers?{path}").json()["data"]

    assert not set(names) & set(plain)
    assert [each["id"] for each in row["subscriptions"]["data"]] == [active]
    assert row["sources"]["data"] == row["tax_ids"]["data"] == []


def test_an_older_version_has_the_tiers_of_a_plan_in_a_subscription(company, ask):
    # As singer-io's tap asks for them.
    for kind in ("subscriptions", "invoiceitems"):
        path = f"/v1/{kind}?expand[]=data.plan.tiers"
        headers = {"Stripe-Version": "2022-11-15"}
        assert ask(company, path, headers=headers).status_code == 200


@pytest.mark.slow
def test_two_hundred_thousand_rows_are_added_and_read_within_a_minute(account):
    began = time.monotonic()
    made = account.api.add("charge", 200_000)

    found, cursor = [], ""
    headers = {"Authorization": f"Bearer {account.api.token}"}
    with httpx.Client(base_url=account.origin, headers=headers) as http:
        while page := http.get(f"/v1/charges?limit=100{cursor}").json()["data"]:
            found += [row["id"] for row in page]
            cursor = f"&starting_after={found[-1]}"

    assert found == made[::-1]
    assert time.monotonic() - began < 60
