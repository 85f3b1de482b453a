"""Who asks, what they may, and how often (docs.stripe.com: API keys, Rate limits)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from elt.testing.apis.clock import Clock
from elt.testing.apis.limits import RollingLimit
from elt.testing.apis.stripe import errors
from elt.testing.apis.stripe.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many requests a second: with live keys, test keys, of one endpoint."""

    live: int = 100
    test: int = 25
    endpoint: int = 25


REAL = Limits()
NO_LIMITS = Limits(live=1_000_000, test=1_000_000, endpoint=1_000_000)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an account; `permissions` are None where it may do everything.

    A restricted one, `rk_...`, has names as `customer_read` and `invoice_write`.
    """

    secret: str
    live: bool
    permissions: frozenset[str] | None = None

    def check(self, kind: Kind, account: str, *, writes: bool) -> None:
        if self.permissions is None:
            return
        wanted = f"{kind.permission}_write"
        # Stripe's permission to write includes the one to read.
        enough = {wanted} if writes else {wanted, f"{kind.permission}_read"}
        if not enough & self.permissions:
            name = f"rak_{kind.permission}_{'write' if writes else 'read'}"
            raise errors.without_permission(self.secret, account, name)


@dataclass(slots=True)
class Keys:
    """The keys that there are, and those that were."""

    known: dict[str, Key] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)

    def add(self, secret: str, permissions: frozenset[str] | None = None) -> Key:
        """Know a key; its name says its mode, as `sk_test_` and `rk_live_` do."""
        key = Key(secret, live="_live_" in secret, permissions=permissions)
        self.known[secret] = key
        self.expired.discard(secret)
        return key

    def expire(self, secret: str) -> None:
        del self.known[secret]
        self.expired.add(secret)

    def of(self, headers: Mapping[str, str]) -> Key:
        """Find the key of a request. Raises Refused with 401."""
        secret = _secret(headers.get("authorization", ""))
        if not secret:
            raise errors.without_key()
        if secret in self.expired:
            raise errors.expired_key(secret)
        if secret not in self.known:
            raise errors.unknown_key(secret)
        return self.known[secret]


def _secret(said: str) -> str:
    scheme, _, rest = said.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


@dataclass(slots=True)
class Pace:
    """What each account has used of its limits."""

    clock: Clock
    limits: Limits
    _limits: dict[tuple[str, ...], RollingLimit] = field(default_factory=dict)

    def take(self, account: str, endpoint: str, *, live: bool) -> None:
        """Count a request. Raises Refused with 429, which names the limit."""
        most = self.limits.live if live else self.limits.test
        if not self._limit(most, account, str(live)):
            raise errors.too_many("global-rate")
        if not self._limit(self.limits.endpoint, account, str(live), endpoint):
            raise errors.too_many("endpoint-rate")

    def _limit(self, most: int, *of: str) -> bool:
        limit = self._limits.setdefault(of, RollingLimit(most, 1, self.clock))
        return limit.take()
