"""What GitHub's answers say of limits, and of who we are."""

from __future__ import annotations

import time
from collections.abc import Callable

from elt.remote.waits import retry_after, until
from elt.taps.rest.calls import Answer
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.vendor import Vendor

AT_LEAST_SECONDS = 60.0
_FORBIDDEN = 403
_MAY_LIMIT = frozenset((_FORBIDDEN, 429))
# Some answers of a secondary limit have nothing but the text (hub4j/github-api#2009).
_WORDS = (b"rate limit", b"abuse detection")
# Requests that take longer than ten seconds are ended (Best practices, "Timeouts").
TOO_SLOW = frozenset((502, 504))


def limited(answer: Answer, now: Callable[[], float] = time.time) -> float | None:
    """Give the seconds to wait where an answer tells of a limit, else None.

    docs.github.com, Rate limits for the REST API, "Exceeding the rate limit": 403 or
    429; `retry-after`, else the reset where nothing remains, else a minute or more,
    told by 0. A 403 that is about a permission has none of these words.
    """
    if answer.status not in _MAY_LIMIT:
        return None
    asked = retry_after(answer.headers, now)
    if asked is not None:
        return asked
    tells = any(word in answer.body.lower() for word in _WORDS)
    if not tells and answer.status == _FORBIDDEN:
        return None
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return until(answer.headers, "x-ratelimit-reset", now) or 0.0
    return 0.0


def said(body: bytes) -> str:
    """Read GitHub's own words, and its words for the fields of a request."""
    words = [str(value_at(body, ("message",)) or "")]
    for error in value_at(body, ("errors",)) or []:
        parts = error.values() if isinstance(error, dict) else [error]
        words.append(" ".join(str(part) for part in parts if part is not None))
    return "; ".join(filter(None, words))


GITHUB = Vendor(
    name="GitHub",
    credentials_setting="token",
    busy=limited,
    said=said,
    hints={
        400: "Look at `api_version` in the tap's config; it is pinned by default",
        415: "Look at `base_url` in the tap's config: a proxy may change headers",
    },
)
