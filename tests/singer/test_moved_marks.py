from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.singer.moved_marks import moved_back, not_behind, spots

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "by", "expected"),
    [
        ("2026-11-04", 3 * DAY, "2026-11-01"),
        ("2026-11-04", timedelta(hours=1), "2026-11-03"),
        ("2026-11-04T00:00:00Z", 3 * DAY, "2026-11-01T00:00:00Z"),
        ("2026-11-04T00:00:00.120Z", timedelta(hours=1), "2026-11-03T23:00:00.120Z"),
        ("2026-11-04T10:00:00+01:00", DAY, "2026-11-03T10:00:00+01:00"),
        ("2026-11-04T10:00:00-0530", DAY, "2026-11-03T10:00:00-0530"),
        ("2026-11-04 10:00:00", DAY, "2026-11-03 10:00:00"),
        ("2026-11-04 10:00:00.5 UTC", DAY, "2026-11-03 10:00:00.5 UTC"),
        ("2026-11-04T10:00", timedelta(seconds=1), "2026-11-04T09:59"),
        ("2026-11-04T10:00:00Z", timedelta(seconds=0.5), "2026-11-04T09:59:59Z"),
        (1000, 10, 990),
        (5, 10, -5),
        (10.5, 10, 0.5),
    ],
)
def test_a_value_moves_back_and_looks_as_before(value: Any, by: Any, expected: Any):
    assert moved_back(value, by) == expected


@pytest.mark.parametrize(
    ("value", "by"),
    [
        (1000, DAY),
        ("2026-11-04", 10),
        ("1000", 10),
        ("1000", DAY),
        ("0/16B3748", DAY),
        ("2026-11-31", DAY),
        ("0001-01-01", DAY),
        (True, 1),
        (None, DAY),
        ({"a": 1}, 1),
    ],
)
def test_what_is_no_such_value_does_not_move(value: Any, by: Any):
    assert moved_back(value, by) is None


@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    seconds=st.integers(1, 40_000_000),
    offset=st.sampled_from(["Z", "+00:00", "-09:30", "+14:00"]),
)
def test_for_all_moments_it_is_as_much_earlier_as_was_asked_for(
    moment, seconds, offset
):
    moved = moved_back(f"{moment.isoformat()}{offset}", timedelta(seconds=seconds))

    earlier = moment - timedelta(seconds=seconds)
    assert moved == f"{earlier.isoformat()}{offset}"


@pytest.mark.parametrize(
    ("mark", "key", "expected"),
    [
        ({"replication_key": "at", "replication_key_value": 3}, "at", [3]),
        ({"replication_key_value": 3}, None, [3]),
        ({"replication_key": "id", "replication_key_value": 3}, "at", []),
        ({"at": 3, "version": 7}, "at", [3]),
        ({"at": 3}, None, []),
        ({"replication_key_value": None, "progress_markers": {}}, "at", []),
        ({"partitions": []}, "at", []),
        (
            {
                "partitions": [
                    {"context": {"repo": 1}, "replication_key_value": 3},
                    {"context": {"repo": 2}},
                    {"context": {"repo": 3}, "replication_key_value": 4},
                ]
            },
            "at",
            [3, 4],
        ),
        (None, "at", []),
        ("2026", "at", []),
    ],
)
def test_a_mark_has_its_value_where_its_tap_keeps_it(mark, key, expected):
    assert [table[name] for table, name in spots(mark, key)] == expected


def marks(*values: Any) -> list[dict[str, Any]]:
    return [{"replication_key": "at", "replication_key_value": v} for v in values]


def state(mark: Any, **more: Any) -> str:
    return json.dumps({"bookmarks": {"orders": mark}, **more})


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        ("2026-11-04", "2026-11-01", "2026-11-04"),
        ("2026-11-04", "2026-11-05", "2026-11-05"),
        ("2026-11-04T00:00:00Z", "2026-11-04T01:00:00+02:00", "2026-11-04T00:00:00Z"),
        ("2026-11-04T00:00:00.5Z", "2026-11-04T00:00:00.12Z", "2026-11-04T00:00:00.5Z"),
        ("2026-11-04T00:00:00Z", "2026-11-04", "2026-11-04"),
        (9, 10, 10),
        (10, 9.5, 10),
        ("later", "earlier", "earlier"),
        (10, "2026-11-04", "2026-11-04"),
    ],
)
def test_a_mark_that_is_behind_the_one_before_is_raised_to_it(before, said, expected):
    old, new, right = marks(before, said, expected)

    found = not_behind(state(new).encode(), state(old), {"orders": "at"})

    assert json.loads(found) == json.loads(state(right))


def test_what_lies_beside_the_value_stays_and_so_do_others_byte_for_byte():
    before = '{"bookmarks":{"orders":{"at":5},"other":{"at":5}}}'
    said = b'{"bookmarks":{"orders":{"at":3,"more":1},"other":{"at":1.10}},"x":2.0}'

    found = not_behind(said, before, {"orders": "at"})

    assert found == (
        b'{"bookmarks":{"orders":{"at":5,"more":1},"other":{"at":1.10}},"x":2.0}'
    )
    assert not_behind(said, None, {"orders": "at"}) is said
    assert not_behind(b"4", before, {"orders": "at"}) == b"4"


def test_each_partition_is_held_by_itself():
    def parts(*values: int) -> str:
        contexts = [{"context": {"repo": n}} for n in range(len(values))]
        both = zip(contexts, values, strict=True)
        return state(
            {"partitions": [{**c, "replication_key_value": v} for c, v in both]}
        )

    found = not_behind(parts(1, 9, 3).encode(), parts(5, 5), {"orders": "at"})

    assert json.loads(found) == json.loads(parts(5, 9, 3))


def test_a_mark_of_another_replication_key_is_a_new_beginning():
    was = {"replication_key": "id", "replication_key_value": 900}
    (said,) = marks(3)

    found = not_behind(state(said).encode(), state(was), {"orders": "at"})

    assert json.loads(found) == json.loads(state(said))


def test_marks_at_the_top_of_a_state_are_held_too():
    found = not_behind(b'{"orders":{"at":3}}', '{"orders":{"at":5}}', {"orders": "at"})

    assert found == b'{"orders":{"at":5}}'
