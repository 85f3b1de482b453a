from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taps.described.anything import Anything, Listed

from elt.errors import EltError, Unavailable
from elt.taps.described.settings import settings_of
from elt.taps.described.tap import DescribedTap
from elt.taps.rest.marks import Cursor, Marks
from elt.taps.rest.reading import Reading
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import Says

SIZE = {"size": 3, "size_param": "limit"}
PAGING = {
    "none": {"type": "none"},
    "cursor": {"type": "cursor", "path": "meta.next", "param": "cursor", **SIZE},
    "cursor and more": {
        "type": "cursor",
        "path": "meta.next",
        "param": "cursor",
        **SIZE,
        "more": "has_more",
    },
    "link": {"type": "link", "path": "links.next", **SIZE},
    "link_header": {"type": "link_header", **SIZE},
    "page": {"type": "page", "param": "page", **SIZE},
    "page and pages": {"type": "page", "param": "page", "pages": "pages", **SIZE},
    "page and short": {
        "type": "page",
        "param": "page",
        **SIZE,
        "short_page_ends": True,
    },
    "offset": {"type": "offset", "param": "offset", **SIZE},
    "offset and total": {"type": "offset", "param": "offset", "total": "total", **SIZE},
    "last_id": {"type": "last_id", "param": "after", **SIZE},
    "last_id and more": {
        "type": "last_id",
        "param": "after",
        "more": "has_more",
        **SIZE,
    },
}


def rows(count):
    return [{"id": n, "updated_at": f"2025-05-{n + 1:02}"} for n in range(count)]


def stream(**more):
    return {"path": "orders", "records": "data", "key": "id", **more}


@pytest.mark.parametrize("kind", PAGING)
def test_every_record_of_every_page_comes_in_order(api, read, kind):
    api.lists["orders"] = Listed(rows(7), style=kind.split()[0])

    told = read(orders=stream(paging=PAGING[kind]))

    assert told.ids() == [0, 1, 2, 3, 4, 5, 6]


MOMENTS = [f"2025-05-{day:02}T00:00:00Z" for day in range(1, 8)]


def test_for_any_list_and_paging_records_come_once_and_the_bookmark_is_right():
    """A stored bookmark begins anywhere; the API gives what is at it or behind it."""
    with served(Anything()) as listening:
        api = listening.api
        tap = tap_of(listening.origin)

        @settings(max_examples=30, deadline=None)
        @given(
            kind=st.sampled_from([*PAGING]),
            times=st.lists(st.sampled_from(MOMENTS), max_size=25),
            size=st.integers(1, 9),
            is_sorted=st.booleans(),
            stored=st.none() | st.sampled_from(MOMENTS),
        )
        def holds(kind, times, size, is_sorted, stored):
            found = [{"id": n, "updated_at": at} for n, at in enumerate(times)]
            order = "updated_at" if is_sorted else ""
            api.lists["orders"] = Listed(found, style=kind.split()[0], order=order)
            table = stream(
                paging={**PAGING[kind], **({} if kind == "none" else {"size": size})},
                cursor={"field": "updated_at", "param": "updated_since"},
                sorted=is_sorted,
            )

            ids, mark = what_is_read(tap, table, stored)

            expected = [row for row in found if row["updated_at"] >= (stored or "")]
            assert sorted(ids) == [row["id"] for row in expected]
            newest = max([row["updated_at"] for row in expected], default=None)
            assert mark == (newest or stored)

        holds()
        tap.api.close()


def tap_of(origin):
    config = {"base_url": f"{origin}/v1", "streams": {"orders": stream()}}
    return DescribedTap(
        config=config,
        catalog={"streams": []},
        parse_env_config=False,
    )


def what_is_read(tap, table, stored):
    """Read as a run does; give the ids, and the bookmark at the end."""
    state = {"replication_key": "updated_at", "replication_key_value": stored}
    now = datetime(2025, 6, 1, tzinfo=UTC)
    kept = state if stored else {}
    marks = Marks(kept, Cursor("updated_at"), run_start=now, start=None)
    ids = []
    described = settings_of({"streams": {"orders": table}})["orders"]
    for chunk in tap._read(described, Reading(marks, now, has_end=False)):
        found = [json.loads(bytes(record)) for record in chunk.records]
        ids += [record["id"] for record in found]
        marks.see([record["updated_at"] for record in found])
        if chunk.in_order:
            marks.checkpoint()
    marks.checkpoint()
    return ids, kept.get("replication_key_value")


@pytest.mark.parametrize("kind", ["cursor", "page", "offset", "last_id"])
def test_a_list_that_is_asked_for_by_post_is_paged_in_the_body(api, read, kind):
    api.lists["orders"] = Listed(rows(7), style=kind)
    paging = {**PAGING[kind], "into": "body"}
    body = {"filter": {"status": "open"}}

    told = read(orders=stream(method="POST", body=body, paging=paging))

    assert told.ids() == list(range(7))
    assert all(not asked.query for asked in api.front.requests[1:])
    assert all(asked.json["filter"] == body["filter"] for asked in api.front.requests)


def test_a_field_of_the_body_for_the_page_may_be_inside_of_another(api, read):
    paging = {"type": "offset", "param": "page.offset", "into": "body", "total": "n"}
    api.extra_answers["orders"] = {"data": rows(2), "n": 2}

    read(orders=stream(method="POST", body={"page": {"size": 3}}, paging=paging))

    assert [asked.json for asked in api.front.requests] == [
        {"page": {"size": 3, "offset": 0}}
    ]


def test_a_cap_that_the_api_puts_on_pages_loses_nothing(api, read):
    api.lists["orders"] = Listed(rows(9), style="offset", cap=2)
    paging = {"type": "offset", "param": "offset", "size": 50, "size_param": "limit"}

    assert read(orders=stream(paging=paging)).ids() == list(range(9))


def test_a_parameter_for_pages_that_the_api_does_not_know_is_an_error(api, read):
    api.lists["orders"] = Listed(rows(5), style="page")

    told = read(
        orders=stream(paging={"type": "page", "param": "pagina"}), fails=EltError
    )

    assert told.ids() == [0, 1, 2, 3, 4]
    assert "the same page again" in told.error.what
    assert "stream `orders`" in told.error.what
    assert "look at `paging`" in told.error.hint
    assert told.error.where == f"GET {read.origin}/v1/orders?pagina=2"


def test_records_without_a_key_may_be_alike_but_not_for_ever(api, read):
    api.lists["orders"] = Listed([{"n": 1}] * 4, style="offset", cap=1)
    settings = {"path": "orders", "records": "data"}
    paging = {"type": "offset", "param": "offset"}

    assert len(read(orders={**settings, "paging": paging}).rows()) == 4

    wrong = {**paging, "param": "skip"}
    assert (
        "same page"
        in read(orders={**settings, "paging": wrong}, fails=EltError).error.what
    )


def test_a_next_link_to_another_place_gets_no_credentials(api, read):
    there = {"data": [{"id": 1}], "next": "https://elsewhere.example/v1/orders?page=2"}
    api.extra_answers["orders"] = there
    paging = {"type": "link", "path": "next"}

    told = read(orders=stream(paging=paging), fails=EltError)

    assert told.ids() == [1]
    assert "pointed to another place, https://elsewhere.example" in told.error.what
    assert "`base_url`" in told.error.hint


@pytest.mark.parametrize(
    ("kind", "path"), [("cursor", "meta.next"), ("link", "links.next")]
)
def test_more_and_nothing_that_leads_there_is_an_error(api, read, kind, path):
    api.extra_answers["orders"] = {"data": [{"id": 1}], "has_more": True}
    paging = {**PAGING[kind], "more": "has_more"}

    told = read(orders=stream(paging=paging), fails=EltError)

    assert f"says that there is more, and has no `{path}`" in told.error.what
    assert "`paging.path`" in told.error.hint


@pytest.mark.parametrize("kind", ["cursor and more", "link", "page", "last_id"])
def test_a_mistyped_more_costs_a_request_and_no_records(api, read, kind):
    api.lists["orders"] = Listed(rows(7), style=kind.split()[0])

    told = read(orders=stream(paging={**PAGING[kind], "more": "hasMore"}))

    assert told.ids() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize(
    ("paging", "path"),
    [
        ({"type": "offset", "param": "offset"}, {"total": "total"}),
        ({"type": "offset", "param": "offset"}, {"total": "more"}),
        ({"type": "page", "param": "page"}, {"pages": "total"}),
        ({"type": "cursor", "param": "cursor"}, {"path": "total"}),
        ({"type": "link"}, {"path": "more"}),
    ],
)
def test_a_path_that_leads_to_something_else_is_named(api, read, paging, path, looks):
    there = {"data": [{"id": 1}], "total": {"value": 3}, "more": True}
    api.extra_answers["orders"] = there
    (setting,) = path

    told = read(orders=stream(paging=paging | path), fails=EltError, looks=looks)

    assert f"`paging.{setting}` leads to what it cannot mean" in told.error.what
    assert told.error.what.endswith(("`more` is true", '`total` is {"value":3}'))
    assert told.error.hint == f"Look at `paging.{setting}`"


@pytest.mark.parametrize("end", [None, "", False, [], {}])
@pytest.mark.parametrize("kind", ["cursor", "link"])
def test_a_list_ends_where_there_is_nothing_to_go_on_with(api, read, kind, end):
    api.extra_answers["orders"] = {"data": [{"id": 1}], "next": end}

    told = read(orders=stream(paging={**PAGING[kind], "path": "next"}))

    assert told.ids() == [1]


def test_a_total_may_be_a_text(api, read):
    api.extra_answers["orders"] = {"data": [{"id": 1}], "total": "1"}

    assert read(orders=stream(paging=PAGING["offset and total"])).ids() == [1]
    assert len(api.asked) == 1


def test_an_answer_may_say_that_it_is_the_last_though_it_has_a_next(api, read):
    there = {"data": [{"id": 1}], "after": "c1", "end_of_stream": True}
    api.extra_answers["orders"] = there
    paging = {"type": "cursor", "path": "after", "param": "cursor"}

    told = read(orders=stream(paging={**paging, "end": "end_of_stream"}))

    assert told.ids() == [1]
    assert len(api.asked) == 1


def test_a_cursor_goes_back_as_it_came_though_it_looks_encoded(api, read):
    cursor = "%5B1733206956064%2C%22c21d%22%5D+/=&"
    api.extra_answers["orders"] = {"data": [{"id": 1}], "next": cursor}
    paging = {"type": "cursor", "path": "next", "param": "offset"}

    read(orders=stream(paging=paging), fails=EltError)

    assert api.asked[1][1] == {"offset": cursor}


def test_a_size_is_asked_for_with_every_page(api, read):
    api.lists["orders"] = Listed(rows(5), style="page")

    read(orders=stream(paging=PAGING["page"]))

    assert [query for _, query in api.asked] == [
        {"limit": "3", "page": "1"},
        {"limit": "3", "page": "2"},
        {"limit": "3", "page": "3"},
    ]


def test_pages_may_be_counted_from_nought(api, read):
    api.extra_answers["orders"] = {"data": rows(2), "pages": 1}

    read(orders=stream(paging={**PAGING["page and pages"], "first": 0}))

    assert [query["page"] for _, query in api.asked] == ["0"]


@pytest.mark.parametrize("broken", range(4))
def test_killed_at_any_page_the_next_run_brings_what_is_left(api, read, broken):
    times = ["01", "02", "02", "02", "03", "04", "04"]
    found = [{"id": n, "updated_at": f"2025-05-{at}"} for n, at in enumerate(times)]
    api.lists["orders"] = Listed(found, style="cursor", cap=2, order="updated_at")
    cursor = {"field": "updated_at", "param": "updated_since", "format": "%Y-%m-%d"}
    paging = {"type": "cursor", "path": "meta.next", "param": "cursor"}
    table = stream(cursor=cursor, paging=paging, sorted=True)
    api.front.troubles.add(Says(500), after=broken, times=1)

    failed = read(orders=table, fails=Unavailable)
    states = [m["value"] for m in failed.messages if m["type"] == "STATE"]
    told = read(orders=table, state=states[-1] if states else None)

    assert {*failed.ids(), *told.ids()} == set(range(7))
    assert told.mark() == "2025-05-04"
