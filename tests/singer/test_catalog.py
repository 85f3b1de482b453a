from __future__ import annotations

from typing import Any

import pytest

from elt.errors import ConfigError
from elt.project.stream_settings import StreamTable
from elt.singer.catalog import (
    PATTERNS,
    annotated,
    column_selected,
    select,
    selected_streams,
)


def catalog(**streams: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Make a catalog; each column is given with its metadata."""
    return {
        "streams": [
            {
                "tap_stream_id": name,
                "stream": name,
                "schema": {"type": "object", "properties": {c: {} for c in columns}},
                "metadata": [
                    {"breadcrumb": ["properties", c], "metadata": about}
                    for c, about in columns.items()
                ],
            }
            for name, columns in streams.items()
        ]
    }


COMPANY = catalog(
    users={"id": {"inclusion": "automatic"}, "email": {}, "name": {}},
    orders={"id": {"inclusion": "automatic"}, "total": {}, "email": {}},
    order_lines={"id": {}, "price": {}},
)


def chosen(patterns: list[str], found: dict[str, Any] = COMPANY) -> dict[str, str]:
    streams = selected_streams(select(found, patterns, {}))
    return {stream.id: " ".join(stream.columns) for stream in streams}


def test_without_patterns_all_is_selected():
    assert chosen([]) == {
        "users": "id email name",
        "orders": "id total email",
        "order_lines": "id price",
    }


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["users"], {"users": "id email name"}),
        (["users.*"], {"users": "id email name"}),
        (["users.name"], {"users": "id name"}),
        (["order*.*"], {"orders": "id total email", "order_lines": "id price"}),
        (["users", "!users.email"], {"users": "id name"}),
        (["!users"], {"orders": "id total email", "order_lines": "id price"}),
        (["!users.*"], {"orders": "id total email", "order_lines": "id price"}),
        (["*", "!order*", "!*.email"], {"users": "id name"}),
        (["users.e*", "!users.id"], {"users": "id email"}),
    ],
)
def test_patterns_choose_as_meltanos_do(patterns, expected):
    assert chosen(patterns) == expected


def test_excluding_one_column_keeps_all_streams():
    assert chosen(["!*.email"]) == {
        "users": "id name",
        "orders": "id total",
        "order_lines": "id price",
    }


def test_the_taps_own_defaults_stand_without_patterns():
    found = catalog(a={"x": {"selected-by-default": False}, "y": {}}, b={"z": {}})
    found["streams"][0]["metadata"].append(
        {"breadcrumb": [], "metadata": {"selected-by-default": True}}
    )

    assert chosen([], found) == {"a": "y"}
    assert chosen(["a", "b"], found) == {"a": "x y", "b": "z"}


def test_unsupported_columns_are_never_selected():
    assert chosen(["a.*"], catalog(a={"x": {"inclusion": "unsupported"}})) == {"a": ""}


def test_nested_columns_are_chosen_with_their_parents():
    found = catalog(users={"id": {}, "address": {}})
    found["streams"][0]["schema"]["properties"]["address"] = {
        "properties": {"city": {}, "zip": {}}
    }

    entry = select(found, ["users.address.city"], {})["streams"][0]

    selected = {
        ".".join(one["breadcrumb"][1::2]): one["metadata"]["selected"]
        for one in entry["metadata"]
    }
    assert selected == {
        "": True,
        "id": False,
        "address": True,
        "address.city": True,
        "address.zip": False,
    }


def test_a_dot_in_a_streams_name_is_escaped():
    found = catalog(**{"public.users": {"id": {}}, "public": {"users": {}}})

    assert chosen([r"public\.users"], found) == {"public.users": "id"}
    assert chosen(["public.users"], found) == {"public": "users"}


def test_a_pattern_that_names_no_stream_is_an_error_with_the_nearest_name():
    with pytest.raises(ConfigError) as caught:
        select(COMPANY, ["user.name"], {})

    assert "`user.name`" in caught.value.what
    assert caught.value.hint == "Did you mean `users`?"


def test_an_override_of_an_unknown_stream_is_an_error():
    with pytest.raises(ConfigError, match="no such stream"):
        select(COMPANY, [], {"userz": StreamTable()})


def test_overrides_are_written_where_taps_look_for_them():
    table = StreamTable(key=["email"], replication_key="name")

    found = select(COMPANY, ["users.id"], {"users": table})

    [stream] = selected_streams(found)
    assert stream.key_properties == ("email",)
    assert stream.replication_method == "INCREMENTAL"
    assert stream.replication_key == "name"
    assert set(stream.columns) == {"id", "email", "name"}
    root = next(
        m["metadata"] for m in found["streams"][0]["metadata"] if not m["breadcrumb"]
    )
    assert root["table-key-properties"] == ["email"]
    assert root["replication-method"] == "INCREMENTAL"


def test_an_incremental_stream_can_be_forced_to_full_table():
    found = catalog(a={"x": {}})
    found["streams"][0] |= {"replication_method": "INCREMENTAL"}

    chosen = select(found, [], {"a": StreamTable(replication_method="FULL_TABLE")})

    assert selected_streams(chosen)[0].replication_method == "FULL_TABLE"


def test_an_unknown_replication_method_stays_unknown():
    assert selected_streams(select(COMPANY, [], {}))[0].replication_method is None


def test_the_given_catalog_is_not_changed():
    before = str(COMPANY)

    select(COMPANY, ["users"], {"users": StreamTable(key=["id"])})

    assert str(COMPANY) == before


def test_columns_that_only_the_tap_will_know_follow_the_streams_patterns():
    found = select(catalog(tickets={}), ["tickets", "!tickets.email"], {})

    root = found["streams"][0]["metadata"][0]["metadata"]

    assert not column_selected(root[PATTERNS], "email")
    assert column_selected(root[PATTERNS], "subject")
    assert not column_selected(["id"], "subject")
    assert column_selected([], "subject")


def test_the_oldest_taps_find_the_selection_in_the_schema():
    old = annotated(select(COMPANY, ["users.name"], {}))

    users, orders, _ = (entry["schema"] for entry in old["streams"])
    assert (users["selected"], orders["selected"]) == (True, False)
    assert users["properties"] == {
        "id": {"selected": True},
        "email": {"selected": False},
        "name": {"selected": True},
    }
