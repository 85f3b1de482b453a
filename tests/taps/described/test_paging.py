from __future__ import annotations

import pytest
from taps.described.anything import Listed

from elt.errors import EltError

SIZE = {"size": 3, "size_param": "limit"}
PAGING = {
    "none": {"type": "none"},
    "cursor": {"type": "cursor", "path": "meta.next", "param": "cursor", **SIZE},
    "cursor and more": {
        **{"type": "cursor", "path": "meta.next", "param": "cursor", **SIZE},
        "more": "has_more",
    },
    "link": {"type": "link", "path": "links.next", **SIZE},
    "link_header": {"type": "link_header", **SIZE},
    "page": {"type": "page", "param": "page", **SIZE},
    "page and pages": {"type": "page", "param": "page", "pages": "pages", **SIZE},
    "page and short": {
        **{"type": "page", "param": "page", **SIZE},
        "short_page_ends": True,
    },
    "offset": {"type": "offset", "param": "offset", **SIZE},
    "offset and total": {"type": "offset", "param": "offset", "total": "total", **SIZE},
    "last_id": {"type": "last_id", "param": "after", **SIZE},
    "last_id and more": {
        **{"type": "last_id", "param": "after", "more": "has_more", **SIZE},
    },
}


def rows(count):
    return [{"id": n, "updated_at": f"2025-05-{n + 1:02}"} for n in range(count)]


def stream(**more):
    return {"path": "orders", "records": "data", "key": "id", **more}


@pytest.mark.parametrize("kind", PAGING)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_every_record_of_every_page_comes_once(api, read, kind, count):
    api.lists["orders"] = Listed(rows(count), style=kind.split()[0])

    told = read(orders=stream(paging=PAGING[kind]))

    assert told.ids() == list(range(count))


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
    api.lists["orders"] = Listed(rows(7), style="cursor", cap=3)
    api.lists["orders"].style = "cursor"

    paging = {"type": "offset", "param": "page.offset", "into": "body"}
    api.lists["orders"].style = "none"
    told = read(
        orders=stream(method="POST", body={"page": {"size": 3}}, paging=paging),
        fails=EltError,
    )

    assert [asked.json for asked in api.front.requests[-2:]] == [
        {"page": {"size": 3, "offset": 0}},
        {"page": {"size": 3, "offset": 7}},
    ]
    assert "`paging`" in told.error.hint


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
    api.lists["orders"] = Listed(rows(1), envelope="data")
    api.lists["orders"].rows[0]["next"] = "https://elsewhere.example/v1/orders?page=2"
    paging = {"type": "link", "path": "data.next"}

    told = read(
        orders={**stream(), "records": "", "paging": paging, "key": []},
        fails=None,
    )

    assert len(told.rows()) == 1
