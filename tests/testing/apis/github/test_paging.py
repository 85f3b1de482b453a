from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.testing.apis.github.answers import Refused
from elt.testing.apis.github.lists import Backwards
from elt.testing.apis.github.paging import Depth, by_cursor, numbered, place_in

TIMES = st.sampled_from([f"2025-06-01T12:00:0{second}Z" for second in range(4)])
ADDRESS = "http://127.0.0.1/repositories/1/issues"


def following(links, rel):
    """Give the parameters of a link, or None where there is no such one."""
    for link in (links or "").split(", "):
        url, _, name = link.partition("; ")
        if name == f'rel="{rel}"':
            return parse_qsl(urlsplit(url.strip("<>")).query)
    return None


def read_on(cut, pairs, rel="next"):
    pages = []
    while pairs is not None:
        page = cut(pairs)
        pages.append([row["id"] for row in page.rows])
        pairs = following(page.links, rel)
    return pages


@given(times=st.lists(TIMES, max_size=30), size=st.integers(1, 7), down=st.booleans())
def test_for_all_lists_that_stand_still_cursors_give_each_row_once(times, size, down):
    rows = [{"id": number, "updated_at": at} for number, at in enumerate(times)]
    found = sorted(rows, key=place_in("updated_at"))

    def cut(pairs):
        return by_cursor(
            found, pairs, ADDRESS, order="updated_at", descends=down, deepest=10_000
        )

    pages = read_on(cut, [("per_page", str(size))])

    given = [number for page in pages for number in page]
    expected = [row["id"] for row in (found[::-1] if down else found)]
    assert given == expected
    assert all(len(page) == size for page in pages[:-1])


@given(number=st.integers(0, 60), size=st.integers(1, 20), down=st.booleans())
def test_for_all_lists_that_stand_still_pages_give_each_row_once(number, size, down):
    found = [{"id": index} for index in range(number)]
    ordered = Backwards(found) if down else found

    pages = read_on(
        lambda pairs: numbered(ordered, pairs, ADDRESS, None),
        [("per_page", str(size))],
    )

    given = [index for page in pages for index in page]
    assert given == (list(range(number))[::-1] if down else list(range(number)))


def test_the_last_link_stops_at_the_depth():
    found = [{"id": index} for index in range(100)]
    depth = Depth(most=50, says="no further")

    page = numbered(found, [("per_page", "20")], ADDRESS, depth)

    assert following(page.links, "last") == [("per_page", "20"), ("page", "3")]
    third = numbered(found, [("per_page", "20"), ("page", "3")], ADDRESS, depth)
    assert [row["id"] for row in third.rows] == list(range(40, 50))
    with pytest.raises(Refused, match="no further"):
        numbered(found, [("per_page", "20"), ("page", "4")], ADDRESS, depth)


@pytest.mark.parametrize("cursor", ["nonsense", "Y3Vyc29yOnYyOg==", ""])
def test_a_cursor_that_is_none_is_refused(cursor):
    with pytest.raises(Refused) as refused:
        by_cursor(
            [],
            [("after", cursor)],
            ADDRESS,
            order="created_at",
            descends=False,
            deepest=10_000,
        )

    assert refused.value.answer.status == 422
