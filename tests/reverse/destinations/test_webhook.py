from __future__ import annotations

import hashlib
import hmac
import json
import threading

import httpx
import pytest

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.destination import Added, Changed, Removed, Route
from elt.reverse.destinations.webhook import WebhookDestination
from elt.testing.webhooks import Answer, Receiver

ROUTE = Route(sync="s", run_id="r1", object="contacts", key="id", mode="upsert")
SHARED = "known-to-both-sides"
CHANGES = [
    Added("a", '{"id":"a","n":12345678901234567890.1234}'),
    Changed("b", '{"id":"b","n":2}', '{"id":"b","n":1}'),
    Removed("c", '{"id":"c","n":3}'),
]


def webhook(url="http://127.0.0.1/", answer=None, **config):
    """Make a webhook, whose answer is given by a function in place of a server."""
    transport = None if answer is None else httpx.MockTransport(answer)
    return WebhookDestination(
        {"url": url, **config}, None, transport=transport, now=lambda: 1_750_000_000.0
    )


def statuses(destination, changes=CHANGES):
    return {r.key: r.status for r in destination.send(ROUTE, changes)}


def test_a_batch_is_posted_with_exact_numbers_and_old_values():
    with Receiver() as receiver:
        destination = webhook(receiver.url, headers={"X-Api": "1"})

        assert set(statuses(destination).values()) == {"accepted"}

    (request,) = receiver.requests
    assert request.headers["x-api"] == "1"
    assert request.headers["content-type"] == "application/json"
    assert b'"n":12345678901234567890.1234' in request.body
    assert request.json == {
        "sync": "s",
        "object": "contacts",
        "key": "id",
        "mode": "upsert",
        "run_id": "r1",
        "changes": [
            {
                "op": "added",
                "key": "a",
                "payload": {"id": "a", "n": 12345678901234567890.1234},
                "old_payload": None,
            },
            {
                "op": "changed",
                "key": "b",
                "payload": {"id": "b", "n": 2},
                "old_payload": {"id": "b", "n": 1},
            },
            {
                "op": "removed",
                "key": "c",
                "payload": None,
                "old_payload": {"id": "c", "n": 3},
            },
        ],
    }


def test_a_signature_covers_the_time_and_the_body():
    with Receiver() as receiver:
        list(webhook(receiver.url, secret=SHARED).send(ROUTE, CHANGES))

    (request,) = receiver.requests
    signed = b"1750000000." + request.body
    expected = hmac.new(SHARED.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["x-elt-timestamp"] == "1750000000"
    assert request.headers["x-elt-signature"] == f"sha256={expected}"


def test_the_same_batch_has_the_same_idempotency_key():
    with Receiver() as receiver:
        destination = webhook(receiver.url)
        list(destination.send(ROUTE, CHANGES))
        list(destination.send(ROUTE, CHANGES))
        list(destination.send(ROUTE, CHANGES[:2]))

    one, again, other = (r.headers["idempotency-key"] for r in receiver.requests)
    assert one == again != other


def test_a_response_can_answer_for_each_row():
    results = [
        {"key": "a", "status": "accepted", "id": "42"},
        {"key": "b", "status": "rejected", "message": "no such contact"},
        {"key": "c", "status": "tired"},
    ]
    body = json.dumps({"results": results})
    destination = webhook(answer=lambda _: httpx.Response(207, text=body))

    receipts = {r.key: r for r in destination.send(ROUTE, CHANGES)}

    assert (receipts["a"].status, receipts["a"].destination_id) == ("accepted", "42")
    assert (receipts["b"].status, receipts["b"].message) == (
        "rejected",
        "no such contact",
    )
    assert (receipts["c"].status, receipts["c"].message) == (
        "unknown",
        "status `tired`",
    )


@pytest.mark.parametrize("body", ["", "ok", '"ok"', "[]", '{"took": 3}', '{"a": '])
def test_any_other_answer_of_success_accepts_the_batch(body):
    destination = webhook(answer=lambda _: httpx.Response(202, text=body))

    assert set(statuses(destination).values()) == {"accepted"}


def test_results_that_cannot_be_read_accept_nothing():
    destination = webhook(
        answer=lambda _: httpx.Response(200, text='{"results": {"a": "ok"}}')
    )

    assert set(statuses(destination).values()) == {"unknown"}


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refusal_is_of_the_whole_batch(status):
    destination = webhook(answer=lambda _: httpx.Response(status, text="bad n"))

    with pytest.raises(Rejected, match=f"{status} .*: bad n"):
        destination.send(ROUTE, CHANGES)


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "headers"), (403, "secret"), (404, "url"), (302, "url")],
)
def test_a_refusal_of_us_is_a_configuration_error(status, setting):
    destination = webhook(answer=lambda _: httpx.Response(status))

    with pytest.raises(ConfigError) as caught:
        destination.send(ROUTE, CHANGES)

    assert f"`{setting}`" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 15 Jun 2025 15:07:20 GMT"}, 40.0),
        ({"Retry-After": "Sun, 15 Jun 2025 15:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_busy_receiver_took_nothing_and_says_when_to_come_back(
    status, header, seconds
):
    destination = webhook(answer=lambda _: httpx.Response(status, headers=header))

    with pytest.raises(Unavailable) as caught:
        destination.send(ROUTE, CHANGES)

    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [500, 502, 504])
def test_after_a_servers_failure_nobody_knows(status):
    destination = webhook(answer=lambda _: httpx.Response(status))

    assert set(statuses(destination).values()) == {"unknown"}


def test_a_receiver_that_is_not_there_took_nothing():
    with Receiver() as receiver:
        url = receiver.url

    with pytest.raises(Unavailable):
        webhook(url).send(ROUTE, CHANGES)
    with pytest.raises(Unavailable):
        webhook(url).check()


def test_a_receiver_that_falls_silent_may_have_taken_it():
    ended = threading.Event()

    def waits(_):
        ended.wait(10)
        return Answer()

    with Receiver(waits) as receiver:
        found = statuses(webhook(receiver.url, timeout_seconds=0.2))
        ended.set()

    assert set(found.values()) == {"unknown"}


def test_a_check_sends_no_rows():
    with Receiver() as receiver:
        webhook(receiver.url).check()

    assert receiver.requests == []


def test_an_error_does_not_show_the_path_of_the_url():
    destination = webhook(
        "https://hooks.example.com/T0KEN?k=S3CRET", answer=lambda _: httpx.Response(404)
    )

    with pytest.raises(ConfigError) as caught:
        destination.send(ROUTE, CHANGES)

    assert "T0KEN" not in str(caught.value)
    assert "S3CRET" not in str(caught.value)
    assert "https://hooks.example.com" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:80/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("https://example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://10.0.0.1/", False),
    ],
)
def test_only_loopback_is_local(url, is_local):
    assert webhook(url).traits.is_local is is_local


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com", "http://"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ConfigError, match="`url` is not"):
        webhook(url)
