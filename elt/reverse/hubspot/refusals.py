"""What a refusal of HubSpot means for the rows, and what it means for us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx

from elt.errors import ConfigError, Rejected, Unavailable
from elt.remote.waits import retry_after
from elt.reverse.addresses import origin
from elt.reverse.destination import Change, Receipt
from elt.reverse.http import Remote, alike

BAD_REQUEST, CONFLICT = 400, 409
TOO_MANY, FORBIDDEN, NOT_FOUND = 429, 403, 404
DAY_SECONDS = 86_400.0
# Nginx's and Cloudflare's ways of saying that HubSpot was not reached.
BUSY = frozenset((423, 477, 502, 503, 504, 521, 523, 524))


def refused(
    remote: Remote,
    response: httpx.Response,
    changes: Sequence[Change],
    *,
    now: Callable[[], float],
) -> Iterator[Receipt]:
    """Answer for rows that were refused, or raise what is not about the rows."""
    status, said = response.status_code, remote.said(response)
    place = origin(remote.url)
    if status == TOO_MANY:
        raise _too_many(remote, response, said, now=now)
    if status in BUSY:
        raise remote.down(said, retry_after(response.headers, now))
    if status == FORBIDDEN:
        raise ConfigError(
            f"HubSpot does not let the token do this: {said}",
            where=place,
            hint=f"Give the private app {_scopes(response)}",
        )
    if status == NOT_FOUND or (status == BAD_REQUEST and not changes):
        raise ConfigError(
            f"HubSpot knows no such object: {said}",
            where=place,
            hint="Look at `object` of the sync: `contacts`, `companies`, `deals`,"
            " or the id of a custom object, as `2-1234567`",
        )
    if status in {BAD_REQUEST, CONFLICT} and changes:
        raise Rejected(message_of(response) or said, where=place)
    remote.stop_where_refused(response)
    # A server that failed may have done so before or after it kept the rows.
    return alike(changes, "unknown" if response.is_server_error else "rejected", said)


def message_of(response: httpx.Response) -> str:
    return str(_field(response, "message") or "")[:500]


def _too_many(
    remote: Remote, response: httpx.Response, said: str, *, now: Callable[[], float]
) -> Unavailable:
    """Tell a limit of seconds, which is waited for, from that of a day."""
    if _field(response, "policyName") == "DAILY":
        error = remote.down(f"the account's calls of today are spent: {said}")
        error.retry_after_seconds = DAY_SECONDS
        return error
    asked = retry_after(response.headers, now)
    interval = response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    if asked is None and interval.isdigit():
        asked = int(interval) / 1000
    return remote.down(said, 1.0 if asked is None else asked)


def _field(response: httpx.Response, name: str) -> Any:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def _scopes(response: httpx.Response) -> str:
    errors = _field(response, "errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    told = first.get("context", {}) if isinstance(first, dict) else {}
    needed = told.get("requiredGranularScopes") or _field(response, "context") or []
    if isinstance(needed, dict):
        needed = needed.get("requiredGranularScopes") or []
    return f"the scopes {', '.join(needed)}" if needed else "the scope that it names"
