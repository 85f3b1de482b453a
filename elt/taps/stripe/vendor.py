"""How Stripe says what APIs say (docs.stripe.com: Errors, Rate limits)."""

from __future__ import annotations

import re

from elt.taps.rest.calls import Answer
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.vendor import Vendor

_TOO_MANY = 429
_CONFLICT = 409  # Stripe's SDKs try it again: another request holds the object
_FAILED = 400
# It is named so: Having the 'rak_subscription_read' permission would allow this.
_PERMISSION = re.compile(r"'(rak_\w+)'")
# Stripe repeats a key as sk_live_****1234: its end, which is ours to hide, too.
_KEY = re.compile(r"\b((?:sk|rk|pk)_(?:(?:live|test|org)_)*)[\w*]+")


def _said(body: bytes) -> str:
    error = _error(body)
    told = _KEY.sub(r"\1***", str(error.get("message") or ""))
    code = error.get("code")
    return f"{told} ({code})" if told and code else told


def _scope(answer: Answer) -> str:
    found = _PERMISSION.search(_said(answer.body))
    return f"`{found[1]}`" if found else ""


def _busy(answer: Answer) -> float | None:
    """Wait where Stripe asks for another try; for how long it does not say."""
    asked = answer.headers.get("stripe-should-retry") == "true"
    return 0.0 if asked and answer.status >= _FAILED else None


def _settled(answer: Answer) -> bool:
    """Take Stripe's word that another try is in vain, but for a rate that was passed.

    There its "false" is for clients that do not pace themselves (stripe-ruby,
    `should_retry?`).
    """
    refused = answer.headers.get("stripe-should-retry") == "false"
    return refused and answer.status != _TOO_MANY


def _error(body: bytes) -> dict[str, object]:
    try:
        found = value_at(body, ["error"])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


VENDOR = Vendor(
    name="Stripe",
    credentials_setting="api_key",
    busy=_busy,
    said=_said,
    scope_of=_scope,
    settled=_settled,
    temporary=frozenset({_CONFLICT}),
    request_header="request-id",
)
