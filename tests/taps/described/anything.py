"""A small API that pages its lists in any way, for tests of the rest tap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front

START = datetime(2025, 6, 1, tzinfo=UTC)


@dataclass
class Listed:
    """One list: `style` is how it is paged; `cap` is the most that a page has."""

    rows: list[dict[str, Any]]
    style: str = "none"
    cap: int = 100
    order: str = ""  # a field that the rows are sorted by
    envelope: str = "data"  # "" gives the bare list
    since: str = "updated_since"
    until: str = "updated_before"
    field: str = "updated_at"
    exclusive: bool = False


@dataclass
class Anything:
    """Answers `/v1/NAME` with a list; `guard` gives an answer to who is not known."""

    name: str = "anything"
    token: str = "no-token-1"  # noqa: S105
    clock: Clock = field(default_factory=lambda: Clock(START))
    lists: dict[str, Listed] = field(default_factory=dict)
    # In place of a list: a text as it is, anything else as JSON.
    extra_answers: dict[str, Any] = field(default_factory=dict)
    guard: Callable[[Request], Response | None] = lambda _: None
    extra: list[Route] = field(default_factory=list)

    def __post_init__(self):
        routes = [
            *self.extra,
            Route("/v1/{name:path}", self.answer, methods=["GET", "POST"]),
        ]
        self.front = Front(Starlette(routes=routes), self.clock)

    async def answer(self, request: Request) -> Response:
        refused = self.guard(request)
        if refused is not None:
            return refused
        name = request.path_params["name"]
        if name in self.extra_answers:
            found = self.extra_answers[name]
            as_it_is = isinstance(found, str)
            return Response(found) if as_it_is else JSONResponse(found)
        if name not in self.lists:
            return JSONResponse({"error": f"there is no {name}"}, 404)
        body = await request.json() if request.method == "POST" else {}
        given = {**flat(body), **request.query_params}
        return page_of(self.lists[name], given, request)

    @property
    def asked(self) -> list[tuple[str, dict[str, str]]]:
        return [(r.path, dict(r.query)) for r in self.front.requests]


def flat(body: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in body.items():
        inner = isinstance(value, dict)
        found |= flat(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return found


def page_of(listed: Listed, given: dict[str, Any], request: Request) -> Response:
    rows = chosen(listed, given)
    size = min(int(given.get("limit", listed.cap)), listed.cap)
    begin, more = begin_of(listed, rows, given, size), {}
    page = rows[begin : begin + size] if listed.style != "none" else rows
    is_more = listed.style != "none" and begin + size < len(rows)
    headers = {}
    url = request.url
    if listed.style == "cursor":
        more = {"meta": {"next": f"c{begin + size}" if is_more else None}}
    elif listed.style == "link":
        link = str(url.include_query_params(cursor=f"c{begin + size}"))
        more = {"links": {"next": link}} if is_more else {"links": {}}
    elif listed.style == "link_header" and is_more:
        link = url.include_query_params(cursor=f"c{begin + size}")
        headers["Link"] = f'<{url}>; rel="self", <{link}>; rel="next"'
    elif listed.style in {"page", "offset"}:
        more = {"total": len(rows), "pages": -(-len(rows) // size)}
    more["has_more"] = is_more
    found = {listed.envelope: page, **more} if listed.envelope else page
    return JSONResponse(found, headers=headers)


def chosen(listed: Listed, given: dict[str, Any]) -> list[dict[str, Any]]:
    rows = listed.rows
    since, until = given.get(listed.since), given.get(listed.until)
    if since is not None:
        rows = [r for r in rows if is_after(listed, r[listed.field], since)]
    if until is not None:
        rows = [r for r in rows if is_before(r[listed.field], until)]
    return sorted(rows, key=lambda r: r[listed.order]) if listed.order else rows


def is_after(listed: Listed, value: Any, since: Any) -> bool:
    bound = type(value)(since)
    return value > bound if listed.exclusive else value >= bound


def is_before(value: Any, until: Any) -> bool:
    return bool(value < type(value)(until))


def begin_of(
    listed: Listed, rows: list[dict[str, Any]], given: dict[str, Any], size: int
) -> int:
    match listed.style:
        case "page":
            return (int(given.get("page", 1)) - 1) * size
        case "offset":
            return int(given.get("offset", 0))
        case "last_id":
            after = given.get("after")
            ids = [str(row["id"]) for row in rows]
            return ids.index(str(after)) + 1 if after is not None else 0
        case _:
            return int(given.get("cursor", "c0")[1:])
