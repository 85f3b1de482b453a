"""Each stream of the tap against what the simulated site holds."""

from __future__ import annotations

import json

import pytest

from elt.taps.recurly.streams import STREAMS, USAGE, Child, Embedded, Listed

LISTED = {kind.name: kind for kind in STREAMS if isinstance(kind, Listed)}
HELD = {"account_acquisitions": "acquisitions"}
SECRET = "hosted_login_token"  # noqa: S105


@pytest.mark.parametrize("stream", LISTED)
def test_a_list_has_every_row_as_the_site_shows_it(company, read, stream):
    told = read(company, stream)

    kind = HELD.get(stream, stream)
    held = company.api.store.rows[kind]
    found = {row["id"]: row for row in told.rows(stream)}
    assert set(found) == set(held)
    assert len(told.rows(stream)) == len(held)
    some = next(iter(held))
    shown = json.loads(json.dumps(company.api.shown(kind, some)))
    assert found[some] == {k: v for k, v in shown.items() if k != SECRET}
    assert set(found[some]) <= set(LISTED[stream].columns)
    assert told.ends[stream] == {"end": "complete"}


def test_billing_infos_come_out_of_the_accounts(company, read):
    told = read(company, "billing_infos")

    assert set(told.ids("billing_infos")) == set(
        company.api.store.rows["billing_infos"]
    )
    assert all(row["account_id"] for row in told.rows("billing_infos"))


def test_shipping_addresses_come_out_of_the_accounts(company, read):
    told = read(company, "shipping_addresses")

    held = company.api.store.rows["shipping_addresses"]
    assert sorted(told.ids("shipping_addresses")) == sorted(held)


def test_redemptions_of_all_accounts_come_and_closed_ones_too(company, read):
    told = read(company, "coupon_redemptions")

    held = company.api.store.rows["coupon_redemptions"]
    assert sorted(told.ids("coupon_redemptions")) == sorted(held)


def test_usage_is_read_of_the_add_ons_that_a_subscription_counts(empty, read):
    api = empty.api
    (plan,) = api.add("plans", {"code": "gold"})
    add_ons = [
        {"code": "seat", "add_on_type": "fixed"},
        {"code": "sms", "add_on_type": "usage"},
    ]
    seat, sms = [api.add("add_ons", one, of={"plan": plan})[0] for one in add_ons]
    has = [{"add_on": api.shown("add_ons", one)} for one in (seat, sms)]
    (subscription,) = api.add("subscriptions", {"plan_id": plan, "add_ons": has})
    for day in ("2025-06-01", "2025-06-02"):
        used = {"amount": 5.0, "usage_timestamp": f"{day}T00:00:00Z"}
        api.add("usage", used, of={"subscription": subscription, "add_on": sms})

    told = read(empty, "usage")

    assert sorted(told.ids("usage")) == sorted(api.store.rows["usage"])
    path = f"/subscriptions/{subscription}/add_ons/{sms}/usage"
    lists = [r for r in api.front.requests if r.path.endswith("/usage")]
    assert [(one.path, dict(one.query)) for one in lists] == [(path, {"limit": "200"})]


def test_notes_and_exports_are_read_when_they_are_chosen(empty, read):
    api = empty.api
    (account,) = api.add("accounts", {"code": "a1"})
    api.add("notes", 3, of={"account": account})

    told = read(empty, "account_notes", "export_files")

    assert len(told.rows("account_notes")) == 3
    assert {row["account_id"] for row in told.rows("account_notes")} == {account}
    files = told.rows("export_files")
    assert len(files) == 21
    assert {row["name"] for row in files} == {
        "accounts.csv.gz",
        "invoices.csv.gz",
        "transactions.csv.gz",
    }


def test_what_costs_a_call_for_each_account_is_not_read_unless_asked_for(company, read):
    told = read(company)

    assert "account_notes" not in told.ends
    assert "usage" not in told.ends
    assert "coupon_redemptions" in told.ends
    assert len(told.ends) == len(LISTED) + 3


def test_whoever_reads_the_table_cannot_log_in_as_a_customer(company, read):
    told = read(company, "accounts")

    assert not [row for row in told.rows("accounts") if SECRET in row]


def test_decimals_are_exact(empty, read):
    (account,) = empty.api.add("accounts", {"code": "a1"})
    amounts = ["0.1", "19.9", "1234567.89", "0.005"]
    for amount in amounts:
        empty.api.add(
            "transactions", {"amount": float(amount)}, of={"account": account}
        )

    told = read(empty, "transactions")

    assert all(f'"amount":{amount},'.encode() in told.text for amount in amounts)
    about = LISTED["transactions"].columns["amount"]
    assert about["x-sql-datatype"] == "DECIMAL(38,6)"


def test_numbers_of_more_places_than_money_have_columns_for_them():
    lines = LISTED["line_items"].columns

    assert lines["proration_rate"] == {"type": ["number", "null"]}
    seconds = LISTED["transactions"].columns["gateway_response_time"]
    assert seconds == {"type": ["number", "null"]}
    assert lines["unit_amount"]["x-sql-datatype"] == "DECIMAL(38,9)"
    assert USAGE["amount"]["x-sql-datatype"] == "DECIMAL(38,9)"


def test_every_kind_of_stream_is_there():
    assert {type(kind) for kind in STREAMS} == {Listed, Embedded, Child}
