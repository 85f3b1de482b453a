"""What is set at a simulation by hand, over HTTP: its time, its troubles, its tokens.

    curl -d '{"days": 7}' localhost:8700/_simulation/clock
    curl -d '{"trouble": {"kind": "says", "status": 503}, "times": 2}' \
        localhost:8700/_simulation/troubles
    curl -d '{"token": "narrow", "scopes": []}' localhost:8700/_simulation/tokens
    curl -X DELETE localhost:8700/_simulation/tokens/narrow

Tokens are kept with what is written; time and troubles end with the simulation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from elt.testing.apis.clock import Clock
from elt.testing.apis.kept import note_change
from elt.testing.apis.troubles import Planned, Troubles

OWN = "/_simulation"
_CLOCK, _TROUBLES, _TOKENS = f"{OWN}/clock", f"{OWN}/troubles", f"{OWN}/tokens"
_TROUBLE = '{"trouble": {"kind": "says", "status": 503}, "path": "/v1", "times": 2}'


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a vendor does to know a token, and to know it no more.

    `let_in` takes a token, which may be known already, and its scopes in the vendor's
    words; None are all. `revoke` raises KeyError for one that is not known.
    """

    let_in: Callable[[str, frozenset[str] | None], object]
    revoke: Callable[[str], object]


class _Said(JSONResponse):
    """An answer that ends its line at a terminal."""

    def render(self, content: object) -> bytes:
        return super().render(content) + b"\n"


class _Grant(msgspec.Struct, forbid_unknown_fields=True):
    token: str
    scopes: frozenset[str] | None = None


def switches(clock: Clock, troubles: Troubles, tokens: Tokens | None) -> Starlette:
    """Make the application that answers below `/_simulation`."""

    async def move(request: Request) -> _Said:
        if request.method == "POST":
            try:
                clock.advance(timedelta(**json.loads(await request.body())))
            except (ValueError, TypeError, OverflowError) as error:
                return _wrong(error, '{"days": 7, "hours": 1}')
        return _Said({"now": clock.now().isoformat()})

    async def plan(request: Request) -> _Said:
        if request.method == "POST":
            try:
                troubles.plan(msgspec.json.decode(await request.body(), type=Planned))
            except (msgspec.MsgspecError, re.error) as error:
                return _wrong(error, _TROUBLE)
        elif request.method == "DELETE":
            troubles.clear()
        return _Said({"planned": msgspec.to_builtins(troubles.planned)})

    routes = [
        Route(_CLOCK, move, methods=["GET", "POST"]),
        Route(_TROUBLES, plan, methods=["GET", "POST", "DELETE"]),
        *(_of_tokens(tokens) if tokens else ()),
    ]
    return Starlette(routes=routes, exception_handlers={404: _unknown})


def _of_tokens(tokens: Tokens) -> tuple[Route, Route]:
    async def let_in(request: Request) -> _Said:
        try:
            grant = msgspec.json.decode(await request.body(), type=_Grant)
        except msgspec.MsgspecError as error:
            return _wrong(error, '{"token": "narrow", "scopes": ["..."]}')
        tokens.let_in(grant.token, grant.scopes)
        note_change(request.scope)
        return _Said(msgspec.to_builtins(grant))

    async def revoke(request: Request) -> _Said:
        token = request.path_params["token"]
        try:
            tokens.revoke(token)
        except KeyError:
            return _Said({"error": f"there is no token `{token}`"}, 404)
        note_change(request.scope)
        return _Said({"revoked": token})

    return (
        Route(_TOKENS, let_in, methods=["POST"]),
        Route(f"{_TOKENS}/{{token}}", revoke, methods=["DELETE"]),
    )


async def _unknown(_: Request, __: Exception) -> _Said:
    there = f"there are {_CLOCK}, {_TROUBLES} and {_TOKENS}"
    return _Said({"error": there}, 404)


def _wrong(error: Exception, example: str) -> _Said:
    return _Said({"error": f"{error}; write {example}"}, 400)
