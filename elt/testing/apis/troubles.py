"""What goes wrong on purpose: answers that fail, break off, or come late.

api.troubles.add(Says(503, headers={"Retry-After": "2"}), times=2)
api.troubles.add(BreaksOff(), path="/crm/v3/objects/contacts", after=3)
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Kind(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """What names a trouble where it is written as JSON."""


class Says(_Kind, frozen=True, tag="says"):
    """An answer in place of the vendor's."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)]
    body: str = ""
    headers: dict[str, str] = {}


class HangsUp(_Kind, frozen=True, tag="hangs_up"):
    """The connection ends before a byte of the answer; `acts` says when.

    With `acts`, the vendor has done what it was asked before.
    """

    acts: bool = False


class BreaksOff(_Kind, frozen=True, tag="breaks_off"):
    """The answer begins, and ends after a share of its body."""

    share: float = 0.5


class CutJson(_Kind, frozen=True, tag="cut_json"):
    """The answer is whole as HTTP sees it, and its JSON lacks its end."""

    share: float = 0.5


class Waits(_Kind, frozen=True, tag="waits"):
    """The answer comes late; `within` waits between the parts of its body."""

    seconds: float
    within: bool = False


class Packs(_Kind, frozen=True, tag="packs"):
    """The answer is packed with gzip, whether that was asked for or not."""


Trouble = Says | HangsUp | BreaksOff | CutJson | Waits | Packs


class Planned(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trouble for `times` requests, after so many that fit have gone well.

    `path` is a regular expression for the beginning of path and query.
    """

    trouble: Trouble
    path: str = ""
    method: str | None = None
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    times: Annotated[int, msgspec.Meta(ge=1)] = 1


class Troubles:
    """Which requests meet which trouble; the first that fits counts."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []

    def add(
        self,
        trouble: Trouble,
        *,
        path: str = "",
        method: str | None = None,
        after: int = 0,
        times: int = 1,
    ) -> None:
        """Plan a trouble; see `Planned`. Raises re.error for a wrong `path`."""
        self.plan(
            Planned(trouble=trouble, path=path, method=method, after=after, times=times)
        )

    def plan(self, planned: Planned) -> None:
        re.compile(planned.path)
        self.planned.append(planned)

    def clear(self) -> None:
        self.planned.clear()

    def next(self, method: str, address: str) -> Trouble | None:
        """Give the trouble of a request, and count it."""
        for planned in self.planned:
            fits = re.match(planned.path, address)
            if planned.method not in {None, method} or not fits:
                continue
            if planned.after > 0:
                planned.after -= 1
                continue
            planned.times -= 1
            if not planned.times:
                self.planned.remove(planned)
            return planned.trouble
        return None


async def answer_in_trouble(
    trouble: Trouble,
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    abort: Callable[[], None],
) -> None:
    """Answer one request as the trouble has it; `abort` closes its connection."""
    match trouble:
        case Says(status=status, body=body, headers=headers):
            await _read_all(receive)
            await _say(send, status, body.encode(), headers)
        case HangsUp(acts=acts):
            if acts:
                await _gathered(app, scope, receive)
            abort()
        case Waits(seconds=seconds, within=within):
            start, body_bytes = await _gathered(app, scope, receive)
            await (_dripped if within else _late)(send, start, body_bytes, seconds)
        case BreaksOff(share=share):
            start, body_bytes = await _gathered(app, scope, receive)
            await send(start)
            part = body_bytes[: int(len(body_bytes) * share)]
            await send(_body(part, more=True))
            abort()
        case CutJson(share=share):
            start, body_bytes = await _gathered(app, scope, receive)
            part = body_bytes[: int(len(body_bytes) * share)]
            await send(_resized(start, len(part)))
            await send(_body(part))
        case Packs():
            start, body_bytes = await _gathered(app, scope, receive)
            packed = gzip.compress(body_bytes)
            start = _resized(start, len(packed))
            start["headers"] = [*start["headers"], (b"content-encoding", b"gzip")]
            await send(start)
            await send(_body(packed))


def hang_up(send: Send) -> None:
    """Close the connection without a word.

    ASGI has no way to do so; the server's own `send` knows its transport.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("this server does not show its connection")
    transport.abort()


async def _late(send: Send, start: Message, body: bytes, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await send(start)
    await send(_body(body))


async def _dripped(send: Send, start: Message, body: bytes, seconds: float) -> None:
    await send(start)
    middle = len(body) // 2
    await send(_body(body[:middle], more=True))
    await asyncio.sleep(seconds)
    await send(_body(body[middle:]))


async def _gathered(
    app: ASGIApp, scope: Scope, receive: Receive
) -> tuple[dict[str, Any], bytes]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    body = b"".join(message.get("body", b"") for message in messages)
    return dict(messages[0]), body


async def _read_all(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


async def _say(
    send: Send, status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    named = {"content-type": "application/json", **headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    start = {"type": "http.response.start", "status": status, "headers": pairs}
    await send(_resized(start, len(body)))
    await send(_body(body))


def _resized(start: Message, size: int) -> dict[str, Any]:
    kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    return {**start, "headers": [*kept, (b"content-length", str(size).encode())]}


def _body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}
