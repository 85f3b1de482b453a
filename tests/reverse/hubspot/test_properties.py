from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.reverse.hubspot.properties import (
    Definitions,
    Property,
    Unfit,
    check_fields,
    is_same,
    key_text,
    value_text,
    written,
)

LISTED = {
    "results": [
        {"name": "email", "type": "string", "hasUniqueValue": False},
        {"name": "account_id", "type": "string", "hasUniqueValue": True},
        {"name": "score", "type": "number"},
        {"name": "is_customer", "type": "bool"},
        {"name": "since", "type": "date"},
        {"name": "seen_at", "type": "datetime"},
        {
            "name": "plan",
            "type": "enumeration",
            "options": [
                {"value": "counter", "label": "The Counter"},
                {"value": "house", "label": "Full House"},
            ],
        },
        {"name": "owner", "type": "enumeration", "externalOptions": True},
        {"name": "total", "type": "number", "calculated": True},
        {
            "name": "created_by",
            "type": "string",
            "modificationMetadata": {"readOnlyValue": True},
        },
    ]
}
KNOWN = {one.name: one for one in msgspec.convert(LISTED, type=Definitions).results}


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("email", '"Ann@x.example"', "Ann@x.example"),
        ("email", "true", "true"),
        ("email", "12.50", "12.50"),
        ("email", '{"a":1.10}', '{"a":1.10}'),
        ("email", "null", ""),
        ("score", "12.50", "12.50"),
        ("score", '"12.50"', "12.50"),
        ("score", "1e3", "1000"),
        ("score", "12345678901234567890.25", "12345678901234567890.25"),
        ("score", '""', ""),
        ("is_customer", "true", "true"),
        ("is_customer", '"False"', "false"),
        ("since", '"2025-06-01"', "2025-06-01"),
        ("since", '"2025-06-01T00:00:00Z"', "2025-06-01"),
        ("seen_at", '"2025-06-01T02:00:00.123456+02:00"', "2025-06-01T00:00:00.123Z"),
        ("seen_at", '"2025-06-01 02:00:00"', "2025-06-01T02:00:00.000Z"),
        ("plan", '"house"', "house"),
        ("plan", '"full house"', "house"),
        ("plan", '["counter","house"]', "counter;house"),
        ("plan", '"counter;house"', "counter;house"),
        ("owner", '"4711"', "4711"),
        ("plan", "null", ""),
    ],
)
def test_a_value_is_written_as_its_property_takes_it(name, raw, text):
    assert value_text(KNOWN[name], raw) == text


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("score", '"N/A"', '`score` is a number in HubSpot, and not "N/A"'),
        ("score", "true", "is a number"),
        ("score", '"NaN"', "is a number"),
        ("score", '"1_000"', "is a number"),
        ("seen_at", '"0001-01-01T00:00:00+10:00"', "is a datetime"),
        ("plan", r'"\ud83d"', "is a"),
        ("is_customer", "1", "is a bool"),
        ("since", '"2025-06-01T10:00:00Z"', "is a date"),
        ("seen_at", '"yesterday"', "is a datetime"),
        ("plan", '"kitchen"', "no option `kitchen` in HubSpot; it has counter, house"),
    ],
)
def test_a_value_that_does_not_fit_is_told_before_it_is_sent(name, raw, why):
    with pytest.raises(Unfit, match=why.replace("(", r"\(")):
        value_text(KNOWN[name], raw)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_for_all_numbers_no_digit_is_lost(number):
    assert value_text(KNOWN["score"], f"{number:f}") == f"{number:f}"


def test_the_key_is_no_property_of_its_own():
    text = json.dumps({"email": "ann@x.example", "score": 3, "no_property": 1})

    assert written(text, KNOWN, key="email") == {"score": "3"}
    assert key_text(text, "email") == "ann@x.example"
    with pytest.raises(Unfit, match="empty"):
        key_text('{"email":null}', "email")


def check(*fields, key="email", is_upsert=True):
    check_fields(KNOWN, fields, key=key, is_upsert=is_upsert, where="[syncs.x]")


@pytest.mark.parametrize(
    ("fields", "options", "what", "hint"),
    [
        (["scor"], {}, "no property `scor` there", "Did you mean `score`?"),
        (["total"], {}, "`total` cannot be written", "Take the field out"),
        (["created_by"], {}, "`created_by` cannot be written", "Take the field out"),
        ([], {"key": "plan"}, "`plan` may have one value in several", "account_id"),
        ([], {"key": "hs_object_id"}, "makes no record with an id", "`update`"),
    ],
)
def test_what_no_row_could_be_written_to_is_told_once(fields, options, what, hint):
    with pytest.raises(ConfigError) as caught:
        check(*fields, **options)

    assert what in caught.value.what
    assert hint in caught.value.hint


def test_records_are_found_by_what_is_unique():
    check("score", key="email")
    check("score", key="account_id")
    check("score", "hs_object_id", key="hs_object_id", is_upsert=False)


def test_half_a_letter_in_a_key_is_told_before_it_is_sent():
    with pytest.raises(Unfit, match="`email` is no text"):
        key_text(r'{"email": "\ud83d@example.com"}', "email")


@pytest.mark.parametrize(
    ("kind", "sent", "found"),
    [
        ("string", "Ann", "Ann"),
        ("string", "", None),
        ("number", "1.50", "1.5"),
        ("bool", "true", "true"),
        ("date", "2026-01-02", "2026-01-02"),
        ("datetime", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"),
        ("enumeration", "a;b", "b;a"),
    ],
)
def test_a_value_is_known_again_however_hubspot_writes_it(kind, sent, found):
    assert is_same(Property(name="p", type=kind), sent, found)


@pytest.mark.parametrize(
    ("kind", "sent", "found"),
    [
        ("string", "Ann", "ann"),
        ("string", "", "Ann"),
        ("number", "1", None),
        ("number", "1", "N/A"),
        ("datetime", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:06Z"),
        ("enumeration", "a;b", "a"),
    ],
)
def test_another_value_is_not_taken_for_the_one_that_was_sent(kind, sent, found):
    assert not is_same(Property(name="p", type=kind), sent, found)
