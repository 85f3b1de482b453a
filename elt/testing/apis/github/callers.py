"""Who asks, what they may see, and how often they may ask."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from elt.testing.apis.clock import Clock
from elt.testing.apis.github.answers import TOO_OFTEN, Refused
from elt.testing.apis.github.tables import Repository
from elt.testing.apis.limits import RollingLimit, WindowLimit

HOUR, _MINUTE = 3_600.0, 60.0
_POINTS_OF_A_WRITE = 5
_RATES = "/overview/rate-limits-for-the-rest-api"
_CONTACT = "If you reach out to GitHub Support for help, please include the request ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of a person; scopes as a classic one has them.

    `only` are the names of the repositories that a fine-grained token is for.
    """

    login: str | None
    scopes: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    can_push: bool = False


ANONYMOUS = Token(login=None)


@dataclass(slots=True)
class Allowance:
    """What is left to one person: requests in an hour, points in a minute."""

    hourly: WindowLimit
    points: RollingLimit
    contents: RollingLimit

    @property
    def headers(self) -> dict[str, str]:
        remaining = self.hourly.remaining  # first: it begins the next hour
        return {
            "X-RateLimit-Limit": str(self.hourly.most),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Used": str(self.hourly.used),
            "X-RateLimit-Reset": str(int(self.hourly.resets_at)),
            "X-RateLimit-Resource": "core",
        }


@dataclass(slots=True)
class Callers:
    """Tokens and allowances. A person's tokens share one allowance.

    docs.github.com, Rate limits for the REST API: 5,000 an hour for a person, 60
    without a token; 900 points a minute, where a read is one and a write five; 80
    writes a minute.
    `spent_status` may be 403 or 429.
    """

    clock: Clock
    requests_per_hour: int = 5_000
    anonymous_per_hour: int = 60
    points_per_minute: int = 900
    contents_per_minute: int = 80
    spent_status: int = 403
    tokens: dict[str, Token] = field(default_factory=dict)
    _allowances: dict[str | None, Allowance] = field(default_factory=dict)

    def identify(self, authorization: str | None) -> Token:
        """Tell whose token it is. Raises Refused for one that nobody has."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() == "basic":
            secret = _password(secret)
        known = self.tokens.get(secret.strip())
        if known is None or scheme.lower() not in {"bearer", "token", "basic"}:
            raise Refused(401, "Bad credentials")
        return known

    def allowance(self, token: Token) -> Allowance:
        found = self._allowances.get(token.login)
        if found is None:
            most = self.requests_per_hour if token.login else self.anonymous_per_hour
            found = Allowance(
                WindowLimit(most, HOUR, self.clock),
                RollingLimit(self.points_per_minute, _MINUTE, self.clock),
                RollingLimit(self.contents_per_minute, _MINUTE, self.clock),
            )
            self._allowances[token.login] = found
        return found

    def leave(self, secret: str, number: int) -> None:
        """Leave a token's person so many requests until the hour is over."""
        hourly = self.allowance(self.tokens[secret]).hourly
        hourly.used += hourly.remaining - number

    def admit(self, token: Token, *, writes: bool) -> None:
        """Let one request in. Raises Refused where the hour or the minute is spent."""
        allowance = self.allowance(token)
        if allowance.hourly.remaining <= 0:
            raise Refused(self.spent_status, _spent(token), docs=_RATES)
        points = _POINTS_OF_A_WRITE if writes else 1
        if allowance.points.remaining < points:
            raise _too_often(allowance.points)
        if writes and not allowance.contents.take():
            raise _too_often(allowance.contents)
        for _ in range(points):
            allowance.points.take()


def unlimited(clock: Clock) -> Callers:
    """Let all ask as often as they like."""
    return Callers(
        clock,
        requests_per_hour=1_000_000,
        points_per_minute=1_000_000,
        contents_per_minute=1_000_000,
    )


def _too_often(limit: RollingLimit) -> Refused:
    # Some points may be left, and too few: then it is a whole minute.
    wait = str(int(limit.frees_in or _MINUTE - 1) + 1)
    docs = f"{_RATES}#about-secondary-rate-limits"
    return Refused(403, TOO_OFTEN, docs=docs, headers={"Retry-After": wait})


def _spent(token: Token) -> str:
    if token.login is None:
        return (
            "API rate limit exceeded for 127.0.0.1. (But here's the good news: "
            "Authenticated requests get a higher rate limit. Check out the "
            "documentation for more details.)"
        )
    return f"API rate limit exceeded for user ID 9101. {_CONTACT} 0000:0000."


def may_see(token: Token, repository: Repository, members: dict[str, str]) -> bool:
    if not repository.private:
        return True
    if token.only is not None and repository.name not in token.only:
        return False
    return token.login in members and "repo" in token.scopes


def may_push(token: Token, repository: Repository, members: dict[str, str]) -> bool:
    return token.can_push and may_see(token, repository, members)


def permissions(
    token: Token, repository: Repository, members: dict[str, str]
) -> dict[str, bool]:
    """Give the object `permissions` of a repository, for one caller."""
    pushes = may_push(token, repository, members)
    is_admin = pushes and members.get(token.login or "") == "admin"
    names = {"admin": is_admin, "maintain": is_admin, "push": pushes}
    return {**names, "triage": pushes, "pull": True}


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode().partition(":")[2]
    except ValueError:
        return ""
