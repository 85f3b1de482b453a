"""Several tokens, each with its own limit, and places that not all of them see.

The limit is one of a person, not of a token (docs.github.com, Rate limits for the REST
API): tokens of several people, or of several applications, are what helps.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from elt.errors import ConfigError, Unavailable
from elt.remote.pace import Pace
from elt.taps.github.limits import AT_LEAST_SECONDS, GITHUB, TOO_SLOW, limited
from elt.taps.github.sizes import smaller, within
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.problems import NotReadable, QuotaSpent
from elt.taps.rest.vendor import Fixed, Reach

Found = TypeVar("Found")
_NOT_SEEN = frozenset((403, 404))


class _Elsewhere(Exception):
    """A token has to wait, and another one has not."""


class Token:
    """One token, what is left to it, and since when it is free to ask."""

    def __init__(self, secret: str, number: int, tokens: Tokens) -> None:
        self.number = number
        self.remaining = float("inf")
        self.free_at = 0.0
        self.is_refused = False
        self._tokens = tokens
        self._told_nothing = 0
        self.api = Api(
            replace(GITHUB, busy=self._busy),
            tokens.reach,
            Fixed({"Authorization": f"Bearer {secret}"}, tokens.secrets),
            pace=Pace(None, sleep=tokens.wait),
            logger=tokens.logger,
            sleep=tokens.wait,
        )

    def waits(self) -> float:
        return max(0.0, self.free_at - self._tokens.now())

    def _busy(self, answer: Answer) -> float | None:
        self._note(answer.headers)
        wait = limited(answer, self._tokens.now)
        if wait is None:
            self._told_nothing = 0
            return None
        if not wait:
            wait = AT_LEAST_SECONDS * 2**self._told_nothing
            self._told_nothing += 1
        self.free_at = self._tokens.now() + wait
        if self._tokens.has_free():
            raise _Elsewhere
        return wait

    def _note(self, headers: Mapping[str, str]) -> None:
        # A server of one's own tells no limits: it has none.
        left, reset = (headers.get(f"x-ratelimit-{n}", "") for n in _TOLD)
        if left.isdigit() and reset.isdigit():
            self.remaining = float(left)
            if self.remaining == 0:
                # The reset is told in whole seconds, and may be a part of one later.
                self.free_at = max(self.free_at, float(reset) + 1)


_TOLD = ("remaining", "reset")


class Tokens:
    """All tokens of a config. Threads may share them."""

    def __init__(
        self,
        secrets: Sequence[str],
        reach: Reach,
        logger: logging.Logger,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.secrets = tuple(secrets)
        self.reach = reach
        self.logger = logger
        self.now = now
        self.sleep = sleep
        self.all = [Token(secret, n, self) for n, secret in enumerate(secrets)]
        self.refusal = ConfigError("no token is accepted")
        self._last: dict[str, Token] = {}
        self._see: dict[str, set[Token]] = {}

    def wait(self, seconds: float) -> None:
        self.sleep(seconds)

    def close(self) -> None:
        for token in self.all:
            token.api.close()

    def has_free(self) -> bool:
        return any(not t.is_refused and not t.waits() for t in self.all)

    def place(self, key: str, *, of: str = "", prefer: int | None = None) -> Place:
        """Give what is asked of one list, `of` a repository's number.

        `prefer` is the number of the token that last did.
        """
        if prefer is not None and prefer < len(self.all):
            self._last.setdefault(key, self.all[prefer])
        return Place(self, key, of)

    def saw(self, repository: str, number: int) -> None:
        """Note that a token sees a repository."""
        self._see.setdefault(repository, set()).add(self.all[number])

    def number_of(self, key: str) -> int:
        """Tell which token last did for a place."""
        return self._last[key].number if key in self._last else 0

    def best(self, place: Place, but: Collection[Token]) -> Token | None:
        """Choose: one that is free, did before, sees it, has most left to it."""
        last, see = self._last.get(place.key), self._see.get(place.of, ())
        return min(
            (t for t in self.all if not t.is_refused and t not in but),
            key=lambda t: (t.waits(), t is not last, t not in see, -t.remaining),
            default=None,
        )

    def note(self, key: str, token: Token) -> None:
        self._last[key] = token

    def drop(self, token: Token, error: ConfigError) -> None:
        """Go on without a token that is refused. Raises its error for the last one."""
        token.is_refused, self.refusal = True, error
        if all(t.is_refused for t in self.all):
            raise error
        self.logger.warning(
            "token %d of %d is not used any more: %s",
            token.number + 1,
            len(self.all),
            error.what,
        )


@dataclass(slots=True)
class Place:
    """A list of a repository or an organisation, asked by a token that sees it."""

    tokens: Tokens
    key: str
    of: str = ""
    _sizes: dict[str, int] = field(default_factory=dict)

    def name(self, call: Call) -> str:
        return self.tokens.all[0].api.name(call)

    def ask(
        self,
        call: Call,
        read: Callable[[Answer], Found],
        *,
        pace: Pace | None = None,
    ) -> Found:
        """Ask as `Api.ask` does, with smaller pages where GitHub is too slow.

        MeltanoLabs/tap-github#52: large pages of some lists are 502 for ever.
        """
        path = call.path.partition("?")[0]
        call = within(call, self._sizes.get(path))
        while True:
            less = smaller(call)
            also = call.also | (TOO_SLOW if less else frozenset())

            def look(answer: Answer) -> Found | None:
                return None if answer.status in TOO_SLOW else read(answer)

            found = self._ask(replace(call, also=also), look, pace)
            if found is not None or less is None:
                return found  # type: ignore[return-value]
            call, self._sizes[path] = less

    def _ask(
        self, call: Call, read: Callable[[Answer], Found], pace: Pace | None
    ) -> Found:
        blind: dict[Token, NotReadable] = {}
        while True:
            token = self.tokens.best(self, blind)
            if token is None:
                raise next(iter(blind.values()), self.tokens.refusal)
            self._wait_for(token, call, blind)
            try:
                found = token.api.ask(call, read, pace=pace)
            except _Elsewhere:
                continue
            except NotReadable as error:
                if error.status not in _NOT_SEEN:
                    raise
                blind[token] = error
            except ConfigError as error:
                self.tokens.drop(token, error)
            else:
                self.tokens.note(self.key, token)
                return found

    def _wait_for(
        self, token: Token, call: Call, blind: Mapping[Token, NotReadable]
    ) -> None:
        """Ask nothing before the reset: GitHub bans who goes on asking."""
        wait = token.waits()
        if not wait:
            return
        if wait <= token.api.reach.longest_wait_seconds:
            self.tokens.logger.warning(
                "GitHub's limit is reached; waiting %.0f s", wait
            )
            token.api.pace.hold(wait)
            return
        # Where another token was refused, there is more that it can read.
        kind = Unavailable if blind else QuotaSpent
        raise kind(
            f"GitHub allows us no more requests for {wait / 60:.0f} minutes",
            where=self.name(call),
            hint="Run it later, give `more_tokens` of other people, or let it wait with"
            " a larger `longest_wait_seconds`",
        )
