"""What the simulation answers, beside the vendor's own objects and recorded answers."""

from __future__ import annotations

import pytest
from api_data import api_data

from elt.testing.apis.serving import served
from elt.testing.apis.stripe.api import Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS

NEWEST = {"Stripe-Version": "2026-10-28.endive"}
KINDS = {
    "customer": "/v1/customers",
    "charge": "/v1/charges",
    "payment_intent": "/v1/payment_intents",
    "refund": "/v1/refunds",
    "invoice": "/v1/invoices",
    "invoice_payment": "/v1/invoice_payments",
    "invoiceitem": "/v1/invoiceitems",
    "subscription": "/v1/subscriptions",
    "product": "/v1/products",
    "price": "/v1/prices",
    "plan": "/v1/plans",
    "coupon": "/v1/coupons",
    "promotion_code": "/v1/promotion_codes",
    "balance_transaction": "/v1/balance_transactions",
    "payout": "/v1/payouts",
    "dispute": "/v1/disputes",
    "transfer": "/v1/transfers",
    "credit_note": "/v1/credit_notes",
    "event": "/v1/events",
    "account": "/v1/accounts",
}
# Parts of the vendor's objects that are behind features which the simulation lacks.
LEFT_OUT = {
    "account": {"future_requirements", "requirements"},
    "charge": {"refunds"},  # only where it is expanded
    "invoice": {"subscription"},  # older than the sample's other names
    "payment_intent": {"managed_payments"},
    "subscription": {"billing_schedules", "customer_account", "managed_payments"},
    "invoiceitem": set(),
}


@pytest.fixture(scope="module")
def everything():
    """Serve an account that has at least one object of each kind."""
    api = Stripe(limits=NO_LIMITS)
    api.connect("acct_cafe")
    for kind in ("transfer", "credit_note", "invoiceitem"):
        api.add(kind)
    with served(api) as everything:
        yield everything


@pytest.fixture
def first(everything, ask):
    def make(kind: str) -> dict:
        page = ask(everything, KINDS[kind], headers=NEWEST).json()
        return page["data"][0]

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_has_the_names_of_the_vendors_own(first, kind):
    sample = api_data("stripe/fixtures3.trimmed.json")["resources"][kind]

    ours = first(kind)

    assert set(ours) - set(sample) <= {"account"}
    assert set(sample) - set(ours) <= LEFT_OUT.get(kind, set())


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_of_the_type_of_the_vendors_own(first, kind):
    sample = api_data("stripe/fixtures3.trimmed.json")["resources"][kind]

    ours = first(kind)

    # A null says nothing of the type, and most of these may be null.
    both = {n for n in ours if ours[n] is not None and sample.get(n) is not None}
    different = {
        name: (ours[name], sample[name])
        for name in both
        if type(ours[name]) is not type(sample[name])
    }
    assert different == {}


@pytest.mark.parametrize(
    ("owner", "field", "kind"),
    [
        ("invoice", "lines", "line_item"),
        ("subscription", "items", "subscription_item"),
        ("credit_note", "lines", "credit_note_line_item"),
    ],
)
def test_a_list_inside_an_object_is_as_the_vendors(first, owner, field, kind):
    resources = api_data("stripe/fixtures3.trimmed.json")["resources"]
    sample = resources[owner][field]

    ours = first(owner)[field]

    assert set(ours) == set(sample)
    for row in ours["data"]:
        assert set(row) <= set(resources[kind])
        assert set(row) >= set(resources[kind]) - {"quantity_decimal"}


def test_the_envelope_of_a_list_is_as_it_was_recorded(everything, ask):
    folder = "stripe/ampersand/internal/reader/test/customers"
    recorded = api_data(f"{folder}/1-first-page.json")

    ours = ask(everything, "/v1/customers?limit=2").json()

    assert {n: ours[n] for n in ours if n != "data"} == {
        n: recorded[n] for n in recorded if n != "data"
    }
    older = {"discount", "sources", "subscriptions", "tax_ids"}  # of other versions
    assert set(recorded["data"][0]) - set(ours["data"][0]) <= older


def test_an_unknown_parameter_is_refused_as_it_was_recorded(everything, ask):
    folder = "stripe/ampersand/internal/reader/test/general-errors"
    recorded = api_data(f"{folder}/error-bad-request.json")["error"]

    answer = ask(everything, "/v1/customers?pineapple=1")

    ours = answer.json()["error"]
    assert answer.status_code == 400
    assert _without_log(ours) == _without_log(recorded)
    assert set(ours) == set(recorded)


def test_a_missing_object_is_refused_as_it_was_recorded(everything, ask):
    recorded = api_data("stripe/ampersand/test/delete/err-not-found.json")["error"]

    answer = ask(everything, "/v1/customers/cus_Rd2zeYCh5b9gtC", "DELETE")

    assert answer.status_code == 404
    assert _without_log(answer.json()["error"]) == _without_log(recorded)


def test_an_event_has_the_names_of_a_recorded_one(first):
    recorded = api_data("stripe/ampersand/test/subscribe/setup_intent-created.json")

    ours = first("event")

    assert set(ours) == set(recorded)
    assert set(ours["request"]) == set(recorded["request"])


def test_an_invoice_before_basil_has_the_names_of_a_recorded_one(everything, ask):
    folder = "stripe/ampersand/internal/reader/test/invoices"
    recorded = api_data(f"{folder}/incremental.json")["data"][0]

    headers = {"Stripe-Version": "2025-02-24.acacia"}
    (ours,) = ask(everything, "/v1/invoices?limit=1", headers=headers).json()["data"]

    # The recorded one shows names of both versions, as it came to a webhook endpoint.
    assert set(ours) - set(recorded) <= {"customer_account"}


def _without_log(error: dict) -> dict:
    return {name: error[name] for name in error if name != "request_log_url"}


# These stand in the API reference; the samples show another of their variants.
OF_ANOTHER_VARIANT = {
    "invoice.lines.pricing.price_details",
    "invoice_payment.payment.payment_intent",
}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"event"}))
def test_what_stands_inside_has_the_names_of_the_vendors_own(first, kind):
    sample = api_data("stripe/fixtures3.trimmed.json")["resources"][kind]

    ours = first(kind)

    assert set(_others(ours, sample, kind)) <= OF_ANOTHER_VARIANT | {"account.account"}


def _others(ours: object, sample: object, path: str) -> list[str]:
    """Give the paths of names that only ours has; an empty sample says nothing."""
    if isinstance(ours, list) and isinstance(sample, list) and ours and sample:
        return _others(ours[0], sample[0], path.removesuffix(".data"))
    if not (isinstance(ours, dict) and isinstance(sample, dict) and sample):
        return []
    found = [f"{path}.{name}" for name in ours if name not in sample]
    for name in ours:
        found += _others(ours[name], sample.get(name), f"{path}.{name}")
    return found
