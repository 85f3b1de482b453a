"""Who we are to HubSpot, and what its answers say about that.

HubSpot, Usage guidelines; Handling errors; OAuth tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from elt.errors import ConfigError, Unavailable
from elt.remote.waits import until
from elt.taps.rest.calls import Answer
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.vendor import Credentials, Fixed, Vendor

_TOO_MANY = 429
_MIGRATES = frozenset((477,))  # between hosting places; `Retry-After` says how long
# 530 comes from the servers before HubSpot's own, for what cannot be a token at all.
_WHO_ARE_YOU = frozenset((401, 530))
_TOKEN_SECONDS = 30.0


def said(body: bytes) -> str:
    """Give HubSpot's message and its category."""
    found = value_at(body, ())
    if not isinstance(found, dict) or not found.get("message"):
        return ""
    kinds = [str(found[k]) for k in ("category", "policyName") if found.get(k)]
    scopes = ", ".join(_scopes(found))
    needed = f"; it needs one of {scopes}" if scopes else ""
    kind = f" ({', '.join(kinds)})" if kinds else ""
    return f"{str(found['message'])[:400]}{kind}{needed}"


def scope_of(answer: Answer) -> str:
    """Give the scopes of which one is needed, as `MISSING_SCOPES` names them."""
    found = value_at(answer.body, ())
    return " or ".join(_scopes(found)) if isinstance(found, dict) else ""


def _scopes(found: Mapping[str, Any]) -> list[str]:
    """Look in both places: schemas tell it elsewhere than objects."""
    places = [found, *(found.get("errors") or ())]
    contexts = [p.get("context") for p in places if isinstance(p, dict)]
    return [
        str(scope)
        for context in contexts
        if isinstance(context, dict)
        for scope in context.get("requiredGranularScopes") or ()
    ]


def _policy(answer: Answer) -> str:
    return str(value_at(answer.body, ("policyName",)) or "")


def busy(answer: Answer) -> float | None:
    """Give the wait of a 429: `Retry-After` is not always there, the policy is."""
    if answer.status != _TOO_MANY:
        return None
    if "retry-after" in answer.headers:
        return 0.0
    if _policy(answer).upper() == "SECONDLY":
        return 1.0
    name = "x-hubspot-ratelimit-interval-milliseconds"
    milliseconds = until(answer.headers, name, lambda: 0.0)
    return milliseconds / 1000 if milliseconds else 10.0


def spent(answer: Answer) -> bool:
    """Say whether the day's requests are used up: they are new at midnight."""
    return answer.status == _TOO_MANY and _policy(answer).upper() == "DAILY"


def vendor(credentials_setting: str) -> Vendor:
    return Vendor(
        name="HubSpot",
        credentials_setting=credentials_setting,
        busy=busy,
        spent=spent,
        said=said,
        scope_of=scope_of,
        temporary=_MIGRATES,
        refuses_us=lambda answer: answer.status in _WHO_ARE_YOU,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An OAuth app and an account's leave for it."""

    client_id: str
    client_secret: str
    refresh_token: str


class OAuth:
    """Access tokens that live for 30 minutes; a new one when one is refused."""

    def __init__(
        self,
        app: App,
        token_url: str,
        *,
        post: Callable[..., httpx.Response] = httpx.post,
    ) -> None:
        self._app = app
        self._token_url = token_url
        self._post = post
        self._token = ""
        self._lock = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            self._token = self._token or self._new()
            return {"Authorization": f"Bearer {self._token}"}

    def secrets(self) -> Collection[str]:
        return self._app.client_secret, self._app.refresh_token, self._token

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get a new token, unless another thread just did."""
        with self._lock:
            if refused.get("Authorization") == f"Bearer {self._token}":
                self._token = self._new()
        return True

    def _new(self) -> str:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret,
            "refresh_token": self._app.refresh_token,
        }
        try:
            answer = self._post(self._token_url, data=form, timeout=_TOKEN_SECONDS)
        except httpx.TransportError as error:
            raise Unavailable(
                f"HubSpot gives no access token: {type(error).__name__}",
                where=self._token_url,
            ) from error
        if answer.is_server_error or answer.status_code == _TOO_MANY:
            raise Unavailable(
                f"HubSpot gives no access token: HTTP {answer.status_code}",
                where=self._token_url,
            )
        token = str(value_at(answer.content, ("access_token",)) or "")
        if not answer.is_success or not token:
            raise ConfigError(
                "HubSpot gives no access token:"
                f" HTTP {answer.status_code} {said(answer.content)}",
                where=self._token_url,
                hint="Look at `client_id`, `client_secret` and `refresh_token` in the"
                " tap's config; a refresh token ends when the app is removed",
            )
        return token


def credentials_of(
    config: Mapping[str, Any], token_url: str, *, is_oauth: bool
) -> Credentials:
    if not is_oauth:
        token = str(config["access_token"])
        return Fixed({"Authorization": f"Bearer {token}"}, (token,))
    app = App(
        client_id=config["client_id"],
        client_secret=config["client_secret"],
        refresh_token=config["refresh_token"],
    )
    return OAuth(app, token_url)
