"""One API and who we are to it: calls made one by one, at their pace."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from elt.remote.pace import Pace
from elt.reverse.http import Remote, merged
from elt.reverse.rest.auth import Auth
from elt.reverse.rest.calls import Draft

UNAUTHORIZED = 401


class Session:
    """Makes calls to one API. Safe to use from several threads once it is open."""

    def __init__(
        self,
        remote: Remote,
        auth: Auth,
        *,
        pace: Pace,
        headers: Mapping[str, str],
    ) -> None:
        self._remote = remote
        self._auth = auth
        self._pace = pace
        self._headers = {"Accept": "application/json", **headers}
        remote.hide(*auth.secrets)
        remote.hide_headers(headers)

    def send(self, draft: Draft) -> httpx.Response:
        """Make a call. Raises Unavailable, ConfigError or Lost, as Remote.send does."""
        self._pace.wait()
        return self._with_credentials(
            draft.call.method, draft.address, draft.headers, draft.content
        )

    def ask(self, method: str, path: str) -> httpx.Response:
        """Make a call that is about no row."""
        return self._with_credentials(method, path, {}, None)

    def _with_credentials(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> httpx.Response:
        response = self._once(method, address, headers, content)
        refused = response.status_code == UNAUTHORIZED
        if refused and self._auth.renew(response.request.headers):
            return self._once(method, address, headers, content)
        return response

    def _once(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> httpx.Response:
        who = self._auth.headers(self._remote)
        return self._remote.send(
            self._remote.request(
                method,
                joined(self._remote.url, address, self._auth.query),
                headers=merged(self._headers, headers, who),
                content=content,
            )
        )


def joined(base: httpx.URL, address: str, query: Mapping[str, str]) -> httpx.URL:
    """Put an escaped path and query below a base; `query` is still to be escaped."""
    path, mark, asked = address.partition("?")
    more = httpx.QueryParams(query)
    both = "&".join(filter(None, [asked if mark else "", str(more)]))
    before = base.raw_path.decode().rstrip("/")
    whole = f"{before}/{path.lstrip('/')}" if path else before or "/"
    return base.copy_with(raw_path=(f"{whole}?{both}" if both else whole).encode())
