"""States: one part changes and the others stay, to the last digit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.singer.state import (
    can_be_taken_apart,
    checked,
    differences,
    marks,
    pretty,
    replication_key,
    shown,
    with_mark,
    without,
    without_mark,
)
from elt.singer.state_files import read_state_file, write_meltano, write_states

FEW = settings(max_examples=50)
NAMES = st.sampled_from(["orders", "deals", "Deals", "a.b", "public-users", "é"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTITIONS = st.fixed_dictionaries(
    {"partitions": st.lists(st.fixed_dictionaries({"context": JSON, "at": JSON}))}
)
MARKS = st.dictionaries(NAMES, JSON | PARTITIONS, max_size=5)
STATES = st.fixed_dictionaries(
    {"bookmarks": MARKS},
    optional={"currently_syncing": NAMES | st.none(), "global": JSON, "x": JSON},
)


@FEW
@given(STATES, NAMES)
def test_taking_one_stream_out_touches_nothing_else(state, stream):
    after = json.loads(without(json.dumps(state), {stream}))

    others = {name: mark for name, mark in state["bookmarks"].items() if name != stream}
    assert after["bookmarks"] == others
    rest = {**state, "bookmarks": others}
    if rest.get("currently_syncing") == stream:
        del rest["currently_syncing"]
    assert after == rest


@FEW
@given(STATES, NAMES, JSON)
def test_writing_one_stream_touches_nothing_else(state, stream, mark):
    text = with_mark(json.dumps(state), stream, json.dumps(mark), ())

    state["bookmarks"][stream] = mark
    assert json.loads(text) == state


@FEW
@given(STATES, STATES)
def test_a_difference_names_every_stream_that_changed_and_no_other(before, after):
    lines = differences(json.dumps(before), json.dumps(after), ())

    old, new = before["bookmarks"], after["bookmarks"]
    old = {n: one for n, one in old.items() if one not in ({}, None)}
    new = {n: one for n, one in new.items() if one not in ({}, None)}
    changed = {n for n in old | new if (n in old, old.get(n)) != (n in new, new.get(n))}
    for name in NAMES_:
        assert (name in changed) == any(line.startswith(f"`{name}`:") for line in lines)


NAMES_ = ["orders", "deals", "Deals", "a.b", "public-users", "é"]


def test_what_stays_keeps_every_digit_as_it_was_written():
    state = '{"bookmarks":{"a":1,"b":{"n":1.10,"big":1e400,"t":"\\u00e9"}},"v":[0.10]}'

    after = without(state, {"a"})

    assert (
        after == '{"bookmarks":{"b":{"n":1.10,"big":1e400,"t":"\\u00e9"}},"v":[0.10]}'
    )
    assert '"n": 1.10' in pretty(after)


def test_a_state_may_have_its_streams_at_the_top():
    state = '{"a":{"at":1},"b":{"at":2},"version":3}'

    assert marks(state, ["a", "b"]) == {"a": '{"at":1}', "b": '{"at":2}'}
    assert without(state, {"a"}) == '{"b":{"at":2},"version":3}'
    assert json.loads(with_mark(state, "a", '{"at":9}', ["a", "b"]))["a"] == {"at": 9}


@pytest.mark.parametrize("state", ['{"at": 5}', "[1, 2]", '"x"'])
def test_a_state_without_streams_is_not_taken_apart(state):
    assert marks(state, ["a"]) is None
    assert not can_be_taken_apart(state, ["a"])
    with pytest.raises(ConfigError, match="no bookmarks of single streams"):
        with_mark(state, "a", "{}", ["a"])


def test_bookmarks_of_something_else_than_streams_are_not_taken_apart():
    assert not can_be_taken_apart('{"bookmarks":{"at":5}}', ["orders"])
    assert can_be_taken_apart('{"bookmarks":{"orders":5}}', ["orders"])
    assert can_be_taken_apart('{"bookmarks":{}}', ["orders"])


def test_a_stream_surely_begins_anew_only_where_streams_can_be_told_apart():
    assert without_mark(None, {"a"})
    assert without_mark('{"bookmarks":{"b":1}}', {"a"})
    assert not without_mark('{"bookmarks":{"a":1}}', {"a"})
    assert not without_mark('{"at":5}', {"a"})


@pytest.mark.parametrize(
    ("mark", "key", "words"),
    [
        ('{"replication_key":"at","replication_key_value":"2026"}', "at", "2026"),
        ('{"updated_at":"2026-01-01"}', "updated_at", "2026-01-01"),
        ('{"partitions":[{},{}]}', None, "2 partitions"),
        ('{"files":{"a.csv":{}}}', None, "1 file"),
        ('{"a":1,"b":2}', None, '{"a": 1, "b": 2}'),
        ("7", None, "7"),
    ],
)
def test_a_mark_is_shown_in_a_few_words(mark, key, words):
    assert replication_key(mark) == key
    assert shown(mark) == words


def test_differences_are_said_in_words():
    before = '{"bookmarks":{"a":{"at":1},"b":{"at":2},"c":{"at":3}},"token":"x"}'
    after = '{"bookmarks":{"a":{"at":5},"c":{"at":3},"d":{"at":4}},"token":"y"}'

    assert differences(before, after, ()) == [
        "`a`: 1 -> 5",
        "`b`: 2 -> no bookmark",
        "`d`: no bookmark -> 4",
        '`token`: "x" -> "y"',
    ]
    assert differences('{"at":1}', '{"at":2}', ()) == ["the state 1 -> 2"]
    assert differences(before, before, ()) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "this is not"),
        ("{", "this is not"),
        ("[1]", "this is a list"),
        ("null", "this is null"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": "\\ud800"}', "this is not"),
        ('{"a": 1} x', "this is not"),
    ],
)
def test_what_is_no_state_is_refused_in_words(text, what):
    with pytest.raises(ConfigError, match=what):
        checked(text)


STATE = '{"bookmarks":{"a":{"at":1.10}}}'


@pytest.mark.parametrize(
    "text",
    [
        STATE,
        f'{{"singer_state": {STATE}}}',
        f'{{"completed": {{"singer_state": {STATE}}}, "partial": {{}}}}',
        f'{{"completed_state": {{"singer_state": {STATE}}}}}',
        f'{{"type": "STATE", "value": {STATE}}}',
        f'{{"type":"STATE","value":{{}}}}\n{{"type":"STATE","value":{STATE}}}',
        f'{{"old": 1}}\n{STATE}\n',
        write_meltano(STATE),
    ],
)
def test_singers_and_meltanos_files_hold_one_state(text):
    assert read_state_file(text).unnamed == STATE


def test_what_meltano_has_not_completed_lies_over_what_it_has():
    below = '{"singer_state":{"bookmarks":{"a":1,"b":1},"x":1}}'
    above = '{"singer_state":{"bookmarks":{"b":2.0}}}'

    found = read_state_file(f'{{"completed":{below},"partial":{above}}}')

    assert found.unnamed == '{"bookmarks":{"a":1,"b":2.0},"x":1}'


def test_our_own_file_comes_back_as_it_was_written():
    states = {"crm": STATE, "erp": '{"at":1e400}'}

    text = write_states(states, environment="prod", warehouse="w1")

    found = read_state_file(text)
    assert (found.states, found.warehouse, found.unnamed) == (states, "w1", None)


def test_a_file_of_a_newer_elt_is_refused():
    with pytest.raises(ConfigError, match="version 2"):
        read_state_file('{"elt_state": 2, "taps": {}}')


@pytest.mark.parametrize("empty", ["{}", "null"])
def test_a_mark_that_says_nothing_is_no_bookmark(empty):
    marked = f'{{"bookmarks":{{"a":{empty},"b":1}}}}'

    assert differences(marked, '{"bookmarks":{"b":1}}', ()) == []
    assert differences(None, marked, ()) == ["`b`: no bookmark -> 1"]
