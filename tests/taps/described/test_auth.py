from __future__ import annotations

import base64
import json

import pytest
from starlette.responses import JSONResponse
from starlette.routing import Route
from taps.described.anything import Anything, Listed

from elt.errors import ConfigError, Unavailable

SECRET, REFRESH = "secret-1", "refresh-1"
STREAM = {"path": "orders", "records": "data", "key": "id"}
PAIR = base64.b64encode(b"ann:pass-word-1").decode()
KINDS = {
    "none": ({"type": "none"}, None, None),
    "bearer": (
        {"type": "bearer", "token": "tok-en-1"},
        ("authorization", "Bearer tok-en-1"),
        None,
    ),
    "basic": (
        {"type": "basic", "username": "ann", "password": "pass-word-1"},
        ("authorization", f"Basic {PAIR}"),
        None,
    ),
    "header": (
        {"type": "header", "name": "X-Api-Key", "value": "key-key-1"},
        ("x-api-key", "key-key-1"),
        None,
    ),
    "query": (
        {"type": "query", "name": "api_key", "value": "key key/1"},
        None,
        ("api_key", "key key/1"),
    ),
}


@pytest.fixture
def orders(api):
    api.lists["orders"] = Listed([{"id": n} for n in range(5)], style="link", cap=2)


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("kind", KINDS)
def test_every_page_is_asked_for_with_the_credentials(api, read, kind):
    auth, header, param = KINDS[kind]
    paging = {"type": "link", "path": "links.next"}

    told = read(orders={**STREAM, "paging": paging}, config={"auth": auth})

    assert told.ids() == [0, 1, 2, 3, 4]
    for asked in api.front.requests:
        assert header is None or asked.headers[header[0]] == header[1]
        assert param is None or dict(asked.query)[param[0]] == param[1]
        assert [name for name, _ in asked.query].count("api_key") <= 1


@pytest.mark.usefixtures("orders")
def test_headers_and_parameters_of_the_config_go_with_every_request(api, read):
    config = {"headers": {"Accept-Language": "de"}, "params": {"version": 3}}

    read(orders={**STREAM, "headers": {"X-Team": "data"}}, config=config)

    (asked,) = api.front.requests
    assert asked.headers["accept-language"] == "de"
    assert asked.headers["x-team"] == "data"
    assert asked.query == (("version", "3"),)


@pytest.mark.parametrize("kind", ["bearer", "basic", "header", "query"])
def test_a_refused_secret_is_named_by_its_setting_and_not_shown(api, read, kind):
    auth, _, _ = KINDS[kind]
    api.guard = lambda r: JSONResponse({"echo": str(r.headers.raw) + str(r.url)}, 401)

    told = read(orders=STREAM, config={"auth": auth}, fails=ConfigError)

    assert "`auth`" in told.error.hint
    for secret in ("tok-en-1", "pass-word-1", PAIR, "key-key-1", "key key/1"):
        assert secret not in str(told.error)
    assert "key%20key%2F1" not in str(told.error)
    assert "key+key%2F1" not in str(told.error)


class Tokens:
    """A server of tokens, and an API that takes the last one of them."""

    def __init__(self):
        self.forms = []
        self.given = 0
        self.answer = {"expires_in": 3600}
        self.status = 200
        route = Route("/token", self.token, methods=["POST"])
        self.api = Anything(extra=[route], guard=self.guard)
        self.api.lists["orders"] = Listed([{"id": 1}, {"id": 2}], style="page", cap=1)

    async def token(self, request):
        form = (await request.body()).decode()
        self.forms.append((form, request.headers.get("authorization")))
        self.given += 1
        token = {"access_token": f"token-{self.given}", **self.answer}
        return JSONResponse(token if self.status == 200 else self.answer, self.status)

    def guard(self, request):
        expected = f"Bearer token-{self.given}"
        is_known = request.headers.get("authorization") == expected
        return None if is_known else JSONResponse({"error": "expired"}, 401)


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def api(request):
    with_tokens = "tokens" in request.fixturenames
    return request.getfixturevalue("tokens").api if with_tokens else Anything()


def oauth2(read, **more):
    return {
        "type": "oauth2",
        "token_url": f"{read.origin}/token",
        "client_id": "client-1",
        **more,
    }


PAGED = {**STREAM, "paging": {"type": "page", "param": "page"}}


def test_a_token_is_fetched_once_by_client_credentials(tokens, read):
    auth = oauth2(read, client_secret=SECRET, scope="read:all")

    told = read(orders=PAGED, config={"auth": auth})

    assert told.ids() == [1, 2]
    pair = base64.b64encode(b"client-1:secret-1").decode()
    form = "grant_type=client_credentials&scope=read%3Aall"
    assert tokens.forms == [(form, f"Basic {pair}")]


def test_id_and_secret_may_go_in_the_body(tokens, read):
    auth = oauth2(read, client_secret=SECRET, send_as="body")

    read(orders=PAGED, config={"auth": auth})

    form = "grant_type=client_credentials&client_id=client-1&client_secret=secret-1"
    assert tokens.forms == [(form, None)]


def test_a_refresh_token_is_sent_and_a_new_one_is_warned_of(tokens, read, caplog):
    tokens.answer = {"expires_in": 3600, "refresh_token": "refresh-2"}
    caplog.set_level("WARNING")
    auth = oauth2(read, refresh_token=REFRESH)

    told = read(orders=PAGED, config={"auth": auth})

    assert told.ids() == [1, 2]
    form = "grant_type=refresh_token&refresh_token=refresh-1&client_id=client-1"
    assert tokens.forms == [(form, None)]
    assert "gave a new refresh token" in caplog.text
    assert "refresh-2" not in caplog.text


def test_a_token_that_is_refused_is_fetched_anew_once(tokens, read):
    auth = oauth2(read, client_secret=SECRET)
    tokens.answer = {"expires_in": 3600}
    tap_guard = tokens.guard
    refused = []

    def guard(request):
        if request.query_params.get("page") == "2" and not refused:
            refused.append(1)
            return JSONResponse({"error": "expired"}, 401)
        return tap_guard(request)

    tokens.api.guard = guard

    told = read(orders=PAGED, config={"auth": auth})

    assert told.ids() == [1, 2]
    assert len(tokens.forms) == 2


@pytest.mark.parametrize(
    ("status", "answer", "kind", "said"),
    [
        (400, {"error": "invalid_client", "was": "secret-1"}, ConfigError, "HTTP 400"),
        (503, {"error": "later"}, Unavailable, "HTTP 503"),
        (200, {"access_token": None}, ConfigError, "no token was given"),
    ],
)
def test_no_token_says_why_without_secrets(tokens, read, status, answer, kind, said):
    tokens.status, tokens.answer = status, answer
    auth = oauth2(read, client_secret=SECRET)

    told = read(orders=PAGED, config={"auth": auth}, fails=kind)

    assert said in told.error.what
    assert told.error.where == f"POST {read.origin.rsplit(':', 1)[0]}/token"
    assert "secret-1" not in json.dumps(str(told.error))
