"""A key of any type finds its row again, and no other."""

from __future__ import annotations

import json

import pytest
from far_tables import gone, person, route_to

from elt.reverse.destination import Added, Changed, Removed

KEYS = {
    "INTEGER": ("-7", "7"),
    "BIGINT": ("9007199254740993", "9007199254740992"),
    "HUGEINT": ("123456789012345678", "123456789012345679"),
    "DECIMAL(18,2)": ("1.5", "-1.25"),
    "DOUBLE": ("0.1", "1e+21"),
    "BOOLEAN": ("true", "false"),
    "DATE": ('"1850-01-31"', '"1850-02-01"'),
    "TIME": ('"01:02:03.000001"', '"01:02:03.000002"'),
    "TIMESTAMP": ('"1850-01-31T01:02:03.000001"', '"1850-01-31T01:02:03.000002"'),
    "TIMESTAMP WITH TIME ZONE": (
        '"2025-01-31T01:02:03.000000Z"',
        '"2025-01-31T01:02:04.000000Z"',
    ),
    "UUID": (
        '"00000000-0000-4000-8000-000000000001"',
        '"00000000-0000-4000-8000-000000000002"',
    ),
    "VARCHAR": ('"é😀 %s \\\\ \\"\'"', '"É😀 %s \\\\ \\"\'"'),
    "BLOB": ('"AAE="', '"AAI="'),
}


@pytest.mark.parametrize("type_", KEYS)
def test_a_key_of_any_type_finds_its_row_again(far, type_):
    if type_ == "BLOB" and far.kind == "mariadb":
        far.run("CREATE TABLE t (id varbinary(9) PRIMARY KEY, n bigint)")
    one, two = KEYS[type_]
    keys = [json.loads(k) if k.startswith('"') else k for k in (one, two)]
    columns = {"id": type_, "n": "BIGINT"}

    def text(key, n):
        return f'{{"id":{key},"n":{n}}}'

    def send(*changes, mode="upsert"):
        route = route_to("t", mode, columns, "id")
        return far.send(*changes, route=route, create_table=True)

    send(Added(keys[0], text(one, 1)), Added(keys[1], text(two, 2)))
    answers = [
        send(Changed(keys[0], text(one, 10), text(one, 1))),
        send(Changed(keys[1], text(two, 20), text(two, 2)), mode="update"),
        send(Added(keys[1], text(two, 20)), mode="insert"),
        send(Removed(keys[0], text(one, 10)), mode="mirror"),
    ]

    assert {status for each in answers for status, _ in each.values()} == {"accepted"}
    assert far.rows("t", "n") == [(20,)]
    send(Removed(keys[1]), mode="mirror")  # nothing else is known of it
    assert far.rows("t") == []


def test_a_key_in_a_smaller_character_set_is_never_taken_for_another(far_mariadb):
    far = far_mariadb
    far.run(
        "CREATE TABLE people (email varchar(50) CHARACTER SET latin1 PRIMARY KEY,"
        " name varchar(50), score int)"
    )

    answers = far.send(person("caf?"), person("café"), person("caf😀"))
    far.send(person("café", "again"), gone("caf😀"), route=route_to(mode="mirror"))

    assert [status for status, _ in answers.values()] == [
        "accepted",
        "accepted",
        "rejected",
    ]
    assert far.rows(columns="name, email") == [("again", "café"), ("x", "caf?")]


def test_an_update_of_a_row_that_is_there_with_the_same_values_counts_as_done(far):
    far.people()
    route = route_to(mode="update")
    far.send(person("ann"))

    assert far.send(person("ann"), route=route)["ann"][0] == "accepted"


def test_a_table_may_have_nothing_but_its_key(far):
    far.run("CREATE TABLE people (email varchar(50) PRIMARY KEY)")
    route = route_to(columns={"email": "VARCHAR"})
    row = Added("ann", '{"email":"ann"}')

    far.send(row, route=route)

    assert far.send(row, route=route)["ann"][0] == "accepted"
    assert far.rows() == [("ann",)]
