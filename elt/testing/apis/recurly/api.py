"""The simulated Recurly: one site, its clock, its switches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path_
from starlette.types import Receive, Scope, Send

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front
from elt.testing.apis.kept import note_change
from elt.testing.apis.recurly import exports, gate
from elt.testing.apis.recurly.asked import Call, Reply, find
from elt.testing.apis.recurly.catalogue import fill_catalogue, set_up
from elt.testing.apis.recurly.company import Company
from elt.testing.apis.recurly.gate import Access
from elt.testing.apis.recurly.kinds import KINDS
from elt.testing.apis.recurly.pace import LIMITS, SlidingWindow
from elt.testing.apis.recurly.refusals import Refused
from elt.testing.apis.recurly.rendering import shown
from elt.testing.apis.recurly.routes import Route, routes
from elt.testing.apis.recurly.store import Row, Store, iso
from elt.testing.apis.switches import Tokens

_OF_SITE = re.compile(r"/sites/([^/]+)(/.+)")
_TODAY = datetime(2025, 6, 2, 8, tzinfo=UTC)


class Recurly:
    """A site of Recurly v3, as the made-up company or nobody uses it.

    `reading_token` may not write; `narrow_token` reads accounts only. The switches:
    `unknown_parameters` is "refused" or "ignored"; `next_is_url` writes the next page
    as the specification shows it; `wrong_key` is the status and type for a wrong key;
    `sunset` marks the version as deprecated; `between_pages` is called before each page
    but the first. With `limited=False` one may ask as often as one likes.
    """

    name = "recurly"
    token = "recurly-simulated-key"  # noqa: S105
    reading_token = "recurly-simulated-reading-key"  # noqa: S105
    narrow_token = "recurly-simulated-narrow-key"  # noqa: S105

    def __init__(  # noqa: PLR0913, each is a knob
        self,
        *,
        seed: int = 7,
        clock: Clock | None = None,
        writes: Path | None = None,
        company: bool = True,
        limited: bool = True,
        mode: str = "production",
        requests_a_minute: int | None = None,
    ) -> None:
        self.clock = clock or Clock(_TODAY)
        self.mode = mode
        self.window = SlidingWindow(
            requests_a_minute or (LIMITS[mode] if limited else 1_000_000),
            lambda: self.clock.running().timestamp(),
        )
        self.store = Store(seed)
        self.keys = {
            self.token: Access(),
            self.reading_token: Access(writes=False),
            self.narrow_token: Access(writes=False, reads=frozenset({"accounts"})),
        }
        self.unknown_parameters = "refused"
        self.next_is_url = False
        self.wrong_key = (401, "unauthorized")
        self.sunset: datetime | None = None
        self.between_pages: Callable[[], object] | None = None
        self._answered = 0
        self._company = Company(seed, self.store) if company else None
        set_up(self.store, mode)
        if company:
            fill_catalogue(self.store)
        self._app = self._make_app()
        tokens = Tokens(self._know, self.keys.pop)
        self.front = Front(self._without_site, self.clock, writes=writes, tokens=tokens)
        self._catch_up()

    def add(
        self,
        kind: str,
        fields: Mapping[str, Any] | int = 1,
        *,
        of: Mapping[str, str] | None = None,
        each_seconds: int = 1,
    ) -> list[str]:
        """Add one with these fields, or so many, as other programs do; give the ids.

        `of` has the ids that they belong to: `{"account": id}`. Of many, the last one
        is made now, the one before it `each_seconds` earlier, and so on.
        """
        self._catch_up()
        at = int(self.clock.seconds())
        if not isinstance(fields, int):
            return [self._add(kind, at, dict(fields), of).id]
        earlier = range(fields - 1, -1, -1)
        return [self._add(kind, at - each_seconds * n, {}, of).id for n in earlier]

    def update(self, kind: str, identity: str, fields: Mapping[str, Any]) -> None:
        """Change one now, as people and other programs do."""
        self._catch_up()
        row = self.store.rows[kind][identity]
        self.store.change(row, int(self.clock.seconds()), fields)

    def remove(self, kind: str, identity: str) -> None:
        """Take one away without a trace."""
        self._catch_up()
        self.store.remove(self.store.rows[kind][identity])

    def shown(self, kind: str, identity: str) -> dict[str, Any]:
        """Give one as the API would."""
        return shown(self.store, self.store.rows[kind][identity])

    def _add(
        self, kind: str, at: int, fields: dict[str, Any], of: Mapping[str, str] | None
    ) -> Row:
        identity = self.store.next_id(kind)
        by = KINDS[kind].by
        named = {by: f"{kind[:3]}-{identity}"} if by else {}
        if kind == "invoices":
            named = {by: self.store.next_invoice_number()}
        row = Row(kind, identity, at, at, {**named, **fields}, of or {})
        return self.store.add(row)

    def _catch_up(self) -> None:
        if self._company:
            self._company.catch_up(self.clock.now())

    async def _without_site(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the site out of a path, which may begin with it or not.

        Recurly's changelog has both forms of each.
        """
        if found := _OF_SITE.fullmatch(scope["path"]):
            scope.setdefault("state", {})  # what is noted there is read outside
            scope = {**scope, "site": found[1], "path": found[2]}
        await self._app(scope, receive, send)

    def _make_app(self) -> Starlette:
        paths: list[Path_] = [
            Path_(f"{exports.DOWNLOADS}/{{date}}/{{kind}}.csv.gz", self._download)
        ]
        paths += [
            Path_(route.path, self._endpoint(route), methods=[route.method])
            for route in routes()
        ]
        app = Starlette(routes=paths)
        app.router.redirect_slashes = False
        app.add_exception_handler(HTTPException, self._no_such_path)
        return app

    def _endpoint(self, route: Route) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            self._catch_up()
            body = await request.body()
            try:
                version = self._let_in(request, route.kind)
                self._find_site(request)
                call = _call(request, body)
                if "cursor" in request.query_params and self.between_pages:
                    self.between_pages()
                reply = route.answer(self, call)
            except Refused as refused:
                return self._said(Reply(status=refused.status, body=refused.body))
            if route.method != "GET":
                note_change(request.scope)
            return self._said(reply, version)

        return endpoint

    def _know(self, key: str, scopes: frozenset[str] | None) -> None:
        """Know a key; its scopes are `write`, `read`, and the kinds that it reads."""
        scopes = frozenset({"read", "write"}) if scopes is None else scopes
        reads = None if "read" in scopes else scopes
        self.keys[key] = Access(writes="write" in scopes, reads=reads)

    def _let_in(self, request: Request, kind: str) -> str:
        access = gate.access_of(
            request.headers.get("authorization", ""), self.keys, self.wrong_key
        )
        gate.check_pace(self.window, request.method, self.mode)
        version = gate.version_of(request.headers.get("accept", ""))
        access.check(request.method, kind)
        return version

    def _find_site(self, request: Request) -> None:
        """Check a path's site; 404 "Incorrect site ID" (specification)."""
        if "site" in request.scope:
            find(self.store, "sites", request.scope["site"])

    def _said(self, reply: Reply, version: str = gate.NEWEST) -> Response:
        """Write an answer with the headers that all have.

        They are from the specification, "Limits" and "Versioning"; Recurly's client
        for Python needs `X-Request-Id` to tell of an error.
        """
        self._answered += 1
        headers = {
            "Recurly-Version": f"recurly.{version}",
            "X-Request-Id": f"simulated-{self._answered}",
            **gate.pace_headers(self.window),
            **reply.headers,
        }
        if self.sunset:
            headers["Recurly-Deprecated"] = "TRUE"
            at = iso(int(self.sunset.timestamp()))
            headers["Recurly-Sunset-Date"] = at.replace("Z", "+00:00")
        if reply.body is None:
            return Response(status_code=reply.status, headers=headers)
        text = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
        headers["Content-Type"] = "application/json; charset=utf-8"
        return Response(text, status_code=reply.status, headers=headers)

    async def _no_such_path(self, request: Request, _: Exception) -> Response:
        message = f"There is no {request.method} {request.url.path}"
        body = Refused(404, "not_found", message).body
        return self._said(Reply(status=404, body=body))

    async def _download(self, request: Request) -> Response:
        day = date.fromisoformat(request.path_params["date"])
        content = exports.export(self, request.path_params["kind"], day)
        return Response(content, media_type="application/gzip")


def _call(request: Request, body: bytes) -> Call:
    """Read a request. Raises Refused for a body that is not JSON."""
    return Call(
        method=request.method,
        path=_whole_path(request),
        origin=f"{request.url.scheme}://{request.url.netloc}",
        within=request.path_params,
        query=request.query_params.multi_items(),
        body=_read_json(request, body) if body else {},
    )


def _whole_path(request: Request) -> str:
    site = request.scope.get("site")
    path = str(request.scope["path"])
    return f"/sites/{site}{path}" if site else path


def _read_json(request: Request, body: bytes) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if kind != "application/json":
        message = "The Content-Type of a body must be application/json"
        raise Refused(400, "invalid_content_type", message)
    try:
        found = json.loads(body)
    except ValueError:
        raise Refused(400, "bad_request", "The body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "bad_request", "The body is not a JSON object")
    return found
