"""Who we are to an API: bearer, basic, a header, a query parameter, OAuth2."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from elt.taps.rest.oauth import OAuth2, basic_pair
from elt.taps.rest.vendor import Credentials, Fixed


def credentials_of(
    config: Mapping[str, Any], *, logger: logging.Logger
) -> tuple[Credentials, Mapping[str, str]]:
    """Give what stands in headers, and the parameters that go with every request."""
    auth = config.get("auth") or {"type": "none"}
    match auth["type"]:
        case "bearer":
            return _header("Authorization", f"Bearer {auth['token']}", auth["token"])
        case "basic":
            password = auth.get("password") or ""
            pair = basic_pair(auth["username"], password)
            # Where there is no password, the key is the name.
            return _header(
                "Authorization", f"Basic {pair}", pair, password or auth["username"]
            )
        case "header":
            return _header(auth["name"], auth["value"], auth["value"])
        case "query":
            return Fixed({}, (auth["value"],)), {auth["name"]: auth["value"]}
        case "oauth2":
            seconds = float(config.get("timeout_seconds") or 60.0)
            oauth2 = OAuth2(
                auth, settings="`auth`", timeout_seconds=seconds, logger=logger
            )
            return oauth2, {}
        case _:
            return Fixed({}), {}


def _header(
    name: str, value: str, *secrets: str
) -> tuple[Credentials, Mapping[str, str]]:
    return Fixed({name: value}, secrets), {}
