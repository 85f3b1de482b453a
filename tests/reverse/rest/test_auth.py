from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from elt.errors import ConfigError, Unavailable
from elt.reverse.destination import Added, Route
from elt.reverse.destinations.rest import Edges, RestDestination
from elt.testing.webhooks import Answer, Receiver

ROUTE = Route(sync="s", run_id="r1", object="people", key="id", mode="upsert")
CALL = {"method": "PUT", "path": "/{key}", "query": {"a": "1"}}
A, B = Added("a", "{}"), Added("b", "{}")
WORD = "s3cret w/ 100% +"


def rest(receiver, auth, **edges):
    config = {"url": receiver.origin, "auth": auth, "upsert": CALL}
    return RestDestination(config, Path(), edges=Edges(**edges))


def oauth2(receiver, **settings):
    return {
        "type": "oauth2",
        "token_url": f"{receiver.origin}/token",
        "client_id": "us & them",
        "client_secret": WORD,
        **settings,
    }


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "bearer", "token": WORD}, "authorization", f"Bearer {WORD}"),
        (
            {"type": "basic", "username": "me", "password": WORD},
            "authorization",
            "Basic " + base64.b64encode(f"me:{WORD}".encode()).decode(),
        ),
        ({"type": "header", "name": "X-Key", "value": WORD}, "x-key", WORD),
    ],
)
def test_who_we_are_stands_in_a_header(auth, header, value):
    with Receiver() as receiver:
        list(rest(receiver, auth).send(ROUTE, [A]))

    assert receiver.requests[0].headers[header] == value


def test_who_we_are_can_stand_in_the_query():
    auth = {"type": "query", "name": "key", "value": WORD}
    with Receiver() as receiver:
        list(rest(receiver, auth).send(ROUTE, [A]))

    assert parse_qs(receiver.requests[0].path.partition("?")[2]) == {
        "a": ["1"],
        "key": [WORD],
    }


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "bearer", "token": WORD},
        {"type": "basic", "username": "me", "password": WORD},
        {"type": "header", "name": "X-Key", "value": WORD},
        {"type": "query", "name": "key", "value": WORD},
    ],
)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_server_that_repeats_our_credentials_is_not_repeated(auth, status):
    def repeat(request):
        bare = request.headers.get("authorization", "").rpartition(" ")[2]
        return Answer(status, f"{request.path} {request.headers} {WORD} {bare}")

    with Receiver(repeat) as receiver:
        try:
            said = str(list(rest(receiver, auth).send(ROUTE, [A])))
        except (ConfigError, Unavailable) as error:
            said = str(error)

    basic = base64.b64encode(f"me:{WORD}".encode()).decode()
    for secret in (WORD, "s3cret", basic):
        assert secret not in said
    assert "***" in said


class Tokens:
    """An API whose tokens come from /token, one after the other."""

    def __init__(self, **answer):
        self.answer_fields = {"expires_in": 3600, **answer}
        self.asked = []
        self.good = set()
        self.status = 200

    def answer(self, request):
        if request.path == "/token":
            return self._token(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.good:
            return Answer()
        return Answer(401, f"`{token}` is not good")

    def _token(self, request):
        self.asked.append(request)
        token = f"token-number-{len(self.asked)}"
        self.good.add(token)
        return Answer(
            self.status, json.dumps({"access_token": token, **self.answer_fields})
        )


def test_a_token_is_fetched_once_and_kept():
    api = Tokens()
    with Receiver(api.answer) as receiver:
        destination = rest(receiver, oauth2(receiver, scope="write", audience="x"))
        destination.check()
        statuses = [r.status for r in destination.send(ROUTE, [A, B])]

    assert statuses == ["accepted", "accepted"]
    (asked,) = api.asked
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["write"],
        "audience": ["x"],
    }
    scheme, pair = asked.headers["authorization"].split()
    assert scheme == "Basic"
    assert base64.b64decode(pair) == b"us+%26+them:s3cret+w%2F+100%25+%2B"


def test_id_and_secret_can_be_sent_in_the_body():
    api = Tokens()
    with Receiver(api.answer) as receiver:
        list(rest(receiver, oauth2(receiver, send_as="body")).send(ROUTE, [A]))

    form = parse_qs(api.asked[0].body.decode())
    assert form["client_id"] == ["us & them"]
    assert form["client_secret"] == [WORD]
    assert "authorization" not in api.asked[0].headers


def test_a_token_is_renewed_before_its_end():
    now = [0.0]
    api = Tokens(expires_in=100)
    with Receiver(api.answer) as receiver:
        destination = rest(receiver, oauth2(receiver), clock=lambda: now[0])
        list(destination.send(ROUTE, [A]))
        now[0] = 69.0
        list(destination.send(ROUTE, [A]))
        assert len(api.asked) == 1
        now[0] = 71.0
        list(destination.send(ROUTE, [A]))

    assert len(api.asked) == 2


def test_a_token_that_is_refused_is_renewed_once():
    api = Tokens()
    with Receiver(api.answer) as receiver:
        destination = rest(receiver, oauth2(receiver))
        list(destination.send(ROUTE, [A]))
        api.good.clear()

        assert [r.status for r in destination.send(ROUTE, [A])] == ["accepted"]

        api.good = NoneIsGood()
        with pytest.raises(ConfigError, match="refused our credentials") as caught:
            list(destination.send(ROUTE, [A]))

    assert len(api.asked) == 3
    assert "token-number" not in str(caught.value)


class NoneIsGood(set):
    def __contains__(self, token):
        return False


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ConfigError), (401, ConfigError), (429, Unavailable), (500, Unavailable)],
)
def test_no_token_is_no_rows(status, error):
    api = Tokens()
    api.status = status
    with Receiver(api.answer) as receiver, pytest.raises(error) as caught:
        list(rest(receiver, oauth2(receiver)).send(ROUTE, [A]))

    assert [request.path for request in receiver.requests] == ["/token"]
    assert "s3cret" not in str(caught.value)


def test_an_answer_without_a_token_is_not_shown():
    def answer(_):
        return Answer(200, '{"jwt": "another-secret"}')

    with Receiver(answer) as receiver, pytest.raises(ConfigError) as caught:
        list(rest(receiver, oauth2(receiver)).send(ROUTE, [A]))

    assert "no `access_token`" in caught.value.what
    assert "another-secret" not in str(caught.value)


def test_a_lost_answer_for_a_token_is_about_no_row():
    lost = Receiver(lambda _: Answer(drops=True))

    with lost as receiver, pytest.raises(Unavailable):
        list(rest(receiver, oauth2(receiver)).send(ROUTE, [A]))


def test_side_by_side_a_refused_token_is_fetched_anew_once():
    api = Tokens()
    changes = [Added(f"row-{n}", "{}") for n in range(12)]
    with Receiver(api.answer) as receiver:
        config = {
            "url": receiver.origin,
            "auth": oauth2(receiver),
            "upsert": CALL,
            "concurrency": 4,
        }
        destination = RestDestination(config, Path())
        list(destination.send(ROUTE, changes))
        api.good.clear()
        found = list(destination.send(replace(ROUTE, after=1), changes))

    assert {r.status for r in found} == {"accepted"}
    assert len(api.asked) == 2
