"""Connected accounts: each is a part of its own, with its own bookmark."""

from __future__ import annotations

import json

import pytest
from taps.stripe.kettle import DAY, SECOND

from elt.testing.apis.troubles import Says


@pytest.fixture
def accounts(stripe):
    """Give the key's own account and two others, all with a coupon of one name."""
    for name in ("acct_red", "acct_blue"):
        stripe.api.connect(name)
    for name in ("acct_kettle", "acct_red", "acct_blue"):
        space = stripe.api.space(name)
        made = {"id": "SALE", "created": SECOND - 50 * DAY, "name": name}
        stripe.api.add("coupon", to=space, **made)
    return stripe.api


def coupons(told):
    return {(row["stripe_account"], row["name"]) for row in told.rows("coupons")}


@pytest.mark.usefixtures("accounts")
def test_the_accounts_that_are_named_are_read(read):
    told = read("coupons", account_ids=["acct_red"])

    assert coupons(told) == {("acct_red", "acct_red")}
    headers = {each.headers.get("stripe-account") for each in read.asked()}
    assert headers == {"acct_red"}


@pytest.mark.usefixtures("accounts")
def test_all_that_are_connected_and_our_own_are_read(read):
    told = read("coupons", account_ids=["own", "all"])

    names = ("acct_kettle", "acct_red", "acct_blue")
    assert coupons(told) == {(name, name) for name in names}
    (schema,) = {
        tuple(m["key_properties"]) for m in told.messages if m["type"] == "SCHEMA"
    }
    assert schema == ("stripe_account", "id")


def test_each_account_has_its_own_bookmark(accounts, read):
    first = read("coupons", account_ids=["acct_red", "acct_blue"])
    read.later(hours=1)
    accounts.update("coupon", "SALE", {"name": "More"}, account="acct_blue")

    told = read("coupons", account_ids=["acct_red", "acct_blue"], state=first.state)

    parts = told.state["bookmarks"]["coupons"]["partitions"]
    assert [part["context"] for part in parts] == [
        {"stripe_account": "acct_red"},
        {"stripe_account": "acct_blue"},
    ]
    assert {part["replication_key_value"] for part in parts} == {SECOND + 3600}
    assert coupons(told) == {("acct_blue", "More")}


def test_an_account_that_is_new_in_the_list_is_read_from_its_beginning(accounts, read):
    first = read("coupons", account_ids=["acct_red"])
    read.later(days=40)
    del accounts

    told = read("coupons", account_ids=["acct_red", "acct_blue"], state=first.state)

    assert ("acct_blue", "acct_blue") in coupons(told)


@pytest.mark.usefixtures("accounts")
def test_an_account_that_may_not_be_read_is_left_out_and_told(read):
    told = read("coupons", account_ids=["acct_gone", "acct_red"])

    assert coupons(told) == {("acct_red", "acct_red")}
    end = told.ends["coupons"]
    assert end["end"] == "partial"
    assert end["stay"] == [{"stripe_account": "acct_gone"}]
    assert "account acct_gone: HTTP 403" in end["why"]
    assert "does not have access to account" in end["why"]


@pytest.mark.usefixtures("accounts")
def test_a_stream_that_no_account_lets_us_read_is_skipped(read):
    told = read("coupons", account_ids=["acct_gone", "acct_lost"])

    assert told.ends["coupons"]["end"] == "skipped"


def test_deletions_name_their_account(accounts, read):
    first = read("coupons", account_ids=["acct_red"])
    read.later(hours=1)
    accounts.delete("coupon", "SALE", account="acct_red")

    told = read("coupons", account_ids=["acct_red"], state=first.state)

    (row,) = told.rows("coupons")
    assert row["stripe_account"] == "acct_red"
    assert "_sdc_deleted_at" in row


def test_our_own_account_alone_has_no_column_for_it(accounts, read):
    del accounts

    told = read("coupons")

    assert "stripe_account" not in told.rows("coupons")[0]


@pytest.mark.usefixtures("accounts")
def test_accounts_are_those_of_the_key_and_all_that_are_connected(read):
    told = read("accounts")

    assert told.ids("accounts")[0] == "acct_kettle"
    assert set(told.ids("accounts")) == {"acct_kettle", "acct_red", "acct_blue"}


def test_an_account_that_is_no_platform_has_itself(stripe, read):
    no = json.dumps({"error": {"message": "You can only list accounts with Connect"}})
    stripe.api.front.troubles.add(Says(400, no), path=r"/v1/accounts")

    told = read("accounts")

    assert told.ids("accounts") == ["acct_kettle"]
    assert told.ends["accounts"] == {"end": "complete"}


def test_a_part_of_the_accounts_is_not_taken_for_all(accounts, read):
    key = "rk_live_no_accounts"
    accounts.restrict(key, ["event_read"])

    told = read("accounts", api_key=key)

    assert told.ends["accounts"]["end"] == "skipped"
