"""What stands before every path: the version, the key, the pace."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from elt.testing.apis.recurly.pace import SlidingWindow
from elt.testing.apis.recurly.refusals import Refused

NEWEST = "v2021-02-25"
SERVED = ("v2019-10-10", NEWEST)  # those of the specification's table
_ACCEPT = re.compile(r"application/vnd\.recurly\.([\w-]+)(\+json)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a key may: write, and read these kinds (all, where none are named)."""

    writes: bool = True
    reads: frozenset[str] | None = None

    def check(self, method: str, kind: str) -> None:
        is_read = method in {"GET", "HEAD"}
        allowed = (self.reads is None or kind in self.reads) if is_read else self.writes
        if not allowed:
            message = "This API key does not have permission to do that"
            raise Refused(403, "invalid_permissions", message)


def version_of(accept: str) -> str:
    """Read the version that a request is for. Raises Refused, 406.

    It has to be said; `latest` is the newest (specification, "Versioning").
    """
    first, _, _ = accept.replace(";", ",").partition(",")
    found = _ACCEPT.fullmatch(first.strip())
    version = found[1] if found else ""
    if version == "latest":
        return NEWEST
    if version not in SERVED:
        raise Refused(
            406,
            "invalid_api_version",
            "That accept header isn't in the format we use to specify an API version."
            " Try one of these instead:",
            more={
                "acceptable_accept_headers": [
                    f"application/vnd.recurly.{served}" for served in SERVED
                ]
            },
        )
    return version


def access_of(
    authorization: str, keys: Mapping[str, Access], wrong: tuple[int, str]
) -> Access:
    """Look up the key: HTTP basic, the key as the user, no password.

    401 for a missing one. What a wrong one gets is told in two ways: 401 by Recurly's
    page of status codes, `invalid_api_key` as a kind of 403 by its clients' errors.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        message = "An API key is required: HTTP basic, the key as the user name"
        raise Refused(401, "unauthorized", message)
    try:
        given = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        given = ""
    key, _, password = given.partition(":")
    if key not in keys or password:
        raise Refused(*wrong, "The API key is not valid")
    return keys[key]


def check_pace(window: SlidingWindow, method: str, mode: str) -> None:
    """Count a request. Raises Refused, 429. In production only GETs count."""
    if mode == "production" and method != "GET":
        return
    if not window.take():
        message = "You have made too many API requests in the last 5 minutes"
        raise Refused(429, "rate_limited", message)


def pace_headers(window: SlidingWindow) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(window.most),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(window.resets_at),
    }
