"""What destinations over HTTP share: one client, and what an answer says of us.

Errors name the origin of an address and never its path: with many vendors that is the
password. Of an answer they show the beginning, with known secrets struck out.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from elt.errors import ConfigError, Unavailable
from elt.remote.masking import SECRET_NAME, masked
from elt.remote.waits import retry_after
from elt.reverse.addresses import direct, origin
from elt.reverse.destination import (
    Added,
    Change,
    Changed,
    Receipt,
    ReceiptStatus,
    Removed,
    Route,
    change_name,
)

CREDENTIALS = frozenset((401, 403, 407))
# The address is wrong, not the rows: splitting the batch would not help.
WRONG_ADDRESS = frozenset((301, 302, 303, 307, 308, 404, 405, 410))
NOT_TAKEN = frozenset((408, 425, 429, 503))
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
UNWRITABLE = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
SHOWN = 300


class Lost(Exception):
    """The request may have arrived: only the other side knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to get to the other side."""

    timeout_seconds: float = 30.0  # for each of connecting, writing, and every read
    verify: bool = True
    ca_file: Path | None = None  # PEM, trusted in place of the usual authorities


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person called the settings that an error is about."""

    address: str
    credentials: str


class Remote:
    """The other side: requests go out through one client, without redirects."""

    def __init__(
        self,
        name: str,
        url: httpx.URL,
        *,
        settings: Settings,
        reach: Reach | None = None,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.url = url
        self._settings = settings
        self._reach = reach or Reach()
        self._transport = transport
        self._now = now
        self._client: httpx.Client | None = None
        self._secrets: set[str] = set()

    def hide(self, *secrets: str) -> None:
        """Strike these out of all texts from now on, in whatever form."""
        self._secrets |= set(secrets)

    def hide_headers(self, headers: Mapping[str, str]) -> None:
        """Strike out the headers that are secrets by their names."""
        self.hide(*(v for name, v in headers.items() if SECRET_NAME.search(name)))

    def hidden(self, text: str) -> str:
        return masked(text, self._secrets)

    def open(self) -> httpx.Client:
        if self._client is None:
            self._client = self._new_client()
            # Nobody says goodbye to a destination, so its sockets close with it.
            weakref.finalize(self, self._client.close)
        return self._client

    def request(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Request:
        """Put a call together. Raises ConfigError for headers that cannot be sent."""
        try:
            return self.open().build_request(
                method, url, headers=headers, content=content
            )
        except (ValueError, TypeError) as error:
            raise self._unwritable(error) from error

    def send(self, request: httpx.Request) -> httpx.Response:
        """Make a call. Raises Unavailable when it did not go out, Lost after that."""
        try:
            return self.open().send(request)
        except NOT_SENT as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise self._untrusted(request, error) from error
            raise self.down(error, at=request.url) from error
        except UNWRITABLE as error:
            raise self._unwritable(error) from error
        except httpx.HTTPError as error:
            raise Lost(f"no answer: {self.hidden(repr(error))}") from error

    def stop_where_refused(self, response: httpx.Response) -> None:
        """Raise ConfigError or Unavailable where rows are not what was refused."""
        status, place = response.status_code, origin(response.request.url)
        if status in CREDENTIALS:
            raise ConfigError(
                f"{self.name} refused our credentials: {self.said(response)}",
                where=place,
                hint=f"Look at {self._settings.credentials} in the destination's"
                " config",
            )
        if status in WRONG_ADDRESS:
            raise ConfigError(
                f"{self.name} is not there: {self.said(response)}"
                f"{_elsewhere(response)}",
                where=place,
                hint=f"Look at {self._settings.address} in the destination's config",
            )
        if status in NOT_TAKEN:
            asked = retry_after(response.headers, self._now)
            raise self.down(self.said(response), asked, at=response.request.url)

    def said(self, response: httpx.Response) -> str:
        """Show the status and the beginning of an answer, on one line."""
        status = f"{response.status_code} {self.hidden(response.reason_phrase)}"
        return f"{status}: {self.excerpt(_text_of(response))}".rstrip(": ")

    def excerpt(self, text: str) -> str:
        # Struck out before it is cut, so that no half of a secret stays.
        return " ".join(self.hidden(text).split())[:SHOWN]

    def down(
        self,
        why: object,
        retry_after_seconds: float | None = None,
        *,
        at: httpx.URL | None = None,
    ) -> Unavailable:
        error = Unavailable(
            f"{self.name} took nothing: {self.hidden(str(why))}",
            where=origin(at or self.url),
        )
        error.retry_after_seconds = retry_after_seconds
        return error

    def _unwritable(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"the request cannot be written: {self.hidden(str(error))}",
            where=origin(self.url),
            hint="Look at `headers` in the destination's config",
        )

    def _untrusted(self, request: httpx.Request, error: Exception) -> ConfigError:
        return ConfigError(
            f"the certificate of {self.name} is not trusted: {error}",
            where=origin(request.url),
            hint="For an authority of your own, set `ca_file` where there is one, or"
            " the environment variable SSL_CERT_FILE",
        )

    def _new_client(self) -> httpx.Client:
        return httpx.Client(
            timeout=self._reach.timeout_seconds,
            transport=self._transport,
            verify=_trust(self._reach),
            mounts=dict.fromkeys(direct(self.url)),
            follow_redirects=False,
            headers={"User-Agent": f"elt/{version('elt-toolkit')}"},
        )


def alike(
    changes: Sequence[Change], status: ReceiptStatus, message: str = ""
) -> Iterator[Receipt]:
    return (Receipt(change.key, status, message) for change in changes)


def idempotency_key(route: Route, changes: Sequence[Change]) -> str:
    """Name a batch by its content and by the run that its changes come after.

    Sent again by the run that follows a killed one it has the same name; a row that
    comes back to a value of long ago is in a batch with another name, which no
    receiver takes for the old one.
    """
    about = [route.sync, route.object, route.mode, route.after]
    content = [[change_name(c), c.key, *texts(c)] for c in changes]
    return hashlib.sha256(json.dumps([about, content]).encode()).hexdigest()


def texts(change: Change) -> tuple[str | None, str | None]:
    """Give a change's new and old payload as canonical text, where it has them."""
    match change:
        case Added(text=text):
            return text, None
        case Changed(text=text, old_text=old_text):
            return text, old_text
        case Removed(old_text=old_text):
            return None, old_text


def merged(*headers: Mapping[str, str]) -> dict[str, str]:
    """Merge headers; the last one of a name counts, whatever its case."""
    found: dict[str, tuple[str, str]] = {}
    for each in headers:
        found |= {name.lower(): (name, value) for name, value in each.items()}
    return dict(found.values())


def _text_of(response: httpx.Response) -> str:
    """Read an answer's text; some name an encoding that is none for texts."""
    try:
        return response.text
    except (ValueError, LookupError, AssertionError):
        return response.content.decode("utf-8", "replace")


def _elsewhere(response: httpx.Response) -> str:
    """Name the other origin of a redirect; the same one needs no naming."""
    if response.next_request is None:
        return ""
    here, there = origin(response.request.url), origin(response.next_request.url)
    return "" if here == there else f" (it points to {there})"


def _trust(reach: Reach) -> ssl.SSLContext | bool:
    if not reach.verify:
        return False
    if reach.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=reach.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"`ca_file` cannot be read: {error}",
            where=str(reach.ca_file),
            hint="It is a file of certificates in PEM",
        ) from error
