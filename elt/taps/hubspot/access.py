"""Who we are to HubSpot, and what its answers say about that.

HubSpot, Usage guidelines; Handling errors; OAuth tokens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from elt.remote.waits import until
from elt.taps.hubspot.paths import Paths
from elt.taps.hubspot.settings import OAUTH, uses_oauth
from elt.taps.rest.calls import Answer
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.oauth import OAuth2
from elt.taps.rest.vendor import Credentials, Fixed, Reach, Vendor

_TOO_MANY = 429
_SHARE = 0.95  # the windows are theirs, and two requests may go before the first answer
_MIGRATES = frozenset((477,))  # between hosting places; `Retry-After` says how long
# 530 comes from the servers before HubSpot's own, for what cannot be a token at all.
_WHO_ARE_YOU = frozenset((401, 530))


def said(body: bytes) -> str:
    """Give HubSpot's message and its category.

    Where scopes are missing the way out names them, and the message is the same always.
    """
    found = value_at(body, ())
    if not isinstance(found, dict) or not found.get("message"):
        return ""
    kinds = [str(found[k]) for k in ("category", "policyName") if found.get(k)]
    if _scopes(found):
        return ", ".join(kinds)
    kind = f" ({', '.join(kinds)})" if kinds else ""
    return f"{str(found['message'])[:400]}{kind}"


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


def told_per_second(answer: Answer) -> float | None:
    """Read how often one may ask, which depends on the account and what it has booked.

    A little is left for others. Answers of search do not tell it.
    """
    names = ("max", "interval-milliseconds")
    told = (answer.headers.get(f"x-hubspot-ratelimit-{name}", "") for name in names)
    most, milliseconds = (float(text) if text.isdigit() else 0.0 for text in told)
    return _SHARE * most * 1000 / milliseconds if most and milliseconds else None


def spent(answer: Answer) -> bool:
    """Say whether the day's requests are used up: they are new at midnight."""
    return answer.status == _TOO_MANY and _policy(answer).upper() == "DAILY"


def vendor(
    credentials_setting: str, busy: Callable[[Answer], float | None] = busy
) -> Vendor:
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


def credentials_of(
    config: Mapping[str, Any], reach: Reach, version: str, logger: logging.Logger
) -> Credentials:
    if not uses_oauth(config):
        token = str(config["access_token"])
        return Fixed({"Authorization": f"Bearer {token}"}, (token,))
    auth = {name: str(config[name]) for name in OAUTH}
    token_url = reach.base_url.rstrip("/") + Paths(version).token
    return OAuth2(
        {**auth, "token_url": token_url, "send_as": "body"},
        settings=", ".join(f"`{name}`" for name in OAUTH),
        timeout_seconds=reach.timeout_seconds,
        logger=logger,
    )
