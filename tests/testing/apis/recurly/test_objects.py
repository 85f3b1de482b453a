"""Every key of every object, by Recurly's specification and by its own client."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from api_data import api_data

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

SCHEMAS = [
    ("/sites", "Site"),
    ("/accounts", "Account"),
    ("/acquisitions", "AccountAcquisition"),
    ("/subscriptions", "Subscription"),
    ("/invoices", "Invoice"),
    ("/line_items", "LineItem"),
    ("/transactions", "Transaction"),
    ("/plans", "Plan"),
    ("/add_ons", "AddOn"),
    ("/items", "Item"),
    ("/coupons", "Coupon"),
    ("/credit_payments", "CreditPayment"),
    ("/measured_units", "MeasuredUnit"),
    ("/shipping_methods", "ShippingMethod"),
    ("/custom_field_definitions", "CustomFieldDefinition"),
]
TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@pytest.fixture(scope="module")
def specification():
    return api_data("recurly/recurly.v2021-02-25.trimmed.json")


class Checker:
    """Says where a value is not as its schema has it; null is allowed everywhere."""

    def __init__(self, specification):
        self.schemas = specification["components"]["schemas"]

    def wrong(self, value, schema, where):
        schema = self.resolved(schema)
        if value is None:
            return
        expected = TYPES.get(schema.get("type", ""), object)
        if not isinstance(value, expected):
            yield f"{where} is {value!r}, not {schema['type']}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where} is {value!r}, not of {schema['enum']}"
        if isinstance(value, list):
            for part in value:
                yield from self.wrong(part, schema.get("items", {}), f"{where}[]")
        if isinstance(value, dict):
            yield from self.wrong_keys(value, schema, where)

    def wrong_keys(self, value, schema, where):
        properties = schema.get("properties", {})
        for key in value.keys() & properties.keys():
            yield from self.wrong(value[key], properties[key], f"{where}.{key}")
        if properties:
            unknown = value.keys() - properties.keys()
            yield from (f"{where}.{key} is unknown" for key in sorted(unknown))

    def resolved(self, schema):
        if "$ref" in schema:
            return self.resolved(self.schemas[schema["$ref"].rpartition("/")[2]])
        if "allOf" not in schema:
            return schema
        merged = {"type": "object", "properties": {}}
        for part in map(self.resolved, schema["allOf"]):
            merged["properties"].update(part.get("properties", {}))
        return merged


def read_all(client, path):
    found = client.get(path, params={"limit": 200}).json()
    rows = found["data"]
    while found["next"]:
        found = client.get(found["next"]).json()
        rows += found["data"]
    return rows


@pytest.mark.parametrize(("path", "name"), SCHEMAS)
def test_every_object_is_as_the_specification_has_it(
    company, ask, specification, path, name
):
    checker = Checker(specification)

    rows = read_all(ask(company), path)

    wrong = {
        line for row in rows for line in checker.wrong(row, {"$ref": f"#/{name}"}, name)
    }
    assert rows
    assert wrong == set()
    assert {row["object"] for row in rows} == {
        checker.schemas.get(name, {})
        .get("properties", {})
        .get("object", {})
        .get("default", rows[0]["object"])
    }


CHILDREN = [
    ("notes", "AccountNote"),
    ("shipping_addresses", "ShippingAddress"),
    ("coupon_redemptions", "CouponRedemption"),
    ("billing_infos", "BillingInfo"),
]


@pytest.mark.parametrize(("child", "name"), CHILDREN)
def test_every_child_of_an_account_is_as_the_specification_has_it(
    company, ask, specification, child, name
):
    checker, client, found = Checker(specification), ask(company), []

    for account in read_all(client, "/accounts")[:120]:
        found += client.get(f"/accounts/{account['id']}/{child}").json()["data"]

    assert found
    wrong = {w for row in found for w in checker.wrong(row, {"$ref": name}, name)}
    assert wrong == set()


def test_every_parameter_of_the_specification_is_taken(site, ask, specification):
    (account,) = site.api.add("accounts", {"code": "bob"})
    (plan,) = site.api.add("plans", {"code": "gold"})
    of = {"account": account}
    (subscription,) = site.api.add("subscriptions", {"plan_id": plan}, of=of)
    (invoice,) = site.api.add("invoices", of=of)
    named = {
        "account_id": account,
        "plan_id": plan,
        "subscription_id": subscription,
        "invoice_id": invoice,
    }
    client, refused = ask(site), []

    for path, declared in specification["paths"].items():
        for name, value in examples(declared["get"], specification):
            answer = client.get(path.format_map(Rest(named)), params={name: value})
            if answer.status_code == 400:
                refused.append((path, name, value))

    assert refused == []


class Rest(dict):
    def __missing__(self, key):
        return f"no-{key}"


def examples(operation, specification):
    """Give each query parameter with a value that its schema allows."""
    components = specification["components"]
    for parameter in operation.get("parameters", []):
        if "$ref" in parameter:
            name = parameter["$ref"].rpartition("/")[2]
            parameter = components["parameters"][name]  # noqa: PLW2901
        if parameter["in"] != "query":
            continue
        schema = parameter["schema"]
        if "$ref" in schema:
            schema = components["schemas"][schema["$ref"].rpartition("/")[2]]
        for value in schema.get("enum", [None]):
            yield parameter["name"], example(schema, value)


def example(schema, value):
    if value is not None:
        return str(value).lower() if isinstance(value, bool) else value
    by_type = {"integer": 7, "boolean": "true", "array": "abc"}
    if schema.get("format") == "date-time":
        return "2025-06-01T00:00:00Z"
    return by_type.get(schema["type"], "text")


@pytest.mark.parametrize(
    ("sample", "path"),
    [("read-accounts.json", "/accounts"), ("read-invoices.json", "/invoices")],
)
def test_an_envelope_has_the_keys_of_a_recorded_one(company, ask, sample, path):
    recorded = api_data(f"recurly/ampersand/test/{sample}")

    found = ask(company).get(path).json()

    assert found.keys() == recorded.keys()
    assert type(found["next"]) is type(recorded["next"])
    assert found["next"].startswith(recorded["next"].partition("string")[0])


LISTS = [
    "list_sites",
    "list_accounts",
    "list_account_acquisition",
    "list_subscriptions",
    "list_invoices",
    "list_line_items",
    "list_transactions",
    "list_plans",
    "list_add_ons",
    "list_items",
    "list_coupons",
    "list_credit_payments",
    "list_measured_unit",
    "list_shipping_methods",
    "list_custom_field_definitions",
]


@pytest.mark.parametrize("name", LISTS)
def test_the_vendors_client_knows_every_key_of_a_list(company, sdk, name):
    pager = getattr(sdk(company), name)(params={"limit": 200})

    found = list(pager.items())

    assert len(found) == pager.count() > 0
    assert len({row.id for row in found}) == len(found)


def test_the_vendors_client_reads_the_children(company, sdk):
    client = sdk(company)
    houses = [
        subscription
        for subscription in client.list_subscriptions(params={"limit": 200}).items()
        if subscription.plan.code == "house"
    ]
    account = houses[-1].account.id
    invoice = client.list_account_invoices(account).first()

    assert client.get_account(account).code == houses[-1].account.code
    assert client.list_account_subscriptions(account).first().id == houses[-1].id
    assert client.list_account_line_items(account).count() > 1
    assert client.list_account_transactions(account).count() > 0
    assert client.list_shipping_addresses(account).first().nickname == "Kitchen door"
    assert client.list_invoice_line_items(invoice.id).first().invoice_id == invoice.id
    assert client.get_invoice(f"number-{invoice.number}").id == invoice.id
    assert client.list_subscription_invoices(houses[-1].id).count() > 0
    assert client.get_account_acquisition(account).cost.amount == 12.5
    usage = client.list_usage(houses[-1].id, "code-sms")
    assert usage.first().merchant_tag.startswith(houses[-1].account.code)
    assert client.get_usage(usage.first().id).object == "usage"
    assert client.get_plan("code-house").name == "House"
    assert client.list_plan_add_ons("code-house").count() == 2
    assert client.get_plan_add_on("code-house", "code-seat").tier_type == "tiered"


def test_a_redemption_is_in_the_lists_of_all_that_it_belongs_to(company, sdk):
    client = sdk(company)
    redeemed = next(
        invoice
        for invoice in client.list_invoices(params={"limit": 200}).items()
        if invoice.discount == 5.0
    )

    of_account = client.list_account_coupon_redemptions(redeemed.account.id).first()
    of_subscription = client.list_subscription_coupon_redemptions(
        redeemed.subscription_ids[0]
    ).first()
    of_invoice = client.list_invoice_coupon_redemptions(redeemed.id).first()

    assert of_account.id == of_subscription.id == of_invoice.id
    assert of_account.discounted == 5.0


def test_money_is_a_number_in_major_units_that_keeps_its_text(company, ask):
    text = ask(company).get("/invoices?limit=200").text

    found = json.loads(text, parse_float=Decimal)["data"]

    for invoice in found:
        lines = invoice["line_items"]
        assert sum(line["amount"] for line in lines) == max(invoice["total"], 0)
        paid = invoice["total"] - invoice["paid"]
        assert invoice["type"] == "credit" or invoice["balance"] == paid
    assert '"total":12.30' not in text


def test_a_total_of_12_30_is_written_as_12_3(site, ask):
    site.api.add("invoices", {"total": 12.30})

    assert '"total":12.3,' in ask(site).get("/invoices").text


def test_times_are_whole_seconds_in_utc(company, ask):
    for row in ask(company).get("/transactions").json()["data"]:
        assert len(row["created_at"]) == len("2025-11-27T09:15:30Z")
        assert row["created_at"].endswith("Z")


def test_a_transaction_is_collected_later_than_it_is_made(company, ask):
    row = ask(company).get("/transactions?success=true").json()["data"][0]

    assert row["collected_at"] > row["updated_at"]


def test_an_invoice_shows_500_of_its_lines_and_says_that_there_are_more(site, sdk):
    (account,) = site.api.add("accounts", {"code": "bob"})
    (invoice,) = site.api.add("invoices", of={"account": account})
    site.api.add("line_items", 501, of={"account": account, "invoice": invoice})
    client = sdk(site)

    found = client.get_invoice(invoice)

    assert (len(found.line_items), found.has_more_line_items) == (500, True)
    assert client.list_invoice_line_items(invoice).count() == 501
