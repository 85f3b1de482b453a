"""One request: who asks for what, whether they may, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from elt.testing.apis.clock import Clock
from elt.testing.apis.kept import note_change
from elt.testing.apis.stripe import errors, lists, reads, versions, writing
from elt.testing.apis.stripe.addresses import Call, resolve
from elt.testing.apis.stripe.errors import Refused
from elt.testing.apis.stripe.keys import Key, Keys, Pace
from elt.testing.apis.stripe.repeats import Answer, Repeats
from elt.testing.apis.stripe.space import Request, Space
from elt.testing.apis.stripe.tables import Object

_CARRIED_OUT = frozenset({200, 402})  # an answer that is given again for its key


class Stripes(Protocol):
    """What an endpoint needs of the simulation."""

    clock: Clock
    keys: Keys
    pace: Pace
    repeats: Repeats
    locks: dict[str, int]
    between_pages: Callable[[], object] | None
    balance_lag: Any

    def space(self, account: str = ..., *, live: bool = ...) -> Space: ...

    def has_account(self, account: str) -> bool: ...

    def catch_up(self) -> None: ...


@dataclass(slots=True, kw_only=True)
class _Asking:
    """One request, as far as it is understood."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    id: str
    key: Key | None = None
    space: Space | None = None
    version: str = versions.NEWEST


class Endpoint:
    def __init__(self, api: Stripes) -> None:
        self._api = api
        self._asked = 0
        self._changed = 0

    async def answer(self, http: HttpRequest) -> Response:
        self._asked += 1
        # Those of writes do not count reads, so that a repeated write has the same.
        number, mark = (self._asked, "r")
        if http.method != "GET":
            number, mark = (self._changed + 1, "w")
        asking = _Asking(
            method=http.method,
            path=http.url.path,
            query=list(http.query_params.multi_items()),
            headers=http.headers,
            body=await http.body(),
            id=f"req_{mark}{number:013}",
        )
        try:
            self._api.catch_up()
            status, body, more = self._answer(asking, http)
        except Refused as refused:
            status, more = refused.status, dict(refused.headers)
            body = _encoded(refused.body(self._log_url(asking)))
        return Response(body, status, {**self._headers(asking), **more})

    def _answer(
        self, asking: _Asking, http: HttpRequest
    ) -> tuple[int, bytes, dict[str, str]]:
        call, space = self._admit(asking)
        if asking.method == "GET":
            found = self._read(call, space, asking)
            return 200, _encoded(found), {}
        return self._write_once(call, space, asking, http)

    def _admit(self, asking: _Asking) -> tuple[Call, Space]:
        """Find out what is asked of whose data. Raises Refused."""
        api = self._api
        asking.key = api.keys.of(asking.headers)
        key = asking.key
        account = asking.headers.get("stripe-account")
        if account and not api.has_account(account):
            raise errors.foreign_account(key.secret, account)
        space = (
            api.space(account, live=key.live) if account else api.space(live=key.live)
        )
        asking.space = space
        asking.version = versions.check(
            asking.headers.get("stripe-version") or space.version
        )
        call = resolve(asking.method, asking.path)
        api.pace.take(space.account, call.endpoint, live=space.live)
        key.check(call.kind, space.account, writes=asking.method != "GET")
        self._check_lock(call.key)
        return call, space

    def _check_lock(self, key: str) -> None:
        if self._api.locks.get(key, 0) > 0:
            self._api.locks[key] -= 1
            raise errors.locked()

    def _read(self, call: Call, space: Space, asking: _Asking) -> Object:
        lag = self._api.balance_lag.total_seconds()
        if call.does != "list":
            return reads.one(space, call, asking.query, version=asking.version, lag=lag)
        is_further = any(
            name in {"starting_after", "ending_before"} for name, _ in asking.query
        )
        if is_further and self._api.between_pages is not None:
            self._api.between_pages()
        of = None
        if call.owner is not None:
            reads.find(space, call.owner, call.key)
            of = (call.inside, call.key)
        listed = lists.Listed(kind=call.kind, url=asking.path, of=of)
        return lists.page(space, listed, asking.query, version=asking.version, lag=lag)

    def _write_once(
        self, call: Call, space: Space, asking: _Asking, http: HttpRequest
    ) -> tuple[int, bytes, dict[str, str]]:
        """Write, unless the same key has done so before."""
        keyed = asking.method == "POST"
        key = asking.headers.get("idempotency-key") if keyed else None
        where = f"{space.account}/{space.live}"
        asked = (asking.method, asking.path, asking.body)
        now = self._api.clock.seconds()
        if key:
            before = self._api.repeats.of(where, key, asked, now)
            if before is not None:
                said = {"Idempotent-Replayed": "true"}
                said["Original-Request"] = before.request_id
                return before.status, before.body, said
        status, body = self._write(call, space, asking)
        if status in _CARRIED_OUT:
            note_change(http.scope)
            self._changed += 1
            if key:
                answer = Answer(asked, status, body, asking.id, now)
                self._api.repeats.keep(where, key, answer)
        return status, body, {}

    def _write(self, call: Call, space: Space, asking: _Asking) -> tuple[int, bytes]:
        pairs = parse_qsl(asking.body.decode(), keep_blank_values=True)
        space.request = Request(asking.id, asking.headers.get("idempotency-key"))
        try:
            written = writing.write(
                space, call, [*asking.query, *pairs], version=asking.version
            )
        except Refused as refused:
            if refused.status not in _CARRIED_OUT:
                raise
            return refused.status, _encoded(refused.body(self._log_url(asking)))
        finally:
            space.request = Request()
        return 200, _encoded(written)

    def _headers(self, asking: _Asking) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Request-Id": asking.id,
            "Stripe-Version": asking.version,
        }
        account = asking.headers.get("stripe-account")
        if account:
            headers["Stripe-Account"] = account
        key = asking.headers.get("idempotency-key")
        if key:
            headers["Idempotency-Key"] = key
        return headers

    def _log_url(self, asking: _Asking) -> str | None:
        if asking.key is None:
            return None
        mode = "" if asking.key.live else "test/"
        at = int(self._api.clock.seconds())
        return f"https://dashboard.stripe.com/{mode}logs/{asking.id}?t={at}"


def _encoded(answer: object) -> bytes:
    return msgspec.json.encode(answer)
