"""Addresses of HTTP as somebody wrote them, and which of them are this machine."""

from __future__ import annotations

import httpx

from elt.errors import ConfigError
from elt.reverse.loopback import is_loopback


def base_url(text: str, *, setting: str, example: str) -> httpx.URL:
    """Read an http or https address that somebody wrote. Raises ConfigError."""
    hint = f"Write it whole, as `{example}`"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ConfigError(f"`{setting}` is not a URL: {error}", hint=hint) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(f"`{setting}` is not an http or https address", hint=hint)
    return url


def origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def direct(url: httpx.URL) -> list[str]:
    """Name what no proxy is for, whatever the environment says: this machine."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    mine = {"127.0.0.1", "[::1]", "localhost"}
    return [
        f"all://{name}" for name in mine | ({host} if is_loopback(url.host) else set())
    ]
