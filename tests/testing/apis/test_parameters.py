from __future__ import annotations

from datetime import UTC, datetime

import pytest

from elt.testing.apis.parameters import (
    Parameter,
    Wrong,
    flag,
    listed,
    moment,
    one_of,
    read,
    text,
    whole,
)

DECLARED = (
    Parameter("limit", whole(1, 100)),
    Parameter("after", text),
    Parameter("expand", text, repeats=True),
    Parameter("archived", flag),
    Parameter("order", one_of("asc", "desc")),
    Parameter("since", moment),
    Parameter("fields", listed),
)


def test_what_is_declared_is_read():
    given = [
        ("limit", "100"),
        ("expand[]", "data.customer"),
        ("expand[1]", "data.lines"),
        ("archived", "false"),
        ("since", "2025-06-01T02:00:00+02:00"),
        ("fields", "a, b,"),
    ]

    assert read(given, DECLARED) == {
        "limit": 100,
        "expand": ["data.customer", "data.lines"],
        "archived": False,
        "since": datetime(2025, 6, 1, tzinfo=UTC),
        "fields": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("offset", "3", "unknown"),
        ("limit", "101", "more than 100"),
        ("limit", "0", "less than 1"),
        ("limit", "ten", "not a whole number"),
        ("limit", "", "not a whole number"),
        ("after", "", "empty"),
        ("archived", "yes", "not true or false"),
        ("order", "up", "not one of asc, desc"),
        ("since", "monday", "not a moment in ISO 8601"),
        ("limit[]", "3", "unknown"),
    ],
)
def test_all_else_is_refused_with_the_reason(name, value, why):
    with pytest.raises(Wrong) as caught:
        read([(name, value)], DECLARED)

    assert (caught.value.name, caught.value.value, caught.value.why) == (
        name,
        value,
        why,
    )


def test_a_parameter_comes_once_unless_it_repeats():
    with pytest.raises(Wrong, match="given twice"):
        read([("limit", "1"), ("limit", "2")], DECLARED)


def test_what_is_required_is_missed():
    with pytest.raises(Wrong, match="missing"):
        read([], (Parameter("subscription", text, is_required=True),))
