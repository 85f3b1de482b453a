"""JSON by POST to any URL, in batches, signed, and safe to send again.

The body: `{"sync", "object", "key", "mode", "run_id", "changes": [{"op": "added" |
"changed" | "removed", "key", "payload", "old_payload"}]}`. Any 2xx accepts the batch;
a response `{"results": [{"key", "status", "message"}]}` answers for each row.
"""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import ipaddress
import json
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import httpx
import msgspec
from msgspec import Meta

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.destination import (
    Added,
    Change,
    Changed,
    Receipt,
    ReceiptStatus,
    Removed,
    Route,
    Traits,
    change_name,
    read_config,
)

CREDENTIALS = frozenset((401, 403))
# The endpoint is wrong, not the rows: splitting the batch would not help.
WRONG_ADDRESS = frozenset((301, 302, 303, 307, 308, 404, 405, 410))
NOT_TAKEN = frozenset((408, 425, 429, 503))
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
SHOWN = 300
URL_HINT = "Write it whole, as `https://crm.example.com/hooks/people`"


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a webhook destination."""

    url: str
    headers: dict[str, str] = {}
    secret: str | None = None  # for the signature
    batch_size: Annotated[int, Meta(ge=1)] = 100
    timeout_seconds: Annotated[float, Meta(gt=0)] = 30.0
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
        self._url = _url(self._config.url)
        self._transport = transport
        self._now = now
        self._client: httpx.Client | None = None
        self.traits = Traits(
            batch_size=self._config.batch_size,
            is_local=_is_loopback(self._url.host),
            repeatable=self._config.repeatable,
            delivery="at least once; a batch sent again has the same Idempotency-Key",
        )

    def check(self) -> None:
        try:
            self._open().request("OPTIONS", self._url)
        except httpx.HTTPError as error:
            raise _down(self._url, error) from error

    def send(self, route: Route, changes: Sequence[Change]) -> Iterable[Receipt]:
        body = _body(route, changes)
        try:
            response = self._open().post(
                self._url, content=body, headers=self._headers(route, changes, body)
            )
        except NOT_SENT as error:
            raise _down(self._url, error) from error
        except httpx.LocalProtocolError as error:
            raise ConfigError(
                f"the request cannot be written: {error}",
                hint="Look at `headers` in the destination's config",
            ) from error
        except httpx.HTTPError as error:
            # The request may have arrived: only the receiver knows.
            return _alike(changes, "unknown", f"no answer: {error!r}")
        return self._receipts(response, changes)

    def _receipts(
        self, response: httpx.Response, changes: Sequence[Change]
    ) -> Iterable[Receipt]:
        status = response.status_code
        said = f"{status} {response.reason_phrase}: {response.text[:SHOWN]}".rstrip(
            ": "
        )
        if response.is_success:
            return _answered(response, changes)
        if status in CREDENTIALS:
            raise ConfigError(
                f"the webhook refused our credentials: {said}",
                where=_origin(self._url),
                hint="Look at `headers` and `secret` in the destination's config",
            )
        if status in WRONG_ADDRESS:
            raise ConfigError(
                f"the webhook is not there: {said}",
                where=_origin(self._url),
                hint="Look at `url` in the destination's config",
            )
        if status in NOT_TAKEN:
            raise _down(self._url, said, _retry_after(response, self._now))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            # It may have failed before or after it kept the rows.
            return _alike(changes, "unknown", said)
        raise Rejected(said, where=_origin(self._url))

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

    def _open(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(
                timeout=self._config.timeout_seconds,
                transport=self._transport,
                trust_env=not self.traits.is_local,  # no proxy to this machine
            )
            weakref.finalize(self, self._client.close)
        return self._client


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Sign as a receiver checks it: HMAC-SHA256 over the timestamp, a dot, the body."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def idempotency_key(route: Route, changes: Sequence[Change]) -> str:
    """Name a batch by its content and by the run that its changes come after.

    Sent again by the run that follows a killed one it has the same name; a row that
    comes back to a value of long ago is in a batch with another name, which no
    receiver takes for the old one.
    """
    about = f"{route.sync}\n{route.object}\n{route.mode}\n{route.after}\n"
    digest = hashlib.sha256(about.encode())
    for change in changes:
        digest.update(_entry(change).encode())
    return digest.hexdigest()


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
    text, old_text = _texts(change)
    key = json.dumps(change.key, ensure_ascii=False)
    return (
        f'{{"op":"{change_name(change)}","key":{key},'
        f'"payload":{text or "null"},"old_payload":{old_text or "null"}}}'
    )


def _texts(change: Change) -> tuple[str | None, str | None]:
    match change:
        case Added(text=text):
            return text, None
        case Changed(text=text, old_text=old_text):
            return text, old_text
        case Removed(old_text=old_text):
            return None, old_text


def _answered(response: httpx.Response, changes: Sequence[Change]) -> Iterator[Receipt]:
    """Read an answer for each row, where there is one; else all were accepted."""
    try:
        results = _results(response)
    except msgspec.ValidationError as error:
        yield from _alike(changes, "unknown", f"unreadable `results`: {error}")
        return
    if results is None:
        yield from _alike(changes, "accepted", "")
        return
    for result in results:
        known = result.status in get_args(ReceiptStatus)
        status: Any = result.status if known else "unknown"
        message = result.message if known else f"status `{result.status}`"
        yield Receipt(str(result.key), status, message, result.id)


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


def _alike(
    changes: Sequence[Change], status: ReceiptStatus, message: str
) -> Iterator[Receipt]:
    return (Receipt(change.key, status, message) for change in changes)


def _down(
    url: httpx.URL, why: object, retry_after_seconds: float | None = None
) -> Unavailable:
    error = Unavailable(f"the webhook took nothing: {why}", where=_origin(url))
    error.retry_after_seconds = retry_after_seconds
    return error


def _origin(url: httpx.URL) -> str:
    # Not the path: with many vendors it is the password.
    return f"{url.scheme}://{url.netloc.decode()}"


def _retry_after(response: httpx.Response, now: Callable[[], float]) -> float | None:
    """Read Retry-After, which is in seconds or a date (RFC 9110, 10.2.3)."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        date = email.utils.parsedate_to_datetime(asked)
    except ValueError:
        return None
    until = date if date.tzinfo else date.replace(tzinfo=UTC)
    seconds: float = (until - datetime.fromtimestamp(now(), UTC)).total_seconds()
    return max(0.0, seconds)


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ConfigError(f"`url` is not a URL: {error}", hint=URL_HINT) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(
            f"`url` is not an http or https address: {text}", hint=URL_HINT
        )
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
