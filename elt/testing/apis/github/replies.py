"""From an answer to bytes: headers, what is unchanged, what is asked of a client."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.utils import format_datetime, parsedate_to_datetime
from http.client import NO_CONTENT, NOT_MODIFIED, OK

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from elt.testing.apis.github.answers import NO_AGENT, Answer, Refused
from elt.testing.apis.github.callers import Callers, Token
from elt.testing.apis.github.shapes.site import OLDEST
from elt.testing.apis.github.tables import moment_of

_ACCEPTED = {"*/*", "application/*", "application/json", ""}
VERSIONS = (OLDEST, "2026-03-10")
ENTERPRISE = "/api/v3"
_ENTERPRISE_HEADERS = {"X-GitHub-Enterprise-Version": "3.17.0"}
_JSON = "application/json; charset=utf-8"
_MEDIA = "github.v3; format=json"


def is_enterprise(request: Request) -> bool:
    """Tell requests to a company's own server, which has no limits nor their headers.

    docs.github.com (Enterprise Server), Rate limits: disabled by default.
    """
    return request.url.path.startswith(f"{ENTERPRISE}/")


def wants_agent(request: Request) -> Response | None:
    """Refuse a client that does not say who it is, in a text that is no JSON.

    docs.github.com, Getting started with the REST API: User agent required.
    """
    if request.headers.get("user-agent"):
        return None
    return Response(NO_AGENT, 403, media_type="text/html")


def read_version(request: Request) -> str:
    """Read the API's version. Raises Refused for one that is not there.

    docs.github.com, API versions: 2022-11-28 without the header;
    expipiplus1/update-nix-fetchgit#79: the words of the 400.
    """
    asked = request.headers.get("x-github-api-version", OLDEST)
    if asked not in VERSIONS:
        names = ", ".join(f'"{version}"' for version in reversed(VERSIONS))
        raise Refused(
            400,
            'Bad Request: The version you specified in the "X-GitHub-API-Version" '
            f'request header, "{asked}", is not a supported version. The following '
            f"versions are currently supported: {names}.",
        )
    return asked


def check_accept(request: Request) -> None:
    """Refuse who takes no JSON (devspace-sh/devspace#282, sindresorhus/got#1426)."""
    asked = request.headers.get("accept", "*/*")
    for part in asked.split(","):
        kind = part.partition(";")[0].strip()
        if kind in _ACCEPTED or kind.startswith("application/vnd.github"):
            return
    raise Refused(
        415,
        f"Unsupported 'Accept' header: '{asked}'. Must accept 'application/json'.",
        docs="/using-the-rest-api/getting-started-with-the-rest-api#media-types",
    )


def reply(
    request: Request,
    answer: Answer,
    token: Token,
    callers: Callers,
    more: Mapping[str, str],
) -> Response:
    """Make the response, and count it, unless nothing has changed.

    docs.github.com, Best practices: a conditional request that is answered with 304
    does not count against the primary limit, if it is authorized.
    """
    body = b"" if answer.status == NO_CONTENT else msgspec.json.encode(answer.content)
    headers = {**_usual(token), **more, **answer.headers}
    status = answer.status
    if status == OK and request.method == "GET":
        headers |= _validators(body, answer)
        if _is_unchanged(request, headers):
            status, body = NOT_MODIFIED, b""
    allowance = callers.allowance(token)
    is_free = status == NOT_MODIFIED and token.login is not None
    if not is_free and not request.url.path.endswith("/rate_limit"):
        allowance.hourly.take()
    limits = _ENTERPRISE_HEADERS if is_enterprise(request) else allowance.headers
    response = Response(body, status, {**limits, **headers})
    if status in {NO_CONTENT, NOT_MODIFIED}:
        del response.headers["content-length"]
    else:
        response.headers["content-type"] = _JSON
    return response


def _usual(token: Token) -> dict[str, str]:
    headers = {
        "Server": "github.com",
        "Cache-Control": "public, max-age=60, s-maxage=60",
        "Vary": "Accept, Accept-Encoding, X-Requested-With",
        "X-GitHub-Media-Type": _MEDIA,
        "X-GitHub-Request-Id": "0000:00000:0000000:0000000:00000000",
    }
    if token.login:
        headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
        headers["X-OAuth-Scopes"] = ", ".join(sorted(token.scopes))
    return headers


def _validators(body: bytes, answer: Answer) -> dict[str, str]:
    found = {"ETag": f'W/"{hashlib.sha256(body).hexdigest()}"'}
    if answer.changed_at:
        at = moment_of(answer.changed_at)
        found["Last-Modified"] = format_datetime(at, usegmt=True)
    return found


def _is_unchanged(request: Request, headers: Mapping[str, str]) -> bool:
    """Compare validators; a time counts only where no tag is given (RFC 9110)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        own = headers["ETag"].removeprefix("W/")
        return own in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    since = request.headers.get("if-modified-since")
    changed = headers.get("Last-Modified")
    if since is None or changed is None:
        return False
    try:
        return parsedate_to_datetime(changed) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
