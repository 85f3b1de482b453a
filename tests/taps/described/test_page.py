"""The examples of docs/taps/rest.md: accepted, and read from recorded answers."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from api_data import api_data
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from taps.described.anything import Anything

from elt.errors import EltError
from elt.taps.described.declared import AUTH, CONFIG, CURSOR, PAGING, STREAM
from elt.taps.described.tap import DescribedTap

PAGE = Path(__file__).parents[3] / "docs" / "taps" / "rest.md"
TEXT = PAGE.read_text("utf-8")
EXAMPLES = {
    name: table["config"]
    for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    for name, table in tomllib.loads(block)["taps"].items()
}


def test_the_page_has_its_examples():
    assert list(EXAMPLES) == ["shop", "lever", "zendesk", "greenhouse", "search"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_accepted(name):
    DescribedTap.check(EXAMPLES[name])


DECLARED = {
    "tap": CONFIG,
    "stream": STREAM,
    "paging": PAGING,
    "cursor": CURSOR,
    "auth": AUTH,
}


@pytest.mark.parametrize("table", DECLARED)
def test_every_setting_is_on_the_page(table):
    names = DECLARED[table]["properties"]

    missing = [n for n in names if f"`{n}`" not in TEXT and f"{n} = " not in TEXT]

    assert missing == []


class Recorded(Anything):
    """Answers with recorded pages: the first, or the one that a parameter names."""

    def __init__(self, pages):
        self.pages = pages
        routes = [Route("/v1/{name:path}", self.recorded)]
        super().__init__(extra=routes)

    async def recorded(self, request: Request):
        found = self.pages.get(request.path_params["name"], {"data": []})
        key = next((k for k in found if k and f"{k}=" in str(request.url)), "")
        origin = str(request.base_url).rstrip("/") + "/v1"
        text = re.sub(r"https://[a-z0-9-]+\.zendesk\.com/api/v2", origin, found[key])
        return JSONResponse(json.loads(text))


@pytest.fixture
def api(request):
    return Recorded(request.getfixturevalue("recorded"))


def pages_of(folder, first, last, at):
    pages = {"": f"{folder}/{first}.json", at: f"{folder}/{last}.json"}
    return {name: json.dumps(api_data(path)) for name, path in pages.items()}


@pytest.fixture
def recorded():
    folder = "zendesk/ampersand/test/read"
    users = pages_of(
        f"{folder}/incremental", "users-1-first-page", "users-2-last-page", "cursor"
    )
    triggers = pages_of(
        folder, "triggers-1-first-page", "triggers-2-last-page", "page%5Bafter%5D"
    )
    lever = json.dumps(api_data("lever/ampersand/test/opportunities.json"))
    end = json.dumps({"data": [], "hasNext": False})
    return {
        "incremental/users/cursor": users,
        "triggers": triggers,
        "opportunities": {"": lever, "offset": end},
    }


def read_example(read, name, **streams):
    config = {**EXAMPLES[name], "requests_per_second": 100}
    del config["base_url"]
    del config["streams"]
    return read(config=config, looks=True, **streams)


def test_zendesks_recorded_pages_are_read_to_their_end_and_no_further(api, read):
    given = EXAMPLES["zendesk"]["streams"]
    users = {
        **given["tickets"],
        "path": "/incremental/users/cursor",
        "records": "users",
        "cursor": {
            "field": "updated_at",
            "param": "start_time",
            "format": "unix_seconds",
        },
    }

    told = read_example(read, "zendesk", users=users, triggers=given["triggers"])

    assert told.ids("users") == [26363597354387, 22883624375167]
    assert len([path for path, _ in api.asked if path.endswith("cursor")]) == 4
    assert len(set(told.ids("triggers"))) == 2
    assert len([path for path, _ in api.asked if path.endswith("triggers")]) == 4


def test_levers_recorded_page_is_read_and_its_next_sent_back(api, read):
    opportunities = EXAMPLES["lever"]["streams"]["opportunities"]

    told = read_example(read, "lever", opportunities=opportunities)

    sent = api.asked[1][1]["offset"]
    assert len(told.ids("opportunities")) == 1
    assert sent.startswith("%5B1%2C1750233409740%2C")
    assert api.asked[0][1]["updated_at_start"] == "1735689600000"
    assert isinstance(told.mark("opportunities"), int)


def test_the_error_on_the_page_is_what_is_said(api, read):
    api.pages["products"] = {"": '{"data": [{"id": 1}]}'}
    products = {**EXAMPLES["shop"]["streams"]["products"], "records": "data.items"}

    told = read(looks=True, fails=EltError, products=products)

    shown = str(told.error).replace(read.origin, "https://api.shop.example")
    assert shown in TEXT
