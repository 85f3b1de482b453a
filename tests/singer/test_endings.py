from __future__ import annotations

import json
from decimal import Decimal

import pytest

from elt.singer.endings import Ending, ending_message, ending_of
from elt.singer.messages import decode

SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}}}


@pytest.mark.parametrize(
    "ending",
    [
        Ending("complete"),
        Ending("complete", why="1 repository was left out: acme/a (HTTP 451)"),
        Ending("partial", why="deals: HTTP 403", stay=({"object_type": "deals"},)),
        Ending("skipped", why="HTTP 403"),
        Ending("failed", why="HTTP 503 „später“", temporary=True),
    ],
)
def test_what_is_written_is_what_is_read(ending):
    written = ending_message("teams", SCHEMA, ["id"], ending)

    line, newline, rest = written.partition(b"\n")
    message = decode(line)
    assert (newline, rest) == (b"\n", b"")
    assert (message.type, message.stream) == ("SCHEMA", "teams")
    assert ending_of(message) == ending


def test_for_another_target_it_is_a_schema_like_any():
    written = ending_message("teams", SCHEMA, ["id"], Ending("complete"))

    assert json.loads(written) == {
        "type": "SCHEMA",
        "stream": "teams",
        "schema": SCHEMA,
        "key_properties": ["id"],
        "elt": {"end": "complete"},
    }


def test_a_decimal_of_a_schema_is_written_as_a_number():
    schema = {"properties": {"price": {"multipleOf": Decimal("0.01")}}}

    written = ending_message("teams", schema, ["id"], Ending("complete"))

    assert b'"multipleOf":0.01' in written


@pytest.mark.parametrize("elt", [b"", b',"elt":null'])
def test_a_schema_alone_says_nothing_of_an_end(elt):
    line = b'{"type":"SCHEMA","stream":"s","schema":{},"key_properties":[]%b}' % elt

    assert ending_of(decode(line)) is None


def test_a_decimal_of_a_schema_stays_a_number():
    money = {"type": "number", "multipleOf": Decimal("0.000001")}
    schema = {"type": "object", "properties": {"id": money}}

    written = ending_message("teams", schema, ["id"], Ending("complete"))

    assert json.loads(written)["schema"]["properties"]["id"]["multipleOf"] == 0.000001
