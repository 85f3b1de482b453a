"""Who may ask, and how often.

HubSpot, Private apps, OAuth, and Usage guidelines. A private app's token does not end;
an OAuth access token lives for 30 minutes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.portal import Limits
from elt.testing.apis.hubspot.refusals import Refused, RefusedAsText
from elt.testing.apis.hubspot.values import iso
from elt.testing.apis.limits import RollingLimit

TOKEN = "simulated-private-app"  # noqa: S105
CLIENT_ID = "simulated-client"
CLIENT_SECRET = "simulated-secret"  # noqa: S105
REFRESH_TOKEN = "simulated-refresh"  # noqa: S105
LIFE_SECONDS = 1800

_MANY_SECONDS = 10
_OAUTH_DOCS = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"


@dataclass(slots=True)
class Grant:
    """What one app may do; scopes of None are all."""

    scopes: frozenset[str] | None
    ends_at: datetime | None
    burst: RollingLimit
    is_oauth: bool = False

    def has_one_of(self, scopes: tuple[str, ...]) -> bool:
        return self.scopes is None or not scopes or not self.scopes.isdisjoint(scopes)


@dataclass(slots=True)
class Daily:
    """Requests of the account in a day; it ends at midnight of the account's zone."""

    most: int
    clock: Clock
    day: date = date.min
    used: int = 0

    @property
    def remaining(self) -> int:
        today = self.clock.running().date()
        if today != self.day:
            self.day, self.used = today, 0
        return max(0, self.most - self.used)


@dataclass(slots=True)
class Access:
    """The account's apps and their limits."""

    clock: Clock
    limits: Limits
    grants: dict[str, Grant] = field(default_factory=dict)
    refresh_tokens: dict[str, frozenset[str] | None] = field(default_factory=dict)
    daily: Daily = field(init=False)
    searches: RollingLimit = field(init=False)
    _oauth_burst: RollingLimit = field(init=False)
    _tokens: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        limits = self.limits
        self.daily = Daily(limits.per_day, self.clock)
        self.searches = RollingLimit(limits.searches_per_second, 1, self.clock)
        self._oauth_burst = RollingLimit(
            limits.oauth_per_ten_seconds, _MANY_SECONDS, self.clock
        )
        self.let_in(TOKEN)
        self.refresh_tokens[REFRESH_TOKEN] = None

    def let_in(self, token: str, scopes: frozenset[str] | None = None) -> None:
        """Know the token of one more private app."""
        burst = RollingLimit(self.limits.per_ten_seconds, _MANY_SECONDS, self.clock)
        self.grants[token] = Grant(scopes, None, burst)

    def revoke(self, token: str) -> None:
        """Know a token no more, or a refresh token. Raises KeyError for neither."""
        if token not in self.grants | self.refresh_tokens:
            raise KeyError(token)
        self.grants.pop(token, None)
        self.refresh_tokens.pop(token, None)

    def new_access_token(self, refresh_token: str) -> str:
        token = f"simulated-access-{next(self._tokens)}"
        ends_at = self.clock.now() + timedelta(seconds=LIFE_SECONDS)
        scopes = self.refresh_tokens[refresh_token]
        self.grants[token] = Grant(scopes, ends_at, self._oauth_burst, is_oauth=True)
        return token

    def identify(self, authorization: str) -> Grant:
        """Find who asks. Raises Refused, or RefusedAsText for what is no token."""
        kind, _, token = authorization.partition(" ")
        if token and not re.fullmatch(r"[\w.~+/=-]+", token, re.ASCII):
            # Of a malformed token HubSpot's own servers never hear; connectors know
            # this status for it (airbytehq/airbyte, source-hubspot's check). No public
            # source has its text.
            raise RefusedAsText(530, "error code: 1016")
        grant = self.grants.get(token) if kind.lower() == "bearer" else None
        if grant is None:
            raise Refused(
                401,
                "Authentication credentials not found. This API supports OAuth 2.0 "
                f"authentication and you can find more details at {_OAUTH_DOCS}",
                "INVALID_AUTHENTICATION",
            )
        if grant.ends_at and grant.ends_at <= self.clock.now():
            raise self._expired(grant.ends_at)
        return grant

    def _expired(self, ends_at: datetime) -> Refused:
        seconds = int((self.clock.now() - ends_at).total_seconds())
        return Refused(
            401,
            f"The OAuth token used to make this call expired {seconds} second(s) ago.",
            "EXPIRED_AUTHENTICATION",
            context={"expire time": [iso(ends_at)]},
        )

    def count(self, grant: Grant, *, is_search: bool) -> dict[str, str]:
        """Count a request; give the headers about it. Raises Refused with 429.

        HubSpot, Usage guidelines: searches have a limit of their own and no such
        headers, and OAuth apps are told nothing of the day.
        """
        if self.daily.remaining <= 0:
            raise self._too_many("daily", "DAILY", 0)
        if is_search:
            if not self.searches.take():
                raise self._too_many("secondly", "SECONDLY", self.searches.frees_in)
        elif not grant.burst.take():
            headers = self._headers(grant)
            policy = "ten_secondly_rolling"
            raise self._too_many(policy, policy.upper(), grant.burst.frees_in, headers)
        self.daily.used += 1
        return {} if is_search else self._headers(grant)

    def _headers(self, grant: Grant) -> dict[str, str]:
        burst = grant.burst
        name = "X-HubSpot-RateLimit"
        headers = {
            f"{name}-Max": str(burst.most),
            f"{name}-Remaining": str(burst.remaining),
            f"{name}-Interval-Milliseconds": str(_MANY_SECONDS * 1000),
            # Not enforced any more, and still there.
            f"{name}-Secondly": str(burst.most // _MANY_SECONDS),
            f"{name}-Secondly-Remaining": str(max(0, burst.most // _MANY_SECONDS - 1)),
        }
        if not grant.is_oauth:
            headers[f"{name}-Daily"] = str(self.daily.most)
            headers[f"{name}-Daily-Remaining"] = str(self.daily.remaining)
        return headers

    def _too_many(
        self,
        what: str,
        policy: str,
        frees_in: float,
        headers: dict[str, str] | None = None,
    ) -> Refused:
        headers = dict(headers or {})
        if self.limits.has_retry_after and frees_in:
            headers["Retry-After"] = str(int(frees_in) + 1)
        return Refused(
            429,
            f"You have reached your {what} limit.",
            None,
            headers=headers,
            errorType="RATE_LIMIT",
            policyName=policy,
        )
