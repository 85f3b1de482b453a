from __future__ import annotations

from typing import Any

from elt.runner.catalog_changes import catalog_changes
from elt.singer.catalog import select


def catalog(*streams: dict[str, Any]) -> dict[str, Any]:
    return select({"streams": list(streams)}, (), {})


def stream(name: str, **properties: Any) -> dict[str, Any]:
    key = properties.pop("key", ["id"])
    declared = {"id": {"type": "integer"}, **properties}
    return {
        "tap_stream_id": name,
        "schema": {"properties": declared},
        "key_properties": key,
        "metadata": [],
    }


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (change.kind, f"{change.stream}.{change.column}", change.what)
        for change in catalog_changes(before, after)
    ]


def test_the_same_catalog_has_no_changes():
    assert told(catalog(stream("a")), catalog(stream("a"))) == []


def test_streams_come_and_go():
    assert told(catalog(stream("a")), catalog(stream("b"))) == [
        ("removed", "a.None", "the tap has it no more"),
        ("added", "b.None", "new, with 1 column"),
    ]


def test_columns_come_and_go_and_change_their_types():
    before = catalog(stream("a", old={"type": "string"}, n={"type": "integer"}))
    after = catalog(stream("a", new={"type": "boolean"}, n={"type": "number"}))

    assert told(before, after) == [
        ("removed", "a.old", "the tap has it no more"),
        ("added", "a.new", "new, BOOLEAN"),
        ("changed", "a.n", "BIGINT is now DOUBLE"),
    ]
    follows = [change.follows for change in catalog_changes(before, after)]
    assert follows[2] == "the column becomes DOUBLE, with all values kept"


def test_a_narrower_type_leaves_the_column_as_it_is():
    before = catalog(stream("a", n={"type": "string"}))
    after = catalog(stream("a", n={"type": "integer"}))

    assert catalog_changes(before, after)[0].follows == "the column stays as it is"


def test_another_key_is_told():
    before, after = catalog(stream("a")), catalog(stream("a", key=["id", "day"]))

    assert told(before, after) == [("changed", "a.None", "key: id is now id, day")]
