from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.paging import (
    LoopGuard,
    Page,
    after_last,
    link_header,
    link_in_body,
    one_page,
)

URL = "https://api.example.com/v1/orders?limit=2"
CALL = Call(path="/v1/orders", params={"limit": 2})


def page(body=None, *, records=2, headers=None, url=URL):
    rows = [Raw(b'{"id":"%d"}' % number) for number in range(records)]
    content = json.dumps(body or {}).encode()
    return Page(rows, Answer(200, headers or {}, content, url))


@pytest.mark.parametrize(
    "link", ["/v1/orders?cursor=a:b", "https://api.example.com/v1/orders?cursor=a:b"]
)
def test_a_link_is_a_path_or_a_whole_address(link):
    following = link_in_body(["next"])

    call = following(CALL, page({"next": link}))

    assert call is not None
    assert call.path == "https://api.example.com/v1/orders?cursor=a:b"
    assert call.params == {}


@pytest.mark.parametrize(
    ("header", "path"),
    [
        (
            '<https://api.example.com/repositories/1/issues?page=2>; rel="next", '  # noqa: ISC004
            '<https://api.example.com/repositories/1/issues?page=9>; rel="last"',
            "https://api.example.com/repositories/1/issues?page=2",
        ),
        (
            '<https://api.example.com/a?page=1>; rel="prev first",'  # noqa: ISC004
            ' </a?page=3>; title="a, b"; rel=next',
            "https://api.example.com/a?page=3",
        ),
        ('</a?page=3>; rel="prev next"', "https://api.example.com/a?page=3"),
        ('<https://api.example.com/a?page=1>; rel="prev"', None),
        ('</a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_the_header_link_has_the_next_address(header, path):
    call = link_header(CALL, page(headers={"link": header}))

    assert (call.path if call else None) == path


def test_a_list_goes_on_behind_its_last_record():
    following = after_last("starting_after")

    call = following(CALL, page({"has_more": True}))

    assert call is not None
    assert call.params["starting_after"] == "1"
    assert following(CALL, page({"has_more": False})) is None
    assert following(CALL, page({"has_more": True}, records=0)) is None


def test_a_list_of_one_page_has_no_next():
    assert one_page(CALL, page({"next": "/v1/orders"})) is None


names = st.text("abc", min_size=1, max_size=2)
params = st.dictionaries(names, st.text("xyz&=", max_size=3), max_size=3)


@given(st.lists(params, max_size=6))
def test_for_all_requests_each_is_new_once(asked):
    guard = LoopGuard("GET /v1/orders")
    calls = [Call(path="/v1/orders", params=each) for each in asked]

    new = [guard.is_new(call) for call in calls]

    seen = [asked[:n] for n in range(len(asked))]
    assert new == [each not in before for each, before in zip(asked, seen, strict=True)]


def test_the_order_of_parameters_makes_no_other_request():
    guard = LoopGuard("GET /v1/orders")

    assert guard.is_new(Call(path="https://a.example/x?b=2&a=1"))
    assert not guard.is_new(Call(path="https://a.example/x?a=1&b=2"))
    assert guard.is_new(Call(path="/x", method="POST", body={"after": "1"}))
    assert guard.is_new(Call(path="/x", method="POST", body={"after": "2"}))
