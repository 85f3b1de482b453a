from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from elt.taps.rest.rows import (
    on_one_line,
    only,
    record_lines,
    value_reader,
    with_fields,
)

leaves = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=2), max_leaves=5)
objects = st.dictionaries(st.text(min_size=1), values, max_size=4)
layouts = st.sampled_from([None, 0, 2, "\t"])


@given(st.lists(st.tuples(objects, layouts), max_size=5))
def test_for_all_records_each_is_one_line_that_says_the_same(given_objects):
    raw = [Raw(json.dumps(o, indent=indent).encode()) for o, indent in given_objects]

    lines = record_lines('a "stream"', on_one_line(raw)).splitlines()

    messages = [json.loads(line) for line in lines]
    assert [m["record"] for m in messages] == [o for o, _ in given_objects]
    assert all(m["stream"] == 'a "stream"' for m in messages)


@given(objects, layouts)
def test_for_all_records_fields_are_put_in_front(record, indent):
    raw = json.dumps(record, indent=indent).encode()
    added = {"_shop": "ann's", "_page": 2}

    found = json.loads(with_fields(added)(raw))

    assert found == {**added, **record}


def test_no_fields_to_add_leave_a_record_as_it_is():
    assert with_fields({})(b'{"id": 1}') == b'{"id": 1}'
    assert with_fields({})(b"{}") == b"{}"


def test_deselected_fields_are_left_out_and_numbers_keep_their_digits():
    chosen = only(lambda name: name != "secret")

    assert chosen(b'{"price": 1.10, "secret": [1], "big": 12345678901234567890}') == (
        b'{"price":1.10,"big":12345678901234567890}'
    )


def test_one_field_is_decoded_and_another_type_is_no_problem():
    at = value_reader("at")

    assert at(b'{"id": 1, "at": "2025-06-01"}') == "2025-06-01"
    assert at(b'{"at": 17}') == 17
    assert at(b"{}") is None
