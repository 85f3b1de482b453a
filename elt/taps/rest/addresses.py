"""The addresses of requests: joined, kept to one origin, and shown without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import httpx

from elt.errors import EltError
from elt.taps.rest.calls import Call

_USER = re.compile(r"//[^/@]+@")
_SECRET_PARAM = re.compile(
    r"([?&][^=&]*(?:key|secret|sign|token|passw|auth)[^=&]*=)[^&#]*", re.IGNORECASE
)


class Base:
    """Where an API begins. `name` is its vendor's, for errors."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url.rstrip("/")
        self._name = name
        self._origin = _origin(self.url)

    def join(self, path: str) -> str:
        """Join base and path; a whole address stays as it is.

        Raises EltError for an address of another origin than the base's.
        """
        if not path.startswith(("http://", "https://")):
            return self.url + "/" + path.removeprefix("/")
        try:
            origin = _origin(path)
        except ValueError as error:
            raise EltError(
                f"{self._name} pointed to an address that is none: {error}",
                where=self.url,
            ) from None
        if origin != self._origin:
            raise EltError(
                f"{self._name} pointed to another place, {'://'.join(origin[:2])}, for"
                " what comes next",
                where=self.url,
                hint="Our credentials are not sent there. If that is its address, set"
                " it as `base_url`",
            )
        return path


def with_params(url: str, call: Call, always: Mapping[str, str]) -> httpx.URL:
    """Add what goes with every request; an address's own query stays as it is."""
    # An address with `params`, be they none, loses the query that it has.
    address = (
        httpx.URL(url, params=dict(call.params)) if call.params else httpx.URL(url)
    )
    missing = {n: value for n, value in always.items() if n not in address.params}
    if not missing:
        return address
    parts = filter(None, (address.query, urlencode(missing).encode()))
    return address.copy_with(query=b"&".join(parts))


def shown(url: str, call: Call) -> str:
    """Write a request's address and query, without what looks like a secret."""
    whole = str(with_params(url, call, {}))
    return _SECRET_PARAM.sub(r"\1***", _USER.sub("//***@", whole))


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or usual
