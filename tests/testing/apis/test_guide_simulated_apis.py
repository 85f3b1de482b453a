"""docs/guides/simulated-apis.md: its commands and its test do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import httpx
import pytest

from elt.testing.apis import troubles
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.serving import served

PAGE = (Path(__file__).parents[3] / "docs/guides/simulated-apis.md").read_text("utf-8")
CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture(scope="module")
def hubspot():
    api = HubSpot(company=False)
    with served(api) as running, httpx.Client(base_url=running.origin) as client:
        client.headers["Authorization"] = f"Bearer {api.token}"
        yield client


def test_what_the_commands_plan_meets_the_requests_that_the_page_says(hubspot):
    says, hangs_up, shows, clears = commands("troubles")

    run(hubspot, says)
    first = hubspot.get("/crm/v3/owners")
    run(hubspot, hangs_up)
    fails = [fails_to_read_contacts(hubspot) for _ in range(3)]
    left = run(hubspot, shows)
    cleared = run(hubspot, clears)

    assert (first.status_code, first.headers["retry-after"]) == (503, "2")
    assert fails == [False, False, True]
    assert left.json()["planned"][0]["times"] == 2
    assert cleared.json() == {"planned": []}


def test_the_commands_take_scopes_away_give_them_and_revoke_a_token(hubspot):
    mine = {"Authorization": "Bearer mine"}
    paths = (CONTACTS, "/crm/v3/objects/deals")
    statuses = []

    for command in commands("tokens"):
        run(hubspot, command)
        statuses.append([hubspot.get(path, headers=mine).status_code for path in paths])

    assert statuses == [[200, 403], [200, 200], [401, 401]]


def test_the_command_lets_a_week_go_by(hubspot):
    (advance,) = commands("clock")

    moved = run(hubspot, advance)

    assert moved.json() == {"now": "2025-06-08T12:00:00+00:00"}


def test_the_table_has_all_kinds_of_troubles():
    named = re.findall(r"^\| `(\w+)` \|", PAGE.split("| `kind` |")[1], re.MULTILINE)
    kinds = [kind.__struct_config__.tag for kind in troubles.Trouble.__args__]

    assert named == kinds


def test_the_test_of_the_page_passes():
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(compile(text, "simulated-apis.md", "exec"), names)  # noqa: S102, our own page

    names["test_customers_are_read_again_after_a_failure"](read_customers)


def commands(about):
    lines = re.findall(rf"^curl .*/_simulation/{about}\b.*$", PAGE, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def run(client, words):
    """Do what curl does with these few words."""
    data = words[words.index("-d") + 1] if "-d" in words else None
    usual = "POST" if data else "GET"
    method = words[words.index("-X") + 1] if "-X" in words else usual
    path = words[-1].removeprefix("http://127.0.0.1:8700")
    return client.request(method, path, content=data).raise_for_status()


def fails_to_read_contacts(client):
    try:
        return client.get(CONTACTS).is_error
    except httpx.RemoteProtocolError:
        return True


def read_customers(origin, token):
    found, after = [], {}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=origin, headers=headers) as client:
        while True:
            answer = client.get("/v1/customers", params={"limit": 100, **after})
            if answer.status_code == 503:
                continue
            found += answer.json()["data"]
            if not answer.json()["has_more"]:
                return found
            after = {"starting_after": found[-1]["id"]}
