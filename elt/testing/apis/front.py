"""What stands before every simulation: its log, its troubles, its switches.

Beside the vendor's paths it answers `/_simulation`, so that a simulation that was
started by hand can be moved by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from elt.testing.apis.clock import Clock
from elt.testing.apis.kept import Kept, has_changed
from elt.testing.apis.switches import OWN, Tokens, switches
from elt.testing.apis.troubles import Troubles, answer_in_trouble, hang_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, and the status of its answer (0 where there was none)."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]  # names in lower case
    body: bytes
    status: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Front:
    """An ASGI application around a vendor's, which keeps what it was asked.

    `writes` is the file in which requests that change something are kept; those in it
    are made again first, each at its own time, so a simulation goes on where it was.
    """

    def __init__(
        self,
        app: ASGIApp,
        clock: Clock,
        *,
        writes: Path | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self.clock = clock
        self.troubles = Troubles()
        self.requests: list[Asked] = []
        self._app = _beside(app, switches(clock, self.troubles, tokens))
        self._kept = Kept(writes) if writes else None
        if self._kept:
            self._kept.repeat(self._app, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].startswith(OWN):
            await self._act(scope, _given(await _read(receive)), send)
            return
        if (scope["method"], scope["path"].rstrip("/")) == ("HEAD", ""):
            await self._tell_the_time(send)
            return
        body = await _read(receive)
        is_noted = False

        async def watch(message: Message) -> None:
            nonlocal is_noted
            # Noted before the client has its answer, so that it can look at once.
            if message["type"] == "http.response.start":
                self.requests.append(_asked(scope, body, message["status"]))
                is_noted = True
                message = {**message, "headers": self._dated(message["headers"])}
            await send(message)

        try:
            await self._answer(scope, body, send, watch)
        finally:
            if not is_noted:
                self.requests.append(_asked(scope, body, 0))

    async def _answer(self, scope: Scope, body: bytes, send: Send, watch: Send) -> None:
        query = scope["query_string"].decode()
        address = scope["path"] + (f"?{query}" if query else "")
        trouble = self.troubles.next(scope["method"], address)
        if trouble is None:
            await self._act(scope, _given(body), watch)
        else:
            given, abort = _given(body), partial(hang_up, send)
            await answer_in_trouble(trouble, self._act, scope, given, watch, abort)

    async def _act(self, scope: Scope, receive: Receive, send: Send) -> None:
        at = self.clock.now()
        body = (await receive())["body"]

        async def keep_first(message: Message) -> None:
            # Kept before the client hears of it: what was answered is never lost.
            is_start = message["type"] == "http.response.start"
            if is_start and self._kept and has_changed(scope):
                self._kept.note(scope, body, at)
            await send(message)

        await self._app(scope, receive, keep_first)

    async def _tell_the_time(self, send: Send) -> None:
        """Answer who wants no more than to know how late it is; that is not noted."""
        start = {"type": "http.response.start", "status": 204}
        await send({**start, "headers": self._dated(())})
        await send({"type": "http.response.body", "body": b""})

    def _dated(
        self, headers: Iterable[tuple[bytes, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        """Add the simulation's time where the vendor's answer has none."""
        given = list(headers)
        if any(name.lower() == b"date" for name, _ in given):
            return given
        now = format_datetime(self.clock.now(), usegmt=True).encode()
        return [*given, (b"date", now)]


def _beside(app: ASGIApp, own: ASGIApp) -> ASGIApp:
    """Answer `/_simulation` by our own application, all else by the vendor's."""

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        answers = own if scope["path"].startswith(OWN) else app
        await answers(scope, receive, send)

    return both


def _asked(scope: Scope, body: bytes, status: int) -> Asked:
    query = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
    return Asked(
        method=scope["method"],
        path=scope["path"],
        query=tuple(query),
        headers={k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]},
        body=body,
        status=status,
    )


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _given(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
