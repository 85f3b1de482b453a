"""The tables, against Stripe's own SDK and its sample objects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import stripe
import stripe.params
from api_data import api_data

from elt.taps.stripe.columns import ACCOUNTS
from elt.taps.stripe.streams import STREAMS, Inside, Listed

CLASSES = {
    "credit_notes": stripe.CreditNote,
    "invoice_items": stripe.InvoiceItem,
    "invoice_line_items": stripe.InvoiceLineItem,
    "payout_transactions": stripe.BalanceTransaction,
}
NAMES = [stream.name for stream in STREAMS]
BY_NAME = {stream.name: stream for stream in STREAMS}
LISTED = [stream for stream in STREAMS if isinstance(stream, Listed)]


def class_of(name):
    words = name.removesuffix("s").split("_")
    return CLASSES.get(name) or getattr(stripe, "".join(w.capitalize() for w in words))


def event_types():
    source = Path(stripe.Event.__module__.replace(".", "/") + ".py")
    text = (Path(stripe.__file__).parent.parent / source).read_text()
    return set(re.findall(r'"([a-z_.]+\.[a-z_.]+)",', text))


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_column_is_a_field_of_stripes_sdk(name):
    known = set(class_of(name).__annotations__)
    if isinstance(BY_NAME[name], Inside):
        known.add(BY_NAME[name].owner)

    assert set(BY_NAME[name].columns) - known == set()


def test_every_column_of_accounts_is_a_field_of_stripes_sdk():
    assert set(ACCOUNTS) <= set(stripe.Account.__annotations__)


@pytest.mark.parametrize("stream", LISTED, ids=lambda stream: stream.name)
def test_every_type_of_event_is_one_that_stripe_has(stream):
    types = event_types()

    assert len(types) > 200
    for pattern in stream.events:
        start = pattern.removesuffix("*")
        assert any(
            each.startswith(start) if pattern != start else each == pattern
            for each in types
        ), pattern
    assert not stream.deleted or stream.deleted in types
    assert len(stream.events) <= 20


@pytest.mark.parametrize("stream", LISTED, ids=lambda stream: stream.name)
def test_every_list_takes_the_filter_by_creation(stream):
    params = getattr(stripe.params, f"{class_of(stream.name).__name__}ListParams")

    assert "created" in params.__annotations__


def schema_accepts(schema, value):
    kinds = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "object": dict,
        "array": list,
    }
    return value is None or isinstance(value, kinds[schema["type"][0]])


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_object_fits_the_declared_columns(name):
    objects = api_data("stripe/fixtures3.trimmed.json")["resources"]
    stream = BY_NAME[name]
    kind = stream.object if isinstance(stream, Listed) else None
    inside = {
        "invoice_line_items": "line_item",
        "payout_transactions": "balance_transaction",
        "subscription_items": "subscription_item",
    }
    sample = objects[kind or inside[name]]

    for field, value in sample.items():
        if field in stream.columns:
            assert schema_accepts(stream.columns[field], value), field
