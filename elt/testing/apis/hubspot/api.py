"""HubSpot, simulated: an account with the made-up company's data, or an empty one.

Each behaviour names HubSpot's page, or the public issue or recording, that it is from;
where a text of HubSpot is in none of them, a comment says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import OK
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front
from elt.testing.apis.hubspot.access import (
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    TOKEN,
    Access,
    Grant,
)
from elt.testing.apis.hubspot.asking import Call
from elt.testing.apis.hubspot.definitions import Definition
from elt.testing.apis.hubspot.kettle_and_crew import Life
from elt.testing.apis.hubspot.oauth import token as oauth_token
from elt.testing.apis.hubspot.portal import BY_PEOPLE, NO_LIMITS, Limits, Portal
from elt.testing.apis.hubspot.refusals import (
    Refused,
    RefusedAsText,
    missing_scopes,
    missing_scopes_of_schemas,
)
from elt.testing.apis.hubspot.routes import DATES, ENDPOINTS, FAMILIES, Endpoint
from elt.testing.apis.kept import note_change
from elt.testing.apis.switches import Tokens

_OPENS = datetime(2025, 6, 1, 12, tzinfo=UTC)
_JSON = "application/json;charset=utf-8"

Asked = Callable[[Request], Awaitable[Response]]


class HubSpot:
    """An account of HubSpot.

    `company=False` is an empty one. `index_lag` is how late search hears of a change,
    `limits` how often one may ask; with `limited=False`, as often as one likes.
    `between_pages` is called when a page was given.
    """

    name = "hubspot"
    token = TOKEN
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET
    refresh_token = REFRESH_TOKEN

    def __init__(  # noqa: PLR0913, each is a knob
        self,
        *,
        seed: int = 7,
        clock: Clock | None = None,
        writes: Path | None = None,
        company: bool = True,
        limited: bool = True,
        limits: Limits | None = None,
        index_lag: timedelta = timedelta(seconds=10),
    ) -> None:
        self.clock = clock or Clock(_OPENS)
        self.limits = limits or (Limits() if limited else NO_LIMITS)
        self.portal = Portal(self.clock, self.limits, index_lag)
        self.access = Access(self.clock, self.limits)
        self._life = Life(self.portal, seed) if company else None
        self._correlation = count(1)
        self.catch_up()
        app = Starlette(routes=list(self._routes()))
        tokens = Tokens(self.access.let_in, self.access.revoke)
        self.front = Front(app, self.clock, writes=writes, tokens=tokens)

    @property
    def between_pages(self) -> Callable[[], object] | None:
        return self.portal.between_pages

    @between_pages.setter
    def between_pages(self, happens: Callable[[], object] | None) -> None:
        self.portal.between_pages = happens

    def catch_up(self) -> None:
        """Let the company's life go on to the clock's time."""
        if self._life:
            self._life.live_until(self.portal.now())

    def add(
        self,
        kind: str,
        properties: Mapping[str, object] | None = None,
        *,
        at: datetime | None = None,
        n: int = 1,
    ) -> list[int]:
        """Add `n` records as a person or an import does: nothing is checked.

        A `{n}` in a text is its number. Gives their ids.
        """
        found = self.portal.kind(kind)
        ids = []
        for number in range(n):
            values = {
                name: value.replace("{n}", str(number))
                if isinstance(value, str)
                else value
                for name, value in (properties or {}).items()
            }
            ids.append(self.portal.create(found, values, at=at, source=BY_PEOPLE).id)
        return ids

    def update(
        self, kind: str, record_id: int, properties: Mapping[str, object]
    ) -> None:
        """Change a record as a person does: nothing is checked."""
        found = self.portal.kind(kind)
        self.portal.update(found, record_id, properties, source=BY_PEOPLE)

    def archive(self, kind: str, record_id: int) -> None:
        self.portal.archive(self.portal.kind(kind), record_id)

    def merge(self, kind: str, winner: int, loser: int) -> None:
        self.portal.merge(self.portal.kind(kind), winner, loser)

    def erase(self, kind: str, record_id: int) -> None:
        self.portal.erase(self.portal.kind(kind), record_id)

    def link(self, kind: str, record_id: int, other: str, other_id: int) -> None:
        ends = self.portal.kind(kind), self.portal.kind(other)
        self.portal.links.add(ends[0], record_id, ends[1], other_id)

    def define(self, kind: str, name: str, **what: Any) -> None:
        """Add a property, or change one: `type`, `options`, `is_unique`, ..."""
        found = self.portal.kind(kind)
        there = self.portal.definitions[found.name].get(name)
        made = there or Definition(name=name, is_custom=True)
        self.portal.define(found, replace(made, **what))

    def records(self, kind: str) -> dict[int, dict[str, str]]:
        """Give the properties of all live records by their ids."""
        found = self.portal.records[self.portal.kind(kind).name]
        return {i: dict(v.properties) for i, v in found.live.by_id.items()}

    def let_in(self, token: str, scopes: Iterable[str]) -> None:
        """Know a private app's token that may do no more than these scopes."""
        self.access.let_in(token, frozenset(scopes))

    def _routes(self) -> Iterable[Route]:
        yield Route("/oauth/v1/token", self._token, methods=["POST"])
        yield Route("/oauth/{date}/token", self._token, methods=["POST"])
        for endpoint in ENDPOINTS:
            asked = self._asked(endpoint)
            for prefix in filter(None, FAMILIES[endpoint.family]):
                path = prefix + endpoint.path
                # The SDK writes a slash behind owners, lists and forms.
                for one in (path, f"{path}/"):
                    yield Route(one, asked, methods=[endpoint.method])

    def _asked(self, endpoint: Endpoint) -> Asked:
        async def asked(request: Request) -> Response:
            content = await request.body()
            try:
                return self._answer(endpoint, request, content)
            except RefusedAsText as refused:
                return Response(refused.text, refused.status, media_type="text/plain")
            except Refused as refused:
                correlation = str(UUID(int=next(self._correlation)))
                body = refused.body(correlation)
                return _json(refused.status, body, refused.headers)

        return asked

    def _answer(self, endpoint: Endpoint, request: Request, content: bytes) -> Response:
        if len(request.url.query) > self.limits.query_characters:
            # PostHog/posthog#31617; dlt-hub/verified-sources#305: before HubSpot's own.
            raise RefusedAsText(414, "<html><h1>414 Request-URI Too Large</h1></html>")
        date = request.path_params.get("date")
        if date is not None and date.removesuffix("-beta") not in DATES:
            raise Refused(404, "resource not found", None)
        grant = self.access.identify(request.headers.get("authorization", ""))
        headers = self.access.count(grant, is_search=endpoint.is_search)
        request.state.used = self.access.daily.used
        self.catch_up()
        call = Call(self.portal, request, content)
        try:
            _check_scopes(endpoint, grant, call)
            answer = endpoint.answer(call)
        except Refused as refused:
            refused.headers = {**headers, **refused.headers}
            raise
        return _json(answer.status, answer.body, {**headers, **answer.headers})

    async def _token(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "")
        status, body = oauth_token(self.access, await request.body(), kind)
        if status == OK:
            note_change(request.scope)
        return _json(status, body, {})


def _check_scopes(endpoint: Endpoint, grant: Grant, call: Call) -> None:
    scopes = endpoint.scopes(call)
    if not grant.has_one_of(scopes):
        is_schema = endpoint.family.startswith("schemas")
        raise (missing_scopes_of_schemas if is_schema else missing_scopes)(scopes)


def _json(status: int, body: object, headers: Mapping[str, str]) -> Response:
    content = b"" if body is None else msgspec.json.encode(body)
    return Response(content, status, headers, media_type=_JSON)
