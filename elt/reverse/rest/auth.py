"""Who we are to an API: bearer, basic, a header, a query parameter, OAuth2."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.remote.waits import retry_after
from elt.reverse.addresses import base_url, origin
from elt.reverse.destination import read_config
from elt.reverse.http import NOT_TAKEN, Lost, Remote

# A token is renewed this long before its end, so that none expires on its way.
EARLY_SECONDS = 30.0
# RFC 6749 only recommends that a server tells; one that does not is asked this often.
UNTOLD_SECONDS = 300.0
TOKEN_EXAMPLE = "https://auth.example.com/oauth/token"  # noqa: S105 # an address


class Auth(Protocol):
    """Gives what stands in a call to prove who we are."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""

    @property
    def query(self) -> Mapping[str, str]: ...

    def headers(self, remote: Remote) -> Mapping[str, str]:
        """Give them, fetched where need be. Raises ConfigError or Unavailable."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to these headers, say whether others may do better."""


class Fixed:
    """Credentials that are always the same."""

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        *secrets: str,
    ) -> None:
        self._headers = headers or {}
        self.query: Mapping[str, str] = query or {}
        self.secrets = (*self._headers.values(), *self.query.values(), *secrets)

    def headers(self, remote: Remote) -> Mapping[str, str]:
        del remote
        return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:
        del refused
        return False


class BearerTable(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["bearer"]
    token: str


class BasicTable(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["basic"]
    username: str
    password: str = ""


class HeaderTable(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["header"]
    name: str
    value: str


class QueryTable(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["query"]
    name: str
    value: str


class OAuth2Table(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth2 client credentials (RFC 6749, 4.4)."""

    type: Literal["oauth2"]
    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    audience: str | None = None
    # Where the token's server wants id and secret (RFC 6749, 2.3.1).
    send_as: Literal["header", "body"] = "header"


_TABLES: dict[str, type[msgspec.Struct]] = {
    "bearer": BearerTable,
    "basic": BasicTable,
    "header": HeaderTable,
    "query": QueryTable,
    "oauth2": OAuth2Table,
}


def read_auth(
    table: Mapping[str, Any] | None,
    where: str,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Auth:
    """Read the settings of `auth`; none means that nobody asks who we are."""
    if table is None:
        return Fixed()
    kind = _TABLES.get(str(table.get("type")))
    if kind is None:
        raise ConfigError(
            f"`auth` of type `{table.get('type')}` is not known",
            where=where,
            hint=did_you_mean(str(table.get("type")), _TABLES),
        )
    match read_config(kind, table, where=where):
        case BearerTable(token=token):
            return Fixed({"Authorization": f"Bearer {token}"}, None, token)
        case BasicTable(username=username, password=password):
            pair = _pair(username, password)
            return Fixed({"Authorization": f"Basic {pair}"}, None, pair, password)
        case HeaderTable(name=name, value=value):
            return Fixed({name: value})
        case QueryTable(name=name, value=value):
            return Fixed(None, {name: value})
        case OAuth2Table() as settings:
            return ClientCredentials(settings, where, clock=clock)
        case _:
            raise AssertionError(kind)


class ClientCredentials:
    """A token that is fetched when it is needed, kept, and renewed when it is refused.

    Threads share it: a token that several find refused is fetched anew once.
    """

    def __init__(
        self, settings: OAuth2Table, where: str, *, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        try:
            self._url = base_url(
                settings.token_url, setting="token_url", example=TOKEN_EXAMPLE
            )
        except ConfigError as error:
            error.where = error.where or where
            raise
        self._clock = clock
        self._token: str | None = None
        self._until = 0.0
        self._lock = threading.Lock()
        self.query: Mapping[str, str] = {}
        self._pair = _pair(
            quote_plus(settings.client_id), quote_plus(settings.client_secret)
        )
        self.secrets = (settings.client_secret, self._pair)

    def headers(self, remote: Remote) -> Mapping[str, str]:
        with self._lock:
            if self._token is None or self._clock() >= self._until:
                self._fetch(remote)
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            if refused.get("Authorization") == f"Bearer {self._token}":
                self._token = None
        return True

    def _fetch(self, remote: Remote) -> None:
        request = remote.request(
            "POST",
            self._url,
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                **self._credentials(),
            },
            content=urlencode(self._form()).encode(),
        )
        try:
            response = remote.send(request)
        except Lost as lost:
            # No row was in this call, so nothing of them was taken.
            raise remote.down(lost, at=self._url) from lost
        self._read(remote, response)

    def _read(self, remote: Remote, response: httpx.Response) -> None:
        if response.is_server_error or response.status_code in NOT_TAKEN:
            asked = retry_after(response.headers, time.time)
            raise remote.down(remote.said(response), asked, at=self._url)
        answer = _json(response)
        token, lasts = answer.get("access_token"), answer.get("expires_in")
        if not response.is_success:
            raise self._no_token(remote.said(response))
        if not isinstance(token, str) or not token:
            # Not shown: it may well hold a token, under another name.
            raise self._no_token("the answer has no `access_token`")
        remote.hide(token)
        seconds = UNTOLD_SECONDS
        if isinstance(lasts, int | float) and not isinstance(lasts, bool):
            seconds = lasts - EARLY_SECONDS
        self._token, self._until = token, self._clock() + seconds

    def _no_token(self, why: str) -> ConfigError:
        return ConfigError(
            f"no token was given: {why}",
            where=origin(self._url),
            hint="Look at `auth` in the destination's config",
        )

    def _credentials(self) -> Mapping[str, str]:
        if self._settings.send_as == "body":
            return {}
        return {"Authorization": f"Basic {self._pair}"}

    def _form(self) -> dict[str, str]:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        form |= {"scope": settings.scope} if settings.scope else {}
        form |= {"audience": settings.audience} if settings.audience else {}
        if settings.send_as == "body":
            form |= {
                "client_id": settings.client_id,
                "client_secret": settings.client_secret,
            }
        return form


def _pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
