from __future__ import annotations

from decimal import Decimal

from elt.reverse.payload import differing, members, payload


def test_a_number_that_a_float_would_bend_is_a_decimal():
    read = payload('{"a":1.1,"b":12345678901234567890.12,"c":3}')

    assert read == {"a": 1.1, "b": Decimal("12345678901234567890.12"), "c": 3}
    assert isinstance(read["a"], float)


def test_fields_are_split_without_reading_their_values():
    assert members('{"a":1.10,"b":[1,2],"c":"x"}') == {
        "a": "1.10",
        "b": "[1,2]",
        "c": '"x"',
    }


def test_only_fields_that_differ_are_shown():
    old = {"same": 1, "score": 1, "flag": 1, "gone": 2, "blank": None}
    new = {"same": 1, "score": 2, "flag": True, "new": 3}

    assert differing(old, new) == {
        "score": (1, 2),
        "flag": (1, True),
        "new": (None, 3),
        "gone": (2, None),
        "blank": (None, None),
    }
