"""What a person sets at a simulation by hand."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from datetime import UTC, datetime, time

import httpx
import pytest

from elt.errors import ConfigError
from elt.testing.apis.registry import NAMES, make
from elt.testing.apis.serving import served
from elt.testing.company import TODAY

NOON = datetime.combine(TODAY, time(12), UTC)
MINE = "mine"
RECURLY = {"Accept": "application/vnd.recurly.v2021-02-25"}
LISTS = {
    "github": "/repos/kettle-and-crew/warehouse/issues",
    "hubspot": "/crm/v3/objects/contacts",
    "recurly": "/accounts",
    "stripe": "/v1/customers",
}
OTHERS = {  # a scope that is not enough for the list, and what is said then
    "github": ("read:org", 404),
    "hubspot": ("crm.objects.deals.read", 403),
    "recurly": ("invoices", 403),
    "stripe": ("charge_read", 403),
}
ENOUGH = {
    "github": "repo",
    "hubspot": "crm.objects.contacts.read",
    "recurly": "accounts",
    "stripe": "customer_read",
}


class Played:
    """A simulation and a client, for reading certificates takes longer than to ask."""

    def __init__(self, running) -> None:
        self.api = running.api
        self.http = httpx.Client(base_url=running.origin)
        self.http.headers["User-Agent"] = "tests"

    def set(self, what, **said):
        return self.http.post(f"/_simulation/{what}", json=said)

    def ask(self, token=None):
        token = token or self.api.token
        headers = {"Authorization": f"Bearer {token}"}
        if self.api.name == "recurly":
            key = base64.b64encode(f"{token}:".encode()).decode()
            headers = {**RECURLY, "Authorization": f"Basic {key}"}
        return self.http.get(LISTS[self.api.name], headers=headers)


@contextmanager
def play(name, writes=None):
    api = make(name, seed=7, at=NOON, runs=False, company=False, writes=writes)
    with served(api) as running:
        played = Played(running)
        with played.http:
            yield played


@pytest.fixture(scope="module", params=sorted(NAMES))
def vendor(request):
    with play(request.param) as played:
        yield played


@pytest.fixture(scope="module")
def one_hubspot():
    with play("hubspot") as played:
        yield played


@pytest.fixture
def hubspot(one_hubspot):
    yield one_hubspot
    one_hubspot.api.front.troubles.clear()


def test_a_token_may_do_less_from_now_on_and_more_again(vendor):
    name = vendor.api.name
    other, refused = OTHERS[name]
    token = f"{name}_live_mine"

    narrow = vendor.set("tokens", token=token, scopes=[other])
    before = vendor.ask(token)
    vendor.set("tokens", token=token, scopes=[ENOUGH[name]])
    after = vendor.ask(token)

    assert narrow.json() == {"token": token, "scopes": [other]}
    assert (before.status_code, after.status_code) == (refused, 200)


def test_a_token_may_do_everything_where_no_scopes_are_named(vendor):
    token = f"{vendor.api.name}_live_whole"

    said = vendor.set("tokens", token=token)

    assert said.json() == {"token": token, "scopes": None}
    assert vendor.ask(token).status_code == 200


def test_a_token_is_revoked_and_comes_back(vendor):
    token = vendor.api.token
    address = f"/_simulation/tokens/{token}"
    before = vendor.ask(token).status_code

    revoked = vendor.http.delete(address)
    without = vendor.ask(token).status_code
    again = vendor.http.delete(address)
    vendor.set("tokens", token=token)

    assert revoked.json() == {"revoked": token}
    assert (before, without) == (200, 401)
    assert (again.status_code, again.json()["error"]) == (
        404,
        f"there is no token `{token}`",
    )
    assert vendor.ask(token).status_code == 200


def test_what_a_token_of_ones_own_wrote_is_kept_with_the_token(tmp_path):
    kept = tmp_path / "hubspot.jsonl"
    body = {"properties": {"email": "ada@example.org"}}
    with play("hubspot", kept) as first:
        first.set("tokens", token=MINE, scopes=["crm.objects.contacts.write"])
        mine = {"Authorization": f"Bearer {MINE}"}
        first.http.post("/crm/v3/objects/contacts", json=body, headers=mine)
        first.set("tokens", token=MINE, scopes=["crm.objects.contacts.read"])

    with play("hubspot", kept) as second:
        found = second.ask(MINE).json()["results"]

    assert [one["properties"]["email"] for one in found] == ["ada@example.org"]


def test_a_kept_request_that_is_refused_now_is_told(tmp_path):
    kept = tmp_path / "hubspot.jsonl"
    body = {"properties": {"email": "ada@example.org"}}
    with play("hubspot", kept) as first:
        token = {"Authorization": f"Bearer {first.api.token}"}
        first.http.post("/crm/v3/objects/contacts", json=body, headers=token)
    kept.write_text(kept.read_text().replace(first.api.token, "of-another-account"))

    with pytest.raises(ConfigError, match="was kept, and is refused now") as raised:
        make("hubspot", seed=7, at=NOON, writes=kept)

    assert raised.value.where == f"{kept}:1"


def test_requests_fail_as_they_were_told_to(hubspot):
    planned = {
        "trouble": {"kind": "says", "status": 503, "headers": {"Retry-After": "2"}},
        "path": LISTS["hubspot"],
        "method": "GET",
        "after": 1,
        "times": 2,
    }

    said = hubspot.set("troubles", **planned)
    answers = [hubspot.ask() for _ in range(4)]
    left = hubspot.http.get("/_simulation/troubles")

    planned["trouble"]["body"] = ""
    assert said.json() == {"planned": [planned]}
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["retry-after"] == "2"
    assert left.json() == {"planned": []}


@pytest.mark.parametrize("kind", ["hangs_up", "breaks_off"])
def test_a_connection_breaks_as_it_was_told_to(hubspot, kind):
    hubspot.set("troubles", trouble={"kind": kind})

    with pytest.raises(httpx.RemoteProtocolError):
        hubspot.ask()


def test_troubles_are_taken_back(hubspot):
    hubspot.set("troubles", trouble={"kind": "packs"}, times=9)

    cleared = hubspot.http.delete("/_simulation/troubles")

    assert cleared.json() == {"planned": []}
    assert "content-encoding" not in hubspot.ask().headers


def test_an_access_token_ends_when_its_half_hour_is_over(hubspot):
    given = {
        "grant_type": "refresh_token",
        "client_id": hubspot.api.client_id,
        "client_secret": hubspot.api.client_secret,
        "refresh_token": hubspot.api.refresh_token,
    }
    token = hubspot.http.post("/oauth/v1/token", data=given).json()

    before = hubspot.ask(token["access_token"])
    hubspot.set("clock", minutes=30)
    after = hubspot.ask(token["access_token"])

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["category"] == "EXPIRED_AUTHENTICATION"


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("troubles", "{}", "missing required field `trouble`"),
        ("troubles", '{"trouble": {"kind": "sings"}}', "Invalid value 'sings'"),
        ("troubles", '{"trouble": {"kind": "says", "status": 7}}', "`int` >= 200"),
        ("troubles", '{"trouble": {"kind": "packs"}, "tmies": 2}', "field `tmies`"),
        ("troubles", '{"trouble": {"kind": "packs"}, "times": 0}', "`int` >= 1"),
        ("troubles", '{"trouble": {"kind": "packs"}, "path": "("}', "missing )"),
        ("tokens", '{"scopes": []}', "missing required field `token`"),
        ("tokens", '{"token": "mine", "scopes": "all"}', "Expected `array"),
        ("clock", '{"days": 1e300}', "too large"),
    ],
)
def test_what_is_written_wrong_is_told_with_an_example(hubspot, path, body, told):
    answer = hubspot.http.post(f"/_simulation/{path}", content=body)

    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert "; write {" in answer.json()["error"]


def test_a_path_that_there_is_not_names_those_that_are(hubspot):
    answer = hubspot.http.get("/_simulation")

    assert answer.status_code == 404
    assert answer.json() == {
        "error": "there are /_simulation/clock, /_simulation/troubles and"
        " /_simulation/tokens"
    }
