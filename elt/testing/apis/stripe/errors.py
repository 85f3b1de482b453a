"""Answers that refuse, in Stripe's words (docs.stripe.com: Errors, Error codes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

INVALID = "invalid_request_error"
_DOC = "https://stripe.com/docs/error-codes/"


@dataclass(eq=False)
class Refused(Exception):
    """A refusal: status, and what stands in its `error`."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    kind: str = INVALID
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, log_url: str | None) -> dict[str, Any]:
        """Give the answer; there is no log of a request without a known key."""
        error: dict[str, Any] = {}
        if self.code:
            error |= {"code": self.code}
            error |= {"doc_url": _DOC + self.code.replace("_", "-")}
        error["message"] = self.message
        if self.param:
            error["param"] = self.param
        if log_url:
            error["request_log_url"] = log_url
        return {"error": {**error, **self.more, "type": self.kind}}


def unknown_parameter(name: str) -> Refused:
    # A recorded answer: "Received unknown parameter: pineapple".
    said = f"Received unknown parameter: {name}"
    return Refused(400, said, "parameter_unknown", name)


def missing_parameter(name: str) -> Refused:
    said = f"Missing required param: {name}."
    return Refused(400, said, "parameter_missing", name)


def empty_parameter(name: str) -> Refused:
    said = (
        f"You passed an empty string for '{name}'. We assume empty values are an "
        f"attempt to unset a parameter; however '{name}' cannot be unset. You should "
        f"remove '{name}' from your request or supply a non-empty value."
    )
    return Refused(400, said, "parameter_invalid_empty", name)


def invalid(name: str, said: str, code: str | None = None) -> Refused:
    return Refused(400, said, code, name)


def not_a_number(name: str, value: str) -> Refused:
    said = f"Invalid integer: {value}"
    return Refused(400, said, "parameter_invalid_integer", name)


def out_of_range(name: str, bound: str) -> Refused:
    said = f"This value must be {bound}."
    return Refused(400, said, "parameter_invalid_integer", name)


def missing(noun: str, key: str, param: str = "id", *, status: int = 404) -> Refused:
    """Say that there is no such object: 404 by its path, 400 by a parameter.

    A recorded answer: "No such customer: 'cus_...'", code `resource_missing`.
    """
    said = f"No such {noun}: '{key}'"
    return Refused(status, said, "resource_missing", param)


def in_other_mode(noun: str, key: str, *, live: bool) -> Refused:
    """Say that the object is there, but for keys of the other mode."""
    there, used = ("test", "live") if live else ("live", "test")
    said = (
        f"No such {noun}: '{key}'; a similar object exists in {there} mode, but a "
        f"{used} mode key was used to make this request."
    )
    return Refused(404, said, "resource_missing", "id")


def no_such_address(method: str, path: str) -> Refused:
    said = (
        f"Unrecognized request URL ({method}: {path}). Please see "
        "https://stripe.com/docs or we can help at https://support.stripe.com/."
    )
    return Refused(404, said)


def without_key() -> Refused:
    said = (
        "You did not provide an API key. You need to provide your API key in the "
        "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
        "YOUR_SECRET_KEY')."
    )
    return Refused(401, said, headers={"WWW-Authenticate": 'Basic realm="Stripe"'})


def unknown_key(secret: str) -> Refused:
    return Refused(401, f"Invalid API Key provided: {masked(secret)}")


def expired_key(secret: str) -> Refused:
    said = f"Expired API Key provided: {masked(secret)}"
    return Refused(401, said, "api_key_expired")


def without_permission(secret: str, account: str, permission: str) -> Refused:
    """Refuse a restricted key (stripe/stripe-node#2246 shows the words, no code)."""
    said = (
        f"The provided key '{masked(secret)}' does not have the required permissions "
        f"for this endpoint on account '{account}'. Having the '{permission}' "
        "permission would allow this request to continue."
    )
    return Refused(403, said)


def foreign_account(secret: str, account: str) -> Refused:
    said = (
        f"The provided key '{masked(secret)}' does not have access to account "
        f"'{account}' (or that account does not exist). Application access may have "
        "been revoked."
    )
    return Refused(403, said, "account_invalid")


def too_many(reason: str) -> Refused:
    """Refuse for a rate (docs.stripe.com: Rate limits).

    Stripe's SDKs do not try these again by themselves, as a comment in stripe-ruby's
    `should_retry?` explains; only a client that paces itself should.
    """
    said = (
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://stripe.com/docs/rate-limits."
    )
    headers = {"Stripe-Rate-Limited-Reason": reason, "Stripe-Should-Retry": "false"}
    return Refused(429, said, "rate_limit", headers=headers)


def locked() -> Refused:
    """Refuse because something else holds the object (docs.stripe.com: Rate limits)."""
    said = (
        "This object cannot be accessed right now because another API request or "
        "Stripe process is currently accessing it."
    )
    return Refused(429, said, "lock_timeout", headers={"Stripe-Should-Retry": "true"})


def other_parameters(key: str) -> Refused:
    """Refuse a known Idempotency-Key (docs.stripe.com: Idempotent requests)."""
    said = (
        "Keys for idempotent requests can only be used with the same parameters they "
        f"were first used with. Try using a key other than '{key}' if you meant to "
        "execute a different request."
    )
    return Refused(400, said, kind="idempotency_error")


def declined(charge: str, payment_intent: Mapping[str, Any]) -> Refused:
    """Refuse a card (docs.stripe.com: Testing, the card that is always declined)."""
    more = {
        "charge": charge,
        "decline_code": "generic_decline",
        "payment_intent": dict(payment_intent),
    }
    said = "Your card was declined."
    return Refused(402, said, "card_declined", kind="card_error", more=more)


def masked(secret: str) -> str:
    """Show of a key what Stripe shows: its kind and its last four letters."""
    head = "_".join(secret.split("_")[:2])
    return f"{head}_{'*' * max(0, len(secret) - len(head) - 5)}{secret[-4:]}"
