"""OAuth 2.0 (RFC 6749): a token of its server's, for as long as it lasts."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from urllib.parse import quote_plus, urlsplit

import httpx

from elt.errors import ConfigError, Unavailable
from elt.remote.masking import masked
from elt.taps.rest.envelopes import excerpt
from elt.taps.rest.vendor import TEMPORARY
from elt.taps.rest.waiting import Again

# A token is renewed this long before its end, so that none expires on its way.
EARLY_SECONDS = 30.0
# RFC 6749 only recommends that a server tells; one that does not is asked this often.
UNTOLD_SECONDS = 300.0


class OAuth2:
    """A token that is fetched when it is needed, and anew when it is refused.

    By a refresh token (RFC 6749, 6) where there is one, else by client credentials
    (4.4). Threads share it: a token that several find refused is fetched anew once.

    `auth` has `token_url` and `client_id`, and may have `client_secret`,
    `refresh_token`, `scope`, `audience`, and `send_as`: "body" for id and secret there.
    `settings` is what a person calls it.
    """

    def __init__(
        self,
        auth: Mapping[str, str],
        *,
        settings: str,
        timeout_seconds: float,
        logger: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._logger = logger
        self._clock = clock
        self._refresh_token = auth.get("refresh_token") or ""
        self._secret = auth.get("client_secret") or ""
        self._pair = basic_pair(quote_plus(auth["client_id"]), quote_plus(self._secret))
        self._token = ""
        self._tokens: set[str] = set()
        self._until = 0.0
        self._lock = threading.Lock()

    def headers(self) -> Mapping[str, str]:
        """Give the token. Raises Again or ConfigError where none is to be had."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._fetch()
            return {"Authorization": f"Bearer {self._token}"}

    def secrets(self) -> Collection[str]:
        fixed = (self._secret, self._pair, self._refresh_token)
        return [secret for secret in (*fixed, *self._tokens) if secret]

    def renew(self, refused: Mapping[str, str]) -> bool:
        with self._lock:
            if refused.get("Authorization") == f"Bearer {self._token}":
                self._token = ""
        return True

    def _fetch(self) -> None:
        try:
            response = httpx.post(
                self._auth["token_url"],
                data=self._form(),
                headers={"Accept": "application/json", **self._header()},
                timeout=self._timeout_seconds,
            )
        except httpx.TransportError as error:
            raise self._later(
                f"no answer: {str(error) or type(error).__name__}"
            ) from error
        said = f"HTTP {response.status_code} {excerpt(response.content)}"
        if response.status_code in TEMPORARY:
            raise self._later(said)
        if not response.is_success:
            raise self._refused(said)
        self._take(response)

    def _take(self, response: httpx.Response) -> None:
        try:
            answer = response.json()
            token, lasts = answer.get("access_token"), answer.get("expires_in")
        except (ValueError, AttributeError):
            answer, token, lasts = {}, None, None
        if not isinstance(token, str) or not token:
            # Not shown: it may well hold a token, under another name.
            raise self._refused("its answer has no `access_token`")
        seconds = UNTOLD_SECONDS
        if isinstance(lasts, int | float) and not isinstance(lasts, bool):
            seconds = lasts - EARLY_SECONDS
        self._token, self._until = token, self._clock() + seconds
        self._tokens.add(self._token)
        self._keep(answer.get("refresh_token"))

    def _keep(self, given: str | None) -> None:
        """Go on with a new refresh token, which many servers give once for the old."""
        if not self._refresh_token or not given or given == self._refresh_token:
            return
        self._tokens.add(self._refresh_token)
        self._refresh_token = given
        self._logger.warning(
            "the token's server gave a new refresh token, and may not take the one of"
            " the config again; this tap cannot keep it for the next run"
        )

    def _header(self) -> Mapping[str, str]:
        in_body = self._auth.get("send_as") == "body" or not self._secret
        return {} if in_body else {"Authorization": f"Basic {self._pair}"}

    def _form(self) -> dict[str, str]:
        auth = self._auth
        form = {"grant_type": "client_credentials"}
        if self._refresh_token:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        form |= {n: auth[n] for n in ("scope", "audience") if auth.get(n)}
        if not self._header():
            form["client_id"] = auth["client_id"]
            form |= {"client_secret": self._secret} if self._secret else {}
        return form

    def _refused(self, said: str) -> ConfigError:
        return ConfigError(
            f"no token was given: {self._hidden(said)}",
            where=self._at(),
            hint=f"Look at {self._settings} in the tap's config",
        )

    def _later(self, said: str) -> Again:
        what = f"no token was given: {self._hidden(said)}"
        return Again(Unavailable(what, where=self._at()))

    def _at(self) -> str:
        parts = urlsplit(self._auth["token_url"])
        return f"POST {parts.scheme}://{parts.hostname}{parts.path}"

    def _hidden(self, text: str) -> str:
        return masked(text, self.secrets())


def basic_pair(username: str, password: str) -> str:
    """Write both as the scheme `Basic` has them (RFC 7617)."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()
