"""JSON by POST to any URL, in batches, signed, and safe to send again.

The body: `{"sync", "object", "key", "mode", "run_id", "changes": [{"op": "added" |
"changed" | "removed", "key", "payload", "old_payload"}]}`. Any 2xx accepts the batch;
a response `{"results": [{"key", "status", "message"}]}` answers for each row.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import httpx
import msgspec
from msgspec import Meta

from elt.errors import Rejected
from elt.project.table import Seconds
from elt.reverse.addresses import base_url, origin
from elt.reverse.destination import (
    Change,
    Receipt,
    ReceiptStatus,
    Route,
    Traits,
    change_name,
    read_config,
)
from elt.reverse.http import (
    Lost,
    Reach,
    Remote,
    Settings,
    alike,
    idempotency_key,
    texts,
)
from elt.reverse.loopback import is_loopback

SETTINGS = Settings(address="`url`", credentials="`headers` and `secret`")
EXAMPLE = "https://crm.example.com/hooks/people"


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a webhook destination."""

    url: str
    headers: dict[str, str] = {}
    secret: str | None = None  # for the signature
    batch_size: Annotated[int, Meta(ge=1)] = 100
    timeout_seconds: Seconds = 30.0
    # The receiver knows an Idempotency-Key or writes by key; if not, a batch whose
    # answer was lost is not sent again by itself.
    repeatable: bool = True


class WebhookDestination:
    """Posts a sync's changes to a URL."""

    def __init__(
        self,
        config: Mapping[str, Any],
        root: Path,
        *,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        del root
        self._config = read_config(WebhookConfig, config)
        self._url = base_url(self._config.url, setting="url", example=EXAMPLE)
        self._now = now
        self._remote = Remote(
            "the webhook",
            self._url,
            settings=SETTINGS,
            reach=Reach(timeout_seconds=self._config.timeout_seconds),
            transport=transport,
            now=now,
        )
        self._remote.hide(self._config.secret or "")
        self._remote.hide_headers(self._config.headers)
        self.traits = Traits(
            batch_size=self._config.batch_size,
            is_local=is_loopback(self._url.host),
            repeatable=self._config.repeatable,
            delivery="at least once; a batch sent again has the same Idempotency-Key",
        )

    def check(self) -> None:
        try:
            self._remote.send(self._remote.request("OPTIONS", self._url))
        except Lost as lost:
            raise self._remote.down(lost) from lost

    def send(self, route: Route, changes: Sequence[Change]) -> Iterable[Receipt]:
        body = _body(route, changes)
        request = self._remote.request(
            "POST",
            self._url,
            content=body,
            headers=self._headers(route, changes, body),
        )
        try:
            response = self._remote.send(request)
        except Lost as lost:
            return alike(changes, "unknown", str(lost))
        return self._receipts(response, changes)

    def _receipts(
        self, response: httpx.Response, changes: Sequence[Change]
    ) -> Iterable[Receipt]:
        if response.is_success:
            return self._answered(response, changes)
        self._remote.stop_where_refused(response)
        said = self._remote.said(response)
        if response.is_server_error:
            # It may have failed before or after it kept the rows.
            return alike(changes, "unknown", said)
        raise Rejected(said, where=origin(self._url))

    def _answered(
        self, response: httpx.Response, changes: Sequence[Change]
    ) -> Iterator[Receipt]:
        """Read an answer for each row, where there is one; else all were accepted."""
        try:
            results = _results(response)
        except msgspec.ValidationError as error:
            yield from alike(changes, "unknown", f"unreadable `results`: {error}")
            return
        if results is None:
            yield from alike(changes, "accepted")
            return
        for result in results:
            known = result.status in get_args(ReceiptStatus)
            status: Any = result.status if known else "unknown"
            message = result.message if known else f"status `{result.status}`"
            message = self._remote.excerpt(message)
            yield Receipt(str(result.key), status, message, result.id)

    def _headers(
        self, route: Route, changes: Sequence[Change], body: bytes
    ) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key(route, changes),
        }
        if self._config.secret is not None:
            stamp = str(int(self._now()))
            headers["X-Elt-Timestamp"] = stamp
            headers["X-Elt-Signature"] = signature(self._config.secret, stamp, body)
        return headers | self._config.headers


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign as a receiver checks it: HMAC-SHA256 over the timestamp, a dot, the body."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _body(route: Route, changes: Sequence[Change]) -> bytes:
    head = json.dumps(
        {
            "sync": route.sync,
            "object": route.object,
            "key": route.key,
            "mode": route.mode,
            "run_id": route.run_id,
        },
        ensure_ascii=False,
    )
    # Payloads go out as their canonical text: no number passes through a float.
    entries = ",".join(_entry(change) for change in changes)
    return f'{head[:-1]}, "changes": [{entries}]}}'.encode()


def _entry(change: Change) -> str:
    text, old_text = texts(change)
    key = json.dumps(change.key, ensure_ascii=False)
    return (
        f'{{"op":"{change_name(change)}","key":{key},'
        f'"payload":{text or "null"},"old_payload":{old_text or "null"}}}'
    )


class _Result(msgspec.Struct):
    key: str | int
    status: str
    message: str = ""
    id: str | None = None


def _results(response: httpx.Response) -> list[_Result] | None:
    """Find the answers for single rows; None where the response has none."""
    try:
        answer = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return None  # some other 2xx answer, such as `ok`
    if "results" not in answer:
        return None
    return msgspec.json.decode(answer["results"], type=list[_Result])
