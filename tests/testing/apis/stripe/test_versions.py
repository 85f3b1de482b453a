from __future__ import annotations

import pytest

from elt.testing.apis.stripe.versions import NEWEST


@pytest.fixture
def shown(company, ask):
    def make(path: str, version: str) -> dict:
        headers = {"Stripe-Version": version}
        return ask(company, path, headers=headers).json()["data"][0]

    return make


@pytest.mark.parametrize(
    "version", ["2022-11-15", "2024-06-20", "2025-03-31.basil", NEWEST]
)
def test_a_version_that_there_is_is_answered_in(company, ask, version):
    answer = ask(company, "/v1/customers", headers={"Stripe-Version": version})

    assert answer.status_code == 200
    assert answer.headers["stripe-version"] == version


def test_a_version_that_there_is_not_is_refused(company, ask):
    answer = ask(company, "/v1/customers", headers={"Stripe-Version": "2099-01-01"})

    assert answer.status_code == 400
    assert "Invalid Stripe API version: 2099-01-01" in answer.text


def test_without_a_version_the_accounts_own_counts(company, ask):
    answer = ask(company, "/v1/customers")

    assert answer.headers["stripe-version"] == "2024-06-20"


def test_basil_moves_periods_from_subscriptions_to_their_items(shown):
    before = shown("/v1/subscriptions", "2025-02-24.acacia")
    after = shown("/v1/subscriptions", "2025-03-31.basil")

    names = {"current_period_start", "current_period_end"}
    assert names <= set(before)
    assert not names & set(after)
    assert not names & set(before["items"]["data"][0])
    assert names <= set(after["items"]["data"][0])


def test_basil_takes_payments_and_subscription_from_invoices(shown):
    before = shown("/v1/invoices?status=paid", "2025-02-24.acacia")
    after = shown("/v1/invoices?status=paid", "2025-03-31.basil")

    assert before["charge"].startswith("ch_")
    assert before["payment_intent"].startswith("pi_")
    assert before["paid"] is True
    details = after["parent"]["subscription_details"]
    assert before["subscription"] == details["subscription"]
    gone = {"charge", "payment_intent", "subscription", "paid"}
    assert not gone & set(after)


def test_basil_takes_price_and_type_from_lines(shown):
    before = shown("/v1/invoices", "2025-02-24.acacia")["lines"]["data"][0]
    after = shown("/v1/invoices", "2025-03-31.basil")["lines"]["data"][0]

    assert before["type"] == "subscription"
    assert before["price"]["id"] == after["pricing"]["price_details"]["price"]
    assert before["plan"]["id"] == before["price"]["id"]
    assert not {"type", "price", "plan"} & set(after)


def test_a_charge_has_refunds_only_before_2022_11_15(shown):
    older = shown("/v1/charges", "2022-08-01")

    assert older["refunds"]["object"] == "list"
    assert "refunds" not in shown("/v1/charges", "2022-11-15")


def test_a_promotion_code_has_its_whole_coupon_before_clover(shown):
    older = shown("/v1/promotion_codes", "2025-08-27.basil")
    newer = shown("/v1/promotion_codes", "2025-09-30.clover")

    assert older["coupon"]["percent_off"] == 10.0
    assert newer["promotion"] == {"coupon": "FRIENDS", "type": "coupon"}


def test_what_a_version_lacks_cannot_be_expanded_in_it(company, ask):
    path = "/v1/invoices?status=paid&limit=1&expand[]=data.charge"
    older = ask(company, path, headers={"Stripe-Version": "2024-06-20"})
    newer = ask(company, path, headers={"Stripe-Version": NEWEST})

    assert older.json()["data"][0]["charge"]["object"] == "charge"
    assert newer.status_code == 400


def test_old_lines_share_an_id_so_that_paging_by_it_never_ends(company, ask):
    headers = {"Stripe-Version": "2019-11-05"}
    recent = ask(company, "/v1/invoices?limit=20").json()["data"]
    invoice = next(each for each in recent if len(each["lines"]["data"]) > 2)
    path = f"/v1/invoices/{invoice['id']}/lines?limit=1"

    first = ask(company, path, headers=headers).json()
    shared = first["data"][0]["id"]
    after = f"{path}&starting_after={shared}"
    second = ask(company, after, headers=headers).json()

    assert shared.startswith("sub_")
    assert second["data"][0]["id"] == shared
    assert second["data"][0]["unique_id"] != first["data"][0]["unique_id"]
    assert second["has_more"] is True


@pytest.mark.parametrize(
    ("version", "path", "field"),
    [
        ("2024-06-20", "lines.data.price.product", ("price", "product")),
        (NEWEST, "lines.data.discounts", ("discounts",)),
    ],
)
def test_the_lines_inside_an_invoice_are_expanded(company, ask, version, path, field):
    headers = {"Stripe-Version": version}
    (invoice,) = ask(company, "/v1/invoices?limit=1").json()["data"]

    address = f"/v1/invoices/{invoice['id']}?expand[]={path}"
    line = ask(company, address, headers=headers).json()["lines"]["data"][0]

    found = line
    for name in field:
        found = found[name]
    assert not isinstance(found, str)


def test_expanding_leaves_the_stored_objects_as_they_were(company, ask):
    headers = {"Stripe-Version": NEWEST}
    path = "/v1/invoices?limit=1&status=paid"
    before = ask(company, path, headers=headers).json()

    for field in ("customer", "parent.subscription_details.subscription"):
        expanded = f"{path}&expand[]=data.{field}"
        assert ask(company, expanded, headers=headers).status_code == 200

    assert ask(company, path, headers=headers).json() == before
