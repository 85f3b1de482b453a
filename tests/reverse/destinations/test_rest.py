from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.destination import Added, Changed, Column, Removed, Route
from elt.reverse.destinations.rest import Edges, RestDestination
from elt.testing.webhooks import Answer, Receiver

COLUMNS = tuple(Column(name=name, type="VARCHAR") for name in ("id", "n"))
ROUTE = Route(
    sync="s", run_id="r1", object="people", key="id", mode="mirror", columns=COLUMNS
)
A = Added("a/1", '{"id":"a/1","n":12345678901234567890.1234}')
B = Changed("b", '{"id":"b","n":2}', '{"id":"b","n":1}', "id-b")
C = Removed("c", '{"id":"c","n":3}', "id-c")
ROWS = {
    "upsert": {"method": "PUT", "path": "/{object}/{key}"},
    "removed": {"method": "DELETE", "path": "/{object}/{key}"},
}
BATCH = {"method": "POST", "path": "/batch", "body": "{rows}"}
LIST = {"upsert": BATCH, "removed": {**BATCH, "path": "/gone", "row": "{key}"}}


def rest(answer=None, url="http://127.0.0.1/v1/", **config):
    """Make a destination, whose answer is given by a function in place of a server."""
    transport = None if answer is None else httpx.MockTransport(answer)
    now = 1_750_000_000.0
    return RestDestination(
        {"url": url, **config},
        Path(),
        edges=Edges(transport=transport, now=lambda: now),
    )


def says(status, text="", **headers):
    return lambda _: httpx.Response(status, text=text, headers=headers)


def send(destination, *changes, **route):
    return list(destination.send(replace(ROUTE, **route), list(changes)))


def statuses(destination, *changes):
    return [receipt.status for receipt in send(destination, *changes)]


def test_one_call_a_row_below_the_path_of_the_url():
    with Receiver() as receiver:
        destination = rest(None, f"{receiver.origin}/v1/", **ROWS)

        assert statuses(destination, A, B, C) == ["accepted"] * 3

    assert [(r.method, r.path) for r in receiver.requests] == [
        ("PUT", "/v1/people/a%2F1"),
        ("PUT", "/v1/people/b"),
        ("DELETE", "/v1/people/c"),
    ]
    put, _, delete = receiver.requests
    assert put.body == A.text.encode()
    assert put.headers["content-type"] == "application/json"
    assert put.headers["user-agent"].startswith("elt/")
    assert delete.body == b""


def test_a_list_a_table_with_a_list_and_json_lines():
    row = {"op": "{op}", "id": "{key}", "n": "{n}"}
    calls = {
        "added": {"method": "POST", "path": "/1", "row": row},
        "changed": {"method": "POST", "path": "/2", "body": {"in": "{rows}", "x": 1}},
        "removed": {"method": "POST", "path": "/3", "lines": [row, "{key}"]},
    }
    with Receiver() as receiver:
        send(rest(None, receiver.origin, **calls), A, B, C)

    one, two, three = receiver.requests
    assert one.body == b'[{"op":"added","id":"a/1","n":12345678901234567890.1234}]'
    assert two.body == b'{"in":[{"id":"b","n":2}],"x":1}'
    assert three.body == b'{"op":"removed","id":"c","n":3}\n"c"\n'
    assert three.headers["content-type"] == "application/x-ndjson"


def test_query_and_headers_are_filled_in_and_escaped():
    call = {
        "method": "POST",
        "path": "/x",
        "query": {"q": "{id}", "none": "{old.n}"},
        "headers": {"X-Row": "{id}", "X-Old": "{old.n}", "content-type": "text/json"},
    }
    with Receiver() as receiver:
        change = Added("a", '{"id":"a&b=c \\r\\né"}')
        send(rest(None, receiver.origin, upsert=call), change)

    (request,) = receiver.requests
    assert request.path == "/x?q=a%26b%3Dc%20%0D%0A%C3%A9"
    assert request.headers["x-row"] == "a&b=c %0D%0A%C3%A9"
    assert request.headers["content-type"] == "text/json"
    assert "x-old" not in request.headers


def test_the_same_call_has_the_same_idempotency_key():
    call = {
        "method": "POST",
        "path": "/x",
        "headers": {"Idempotency-Key": "{idempotency_key}"},
    }
    with Receiver() as receiver:
        destination = rest(None, receiver.origin, upsert=call)
        send(destination, A, A, B)

    one, again, other = (r.headers["idempotency-key"] for r in receiver.requests)
    assert one == again != other


@pytest.mark.parametrize("key", [".", "..", ""])
def test_a_row_that_leads_elsewhere_is_rejected_without_a_call(key):
    with Receiver() as receiver:
        destination = rest(None, receiver.origin, **ROWS)

        assert statuses(destination, Added(key, "{}"), B) == ["rejected", "accepted"]

    assert [request.path for request in receiver.requests] == ["/people/b"]


def test_a_row_whose_id_is_not_known_cannot_be_removed():
    call = {"method": "POST", "path": "/x", "row": {"id": "{destination_id}"}}
    with Receiver() as receiver:
        destination = rest(None, receiver.origin, **{**ROWS, "removed": call})

        found = send(destination, Removed("x", "{}"), C)

    assert [r.status for r in found] == ["rejected", "accepted"]
    assert "`{destination_id}` is not known" in found[0].message
    assert receiver.requests[0].body == b'[{"id":"id-c"}]'


@pytest.mark.parametrize(
    ("status", "rows"),
    [
        (200, ["accepted", "accepted"]),
        (204, ["accepted", "accepted"]),
        (207, ["unknown", "unknown"]),
        (404, ["rejected", "accepted"]),
        (410, ["rejected", "accepted"]),
        (400, ["rejected", "rejected"]),
        (409, ["rejected", "rejected"]),
        (422, ["rejected", "rejected"]),
        (500, ["unknown", "unknown"]),
        (504, ["unknown", "unknown"]),
    ],
)
def test_what_a_status_means_for_a_row_and_for_its_removal(status, rows):
    assert statuses(rest(says(status), **ROWS), A, C) == rows


@pytest.mark.parametrize("status", [301, 307, 401, 403, 405])
@pytest.mark.parametrize("calls", [ROWS, LIST])
def test_what_is_wrong_with_us_ends_the_sync(status, calls):
    with pytest.raises(ConfigError):
        send(rest(says(status), **calls), A)


@pytest.mark.parametrize("status", [404, 410])
def test_a_list_that_is_not_there_is_a_wrong_address(status):
    with pytest.raises(ConfigError, match="is not there") as caught:
        send(rest(says(status), **LIST), A)

    assert "`object` of the sync" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_batch_is_refused_as_a_whole(status):
    with pytest.raises(Rejected, match=f"{status} .*: bad n"):
        send(rest(says(status, "bad n"), **LIST), A, B)


@pytest.mark.parametrize("status", [408, 429, 503])
@pytest.mark.parametrize("calls", [ROWS, LIST])
def test_a_busy_server_took_nothing_and_says_when_to_come_back(status, calls):
    answer = httpx.Response(status, headers={"Retry-After": "7"})

    with pytest.raises(Unavailable) as caught:
        send(rest(lambda _: answer, **calls), A)

    assert caught.value.retry_after_seconds == 7.0


@pytest.mark.parametrize(
    ("meaning", "found"),
    [
        ("accepted", "accepted"),
        ("rejected", "rejected"),
        ("unknown", "unknown"),
        ("pending", "pending"),
    ],
)
def test_a_call_can_say_what_a_status_means(meaning, found):
    call = {**ROWS["upsert"], "statuses": {"409": meaning}}

    assert statuses(rest(says(409), upsert=call), A) == [found]


def test_a_status_can_mean_to_come_back_or_to_stop():
    def meaning(word):
        return rest(says(403), upsert={**ROWS["upsert"], "statuses": {"403": word}})

    with pytest.raises(Unavailable):
        send(meaning("retryable"), A)
    with pytest.raises(ConfigError, match="refused the call"):
        send(meaning("stop"), A)


def test_rows_that_were_answered_before_a_server_went_down_are_kept():
    def answer(request):
        return httpx.Response(503 if request.url.path.endswith("b") else 200)

    receipts = rest(answer, **ROWS).send(ROUTE, [A, B, C])

    assert next(receipts).key == "a/1"
    with pytest.raises(Unavailable):
        next(receipts)


def test_a_refused_list_holds_back_no_other():
    def answer(request):
        return httpx.Response(422 if request.url.path.endswith("batch") else 200)

    receipts = rest(answer, **LIST).send(ROUTE, [A, C])

    assert next(receipts).key == "c"
    with pytest.raises(Rejected):
        next(receipts)


def test_calls_go_side_by_side_where_they_may():
    both_there = threading.Barrier(2)

    def answer(_):
        both_there.wait(10)
        return Answer()

    with Receiver(answer) as receiver:
        destination = rest(None, receiver.origin, concurrency=2, **ROWS)

        assert statuses(destination, A, B) == ["accepted", "accepted"]


def test_a_lost_answer_is_unknown_and_a_server_that_is_not_there_took_nothing():
    with Receiver(lambda _: Answer(drops=True)) as receiver:
        destination = rest(None, receiver.origin, **ROWS)
        assert statuses(destination, A) == ["unknown"]

    with pytest.raises(Unavailable):
        send(rest(None, receiver.origin, **ROWS), A)


def test_no_redirect_is_followed_with_our_credentials():
    with Receiver() as stranger:
        there = {"Location": f"{stranger.origin}/steal"}
        with Receiver(lambda _: Answer(307, headers=there)) as receiver:
            auth = {"type": "bearer", "token": "a-long-token"}
            destination = rest(None, receiver.origin, auth=auth, **ROWS)

            with pytest.raises(ConfigError, match=f"points to {stranger.origin}"):
                send(destination, A)

    assert stranger.requests == []


def test_ids_are_captured_and_used_in_later_calls():
    call = {"method": "POST", "path": "/people", "results": {"id": "data.id"}}
    later = {"method": "PATCH", "path": "/people/{destination_id}"}
    answer = json.dumps({"data": {"id": 7}})
    with Receiver(lambda _: Answer(201, answer)) as receiver:
        destination = rest(None, receiver.origin, added=call, changed=later)

        (receipt,) = send(destination, A, mode="upsert")
        send(destination, Changed("a/1", A.text, None, receipt.destination_id))

    assert receipt.destination_id == "7"
    assert receiver.requests[1].path == "/people/7"


@pytest.mark.parametrize(
    ("calls", "modes"),
    [
        ("upsert", {"upsert"}),
        ("upsert removed", {"upsert", "mirror"}),
        ("added changed", {"upsert", "insert", "append", "update"}),
        ("added", {"insert", "append"}),
        ("changed", {"update"}),
        ("changed removed", {"update"}),
    ],
)
def test_the_modes_are_those_whose_calls_are_there(calls, modes):
    tables = {name: {"method": "POST", "path": "/x"} for name in calls.split()}

    assert rest(**tables).traits.modes == modes


@pytest.mark.parametrize(
    ("mode", "paths"),
    [
        ("upsert", ["upsert", "upsert"]),
        ("update", ["changed", "changed"]),
        ("insert", ["added", "added"]),
        ("append", ["added", "added"]),
    ],
)
def test_the_mode_chooses_the_call(mode, paths):
    seen = []

    def answer(request):
        seen.append(request.url.path.removeprefix("/v1/"))
        return httpx.Response(200)

    names = ("upsert", "added", "changed")
    tables = {name: {"method": "POST", "path": f"/{name}"} for name in names}
    send(rest(answer, **tables), A, B, mode=mode)

    assert seen == paths


@pytest.mark.parametrize(
    ("added", "repeatable"),
    [
        ({"method": "PUT"}, True),
        ({"method": "POST"}, False),
        ({"method": "POST", "headers": {"idempotency-key": "{key}"}}, True),
    ],
)
def test_a_bare_post_is_not_made_twice(added, repeatable):
    assert rest(added={"path": "/x", **added}).traits.repeatable is repeatable
    assert rest(added={"path": "/x", **added}, repeatable=True).traits.repeatable


def test_a_check_asks_for_something_and_sends_no_row():
    with Receiver() as receiver:
        rest(None, receiver.origin, check_path="/me", **ROWS).check()

    assert [(r.method, r.path) for r in receiver.requests] == [("GET", "/me")]


@pytest.mark.parametrize(
    ("status", "error"), [(401, ConfigError), (404, ConfigError), (500, Unavailable)]
)
def test_a_check_that_is_refused_says_so(status, error):
    with pytest.raises(error):
        rest(says(status), check_path="/me", **ROWS).check()


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_without_something_to_ask_for_any_answer_will_do(status):
    rest(says(status), **ROWS).check()


def test_a_name_that_is_no_field_is_found_before_the_first_call():
    call = {"method": "PUT", "path": "/x", "body": {"n": "{m}", "i": "{idd}"}}
    with Receiver() as receiver:
        destination = rest(None, receiver.origin, upsert=call)

        with pytest.raises(ConfigError, match="no field `m`") as caught:
            destination.check_route(ROUTE)
        with pytest.raises(ConfigError):
            send(destination, A)

    assert caught.value.where == (
        "config of the destination, `upsert` body, for [syncs.s]"
    )
    assert receiver.requests == []


def test_a_route_without_columns_is_not_judged():
    call = {"method": "PUT", "path": "/{whatever}"}

    rest(upsert=call).check_route(
        Route(sync="s", run_id="", object="o", key="id", mode="upsert")
    )


X = {"method": "POST", "path": "/x"}


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({}, "no call is declared"),
        ({"removed": X}, "mode `upsert` needs the call `upsert`"),
        ({"upsert": {"path": "/x"}}, "missing required field `method`"),
        ({"upsert": {**X, "pth": "/x"}}, "unknown setting `pth`"),
        ({"upserts": X}, "unknown setting `upserts`"),
        ({"upsert": {**X, "method": "put"}}, "Invalid enum value 'put'"),
        ({"upsert": {**X, "path": "https://other.example/x"}}, "is no path here"),
        ({"upsert": {**X, "path": "//other.example/x"}}, "is no path here"),
        ({"upsert": {**X, "path": "/x?y=1"}}, "is no path here"),
        ({"upsert": {**X, "path": "/x/../y"}}, "is no path here"),
        ({"upsert": {**X, "path": "/{x"}}, "is no name in braces"),
        ({"upsert": {**X, "row": {}, "body": {"a": 1}}}, "where they go"),
        ({"upsert": {**X, "lines": []}}, "has no line"),
        ({"upsert": {**X, "lines": ["{key}"], "body": 1}}, "excludes"),
        ({"upsert": {**X, "path": "/{key}", "row": "{key}"}}, "is of one row"),
        ({"upsert": {**X, "body": {"a": "{rows}", "b": "{n}"}}}, "is of one row"),
        ({"upsert": {**X, "path": "/{rows}"}}, "stands in `body` only"),
        ({"upsert": {**X, "statuses": {"4xx": "accepted"}}}, "no status of HTTP"),
        ({"upsert": {**X, "statuses": {"404": "fine"}}}, "Invalid enum value 'fine'"),
        ({"upsert": X, "auth": {"type": "baerer"}}, "`baerer` is not known"),
        ({"upsert": X, "auth": {"type": "bearer"}}, "required field `token`"),
        ({"upsert": X, "batch_size": 0}, "batch_size"),
        ({"upsert": X, "url": "api.example.com"}, "not an http or https address"),
        ({"upsert": X, "url": "https://me:pw@a.example"}, "more than an address"),
        ({"upsert": X, "url": "https://a.example/?key=1"}, "more than an address"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(config, what):
    with pytest.raises(ConfigError, match=what):
        rest(**config)


@pytest.mark.parametrize(
    ("url", "is_local"),
    [("http://localhost:1", True), ("https://api.example.com", False)],
)
def test_only_loopback_is_local(url, is_local):
    assert rest(url=url, **ROWS).traits.is_local is is_local
