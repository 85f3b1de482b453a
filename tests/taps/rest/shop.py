"""A small API with one list, and a tap of it, for tests of what taps of APIs share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from elt.taps.rest.ahead import pages, read_at
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.marks import Cursor
from elt.taps.rest.paging import Page
from elt.taps.rest.reading import Chunk, Shape
from elt.taps.rest.settings import common_settings, reach_of
from elt.taps.rest.tap import RestTap
from elt.taps.rest.vendor import Fixed, Vendor
from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front

TOKEN = "shop-token-1"  # noqa: S105
START = datetime(2025, 6, 1, tzinfo=UTC)
PAGE = 3


class Shop:
    """Answers lists of orders and stock, sorted by their change, a page at a time."""

    name = "shop"
    token = TOKEN

    def __init__(self):
        self.clock = Clock(START)
        self.lists: dict[str, list[dict[str, Any]]] = {"orders": [], "stock": []}
        self.forbidden: set[str] = set()
        routes = [Route("/v1/{name}", self.page)]
        self.front = Front(Starlette(routes=routes), self.clock)

    def add(self, name: str, *times: str) -> None:
        rows = self.lists[name]
        rows += [
            {"id": len(rows) + n, "at": at, "amount": "1.10"}
            for n, at in enumerate(times)
        ]

    async def page(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": {"message": "who are you"}}, 401)
        if name in self.forbidden:
            return JSONResponse({"error": {"message": "not yours"}}, 403)
        since = request.query_params.get("since", "")
        rows = sorted(self.lists[name], key=lambda row: row["at"])
        rows = [row for row in rows if row["at"] >= since]
        begin = int(request.query_params.get("cursor", 0))
        found = {"data": rows[begin : begin + PAGE]}
        if begin + PAGE < len(rows):
            found["next"] = str(begin + PAGE)
        text = json.dumps(found, indent=1).replace('"1.10"', "1.10")
        return Response(text, media_type="application/json")


PROPERTIES = {
    "id": {"type": "integer"},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "amount": {"type": ["number", "null"]},
}


def busy(answer: Answer) -> float | None:
    return 0.0 if answer.status == 429 else None


VENDOR = Vendor(name="Shop", credentials_setting="token", busy=busy)


def next_cursor(call: Call, page: Page) -> Call | None:
    cursor = value_at(page.answer.body, ["next"])
    return call.with_params(cursor=str(cursor)) if cursor else None


class ShopTap(RestTap):
    name = "tap-shop"
    config_jsonschema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {
            "token": {"type": "string"},
            "version": {"type": "integer"},
            **common_settings(None),
        },
    }

    def make_api(self):
        token = self.config["token"]
        return Api(
            VENDOR,
            reach_of(self.config, ""),
            Fixed({"Authorization": f"Bearer {token}"}, (token,)),
            logger=self.logger,
            sleep=lambda _: None,
        )

    def rest_streams(self):
        orders = Shape(
            name="orders", key=("id",), properties=PROPERTIES, cursor=Cursor("at")
        )
        stock = Shape(name="stock", key=("id",), properties=PROPERTIES)
        return [
            self.stream(orders, partial(self._read, "orders")),
            self.stream(stock, partial(self._read, "stock")),
        ]

    def _read(self, name, reading):
        if self.config.get("version"):
            reading.version = self.config["version"]
            reading.is_whole = True
        self.wanted = reading.wants("amount")
        since = reading.since()
        params = {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}
        call = Call(path=f"/v1/{name}", params=params)
        for page in pages(self.api, call, read_at("data"), next_cursor):
            yield Chunk(records=page.records, in_order=True)
